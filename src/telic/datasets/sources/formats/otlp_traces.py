"""OTLP traces as JSON lines (the OpenTelemetry file exporter), one row a span, in the order of the file.

A file is not in order of time, and a collector may deliver a span twice: of equal identities the first is given. What a
span says of its resource and scope stands beside its own attributes, under their names in the file:
``resource.attributes.service.name``, ``scope.name``, ``attributes.http.response.status_code``.

References: see ``_otlp``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import flat
from telic.datasets.sources.json_values import Place, child, children
from telic.datasets.sources.repeats import Repeats

from ._otlp import attributes, enum_name, hexadecimal, nanoseconds, seconds, told_under

__all__ = ["FORMAT"]

KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES = ("UNSET", "OK", "ERROR")

READ_APART = (
    "attributes",
    "events",
    "links",
    "status",
    "kind",
    "traceId",
    "spanId",
    "parentSpanId",
    "startTimeUnixNano",
    "endTimeUnixNano",
)


def _records(source: SourceFile) -> Iterator[Record]:
    repeats = Repeats()
    for place, about, span in told_under(source, "resourceSpans", "scopeSpans", "spans"):
        trace = hexadecimal(span, "traceId", 32, place)
        identity = hexadecimal(span, "spanId", 16, place)
        if trace is None or identity is None:
            raise place.error("has a span without traceId or spanId.", "Is the file damaged?")
        if not repeats.seen((trace, identity)):
            yield {**about, **_span(span, trace, identity, place)}


def _span(span: Mapping[str, Any], trace: str, identity: str, place: Place) -> dict[str, Value]:
    start = nanoseconds(span, "startTimeUnixNano", place)
    end = nanoseconds(span, "endTimeUnixNano", place)
    status = child(span, "status", place)
    row: dict[str, Value] = {
        "time": seconds(start),
        "endTime": seconds(end),
        "durationSeconds": None if start is None or end is None else seconds(end - start),
        "traceId": trace,
        "spanId": identity,
        "parentSpanId": hexadecimal(span, "parentSpanId", 16, place),
        "kind": enum_name(span.get("kind"), KINDS, "SPAN_KIND_"),
        "status.code": enum_name(status.get("code"), STATUSES, "STATUS_CODE_"),
        "status.message": str(status.get("message") or ""),
        "startTimeUnixNano": start,
        "endTimeUnixNano": end,
    }
    row |= flat({key: value for key, value in span.items() if key not in READ_APART})
    row |= attributes(span, "attributes.", place)
    for many in ("events", "links"):
        for i, part in enumerate(children(span, many, place)):
            row |= flat(
                {k: v for k, v in part.items() if k not in ("attributes", "timeUnixNano")}, f"{many}.{i}."
            )
            if many == "events":
                row[f"events.{i}.time"] = seconds(nanoseconds(part, "timeUnixNano", place))
            row |= attributes(part, f"{many}.{i}.attributes.", place)
    return row


FORMAT = EventFormat(
    name="otlp-traces",
    title="OTLP traces as JSON lines (opentelemetry.proto.trace.v1)",
    columns={
        "time": "start of the span, seconds since 1970",
        "endTime": "end of the span, seconds since 1970",
        "durationSeconds": "seconds from start to end, exact to the nanosecond",
        "traceId": "identity of the trace, 32 hexadecimal digits",
        "spanId": "identity of the span, 16 hexadecimal digits",
        "parentSpanId": "the span that this one is part of; missing: the root",
        "name": "name of the operation",
        "kind": "INTERNAL, SERVER, CLIENT, PRODUCER or CONSUMER",
        "status.code": "UNSET, OK or ERROR",
        "status.message": "what went wrong",
        "scope.name": "library that made the span",
        "startTimeUnixNano": "start, nanoseconds since 1970, exact",
        "endTimeUnixNano": "end, nanoseconds since 1970, exact",
    },
    records=_records,
)
