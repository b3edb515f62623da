"""Elastic Common Schema: events that the ecs-logging library wrote, and lines that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

WRITTEN = Path(__file__).with_name("files") / "ecs_logging.jsonl"

CONTRACT = {
    "identity": {"task": "scaling"},
    "observations": [{"name": "replicas", "column": "labels.replicas", "type": "integer"}],
    "actions": {"column": "event.action", "values": ["scale-down", "hold", "scale-up"]},
    "data": {"format": "ecs", "trajectory": ["log.logger"], "time": "@timestamp"},
}


def written(tmp_path, *events):
    path = tmp_path / "ecs.jsonl"
    path.write_text("".join(json.dumps(e) + "\n" for e in events))
    return path


def records(path):
    return list(event_format("ecs").records(source_file(path, "ecs")))


def test_events_of_the_logging_library_become_decisions():
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), WRITTEN)
    assert demos.trajectory_ids.tolist() == ["shop"]
    assert demos.actions.tolist() == [2, 1, 0]
    assert demos.observations["replicas"].tolist() == [3, 3, 2]


def test_dotted_and_nested_names_are_one_and_lists_are_counted():
    first = records(WRITTEN)[0]
    assert (first["log.level"], first["log.logger"]) == ("info", "shop")
    assert (first["event.category.0"], first["ecs.version"]) == ("process", "1.6.0")


def test_an_export_of_an_index_is_unwrapped(tmp_path):
    event = {"@timestamp": "2026-03-01T10:00:00Z", "ecs": {"version": "8.11.0"}, "message": "up"}
    [row] = records(written(tmp_path, {"_index": "logs", "_id": "a1", "_source": event}))
    assert row == {
        "@timestamp": "2026-03-01T10:00:00Z",
        "ecs.version": "8.11.0",
        "message": "up",
        "_id": "a1",
    }


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"message": "x"}, r"line 2 has no `@timestamp`"),
        ({"@timestamp": None}, r"line 2 has no `@timestamp`"),
        ({"@timestamp": "2026-03-01", "ecs.version": "2.0.0"}, r"line 2 has ecs\.version '2\.0\.0'"),
        ({"@timestamp": "2026-03-01", "a.b": 1, "a": {"b": 2}}, r"line 2 has a field twice"),
        (["@timestamp"], r"line 2 must be a JSON object"),
    ],
)
def test_what_is_no_event_is_named_by_line(tmp_path, event, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, {"@timestamp": "2026-03-01T10:00:00Z"}, event))


def test_mixed_zones_become_one_order_and_are_told(tmp_path):
    def event(time, action):
        return {"@timestamp": time, "event": {"action": action}, "labels.replicas": 1, "log.logger": "a"}

    path = written(
        tmp_path, event("2026-03-01T12:00:00+02:00", "hold"), event("2026-03-01T09:30:00Z", "scale-up")
    )
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
    assert demos.actions.tolist() == [2, 1]


def test_a_document_exported_twice_is_given_once(tmp_path):
    document = {"_index": "logs", "_id": "a1", "_source": {"@timestamp": "2026-03-01T10:00:00Z"}}
    other = {**document, "_index": "logs-2"}
    assert len(records(written(tmp_path, document, other, document))) == 2
    assert len(records(written(tmp_path, document["_source"], document["_source"]))) == 2  # no identity: both
