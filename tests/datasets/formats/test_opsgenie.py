"""Opsgenie alerts with logs, of the layout that its Alert API describes (no account was used)."""

from __future__ import annotations

import json

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

CONTRACT = {
    "identity": {"task": "alerts"},
    "observations": [{"name": "entity", "column": "alert.entity", "type": "category"}],
    "actions": {"column": "action", "values": ["create", "notify", "acknowledge", "note", "close"]},
    "outcomes": {"succeeded": "resolved"},
    "data": {"format": "opsgenie", "trajectory": ["alert.id"], "time": "time", "duplicates": "keep"},
}


def log(at: str, text: str, **change) -> dict:
    return {
        "log": text,
        "type": "system",
        "owner": "ana@example.org",
        "createdAt": at,
        "offset": at,
        **change,
    }


STORY = [
    log("2026-03-01T10:00:00.5Z", "Alert created via API"),
    log("2026-03-01T10:00:01Z", "Sent [Email] notification to the on-call user"),
    log("2026-03-01T12:05:00+02:00", "Alert acknowledged via web"),
    log("2026-03-01T10:20:00Z", "Added note[restarted]"),
    log("2026-03-01T10:30:00Z", "Alert closed via web"),
]

ALERT = {
    "id": "a-1",
    "message": "load is high",
    "entity": "web-1",
    "createdAt": "2026-03-01T10:00:00Z",
    "status": "closed",
}


def export(logs: list[dict] = STORY, **alert) -> dict:
    return {"alert": {"data": {**ALERT, **alert}, "took": 0.1}, "logs": {"data": logs, "took": 0.1}}


def records(path) -> list[dict]:
    return list(event_format("opsgenie").records(source_file(path, "opsgenie")))


def written(tmp_path, *values: object):
    path = tmp_path / "alerts.jsonl"
    path.write_text("".join(json.dumps(v) + "\n" for v in values))
    return path


def test_logs_newest_first_and_in_two_zones_are_a_trajectory_with_its_outcome(tmp_path):
    path = written(tmp_path, export(STORY[::-1]), export(STORY[:3], id="a-2"))
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
    assert demos.trajectory_ids.tolist() == ["a-1", "a-2"]
    assert [demos.action_labels[a] for a in demos.actions] == [
        *("create", "notify", "acknowledge", "note", "close"),
        *("create", "notify", "acknowledge"),
    ]
    assert (demos.times[:5] - 1772359200).tolist() == [0.5, 1, 300, 1200, 1800]
    assert demos.succeeded.tolist() == [1, 0]


@pytest.mark.parametrize(
    "values",
    [
        [export(), export(STORY[1:3])],
        [{**ALERT, "logs": STORY}],
        [[{**ALERT, "logs": {"data": STORY}}]],
        [{"data": [{"alert": ALERT, "logs": STORY}]}],
    ],
    ids=["exported twice", "fields beside logs", "a list", "data"],
)
def test_every_layout_gives_each_entry_once(tmp_path, values):
    rows = records(written(tmp_path, *values))
    assert [r["action"] for r in rows] == ["create", "notify", "acknowledge", "note", "close"]
    assert {r["alert.id"] for r in rows} == {"a-1"}
    assert [r["resolved"] for r in rows] == [False, False, False, False, True]
    assert rows[0]["atExport.status"] == "closed"


def test_an_alert_stays_closed_through_notes_until_it_is_opened_again(tmp_path):
    later = [
        log("2026-03-01T11:00:00Z", "Added note[all well]"),
        log("2026-03-01T12:00:00Z", "Alert reopened via API"),
    ]
    rows = records(written(tmp_path, export([*STORY, *later])))
    assert [r["resolved"] for r in rows[-3:]] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("Alert unacknowledged via mobile", "unacknowledge"),
        ("Alert snoozed for 20 minutes", "snooze"),
        ("Alert escalated to the next level", "escalate"),
        ("Alert ownership assigned to Bo", "assign"),
        ("Team [web] added via web", "add-responder"),
        ("Tags [x] set", "tag"),
        ("Something new happened", "other"),
    ],
)
def test_the_action_is_found_by_words(tmp_path, text, action):
    assert records(written(tmp_path, export([log("2026-03-01T10:00:00Z", text)])))[0]["action"] == action


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"message": "You are not authorized", "took": 0.0, "requestId": "r"},
            "line 2 is an error in place of data: You are",
        ),
        (ALERT, "line 2 holds no alert with `logs`"),
        (
            {**export(), "logs": {"data": STORY, "paging": {"next": "https://example.org"}}},
            "line 2 has only the first logs",
        ),
        (export(id=None), "line 2 has an alert without `alert.id`"),
        (export([log("", "x")]), "line 2 has a log entry of alert a-1 without `createdAt`"),
        (
            export([log(1_772_359_200_000, "x")]),
            r"line 2 has a log entry of alert a-1 without `createdAt` \(got 1772",
        ),
        (export([log("2026-03-01T10:00:00Z", None)]), "line 2 has a log entry of alert a-1 without `log`"),
        ({**ALERT, "logs": "none"}, "line 2 has no list of objects for `logs`"),
        (7, "line 2 holds no alert with `logs`"),
    ],
)
def test_what_is_no_export_is_refused_by_line(tmp_path, bad, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, export(), bad))
