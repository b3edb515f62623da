"""Runbook steps as demonstrations: the first step that holds, of origin rule, with what followed where it was done."""

from __future__ import annotations

import numpy as np
import pytest
from machines import CONTRACT

from telic.datasets import parse_contract, read_demonstrations
from telic.datasets.runbooks import RunbookStep, runbook_demonstrations
from telic.errors import ContractError, DataError, FeatureError
from telic.trajectories import ORIGINS

PLAIN = parse_contract(CONTRACT)
STEPS = (
    RunbookStep(name="worn out", when="wear >= 4", do="repair"),
    RunbookStep(name="new", when="wear <= 1", do="run"),
    RunbookStep(name="even newer", when="wear == 0", do="repair"),
)
LOG = "machine,day,wear,action\na,0,0,run\na,1,1,repair\na,2,4,repair\na,3,3,run\na,4,5,run\n"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "log.csv"
    path.write_text(LOG)
    return read_demonstrations(PLAIN, path)


def test_the_first_step_that_holds_is_followed(log):
    made = runbook_demonstrations(STEPS, log, PLAIN)
    assert [made.action_labels[a] for a in made.actions] == ["run", "run", "repair", "repair"]
    assert made.labels["runbook"].tolist() == ["new", "new", "worn out", "worn out"]
    assert made.trajectory_ids.tolist() == ["a#0", "a#1", "a#2", "a#4"]
    assert {ORIGINS[o] for o in made.origins} == {"rule"}
    assert made.demonstrator_names == ("runbook",)


def test_what_followed_is_known_only_where_people_did_the_same(log):
    made = runbook_demonstrations(STEPS, log, PLAIN)
    assert made.next_known.tolist() == [True, False, True, False]
    assert made.next_observations["wear"][[0, 2]].tolist() == [1, 3]


def test_steps_that_never_hold_and_situations_it_does_not_know_are_told(log):
    (finding,) = runbook_demonstrations(STEPS, log, PLAIN).findings
    assert finding.message == (
        "The runbook speaks of 4 of 5 situations, and people did as it says in 50% of those; never: even newer."
    )
    assert finding.evidence["steps"] == {"worn out": 2, "new": 2, "even newer": 0}


def test_it_can_be_told_apart_from_what_people_do(log):
    """Shares of what the runbook says by wear: a rule, so each is 0 or 1."""
    made = runbook_demonstrations(STEPS, log, PLAIN)
    for wear in np.unique(made.observations["wear"]):
        assert len(np.unique(made.actions[made.observations["wear"] == wear])) == 1


def test_steps_that_do_not_fit_are_refused(log):
    with pytest.raises(
        ContractError, match=r"Step 'x' does 'repare', which is no action. Did you mean `repair`"
    ):
        runbook_demonstrations([RunbookStep(name="x", when="wear > 0", do="repare")], log, PLAIN)
    with pytest.raises(FeatureError, match="The condition of step 'x' cannot be calculated"):
        runbook_demonstrations([RunbookStep(name="x", when="rust > 0", do="repair")], log, PLAIN)
    with pytest.raises(DataError, match="None of 1 steps holds in any of 5 situations"):
        runbook_demonstrations([RunbookStep(name="x", when="wear > 9", do="repair")], log, PLAIN)
