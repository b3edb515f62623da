"""Flow logs of AWS virtual networks, versions 2 to 5, as text files with their header: one row a flow and interval.

A row counts what passed between two ends over ``start`` to ``end`` (seconds since 1970): a connection of an hour has
many rows, and one packet a row of its own. ``-`` is a missing value. Rows with ``log-status`` ``NODATA`` or
``SKIPDATA`` have no flow: nothing passed, or what passed was not recorded. ``action`` is what the security groups and
network lists decided (ACCEPT, REJECT), not what anybody did.

References: Amazon VPC user guide, flow log records.
"""

from __future__ import annotations

from collections.abc import Iterator

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import text_lines
from telic.datasets.sources.text_fields import named_fields, number_field
from telic.errors import DataError

__all__ = ["FORMAT"]

VERSIONS = (2, 3, 4, 5)

NUMBERS = frozenset(
    {
        "version",
        "srcport",
        "dstport",
        "protocol",
        "packets",
        "bytes",
        "start",
        "end",
        "tcp-flags",
        "traffic-path",
    }
)
"""Fields that hold a number."""

NEEDED = ("start", "end", "log-status")


def _records(source: SourceFile) -> Iterator[Record]:
    names: list[str] = []
    for line, text in text_lines(source):
        values = text.split()
        if not names or "log-status" in values:  # joined files repeat their header
            names = _header(source, line, values)
            continue
        fields = named_fields(
            source, line, names, values, "Was the file cut off, or joined with one of other fields?"
        )
        row: dict[str, Value] = {}
        for name, field in fields.items():
            known = None if field == "-" else field
            row[name] = number_field(source, line, name, known) if known and name in NUMBERS else known
        if row.get("version", 2) not in VERSIONS:
            raise _fault(source, line, "has a version that is not 2 to 5")
        start, end = row["start"], row["end"]
        if isinstance(start, int) and isinstance(end, int) and end < start:
            raise _fault(source, line, "ends before it begins")
        yield row


def _header(source: SourceFile, line: int, names: list[str]) -> list[str]:
    if lacking := [name for name in NEEDED if name not in names]:
        raise _fault(source, line, f"is no header, or one without {', '.join(lacking)}")
    if len(set(names)) < len(names):
        raise _fault(source, line, "names a field twice")
    return names


def _fault(source: SourceFile, line: int, what: str) -> DataError:
    return DataError(
        f"{source.name} line {line} {what}.",
        hint="Files in S3 begin with the names of their fields; put that line before records from elsewhere. Later "
        "versions can be read as CSV (`data.format: csv`, `delimiter` a blank).",
        line=line,
    )


FORMAT = EventFormat(
    name="vpc-flow",
    title="AWS VPC flow log, versions 2 to 5, with header",
    columns={
        "start": "begin of the interval, seconds since 1970",
        "end": "end of the interval, seconds since 1970",
        "log-status": "OK, NODATA or SKIPDATA",
    },
    records=_records,
)
