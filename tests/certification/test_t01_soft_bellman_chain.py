"""T1: the soft Bellman equation on the two-state chain C, against its closed form.

With theta = 1, gamma = .9 and rationality 1: ``V1 - V0 = 1`` exactly, ``V0 = log(1 + e^.9) / .1``, the chance
to be in state 1 next is ``sigmoid(.9)`` from both states, and the discounted occupancy of the states from
state 0 is (3.601454476375, 6.398545523625). Tolerance 1e-10: the residual target of the solvers, ten times
below what a contraction by .9 could amplify.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from telic.mdp.library import chain
from telic.planning import occupancy, solve_soft, visitation

TOLERANCE = 1e-10
V0 = 12.411538747321
MOVE = 0.710949502625
OCCUPANCY = (3.601454476375, 6.398545523625)


@pytest.mark.parametrize("method", ["auto", "newton-dense", "newton-lu", "newton-krylov", "sweeps"])
def test_soft_value_and_policy(method: str) -> None:
    problem = chain()
    solution = solve_soft(problem.mdp, problem.reward, method=method, tolerance=1e-13, max_iterations=10_000)
    assert solution.outcome.ok
    assert math.log1p(math.exp(0.9)) / 0.1 == pytest.approx(V0, abs=1e-11)
    assert solution.value[0] == pytest.approx(V0, abs=TOLERANCE)
    assert solution.value[1] - solution.value[0] == pytest.approx(1.0, abs=TOLERANCE)
    assert solution.policy.table[0, 1] == pytest.approx(MOVE, abs=TOLERANCE)
    assert solution.policy.table[1, 0] == pytest.approx(MOVE, abs=TOLERANCE)


def test_occupancy() -> None:
    problem = chain()
    pi = solve_soft(problem.mdp, problem.reward, throw=True).policy.table
    mu = occupancy(problem.mdp, pi)
    np.testing.assert_allclose(mu.sum(axis=1), OCCUPANCY, atol=TOLERANCE)
    assert mu.sum() == pytest.approx(10.0, abs=TOLERANCE)
    assert visitation(problem.mdp, pi).sum() == pytest.approx(1.0, abs=1e-12)


def test_defaults_reach_the_tolerance() -> None:
    problem = chain()
    solution = solve_soft(problem.mdp, problem.reward)
    assert solution.value[0] == pytest.approx(V0, abs=TOLERANCE)
    assert abs(solution.value[0] - math.log1p(math.exp(0.9)) / 0.1) <= solution.value_bound + 1e-13


def test_the_reward_of_t4_gives_its_policy_and_values() -> None:
    # T4: theta = (1.0, switch cost 0.5).
    problem = chain(reward=1.0, switch_cost=0.5)
    solution = solve_soft(problem.mdp, problem.reward, throw=True)
    np.testing.assert_allclose(solution.value, [10.54434331, 11.79559456], atol=1e-6)
    np.testing.assert_allclose(solution.policy.table[:, 1], [0.65161056, 0.16436173], atol=1e-6)
    doubled = chain(reward=2.0, switch_cost=0.5)
    counterfactual = solve_soft(doubled.mdp, doubled.reward, throw=True).policy.table[:, 1]
    np.testing.assert_allclose(counterfactual, [0.83938307, 0.06576471], atol=1e-6)
