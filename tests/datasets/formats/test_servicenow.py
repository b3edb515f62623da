"""Event logs of incidents: updates built by hand, each with what it did; the real log is in `test_it_incidents`."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.datasets.sources.incident_changes import ACTIONS, possible_actions
from telic.errors import DataError

START = {
    "number": "INC1",
    "incident_state": "New",
    "active": "TRUE",
    "reopen_count": "0",
    "sys_mod_count": "0",
    "priority": "3 - Moderate",
    "assignment_group": "?",
    "assigned_to": "?",
    "opened_at": "29-02-2016 01:00",
    "sys_updated_by": "ana",
    "sys_updated_at": "29-02-2016 01:00",
    "closed_code": "code 5",
    "made_sla": "TRUE",
}

STEPS = [
    ({"assignment_group": "net"}, "assign", "assignment_group"),
    ({"assignment_group": "db", "assigned_to": "bo"}, "reassign", "assignment_group+assigned_to"),
    ({"incident_state": "Active"}, "work", "incident_state"),
    ({"incident_state": "Awaiting User Info", "assigned_to": "cy"}, "reassign", "incident_state+assigned_to"),
    ({"assigned_to": "?"}, "reassign", "assigned_to"),
    ({"assigned_to": "bo"}, "assign", "assigned_to"),
    ({"priority": "2 - High"}, "escalate", "priority"),
    ({"priority": "4 - Low"}, "deescalate", "priority"),
    ({}, "update", ""),
    ({"incident_state": "On Hold"}, "wait", "incident_state"),
    ({"incident_state": "Resolved", "assigned_to": "cy"}, "resolve", "incident_state+assigned_to"),
    ({"incident_state": "Active", "reopen_count": "1"}, "reopen", "incident_state+reopen_count"),
    ({"incident_state": "Resolved"}, "resolve", "incident_state"),
    ({"incident_state": "Closed", "active": "FALSE"}, "close", "incident_state"),
]
"""What changes, which action that is, and which fields are named."""


def updates(steps=STEPS, **first) -> list[dict[str, str]]:
    rows = [START | first]
    for i, (change, _, _) in enumerate(steps, start=1):
        place = {
            "sys_mod_count": str(i),
            "sys_updated_at": f"29-02-2016 {1 + i:02}:00",
            "sys_updated_by": f"p{i}",
        }
        rows.append(rows[-1] | change | place)
    return rows


def written(tmp_path, rows, columns=tuple(START)):
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    path = tmp_path / "incidents.csv"
    path.write_text(text.getvalue())
    return path


def decisions(path) -> list[dict]:
    form = event_format("servicenow")
    return pa.concat_tables(form.tables(source_file(path, "servicenow"), None)).to_pylist()


def test_what_each_update_did_is_told_from_what_changed(tmp_path):
    rows = decisions(written(tmp_path, updates()))
    assert [(r["action"], r["changed"]) for r in rows] == [(action, changed) for _, action, changed in STEPS]
    assert {action for _, action, _ in STEPS} == set(ACTIONS)


def test_fields_stand_as_they_stood_before(tmp_path):
    first, second = decisions(written(tmp_path, updates()))[:2]
    assert (first["assignment_group"], first["is_assigned"]) == (None, False)
    assert (second["assignment_group"], second["assigned_to"]) == ("net", None)
    assert not [name for name in second if name.startswith("after")]
    assert (second["sys_updated_by"], second["time"]) == ("p2", "2016-02-29T03:00:00")
    assert (second["seconds_open"], second["seconds_since_update"], second["n_missed"]) == (7200.0, 3600.0, 0)


def test_what_is_known_only_at_the_end_has_no_plain_name(tmp_path):
    log = updates()
    log[-1]["made_sla"] = "FALSE"
    rows = decisions(written(tmp_path, log))
    assert {r["final.closed_code"] for r in rows} == {"code 5"}
    assert "closed_code" not in rows[0]
    assert [r["made_sla"] for r in rows] == ["TRUE"] * 14  # until the last update, which no decision has seen
    assert {r["final.made_sla"] for r in rows} == {"FALSE"}
    assert [r["is_end"] for r in rows] == [False] * 13 + [True]


def test_order_repeats_and_gaps(tmp_path):
    rows, other = updates(), updates(STEPS[:2], number="INC0")
    mixed = [*rows[::-1], rows[4], *other[::-1], other[1]]  # backwards, two of them twice
    form, path = event_format("servicenow"), written(tmp_path, mixed)
    found = decisions(path)
    assert [r["action"] for r in found if r["number"] == "INC1"] == [action for _, action, _ in STEPS]
    assert [r["number"] for r in found] == ["INC0"] * 2 + ["INC1"] * 14
    assert not list(form.notices(source_file(path, "servicenow")))
    del mixed[3]  # an update is missing: what two did is told as one
    [notice] = form.notices(source_file(written(tmp_path, mixed), "servicenow"))
    assert (notice.code, notice.evidence["n"]) == ("missed-updates", 1)


def test_a_counter_that_goes_back_is_told_and_time_decides(tmp_path):
    rows = updates(STEPS[:3])
    rows[0]["sys_mod_count"] = "9"
    path = written(tmp_path, rows)
    assert [r["action"] for r in decisions(path)] == ["assign", "reassign", "work"]
    [notice] = event_format("servicenow").notices(source_file(path, "servicenow"))
    assert (notice.code, notice.evidence["n"]) == ("counter-goes-back", 1)


def test_incidents_become_trajectories_that_end(tmp_path):
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "desk"},
            "observations": [{"name": "state", "column": "incident_state", "type": "category"}],
            "actions": {"column": "action", "values": list(ACTIONS)},
            "outcomes": {"terminated": "is_end"},
            "data": {"format": "servicenow", "trajectory": ["number"], "time": "time"},
        }
    )
    demos = read_demonstrations(contract, written(tmp_path, updates() + updates(STEPS[:2], number="INC0")))
    assert demos.trajectory_ids.tolist() == ["INC0", "INC1"]
    assert demos.terminated.tolist() == [False, True]
    assert demos.n_decisions == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sys_updated_at": "?"}, r"line 3 must hold a value in `sys_updated_at`"),
        (
            {"sys_updated_at": "31-04-2016 01:00"},
            r"in `sys_updated_at` that are all written .* line 3 is another",
        ),
        ({"sys_updated_at": "2016-02-29 01:00:00"}, r"in `sys_updated_at` that are all written"),
        ({"opened_at": "02/29/2016"}, r"in `opened_at` that are all written .* line 3 is another"),
        ({"sys_mod_count": "two"}, r"line 3 must hold a whole number in `sys_mod_count`"),
        ({"number": ""}, r"line 3 must hold a value in `number`"),
    ],
)
def test_an_update_that_cannot_be_placed_is_named_by_line(tmp_path, change, message):
    rows = updates(STEPS[:4])
    rows[1] |= change
    with pytest.raises(DataError, match=message):
        decisions(written(tmp_path, rows))


def test_the_table_of_incidents_without_its_history_is_refused(tmp_path):
    columns = [name for name in START if name != "sys_mod_count"]
    with pytest.raises(DataError, match=r"lacks the columns sys_mod_count"):
        decisions(written(tmp_path, updates(), columns))


def test_what_could_be_done_follows_from_how_the_record_stood():
    stood = {
        "incident_state": ["New", "Active", "Resolved", "Closed", None],
        "priority": ["1 - Critical", "3 - Moderate", "5 - Planning", "4 - Low", None],
        "assignment_group": [None, "desk", "desk", "desk", None],
        "assigned_to": [None, None, "ada", "ada", None],
        "reopen_count": ["0"] * 5,
    }
    found = possible_actions({k: pa.array(v, pa.string()) for k, v in stood.items()}).to_pylist()
    everything = {
        "reopen",
        "close",
        "resolve",
        "escalate",
        "deescalate",
        "reassign",
        "assign",
        "wait",
        "work",
        "update",
    }
    assert [everything - set(x.split("|")) for x in found] == [
        {"reopen", "escalate", "reassign"},
        {"reopen"},
        {"resolve", "deescalate", "assign"},
        {"close", "resolve", "assign", "wait", "work"},
        {"reopen", "reassign"},
    ]
