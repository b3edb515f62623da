"""OTLP traces: a file that OpenTelemetry's exporter wrote (``files/write_otlp.py``), and lines that break the rules."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

WRITTEN = Path(__file__).with_name("files") / "otlp-traces.jsonl"

CONTRACT = {
    "identity": {"task": "scaling"},
    "observations": [
        {"name": "took", "column": "durationSeconds", "unit": "s"},
        {"name": "status", "column": "status.code", "type": "category"},
        {"name": "cpus", "column": "resource.attributes.host.cpus", "type": "integer"},
    ],
    "actions": {"column": "name", "values": ["decide", "scale"]},
    "data": {"format": "otlp-traces", "trajectory": ["traceId"], "time": "time"},
}


def records(path) -> list[dict]:
    return list(event_format("otlp-traces").records(source_file(path, "otlp-traces")))


def span(**change) -> dict:
    return {
        "traceId": "0a" * 16,
        "spanId": "0b" * 8,
        "name": "act",
        "startTimeUnixNano": "1772359200000000001",
        "endTimeUnixNano": "1772359200500000001",
        **change,
    }


def line(*spans: dict, **top) -> str:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}], **top}) + "\n"


def test_a_trace_of_the_real_exporter_becomes_a_trajectory_in_order_of_time():
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), WRITTEN)
    assert demos.trajectory_ids.tolist() == [f"{'0' * 30}f{i}" for i in (1, 2)]
    assert demos.actions.tolist() == [0, 1, 0, 1]  # written as scale, decide: a span is exported when it ends
    assert demos.observations["took"].tolist() == [2.000000003, 1.5] * 2
    assert demos.observations["cpus"].tolist() == [4] * 4


def test_every_number_keeps_its_digits():
    scale, decide, failed, last = records(WRITTEN)
    assert decide["startTimeUnixNano"] == 1772359200000000001
    assert decide["attributes.requests"] == 2**53 + 1  # no float64 holds it
    assert decide["time"] == 1772359200.0  # the nearest float64: they lie 2.4e-7 s apart
    assert decide["attributes.tags.1"] == "y"
    assert decide["attributes.urgent"] is True
    assert decide["attributes.ratio"] == math.inf
    assert math.isnan(last["attributes.ratio"])
    assert (scale["parentSpanId"], scale["kind"], scale["status.code"]) == (
        decide["spanId"],
        "CLIENT",
        "UNSET",
    )
    assert (failed["status.code"], failed["status.message"]) == ("ERROR", "quota")
    assert (scale["events.0.name"], scale["events.0.attributes.attempt"]) == ("retry", 1)
    assert scale["resource.attributes.service.name"] == "shop"


def test_a_span_that_was_delivered_twice_is_one_span(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(line(span(), span(spanId="0c" * 8)) + line(span()))
    assert [r["spanId"] for r in records(path)] == ["0b" * 8, "0c" * 8]


def test_numbers_as_numbers_and_names_as_old_exporters_wrote_them_are_read(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(
        line(span(startTimeUnixNano=1772359200000000001, kind="SPAN_KIND_SERVER", spanId="0B" * 8))
    )
    [row] = records(path)
    assert (row["kind"], row["durationSeconds"], row["spanId"]) == ("SERVER", 0.5, "0b" * 8)


def test_of_an_attribute_that_is_there_twice_the_first_is_given(tmp_path):
    path = tmp_path / "t.jsonl"
    twice = [{"key": "a", "value": {"stringValue": v}} for v in ("first", "second")]
    path.write_text(line(span(attributes=[*twice, {"key": "none", "value": {}}])))
    assert records(path)[0]["attributes.a"] == "first"
    assert records(path)[0]["attributes.none"] is None


DEEP: dict = {"stringValue": "x"}
for _ in range(70):
    DEEP = {"kvlistValue": {"values": [{"key": "k", "value": DEEP}]}}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ('{"resourceLogs": []}', r"line 2 holds resourceLogs; otlp-traces reads resourceSpans"),
        (
            '{"code": 3, "message": "bad"}',
            r"line 2 is no OTLP: it must have `resourceSpans`, got code, message",
        ),
        ("[]", "line 2 is no OTLP"),
        (
            '{"resourceSpans": [{"instrumentationLibrarySpans": []}]}',
            "line 2 is of a version before OTLP 0.19",
        ),
        ('{"resourceSpans": {}}', "line 2 has no list of objects for `resourceSpans`"),
        (
            line(span(traceId="ChAGDw==")),
            "line 2 has 'ChAGDw==' for `traceId`, which must be 32 hexadecimal digits",
        ),
        (line(span(spanId=None)), "line 2 has a span without traceId or spanId"),
        (line(span(startTimeUnixNano="soon")), "line 2 has 'soon' for `startTimeUnixNano`"),
        (line(span(startTimeUnixNano="9" * 19 + "9")), "line 2 has '9999"),
        (
            line(span(attributes=[{"key": "n", "value": {"intValue": "1.5"}}])),
            "line 2 has '1.5' for `attributes.n`",
        ),
        (line(span(attributes=[{"value": {}}])), "line 2 has an attribute without a key"),
        (
            line(span(attributes=[{"key": "n", "value": {"stringValue": {}}}])),
            "line 2 has dict for stringValue",
        ),
        (line(span(attributes=[{"key": "n", "value": DEEP}])), "nested more than 64 levels"),
        (line(span())[:-30], "line 2 is not JSON"),
    ],
)
def test_what_is_no_trace_is_refused_by_line(tmp_path, bad, message):
    path = tmp_path / "t.jsonl"
    path.write_text(line(span(spanId="0c" * 8)) + bad)
    with pytest.raises(DataError, match=message):
        records(path)
