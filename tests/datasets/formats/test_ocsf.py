"""Open Cybersecurity Schema Framework: events laid out as its base class says."""

from __future__ import annotations

import json

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

CONTRACT = {
    "identity": {"task": "triage"},
    "observations": [{"name": "severity", "column": "severity_id", "type": "integer"}],
    "actions": {"column": "activity_id", "values": ["1", "2"]},
    "data": {
        "format": "ocsf",
        "trajectory": ["actor.user.name"],
        "time": "time",
        "time_format": "milliseconds",
    },
}


def event(**changes):
    logon = {
        "metadata": {"version": "1.3.0", "product": {"name": "idp"}},
        "time": 1772355600123,
        "class_uid": 3002,
        "category_uid": 3,
        "activity_id": 1,
        "type_uid": 300201,
        "severity_id": 1,
        "timezone_offset": 60,
        "actor": {"user": {"name": "ana"}},
        "observables": [{"name": "src_endpoint.ip", "type_id": 2, "value": "192.0.2.7"}],
    }
    return {**logon, **changes}


def written(tmp_path, *events):
    path = tmp_path / "ocsf.jsonl"
    path.write_text("".join(json.dumps(e) + "\n" for e in events))
    return path


def records(path):
    return list(event_format("ocsf").records(source_file(path, "ocsf")))


def test_events_become_decisions_at_their_milliseconds(tmp_path):
    later = event(time=1772355601000, activity_id=2, type_uid=300202, severity_id=4)
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), written(tmp_path, later, event()))
    assert demos.actions.tolist() == [0, 1]
    assert demos.observations["severity"].tolist() == [1, 4]
    assert demos.times.tolist() == [1772355600.123, 1772355601.0]


def test_lists_are_flat_and_classes_of_extensions_fit(tmp_path):
    [row] = records(written(tmp_path, event(class_uid=103002, type_uid=10300201)))
    assert row["observables.0.value"] == "192.0.2.7"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metadata": {}}, r"line 2 has no `metadata\.version`"),
        ({"metadata": {"version": "2.0.0"}}, r"line 2 has metadata\.version '2\.0\.0'"),
        ({"time": "2026-03-01T10:00:00Z"}, r"line 2 must hold a whole number in `time`"),
        ({"severity_id": True}, r"line 2 must hold a whole number in `severity_id`"),
        ({"type_uid": 300202}, r"line 2 has a `type_uid` that is not"),
        ({"category_uid": 4}, r"line 2 has a `category_uid` other than"),
    ],
)
def test_what_was_mapped_wrongly_is_named_by_line(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, event(), event(**changes)))


def test_an_event_delivered_twice_is_given_once(tmp_path):
    named = event(metadata={"version": "1.3.0", "uid": "e-1"})
    assert (
        len(records(written(tmp_path, named, event(), named, event(), {**named, "time": 1772355600124}))) == 4
    )
