"""Writes otlp-traces.jsonl and otlp-logs.jsonl with OpenTelemetry's own file exporter.

    pip install opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-json-file==0.66b1
    python write_otlp.py

Identities and times are fixed, so the same files come out every time.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

HERE = Path(__file__).parent
START = 1_772_359_200_000_000_001
"""One nanosecond after 2026-03-01T10:00:00Z."""

MINUTE = 60_000_000_000
RESOURCE = Resource({"service.name": "shop", "host.cpus": 4})


class Counted(IdGenerator):
    """Identities from 1 upwards."""

    def __init__(self) -> None:
        self.spans, self.traces = itertools.count(0xA1), itertools.count(0xF1)

    def generate_span_id(self) -> int:
        return next(self.spans)

    def generate_trace_id(self) -> int:
        return next(self.traces)


def traces() -> None:
    """Two decisions of an operator, each with the call that it made."""
    path = HERE / "otlp-traces.jsonl"
    path.unlink(missing_ok=True)
    provider = TracerProvider(resource=RESOURCE, id_generator=Counted())
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path=str(path))))
    tracer = provider.get_tracer("ops.console", "1.2")
    for i, action in enumerate(("add", "hold")):
        begun = START + i * MINUTE
        decide = tracer.start_span(
            "decide",
            start_time=begun,
            attributes={
                "policy.action": action,
                "load": 0.5 + i,
                "requests": 9_007_199_254_740_993 + i,
                "urgent": i == 0,
                "tags": ["x", "y"],
                "ratio": float("nan") if i else float("inf"),
            },
        )
        call = tracer.start_span(
            "scale", context=set_span_in_context(decide), kind=SpanKind.CLIENT, start_time=begun + 1_000_000
        )
        call.add_event("retry", {"attempt": 1}, timestamp=begun + 2_000_000)
        if i:
            call.set_status(Status(StatusCode.ERROR, "quota"))
        call.end(end_time=begun + 1_501_000_000)
        decide.end(end_time=begun + 2_000_000_003)
    provider.shutdown()


def logs() -> None:
    """A structured record with a time of its own, and a plain one that was only observed."""
    path = HERE / "otlp-logs.jsonl"
    path.unlink(missing_ok=True)
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(FileLogExporter(path=str(path))))
    logger = provider.get_logger("ops.console", "1.2")
    logger.emit(
        LogRecord(
            timestamp=START,
            observed_timestamp=START + MINUTE,
            severity_text="WARN",
            severity_number=SeverityNumber.WARN,
            body={"msg": "restart", "n": 3},
            attributes={"pod": "web-1", "count": 2**62},
            event_name="pod.restart",
        )
    )
    logger.emit(LogRecord(observed_timestamp=START + 2 * MINUTE, body="done"))
    provider.shutdown()


if __name__ == "__main__":
    traces()
    logs()
