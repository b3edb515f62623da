"""What a reward is worth after the world changes: scale, warnings, outcomes, bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest

from telic.errors import DynamicsError, SettingsError
from telic.evaluation import transfer_value
from telic.mdp import TabularMDP
from telic.mdp.library import chain
from telic.reports import Outcome

START = (0.5, 0.5)
ON = np.array([0.0, 1.0])


def test_best_is_one_uniform_is_nought_and_harm_is_below() -> None:
    mdp = chain(initial=START).mdp
    assert transfer_value(ON, mdp, ON).scaled == pytest.approx(1.0)
    worst = transfer_value(-ON, mdp, ON)
    # Closed form: uniform earns .5 / (1 - .9) = 5; best .5 * 10 + .5 * 9 = 9.5; worst .5 * 1 = .5.
    assert worst.returns == pytest.approx({"planned": 0.5, "uniform": 5.0, "best": 9.5})
    assert worst.scaled == pytest.approx((0.5 - 5.0) / (9.5 - 5.0))
    assert [f.code for f in worst.findings] == ["negative-transfer"]
    assert json.loads(json.dumps(worst.to_json()))["returns"]["best"] == pytest.approx(9.5)
    assert "-1.000 of what can be gained" in worst.summary().headline


def test_a_state_action_reward_warns_in_new_dynamics_only() -> None:
    home, away = chain(initial=START).mdp, chain(swapped=True, initial=START).mdp
    pairs = np.array([[0.0, 1.0], [1.0, 0.0]])  # go to, or stay in, state 1, by the actions of home
    carried = transfer_value(pairs, away, ON, learned_in=home)
    assert [f.code for f in carried.findings] == ["state-action-transfer", "negative-transfer"]
    assert not transfer_value(pairs, home, ON, learned_in=home).findings
    assert transfer_value(pairs, home, ON).findings[0].code == "state-action-transfer"  # unknown origin
    triples = np.zeros((2, 2, 2))
    triples[:, :, 1] = 1.0
    arrival = transfer_value(triples, away, ON, learned_in=home)
    assert arrival.scaled == pytest.approx(1.0)
    assert "state, action and next state" in arrival.findings[0].message
    assert not transfer_value(ON, away, ON, learned_in=home).findings


def test_nothing_to_gain_and_failed_plans_are_no_numbers() -> None:
    mdp = chain(initial=START).mdp
    flat = transfer_value(ON, mdp, np.ones(2))
    assert np.isnan(flat.scaled)
    assert flat.outcome is Outcome.TRIVIAL
    assert flat.summary().headline.startswith("No transfer value")
    P = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]])
    ending = TabularMDP.from_transition(
        P, discount=1.0, absorbing=np.array([False, True]), initial=np.array([1.0, 0.0])
    )
    endless = transfer_value(np.array([[1.0, 0.0], [0.0, 0.0]]), ending, np.array([[-1.0, 0.0], [0.0, 0.0]]))
    assert endless.outcome is Outcome.VALUE_DIVERGES
    assert np.isnan(endless.scaled)
    assert endless.policy is None
    assert endless.to_json()["scaled"] is None


def test_bad_input_is_refused_in_words() -> None:
    mdp = chain().mdp
    with pytest.raises(SettingsError, match="`planner` must be 'hard' or 'soft'"):
        transfer_value(ON, mdp, ON, planner="greedy")
    lost = TabularMDP.from_transition(mdp.transition, n_actions=2, discount=0.9)
    with pytest.raises(DynamicsError, match="needs an initial distribution"):
        transfer_value(ON, lost, ON)
    with pytest.raises(DynamicsError, match=r"`true_reward` has shape \(3,\)"):
        transfer_value(ON, mdp, np.ones(3))
