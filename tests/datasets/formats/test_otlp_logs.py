"""OTLP logs: a file that OpenTelemetry's exporter wrote (``files/write_otlp.py``), and lines that break the rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

WRITTEN = Path(__file__).with_name("files") / "otlp-logs.jsonl"

CONTRACT = {
    "identity": {"task": "restarts"},
    "observations": [{"name": "severity", "column": "severityNumber", "type": "integer"}],
    "actions": {"column": "body", "values": ["restart", "wait"]},
    "data": {"format": "otlp-logs", "trajectory": ["resource.attributes.service.name"], "time": "time"},
}


def records(path) -> list[dict]:
    return list(event_format("otlp-logs").records(source_file(path, "otlp-logs")))


def line(*logs: dict) -> str:
    about = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return (
        json.dumps({"resourceLogs": [{"resource": about, "scopeLogs": [{"logRecords": list(logs)}]}]}) + "\n"
    )


def log(at: int, said: str, **change) -> dict:
    return {"timeUnixNano": str(at), "severityNumber": 9, "body": {"stringValue": said}, **change}


def test_logs_of_the_real_exporter():
    first, second = records(WRITTEN)
    assert (first["body.msg"], first["body.n"], first["attributes.count"]) == ("restart", 3, 2**62)
    assert (first["eventName"], first["severityNumber"], first["severityText"]) == ("pod.restart", 13, "WARN")
    assert first["timeUnixNano"] == 1772359200000000001
    assert (second["body"], second["timeUnixNano"]) == ("done", None)
    assert second["time"] == 1772359320.0  # it was only observed, two minutes after the first


def test_records_out_of_order_are_a_trajectory_in_order(tmp_path):
    path = tmp_path / "l.jsonl"
    path.write_text(
        line(log(3_000_000_000, "wait")) + line(log(1_500_000_000, "restart"), log(2_000_000_000, "wait"))
    )
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
    assert demos.times.tolist() == [1.5, 2.0, 3.0]
    assert demos.actions.tolist() == [0, 1, 1]
    assert demos.trajectory_ids.tolist() == ["shop"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ('{"resourceSpans": []}', "line 2 holds resourceSpans; otlp-logs reads resourceLogs"),
        ('{"resourceLogs": [{"instrumentationLibraryLogs": []}]}', "line 2 is of a version before OTLP 0.19"),
        (line(log(1, "wait", timeUnixNano="now")), "line 2 has 'now' for `timeUnixNano`"),
        (line(log(1, "wait", body="wait")), "line 2 has str for `body`, which must be an object"),
        (line(log(1, "wait", traceId="xyz")), "line 2 has 'xyz' for `traceId`"),
    ],
)
def test_what_is_no_log_is_refused_by_line(tmp_path, bad, message):
    path = tmp_path / "l.jsonl"
    path.write_text(line(log(1_000_000_000, "wait")) + bad)
    with pytest.raises(DataError, match=message):
        read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
