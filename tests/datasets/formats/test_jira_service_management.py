"""Jira issues with changelog, of the layout that its REST API describes (no site was used)."""

from __future__ import annotations

import json

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

CONTRACT = {
    "identity": {"task": "requests"},
    "observations": [{"name": "status", "type": "category", "missing": "label"}],
    "actions": {"column": "field", "values": ["issue", "assignee", "status", "resolution"]},
    "outcomes": {"succeeded": "resolved"},
    "data": {
        "format": "jira-service-management",
        "trajectory": ["issue"],
        "time": "time",
        "duplicates": "keep",
    },
}


def history(number: int, at: str, *items: tuple[str, str | None, str | None]) -> dict:
    return {
        "id": str(number),
        "author": {"accountId": "a1", "displayName": "Ana"},
        "created": at,
        "items": [
            {
                "field": f,
                "fieldId": f,
                "from": was and f"id-{was}",
                "fromString": was,
                "to": to and f"id-{to}",
                "toString": to,
            }
            for f, was, to in items
        ],
    }


STORY = [
    history(1, "2026-03-01T11:05:00.000+0100", ("assignee", None, "Ana"), ("status", "Open", "In Progress")),
    history(
        2, "2026-03-01T10:30:00.500+0000", ("status", "In Progress", "Done"), ("resolution", None, "Fixed")
    ),
]


def issue(
    key: str = "OPS-1", histories: list[dict] | None = None, total: int | None = None, **fields
) -> dict:
    listed = STORY if histories is None else histories
    return {
        "id": "10001",
        "key": key,
        "fields": {
            "created": "2026-03-01T10:00:00.000+0000",
            "creator": {"accountId": "c1", "displayName": "Cem"},
            "issuetype": {"name": "Incident"},
            "summary": "load is high",
            "status": {"name": "Done"},
            "priority": {"name": "High"},
            **fields,
        },
        "changelog": {
            "startAt": 0,
            "maxResults": 100,
            "total": len(listed) if total is None else total,
            "histories": listed,
        },
    }


def records(path) -> list[dict]:
    form = event_format("jira-service-management")
    return list(form.records(source_file(path, "jira-service-management")))


def written(tmp_path, *values: object):
    path = tmp_path / "issues.json"
    path.write_text("".join(json.dumps(v) + "\n" for v in values))
    return path


def test_changes_newest_first_and_in_two_zones_are_a_trajectory_with_its_outcome(tmp_path):
    path = written(
        tmp_path, {"issues": [issue(histories=STORY[::-1]), issue("OPS-2", STORY[:1])], "total": 2}
    )
    demos = read_demonstrations(TaskContract.from_mapping(CONTRACT), path)
    assert demos.trajectory_ids.tolist() == ["OPS-1", "OPS-2"]
    assert [demos.action_labels[a] for a in demos.actions] == [
        *("issue", "assignee", "status", "status", "resolution"),
        *("issue", "assignee", "status"),
    ]
    assert (demos.times[:5] - 1772359200).tolist() == [0, 300, 300, 1800.5, 1800.5]
    assert demos.succeeded.tolist() == [1, 0]


def test_the_status_is_that_before_the_change(tmp_path):
    rows = records(written(tmp_path, issue()))
    assert [r.get("status") for r in rows] == [None, "Open", "Open", "In Progress", "Done"]
    assert rows[0]["author.displayName"] == "Cem"
    assert rows[1]["toString"] == "Ana"
    assert rows[1]["atExport.status.name"] == "Done"


def test_an_issue_that_was_opened_again_is_not_resolved(tmp_path):
    again = history(3, "2026-03-02T10:00:00.000+0000", ("resolution", "Fixed", None))
    rows = records(written(tmp_path, issue(histories=[*STORY, again])))
    assert [r["resolved"] for r in rows] == [False, False, False, False, True, False]


def test_an_issue_on_two_pages_and_one_whose_status_never_changed(tmp_path):
    still = issue(
        "OPS-3",
        [history(9, "2026-03-01T12:00:00.000+0000", ("assignee", None, "Bo"))],
        status={"name": "Open"},
    )
    rows = records(written(tmp_path, {"issues": [issue(), still]}, {"issues": [still]}, issue()))
    assert [r["issue"] for r in rows] == ["OPS-1"] * 5 + ["OPS-3"] * 2
    assert rows[-1]["status"] == "Open"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"errorMessages": ["The value 'X' does not exist."], "errors": {}},
            "line 2 is an error in place of data: The value",
        ),
        (issue(total=240), "line 2 has 2 of 240 changes of issue OPS-1"),
        (
            {k: v for k, v in issue().items() if k != "changelog"},
            "line 2 has issue OPS-1 without a changelog",
        ),
        (issue(created=None), "line 2 has issue OPS-1 without `fields.created`"),
        (
            issue(histories=[history(1, "", ("status", "a", "b"))]),
            "line 2 has a change of OPS-1 without `created`",
        ),
        ({"key": "OPS-1", "fields": []}, "line 2 has list for `fields`"),
        ({"name": "x"}, "line 2 holds no Jira issues"),
        ({"issues": [3]}, "line 2 has no list of objects for `issues`"),
    ],
)
def test_what_is_no_export_is_refused_by_line(tmp_path, bad, message):
    with pytest.raises(DataError, match=message):
        records(written(tmp_path, issue(), bad))
