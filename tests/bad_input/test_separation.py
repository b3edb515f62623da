"""A rule that was never broken: the weight that runs to infinity is named, and there is no number."""

from __future__ import annotations

import json

import numpy as np
import pytest
from machines import CONTRACT, write_project

from telic.features import FeatureMap
from telic.inference import max_causal_entropy
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.trajectories import Demonstrations


@pytest.fixture
def ruled(tmp_path):
    """Repairs exactly when wear reaches 3, without exception."""
    lines = ["machine,day,wear,action"]
    for machine in range(30):
        wear = 0
        for day in range(24):
            repair = wear >= 3
            lines.append(f"m{machine},{86400 * day},{wear},{'repair' if repair else 'run'}")
            wear = 0 if repair else wear + (day * 7 + machine) % 2
    return write_project(tmp_path / "p", CONTRACT, "\n".join(lines) + "\n")


def test_on_the_command_line(telic, ruled):
    assert telic("ingest", ruled).status == 0
    told = telic("infer", ruled, "--quick")
    assert told.status == 7
    assert told.out.splitlines()[2].startswith("Not an answer (separation)")
    result = json.loads(telic("infer", ruled, "--quick", "--json").out)
    assert result["result"] == "separation"
    assert result["tradeoffs"] == []
    found = next(f for f in result["findings"] if f["code"] == "separation")
    assert "as repairs (down), wear (down) runs to infinity" in found["message"]
    after = telic("train", ruled)
    assert after.status == 2
    assert "no answer" in after.err
    assert "Traceback" not in after.err


def test_a_penalty_is_a_way_out_and_says_so(telic, ruled):
    assert telic("ingest", ruled).status == 0
    told = telic("infer", ruled, "--quick", "--l2", "0.1", "--json")
    assert told.status == 0
    result = json.loads(told.out)
    assert result["result"] == "success"
    assert any("penal" in finding["message"] for finding in result["findings"])


def test_in_hand_it_stops_early_and_says_which_way():
    P = np.zeros((3, 2, 3))
    P[:, 0] = np.eye(3)
    P[0, 1, 1] = P[1, 1, 2] = P[2, 1, 0] = 1
    world = TabularMDP.from_transition(P, discount=0.5)
    features = FeatureMap(values=np.array([[[0.0], [1.0]]] * 3), names=("going",), units=("go",))
    always = Demonstrations.from_arrays(
        [0, 1, 2] * 5, [1, 1, 1] * 5, next_states=[1, 2, 0] * 5, action_labels=("stay", "go")
    )
    fit = max_causal_entropy(always, world, features)
    assert fit.outcome is Outcome.SEPARATION
    found = next(f for f in fit.findings if f.code == "separation")
    assert "going (up) runs to infinity" in found.message
    assert found.hint
