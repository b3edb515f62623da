"""Standard logs of Amazon CloudFront (W3C extended log file format, version 1.0): one row a request.

The columns are those of the ``#Fields`` line, which may come again where files were joined. ``timestamp`` puts ``date``
and ``time`` (UTC, when the answer was done) together. ``-`` is a missing value. Texts stay percent-encoded as they were
sent or as CloudFront encoded them. Files arrive late and out of order; a request may rarely be missing, and one that is
there twice (``x-edge-request-id``) is given once.

References: Amazon CloudFront developer guide, standard logs; W3C, Extended Log File Format (working draft 1996).
"""

from __future__ import annotations

from collections.abc import Iterator

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import text_lines
from telic.datasets.sources.repeats import Repeats
from telic.datasets.sources.text_fields import named_fields, number_field
from telic.errors import DataError

__all__ = ["FORMAT"]

NEEDED = ("date", "time", "x-edge-request-id")

NUMBERS = frozenset(
    {
        "sc-bytes",
        "sc-status",
        "cs-bytes",
        "time-taken",
        "c-port",
        "time-to-first-byte",
        "sc-content-len",
        "sc-range-start",
        "sc-range-end",
        "fle-encrypted-fields",
    }
)
"""Fields that hold a number."""


def _records(source: SourceFile) -> Iterator[Record]:
    names: list[str] = []
    repeats = Repeats()
    for line, text in text_lines(source):
        if text.startswith("#"):
            word, _, value = text[1:].partition(":")
            if word == "Version" and value.strip() != "1.0":
                raise _fault(source, line, f"has version {value.strip()[:20]!r} of the log; 1.0 is read")
            if word == "Fields":
                names = value.split()
                if lacking := [name for name in NEEDED if name not in names]:
                    raise _fault(source, line, f"names no field {', '.join(lacking)}")
            continue
        if not names:
            raise _fault(source, line, "comes before any #Fields line")
        fields = named_fields(
            source,
            line,
            names,
            text.split("\t"),
            "Fields are separated by tabs: was the file cut off, or copied?",
        )
        row: dict[str, Value] = {}
        for name, field in fields.items():
            known = None if field in ("-", "") else field
            row[name] = number_field(source, line, name, known) if known and name in NUMBERS else known
        moment = row["date"] is not None and row["time"] is not None
        row["timestamp"] = f"{row['date']}T{row['time']}Z" if moment else None
        if row["x-edge-request-id"] is None or not repeats.seen(row["x-edge-request-id"]):
            yield row


def _fault(source: SourceFile, line: int, what: str) -> DataError:
    return DataError(
        f"{source.name} line {line} {what}.",
        hint="A standard log of CloudFront begins with #Version: 1.0 and #Fields: date time ...; is it another log?",
        line=line,
    )


FORMAT = EventFormat(
    name="cloudfront",
    title="Amazon CloudFront standard log, W3C extended 1.0",
    columns={
        "date": "day of the request, UTC",
        "time": "time of day at which the answer was done, UTC",
        "timestamp": "both together, ISO 8601",
        "x-edge-request-id": "identity of the request",
    },
    records=_records,
)
