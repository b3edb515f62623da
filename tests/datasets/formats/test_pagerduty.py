"""PagerDuty exports of the layout that its REST API v2 describes (no account was used)."""

from __future__ import annotations

import json

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

CONTRACT = {
    "identity": {"task": "incidents"},
    "observations": [{"name": "by", "column": "actor", "type": "category"}],
    "actions": {
        "column": "action",
        "values": ["trigger", "notify", "acknowledge", "escalate", "annotate", "resolve"],
    },
    "outcomes": {"succeeded": "resolved"},
    "data": {"format": "pagerduty", "trajectory": ["incident.id"], "time": "time", "duplicates": "keep"},
}


def entry(
    number: int, kind: str, at: str, incident: str = "P1", actor: str | None = "user", **change
) -> dict:
    agent = {"id": f"U{number}", "type": f"{actor}_reference", "summary": "Ana"} if actor else None
    return {
        "id": f"R{number}",
        "type": f"{kind}_log_entry",
        "created_at": at,
        "agent": agent,
        "channel": {"type": "web"},
        "incident": {"id": incident, "type": "incident_reference", "summary": "[#7] load is high"},
        "service": {"id": "S1", "summary": "shop"},
        **change,
    }


def incident(identity: str = "P1", status: str = "resolved") -> dict:
    return {
        "id": identity,
        "type": "incident",
        "incident_number": 7,
        "title": "load is high",
        "created_at": "2026-03-01T10:00:00Z",
        "status": status,
        "urgency": "high",
    }


STORY = [
    entry(1, "trigger", "2026-03-01T10:00:00Z", actor="service"),
    entry(2, "notify", "2026-03-01T10:00:00Z", actor="service"),
    entry(3, "acknowledge", "2026-03-01T05:03:00-05:00"),
    entry(4, "annotate", "2026-03-01T10:20:00Z"),
    entry(5, "resolve", "2026-03-01T11:30:00+01:00"),
    entry(6, "annotate", "2026-03-01T10:31:00Z"),
]
"""In three time zones."""


def page(entries: list[dict], **change) -> dict:
    return {"log_entries": entries[::-1], "limit": 100, "offset": 0, "more": False, **change}


def records(path) -> list[dict]:
    return list(event_format("pagerduty").records(source_file(path, "pagerduty")))


def written(tmp_path, *values: object, indent: int | None = None):
    path = tmp_path / "incidents.json"
    path.write_text("".join(json.dumps(v, indent=indent) + "\n" for v in values))
    return path


def test_entries_that_come_newest_first_in_three_zones_are_a_trajectory_with_its_outcome(tmp_path):
    open_one = [
        entry(8, "trigger", "2026-03-02T10:00:00Z", "P2", "service"),
        entry(9, "escalate", "2026-03-02T10:05:00Z", "P2"),
    ]
    path = written(
        tmp_path, page(STORY), {"incidents": [incident(), incident("P2", "triggered")]}, page(open_one)
    )
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
    assert demos.trajectory_ids.tolist() == ["P1", "P2"]
    assert [demos.action_labels[a] for a in demos.actions] == [
        *("trigger", "notify", "acknowledge", "annotate", "resolve", "annotate"),
        *("trigger", "escalate"),
    ]
    assert (demos.times[:6] - 1772359200).tolist() == [0, 0, 180, 1200, 1800, 1860]
    assert demos.succeeded.tolist() == [1, 0]


@pytest.mark.parametrize(
    "values",
    [
        [page(STORY), page(STORY[2:4])],
        [{"log_entries": STORY, "incidents": [incident()]}],
        [[*STORY, STORY[1], incident()]],
        [{**incident(), "log_entries": [{k: v for k, v in e.items() if k != "incident"} for e in STORY]}],
        [incident(), *STORY, STORY[0]],
        [{"log_entry": e} for e in STORY],
    ],
    ids=[
        "pages that overlap",
        "both lists",
        "one list",
        "entries in their incident",
        "lines",
        "single answers",
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_every_layout_gives_each_entry_once(tmp_path, values, indent):
    rows = records(written(tmp_path, *values, indent=indent))
    assert [r["id"] for r in rows] == ["R1", "R2", "R3", "R4", "R5", "R6"]
    assert [r["resolved"] for r in rows] == [False, None, False, None, True, None]
    assert {r["incident.id"] for r in rows} == {"P1"}


def test_how_an_incident_ended_stands_apart_from_what_was_known(tmp_path):
    [row] = records(written(tmp_path, STORY[0], incident()))
    assert row["incident.title"] == "load is high"
    assert (row["atExport.status"], row["atExport.urgency"]) == ("resolved", "high")
    assert [name for name in row if "status" in name] == ["atExport.status"]


def test_an_entry_without_an_agent_has_an_unknown_actor(tmp_path):
    [row] = records(written(tmp_path, entry(1, "resolve", "2026-03-01T10:00:00Z", actor=None)))
    assert row["actor"] == "unknown"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"error": {"message": "Not Found", "code": 2100}},
            r"line 2 is an error in place of data: Not Found \(code 2100\)",
        ),
        ({"error": "gone"}, "line 2 is an error in place of data: gone"),
        (
            {"log_entries": [{**STORY[2], "type": "acknowledge"}]},
            "line 2 has a log entry of type 'acknowledge'",
        ),
        ({"log_entries": {}}, "line 2 has no list of objects for `log_entries`"),
        ({"type": "service"}, "line 2 is neither an incident nor a log entry"),
        ("text", "line 2 is neither an incident nor a log entry"),
        (entry(9, "resolve", ""), "line 2 has a log entry without `created_at`"),
        (
            entry(9, "resolve", "2026-03-01T10:00:00Z", incident={}),
            "line 2 has a log entry without `incident.id`",
        ),
        (entry(9, "resolve", "1 March"), r"'1 March' in incidents\.json row 2"),
    ],
)
def test_what_is_no_export_is_refused_by_line(tmp_path, bad, message):
    path = written(tmp_path, STORY[0], bad)
    with pytest.raises(DataError, match=message):
        read_demonstrations(TaskContract.from_mapping(CONTRACT), path)


def test_incidents_without_entries_say_what_to_export(tmp_path):
    with pytest.raises(DataError, match="holds 2 incidents and no log entries"):
        records(written(tmp_path, {"incidents": [incident(), incident("P2")]}))
