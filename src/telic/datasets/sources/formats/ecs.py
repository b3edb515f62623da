"""Events of the Elastic Common Schema, one JSON object a line, as its loggers write or an index export holds them.

Objects and dotted keys (``{"log": {"level": ...}}`` and ``"log.level"``) name the same field; one that is there in both
ways is refused. Lines of an index export (``{"_index", "_id", "_source"}``) are unwrapped; ``_id`` is kept, and a
document that was exported twice is given once. A list becomes ``event.category.0``, ``event.category.1``, ...

References: Elastic Common Schema 1.0 to 9.x, fields ``@timestamp`` and ``ecs.version``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import flat, json_lines
from telic.datasets.sources.repeats import Repeats
from telic.errors import DataError

__all__ = ["FORMAT"]

MAJOR_VERSIONS = ("1", "8", "9")
"""There was none between: 8.0 followed 1.12, to keep step with the index."""


def _records(source: SourceFile) -> Iterator[Record]:
    repeats = Repeats()
    for line, document in json_lines(source):
        wrapped = document.get("_source")
        event = wrapped if isinstance(wrapped, dict) else document
        row = flat(event)
        if len(row) != _n_leaves(event):
            raise DataError(
                f"{source.name} line {line} has a field twice: once with dots in its name, once as an object.",
                hint="Which one is meant cannot be guessed: drop one of them in the shipper.",
                line=line,
            )
        if row.get("@timestamp") is None:
            raise DataError(
                f"{source.name} line {line} has no `@timestamp`, which every event of ECS has.",
                hint="Is it an event of ECS? Other JSON lines are read with `data.format: jsonl`.",
                line=line,
            )
        version = row.get("ecs.version")
        if version is not None and str(version).split(".")[0] not in MAJOR_VERSIONS:
            raise DataError(
                f"{source.name} line {line} has ecs.version {str(version)[:20]!r}; 1, 8 and 9 are read.",
                hint="Names of fields may have changed; look at the schema's changes first.",
                line=line,
            )
        identity = document.get("_id") if event is wrapped else None
        if not isinstance(identity, str):
            yield row
        elif not repeats.seen(
            (document.get("_index") if isinstance(document.get("_index"), str) else None, identity)
        ):
            yield {**row, "_id": identity}


def _n_leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_n_leaves, value.values()))
    return sum(map(_n_leaves, value)) if isinstance(value, list) else 1


FORMAT = EventFormat(
    name="ecs",
    title="Elastic Common Schema, JSON lines",
    columns={"@timestamp": "time of the event, ISO 8601", "ecs.version": "version of the schema"},
    records=_records,
)
