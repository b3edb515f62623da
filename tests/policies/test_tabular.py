"""Policies as tables: what they are, what they draw, and tables that are none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from telic.errors import DataError
from telic.policies import TabularPolicy
from telic.trajectories import Demonstrations

TABLE = np.array([[0.25, 0.75], [0.5, 0.5], [0.0, 0.0]])


def test_probabilities_modes_and_decisions() -> None:
    policy = TabularPolicy(table=TABLE)
    states, actions = np.array([0, 1, 2], dtype=np.int32), np.array([1, 0, 0], dtype=np.int32)
    np.testing.assert_allclose(policy.log_prob(states, actions), [math.log(0.75), math.log(0.5), -math.inf])
    assert policy.mode(states[:2]).tolist() == [1, 0]  # the lowest index where tied
    timed = TabularPolicy(table=np.stack([TABLE[:2], TABLE[:2][::-1]]))
    demos = Demonstrations.from_arrays([0, 0, 1], [1, 1, 0], offsets=[0, 2, 3])
    np.testing.assert_allclose(np.exp(timed.decision_log_probs(demos)), [0.75, 0.5, 0.5])


def test_draws_have_their_probabilities() -> None:
    policy = TabularPolicy(table=TABLE)
    n = 40_000
    drawn = policy.sample(np.zeros(n, dtype=np.int32), key=3)
    # False alarm: 6e-5 (four standard errors).
    assert abs(drawn.mean() - 0.75) < 4 * math.sqrt(0.75 * 0.25 / n)
    np.testing.assert_array_equal(drawn, policy.sample(np.zeros(n, dtype=np.int32), key=3))


def test_a_state_without_support_draws_nothing() -> None:
    with pytest.raises(DataError, match=r"says nothing in 1 of the states \(first: \[2\]\)"):
        TabularPolicy(table=TABLE).sample(np.array([0, 2, 2], dtype=np.int32), key=0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.array([0.5, 0.5]), r"must be \(S, A\) or \(T, S, A\)"),
        (np.array([[1.5, -0.5]]), "not negative"),
        (np.array([[np.nan, 1.0]]), "finite"),
        (np.array([[1.0, 0.0], [0.7, 0.7]]), "1 do not .first: row 1, sum 1.4"),
    ],
)
def test_tables_that_are_no_policies_are_refused(table: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        TabularPolicy(table=table)
