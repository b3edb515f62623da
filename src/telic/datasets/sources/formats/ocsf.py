"""Security events of the Open Cybersecurity Schema Framework 1.x, one JSON object a line.

``time`` is milliseconds since 1970 (UTC; ``data.time_format: milliseconds``), whatever ``timezone_offset`` says of the
place. The identifiers repeat one another (``type_uid`` = 100 ``class_uid`` + ``activity_id``; the category is in the
class), which is checked: a line where they disagree was mapped wrongly. An event with the ``metadata.uid`` and time of
one before it was delivered twice and is given once.

References: OCSF 1.0 to 1.5, base event; ``metadata.version``.
"""

from __future__ import annotations

from collections.abc import Iterator

from telic.datasets.sources.event_format import EventFormat, Record
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import flat, json_lines
from telic.datasets.sources.repeats import Repeats
from telic.errors import DataError

__all__ = ["FORMAT"]

NEEDED = ("time", "class_uid", "category_uid", "activity_id", "type_uid", "severity_id")
"""Whole numbers that every event has."""


def _records(source: SourceFile) -> Iterator[Record]:
    repeats = Repeats()
    for line, event in json_lines(source):
        row = flat(event)
        version = row.get("metadata.version")
        if not isinstance(version, str):
            raise _fault(source, line, "has no `metadata.version`, which every event of OCSF has")
        if version.split(".")[0] != "1":
            raise _fault(source, line, f"has metadata.version {version[:20]!r}; 1.x is read")
        numbers = {name: row.get(name) for name in NEEDED}
        for name, value in numbers.items():
            if type(value) is not int:
                raise _fault(source, line, f"must hold a whole number in `{name}`")
        _require_agreement(source, line, numbers)
        identity = row.get("metadata.uid")
        if identity is None or not repeats.seen((identity, row["time"])):
            yield row


def _require_agreement(source: SourceFile, line: int, numbers: Record) -> None:
    """Nothing, where class, category, activity and type fit one another.

    Raises:
        DataError: they do not.
    """
    kind, category = int(numbers["class_uid"] or 0), int(numbers["category_uid"] or 0)
    if int(numbers["type_uid"] or 0) != 100 * kind + int(numbers["activity_id"] or 0):
        raise _fault(source, line, "has a `type_uid` that is not 100 class_uid + activity_id")
    # Classes of extensions have the extension's number in front: 100,000 a piece.
    if kind and kind // 1000 % 100 != category % 100:
        raise _fault(source, line, "has a `category_uid` other than that of its class_uid")


def _fault(source: SourceFile, line: int, what: str) -> DataError:
    return DataError(
        f"{source.name} line {line} {what}.",
        hint="Is it an event of OCSF 1.x? Other JSON lines are read with `data.format: jsonl`.",
        line=line,
    )


FORMAT = EventFormat(
    name="ocsf",
    title="Open Cybersecurity Schema Framework 1.x, JSON lines",
    columns={
        "time": "time of the event, milliseconds since 1970",
        "class_uid": "class of the event, such as 3002 (authentication)",
        "category_uid": "category of the class",
        "activity_id": "what happened, within the class; 99: other",
        "type_uid": "class and activity in one number",
        "severity_id": "1 informational to 6 fatal; 0 unknown, 99 other",
        "metadata.version": "version of the schema",
    },
    records=_records,
)
