"""Columns that tell the outcome by their names, and the words about columns that a contract does not use."""

import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.late_columns import extra_columns, tells_the_outcome


@pytest.mark.parametrize(
    "name",
    [
        "final.made_sla", "final.resolved_by", "closed_at", "closed_code", "close_code", "close_notes", "resolution",
        "fields.resolution.name", "resolved_at", "resolvedAt", "endTime", "end_time", "End", "outcome", "case:outcome",
        "completed_at", "finishedAt", "atExport.status", "u_success",
    ],
)  # fmt: skip
def test_names_of_what_came_out_later(name):
    assert tells_the_outcome(name)


@pytest.mark.parametrize(
    "name",
    [
        "load", "opened_at", "priority", "weekend", "send_time", "tender", "closet", "backend", "vendor", "spend",
        "close_price", "pending", "resolver_group", "state", "finality", "requested_time", "solvent",
    ],
)  # fmt: skip
def test_names_that_only_look_like_it(name):
    assert not tells_the_outcome(name)


def test_the_hint_invites_what_was_known_and_warns_of_what_was_not():
    told = extra_columns("log.csv", ["load", "final.made_sla"])
    assert "has 2 columns that the contract does not use: load, final.made_sla" in told.message
    assert "Not so for final.made_sla: by its name it holds" in told.hint
    assert told.evidence["known_only_later"] == ["final.made_sla"]
    plain = extra_columns("log.csv", ["load"])
    assert "Not so" not in plain.hint
    assert plain.evidence["known_only_later"] == []


def test_reading_says_it(tmp_path):
    (tmp_path / "log.csv").write_text("t,x,act,closed_at\n1,0,go,9\n2,1,stay,9\n3,1,go,9\n")
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "t"},
            "observations": [{"name": "x", "type": "integer", "low": 0, "high": 1}],
            "actions": {"column": "act", "values": ["stay", "go"]},
            "data": {"time": "t"},
        }
    )
    (found,) = [
        f for f in read_demonstrations(contract, tmp_path / "log.csv").findings if f.code == "extra-columns"
    ]
    assert "Not so for closed_at" in found.hint
