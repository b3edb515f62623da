"""OTLP logs as JSON lines (the OpenTelemetry file exporter), one row a log record, in the order of the file.

``time`` is when the event happened, or, where the source did not say, when it was observed. Log records have no
identity, so two equal ones may be two events or one delivered twice: `data.duplicates` of the contract decides.

References: see ``_otlp``.
"""

from __future__ import annotations

from collections.abc import Iterator

from telic.datasets.sources.event_format import EventFormat, Record
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import flat
from telic.datasets.sources.json_values import child

from ._otlp import any_value, attributes, hexadecimal, nanoseconds, seconds, told_under

__all__ = ["FORMAT"]

READ_APART = ("attributes", "body", "traceId", "spanId", "timeUnixNano", "observedTimeUnixNano")


def _records(source: SourceFile) -> Iterator[Record]:
    for place, about, record in told_under(source, "resourceLogs", "scopeLogs", "logRecords"):
        happened = nanoseconds(record, "timeUnixNano", place)
        observed = nanoseconds(record, "observedTimeUnixNano", place)
        yield {
            **about,
            "time": seconds(observed if happened is None else happened),
            "timeUnixNano": happened,
            "observedTimeUnixNano": observed,
            "traceId": hexadecimal(record, "traceId", 32, place),
            "spanId": hexadecimal(record, "spanId", 16, place),
            **flat({key: value for key, value in record.items() if key not in READ_APART}),
            **any_value(child(record, "body", place), "body", place),
            **attributes(record, "attributes.", place),
        }


FORMAT = EventFormat(
    name="otlp-logs",
    title="OTLP logs as JSON lines (opentelemetry.proto.logs.v1)",
    columns={
        "time": "when it happened, or else when it was observed, seconds since 1970",
        "severityNumber": "1 to 24: TRACE from 1, DEBUG 5, INFO 9, WARN 13, ERROR 17, FATAL 21",
        "severityText": "the source's own name of the severity",
        "body": "the message; of a structured one, `body.KEY`",
        "eventName": "name of the kind of event",
        "traceId": "the trace in which it happened, 32 hexadecimal digits",
        "spanId": "the span in which it happened, 16 hexadecimal digits",
        "scope.name": "library that wrote it",
        "timeUnixNano": "when it happened, nanoseconds since 1970, exact",
        "observedTimeUnixNano": "when it was observed, nanoseconds since 1970, exact",
    },
    records=_records,
)
