"""Optimal values: brute force, ties, undiscounted paths and cycles that pay."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import NumericalError, SettingsError
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.mdp.library import bus_engine, random_mdp
from telic.planning import policy_value, solve_hard, solve_hard_finite, solve_soft_finite
from telic.planning.bellman import BellmanOperator
from telic.planning.hard import solve_hard_operator
from telic.reports import Outcome


def value_iteration(mdp: TabularMDP, reward: np.ndarray) -> np.ndarray:
    P = mdp.transition.toarray().reshape(mdp.n_states, mdp.n_actions, mdp.n_states)
    V = np.zeros(mdp.n_states)
    for _ in range(20_000):
        new = (reward + mdp.discount * P @ V).max(axis=1)
        if np.abs(new - V).max() < 1e-13:
            break
        V = new
    return V


@pytest.mark.parametrize("method", ["auto", "newton-lu", "newton-krylov"])
@pytest.mark.parametrize("discount", [0.0, 0.5, 0.95])
def test_policy_iteration_agrees_with_value_iteration(method: str, discount: float) -> None:
    problem = random_mdp(31, 4, key=3, n_successors=5, discount=discount)
    solution = solve_hard(problem.mdp, problem.reward, method=method, throw=True)
    np.testing.assert_allclose(solution.value, value_iteration(problem.mdp, problem.reward), atol=1e-9)
    np.testing.assert_allclose(
        policy_value(problem.mdp, solution.policy.table, problem.reward), solution.value, atol=1e-9
    )


def test_a_patient_owner_needs_few_improvements() -> None:
    problem = bus_engine((0.39, 0.6, 0.01), discount=0.9999)
    solution = solve_hard(problem.mdp, problem.reward)
    assert solution.outcome.ok
    assert solution.iterations <= 30
    keeps = solution.greedy == 0
    assert keeps[0]
    assert np.all(np.diff(keeps.astype(int)) <= 0)  # keep below a mileage, replace above it


def test_ties_go_to_the_lowest_index() -> None:
    P = np.full((3, 4, 3), 1 / 3)
    mdp = TabularMDP.from_transition(P, discount=0.9)
    solution = solve_hard(mdp, np.tile([0.0, 1.0, 1.0, 0.5], (3, 1)))
    assert solution.greedy.tolist() == [1, 1, 1]


def line(n: int) -> TabularMDP:
    """Left, right or stay on a line of n states whose last state ends it."""
    to = np.stack(
        [np.maximum(np.arange(n) - 1, 0), np.minimum(np.arange(n) + 1, n - 1), np.arange(n)], axis=1
    )
    P = np.zeros((n, 3, n))
    P[np.arange(n)[:, None], np.arange(3), to] = 1.0
    return TabularMDP.from_transition(P, discount=1.0, absorbing=np.arange(n) == n - 1)


def test_undiscounted_shortest_path() -> None:
    solution = solve_hard(line(200), -np.ones((200, 3)))
    assert solution.outcome.ok
    np.testing.assert_allclose(solution.value, np.arange(200) - 199, atol=1e-9)
    assert np.all(solution.greedy[:-1] == 1)
    assert solution.greedy[-1] == -1


def test_a_cycle_of_no_gain_is_harmless_and_one_that_pays_is_not() -> None:
    reward = -np.ones((5, 3))
    reward[2, 2] = 0.0
    assert solve_hard(line(5), reward).outcome.ok
    reward[2, 2] = 0.01
    solution = solve_hard(line(5), reward)
    assert solution.outcome is Outcome.VALUE_DIVERGES
    assert "a cycle" in solution.findings[0].message
    assert 2 in solution.findings[0].evidence["states"]
    assert np.isnan(solution.value).all()
    with pytest.raises(NumericalError, match="value-diverges"):
        solve_hard(line(5), reward, throw=True)


def test_finite_horizon_against_enumeration() -> None:
    problem = random_mdp(4, 2, key=5)
    mdp = FiniteHorizonMDP(transition=problem.mdp.transition, n_actions=2, horizon=3)
    P = mdp.transition.toarray().reshape(4, 2, 4)

    def best(s: int, t: int) -> float:
        if t == 3:
            return 0.0
        return max(
            problem.reward[s, a] + sum(P[s, a, x] * best(x, t + 1) for x in range(4)) for a in range(2)
        )

    solution = solve_hard_finite(mdp, problem.reward, throw=True)
    np.testing.assert_allclose(solution.value[0], [best(s, 0) for s in range(4)], atol=1e-12)
    assert solution.value.shape == (4, 4)
    assert solution.policy.table.shape == (3, 4, 2)


def test_settings_are_checked() -> None:
    problem = random_mdp(4, 2, key=5)
    with pytest.raises(SettingsError, match="max_iterations"):
        solve_hard(problem.mdp, problem.reward, max_iterations=0)
    with pytest.raises(SettingsError, match="`method` must be one of auto"):
        solve_hard(problem.mdp, problem.reward, method="sweeps")
    with pytest.raises(SettingsError, match=r"`initial_value` must have shape \(4,\), got \(5,\)"):
        solve_hard_operator(BellmanOperator.of(problem.mdp, problem.reward), 1e-10, 100, "auto", np.zeros(5))


def test_an_undiscounted_answer_beyond_double_precision_is_not_reported() -> None:
    # The end is 1e13 decisions away, and 1 a decision: rounding alone is worth 1e10 of 1e13.
    P = np.zeros((3, 1, 3))
    P[0, 0] = [0.0, 1.0, 0.0]
    P[1, 0] = [1.0 - 2.0**-43, 0.0, 2.0**-43]
    P[2, 0, 2] = 1.0
    mdp = TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, False, True]))
    solution = solve_hard(mdp, -np.ones((3, 1)))
    assert solution.outcome is Outcome.SINGULAR
    assert np.isnan(solution.value).all()
    assert np.all(solution.greedy == -1)


def test_a_reward_that_is_not_finite_is_an_outcome_with_a_horizon_too() -> None:
    problem = random_mdp(4, 2, key=5)
    mdp = FiniteHorizonMDP(transition=problem.mdp.transition, n_actions=2, horizon=3)
    for bad in (np.nan, np.inf, -np.inf):
        reward = problem.reward.copy()
        reward[2, 1] = bad
        for solution in (solve_soft_finite(mdp, reward), solve_hard_finite(mdp, reward)):
            assert solution.outcome is Outcome.NON_FINITE
            assert np.isnan(solution.value).all()
        available = np.isfinite(reward)
        closed = FiniteHorizonMDP(transition=mdp.transition, n_actions=2, horizon=3, available=available)
        assert solve_soft_finite(closed, reward).outcome.ok
        assert solve_hard_finite(closed, reward).outcome.ok
