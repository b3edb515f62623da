"""Recorded transitions: from columns and demonstrations, what is left out and counted, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from telic.errors import DataError
from telic.features import MeasuredFeatureMap
from telic.neural.transitions import Transitions
from telic.policies.heads import CategoricalHead, GaussianHead
from telic.rewards import MeasuredReward, TabularReward
from telic.trajectories import Demonstrations

AMOUNTS = GaussianHead(low=(-2.0,), high=(4.0,))


def columns(n=4):
    x = np.arange(2.0 * n).reshape(n, 2)
    return {
        "observations": x,
        "actions": np.linspace(-2, 4, n)[:, None],
        "rewards": np.arange(n) * 1.0,
        "next_observations": x + 10,
        "terminated": np.zeros(n, bool),
        "head": AMOUNTS,
    }


def measured(**changes):
    return Demonstrations(
        **{
            "actions": np.array([0, 1, 1, 0], np.int32),
            "offsets": np.array([0, 2, 4]),
            "action_labels": ("stay", "go"),
            "observations": {"x": np.arange(4.0), "kind": np.array([0, 2, 1, 0], np.int32)},
            "next_observations": {
                "x": np.array([1.0, np.nan, 3.0, np.nan]),
                "kind": np.array([2, 0, 0, 0], np.int32),
            },
            "next_known": np.array([True, False, True, False]),
            "categories": {"kind": ("a", "b", "c")},
            "trajectory_ids": np.array(["0", "1"]),
            "demonstrators": np.zeros(2, np.int32),
            "terminated": np.array([False, True]),
            "truncated": np.array([True, False]),
            **changes,
        }
    )


def test_rows_without_an_outcome_are_left_out_and_counted_but_an_end_needs_none() -> None:
    found = Transitions.from_demonstrations(measured(), np.array([1.0, np.nan, 3.0, 4.0]))
    assert (len(found), found.n_unknown) == (3, 1)
    assert found.names == ("x", "kind=a", "kind=b", "kind=c")
    np.testing.assert_array_equal(found.observations, [[0, 1, 0, 0], [2, 0, 1, 0], [3, 1, 0, 0]])
    np.testing.assert_array_equal(found.next_observations[:2], [[1, 0, 0, 1], [3, 1, 0, 0]])
    np.testing.assert_array_equal(found.rewards, [1, 3, 4])
    np.testing.assert_array_equal(found.terminated, [False, False, True])
    np.testing.assert_array_equal(found.actions, [0, 1, 0])


def test_a_reward_of_measurements_is_told_for_each_row() -> None:
    features = MeasuredFeatureMap.from_expressions({"far": "x", "went": "action"}, action_values=[0, 1])
    reward = MeasuredReward(features=features, weights=np.array([2.0, -1.0]))
    found = Transitions.from_demonstrations(measured(), reward)
    np.testing.assert_allclose(found.rewards, [0.0, 3.0, 6.0])  # 2 x - [went] at rows 0, 2, 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1.0, 2.0, 4.0]), [1.0, 2.0, 4.0]),
        (np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), [1.0, 2.0, 4.0]),
        (sp.csr_array(np.arange(18.0).reshape(6, 3)), [4.0, 8.0]),
    ],
)
def test_rewards_of_states_pairs_and_what_follows(values, expected) -> None:
    """States 0, 1, 2 with actions 1, 0, 0; the last row ends the task, and what it led to was not seen."""
    demos = Demonstrations.from_arrays([0, 1, 2], [1, 0, 0], terminated=[True])
    found = Transitions.from_demonstrations(demos, TabularReward(values=values))
    np.testing.assert_allclose(found.rewards, expected)
    np.testing.assert_array_equal(found.observations, np.eye(3)[: len(expected)])
    assert found.terminated.sum() == (len(expected) == 3)
    assert found.n_unknown == 3 - len(expected)


def test_rows_for_the_engine_are_scaled_and_the_policy_is_told_how() -> None:
    pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
    given = columns(5)
    given["observations"][:, 1] = 7.0
    rows = Transitions.from_arrays(**given).rows()
    np.testing.assert_allclose(rows.action[:, 0], np.linspace(-1, 1, 5), atol=1e-6)
    np.testing.assert_allclose(rows.observation[:, 0], (np.arange(0, 10, 2) - 4) / np.sqrt(8), rtol=1e-6)
    np.testing.assert_array_equal(rows.observation[:, 1], 7.0)
    np.testing.assert_allclose([*rows.shift, *rows.scale], [4, 0, np.sqrt(8), 1], rtol=1e-6)
    np.testing.assert_allclose(rows.after[:, 0], (np.arange(10, 20, 2) - 4) / np.sqrt(8), rtol=1e-6)
    plain = Transitions.from_arrays(**given).rows(is_scaled=False)
    np.testing.assert_array_equal(plain.observation, given["observations"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rewards": np.array([0.0, 1.0, np.inf, np.nan])}, r"`rewards` must be finite; 2 rows .*row 2\)"),
        ({"actions": np.array([[0.0], [4.1], [0.0], [0.0]])}, r"lie between the bounds of the head; 1 rows .*row 1\)"),
        ({"actions": np.array([[0.0], [0.0], [0.0], [np.nan]])}, r"Actions must be finite .*row 3\)"),
        ({"actions": np.zeros((4, 2))}, r"Actions must have shape \(4, 1\), got \(4, 2\)"),
        ({"actions": np.zeros(3), "rewards": np.zeros(4)}, r"of one length, got \[4, 3, 4, 4, 4, 4\]"),
        ({"observations": np.full((4, 2), np.nan)}, r"`observations` must be finite; 4 rows are not"),
        ({"next_known": np.zeros(4, bool)}, r"no transitions with a known outcome \(4 rows were left out\)"),
        ({"head": CategoricalHead(n_actions=2)}, "Actions of a choice must be integers, got float64"),
        ({"head": CategoricalHead(n_actions=2), "actions": np.array([0, 1, 2, 0])}, r"lie in 0\.\.1; 1 rows .*row 2\)"),
        ({"names": ("a",)}, r"`observations` must have shape \(4, 1\), got \(4, 2\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_refused_with_its_rows(change, said) -> None:
    with pytest.raises(DataError, match=said):
        Transitions.from_arrays(**{**columns(), **change})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"next_known": None}, "What followed the decisions is not known"),
        ({"weights": np.array([1.0, 2.0, 1.0, 1.0])}, "Weights of decisions are not used here"),
        ({"origins": np.array([0, 3], np.int32)}, "No policy is made from an attacker's decisions"),
        ({"offered": np.array([[1, 1], [0, 1], [1, 1], [1, 1]], bool)}, "Not every action could be taken"),
    ],
)
def test_what_demonstrations_say_and_learners_would_not_mind_is_refused(change, said) -> None:
    with pytest.raises(DataError, match=said):
        Transitions.from_demonstrations(measured(**change), np.zeros(4))


def test_rewards_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"one number a decision \(4\), got shape \(3,\)"):
        Transitions.from_demonstrations(measured(), np.zeros(3))
    with pytest.raises(DataError, match="needs demonstrations with states"):
        Transitions.from_demonstrations(measured(), TabularReward(values=np.zeros(3)))
    demos = Demonstrations.from_arrays([0, 1, 2], [1, 0, 0])
    with pytest.raises(DataError, match="has 2 numbers, which does not fit 3 states and 1 actions"):
        Transitions.from_demonstrations(demos, TabularReward(values=np.zeros(2)))


def test_the_digest_follows_the_content() -> None:
    one = Transitions.from_arrays(**columns())
    assert one.digest == Transitions.from_arrays(**columns()).digest
    assert one.digest != replace(one, rewards=one.rewards + 1).digest
    assert one.digest != replace(one, head=GaussianHead(low=(-3.0,), high=(4.0,))).digest
