"""The Markov test names its culprit; the misfit of a reward is explained by it. Rates: tests/statistical."""

from __future__ import annotations

import numpy as np
import pytest

from telic.contract import TaskContract
from telic.errors import DataError
from telic.evaluation import explain_misfit, held_out, markov_test
from telic.evaluation.markov import _p_words
from telic.mdp import StateSpace
from telic.policies import TabularPolicy
from telic.trajectories import Demonstrations


def _no_turning_back(key: int, n: int = 4000) -> Demonstrations:
    """A walker on a ring of 8 who keeps its direction with probability .9."""
    rng = np.random.default_rng(key)
    turn = rng.random(n) < 0.1
    direction = np.cumsum(turn) % 2
    position = np.concatenate([[0], np.cumsum(np.where(direction == 0, 1, -1))]) % 8
    return Demonstrations.from_arrays(
        position[:-1], direction, next_states=position[1:], offsets=np.linspace(0, n, 21).astype(int)
    )


def test_a_memory_is_found_named_and_weighed() -> None:
    demos = _no_turning_back(0)
    got = markov_test(demos)
    culprit = got.culprit("choice")
    assert culprit is not None and culprit.variable in ("previous state", "previous action")
    # What knowing the direction is worth: log 2 minus the entropy of (.9, .1).
    assert culprit.gain == pytest.approx(np.log(2) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1), abs=0.03)
    (finding,) = got.findings
    assert finding.code == "history-dependence"
    assert "with_history" in finding.hint
    assert not got.rejects("consequence")  # the world itself is Markov


def test_the_misfit_of_a_policy_of_the_state_is_explained() -> None:
    train, test = _no_turning_back(1), _no_turning_back(2)
    wrong = TabularPolicy(table=np.tile([0.8, 0.2], (8, 1)))
    scores = held_out({"reward": wrong}, test, train=train, n_states=8)
    (finding,) = explain_misfit(scores, "reward", markov_test(train))[-1:]
    assert finding.code == "reward-below-cloning"
    assert finding.evidence["reason"] == "history-dependence"
    assert "choices depend on the previous" in finding.message
    with pytest.raises(DataError, match="No policy 'x' was scored; there are reward, uniform"):
        explain_misfit(scores, "x")


def test_without_memory_the_features_are_to_blame() -> None:
    rng = np.random.default_rng(3)

    def draw() -> Demonstrations:
        states = rng.integers(0, 4, 3000)
        actions = (rng.random(3000) < np.array([0.1, 0.9, 0.3, 0.6])[states]).astype(int)
        return Demonstrations.from_arrays(states, actions, offsets=np.linspace(0, 3000, 31).astype(int))

    train, test = draw(), draw()
    coarse = TabularPolicy(table=np.tile([0.6, 0.4], (4, 1)))
    scores = held_out(
        {"reward": coarse, "same": TabularPolicy(table=scores_table(train))}, test, train=train, n_states=4
    )
    finding = explain_misfit(scores, "reward", markov_test(train))[-1]
    assert finding.evidence["reason"] == "features"
    assert explain_misfit(scores, "same", markov_test(train))[-1].code == "reward-equals-cloning"


def scores_table(demos: Demonstrations) -> np.ndarray:
    counts = np.bincount(demos.states * 2 + demos.actions, minlength=8).reshape(4, 2) + 0.5
    return counts / counts.sum(axis=1, keepdims=True)


def test_cells_too_wide_are_named_as_such() -> None:
    contract = TaskContract.from_mapping(
        {
            "identity": {"task": "t"},
            "observations": [{"name": "load", "low": 0, "high": 1, "bins": 2}],
            "actions": {"column": "a", "values": ["no", "yes"]},
            "features": [{"name": "f", "expression": "load"}],
        }
    )
    rng = np.random.default_rng(0)
    load = rng.uniform(0, 1, 4000)
    demos = Demonstrations.from_arrays(
        [0] * 4000, (rng.random(4000) < load).astype(int), offsets=np.arange(41) * 100
    )
    demos = Demonstrations(
        actions=demos.actions,
        offsets=demos.offsets,
        action_labels=("no", "yes"),
        observations={"load": load},
        trajectory_ids=demos.trajectory_ids,
        demonstrators=demos.demonstrators,
        terminated=demos.terminated,
        truncated=demos.truncated,
        times=np.arange(4000) * 600.0,
    )
    space = StateSpace.from_contract(contract, demos)
    got = markov_test(space.encode(demos), space=space)
    culprit = got.culprit("choice")
    assert culprit is not None and culprit.variable == "load within its cell"
    assert "finer bins" in got.findings[0].hint
    assert {"time of day", "direction of load", "time in the trajectory"} <= {e.variable for e in got.effects}


def test_people_who_differ_are_not_a_memory() -> None:
    rng = np.random.default_rng(8)
    who = np.repeat([0, 1], 20)
    states = rng.integers(0, 3, (40, 50))
    actions = (rng.random((40, 50)) < np.where(who == 0, 0.2, 0.8)[:, None]).astype(int)
    demos = Demonstrations.from_arrays(
        states.ravel(), actions.ravel(), offsets=np.arange(41) * 50, demonstrators=[f"p{i}" for i in who]
    )
    assert markov_test(demos).p_value > 0.05
    assert markov_test(demos, by_demonstrator=False).p_value < 1e-6


def test_words_for_p_values_and_empty_data() -> None:
    assert _p_words(0.0) == "< 1e-15" and _p_words(0.0123) == "= 0.012"
    with pytest.raises(DataError, match="no decisions to test"):
        markov_test(Demonstrations.from_arrays([], [], offsets=[0]))
