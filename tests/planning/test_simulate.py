"""Simulated demonstrations: frequencies, ends, reproducibility.

Statistical gates: m = 14 frequencies, each inside its exact binomial interval at level .001 / 14; keys fixed.
"""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError, DynamicsError, SettingsError
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.mdp.library import chain, random_mdp, risky_path, road_network
from telic.planning import simulate, simulate_goals, solve_soft, solve_soft_finite, solve_soft_goals

LEVEL = 0.001 / 14


def binomial_inside(k: int, n: int, p: float) -> bool:
    from scipy.stats import binom

    return min(binom.cdf(k, n, p), binom.sf(k - 1, n, p)) > LEVEL / 2


def test_actions_and_successors_come_with_their_probabilities() -> None:
    problem = random_mdp(3, 2, key=11, discount=0.5)
    pi = np.array([[0.1, 0.9], [0.5, 0.5], [0.75, 0.25]])
    demos = simulate(problem.mdp, pi, 4000, 3, key=1)
    assert demos.n_decisions == 12_000
    assert demos.truncated.all()
    s, a, nxt = demos.states, demos.actions, demos.next_states
    assert s is not None
    assert nxt is not None
    P = problem.mdp.transition.toarray().reshape(3, 2, 3)
    for i in range(3):
        assert binomial_inside(int((a[s == i] == 0).sum()), int((s == i).sum()), pi[i, 0])
        for j in range(2):
            at = (s == i) & (a == j)
            assert binomial_inside(int((nxt[at] == 1).sum()), int(at.sum()), P[i, j, 1])
    np.testing.assert_array_equal(
        nxt[:-1][np.diff(demos.trajectory_index) == 0], s[1:][np.diff(demos.trajectory_index) == 0]
    )


def test_the_same_key_gives_the_same_trajectories() -> None:
    problem = chain()
    pi = solve_soft(problem.mdp, problem.reward).policy
    one, two, other = (simulate(problem.mdp, pi, 10, 20, key=k) for k in (3, 3, 4))
    assert one.digest == two.digest
    assert one.digest != other.digest
    assert one.action_labels == ("stay", "switch")


def test_absorption_ends_a_trajectory() -> None:
    P = np.zeros((2, 1, 2))
    P[0, 0] = [0.5, 0.5]
    P[1, 0, 1] = 1.0
    mdp = TabularMDP.from_transition(
        P, discount=1.0, absorbing=np.array([False, True]), initial=np.array([0.9, 0.1])
    )
    pi = np.array([[1.0], [0.0]])
    demos = simulate(mdp, pi, 2000, key=5)
    lengths = np.diff(demos.offsets)
    assert demos.terminated.all()
    assert binomial_inside(int((lengths == 0).sum()), 2000, 0.1)
    assert binomial_inside(int((lengths == 1).sum()), 2000, 0.45)
    ends = demos.offsets[1:][lengths > 0] - 1
    assert np.all(demos.next_states[ends] == 1)
    short = simulate(mdp, pi, 200, 1, key=5)
    assert short.truncated.any()
    assert short.terminated.any()
    endless = simulate(mdp, pi, 50, key=5, max_steps=1, starts=np.zeros(50, dtype=np.int64))
    assert endless.truncated.any()


def test_a_horizon_terminates() -> None:
    problem = risky_path(horizon=5, trap=-2.0)
    assert isinstance(problem.mdp, FiniteHorizonMDP)
    solution = solve_soft_finite(problem.mdp, problem.reward)
    demos = simulate(problem.mdp, solution.policy, 3000, key=7)
    assert np.all(np.diff(demos.offsets) == 5)
    assert demos.terminated.all()
    first = demos.actions[demos.offsets[:-1]]
    assert binomial_inside(int(first.sum()), 3000, float(solution.policy.table[0, 0, 1]))


def test_travellers_arrive() -> None:
    problem = road_network(6, 7, n_goals=4, key=0)
    solution = solve_soft_goals(problem.mdp, problem.reward, throw=True)
    goals = np.repeat(problem.mdp.goals, 10)
    demos = simulate_goals(problem.mdp, solution, np.zeros(40, dtype=np.int64), goals, key=1)
    assert demos.terminated.all()
    np.testing.assert_array_equal(demos.goals, goals)
    filled = np.diff(demos.offsets) > 0
    np.testing.assert_array_equal(demos.next_states[demos.offsets[1:][filled] - 1], goals[filled])
    assert np.all(problem.mdp.availability[demos.states, demos.actions])
    missing = np.setdiff1d(np.arange(42), problem.mdp.goals)[:1]
    with pytest.raises(DataError, match="No solution for destinations"):
        simulate_goals(problem.mdp, solution, np.zeros(1, dtype=np.int64), missing, key=1)


def test_mistakes_are_named() -> None:
    problem = chain()
    pi = np.full((2, 2), 0.5)
    with pytest.raises(SettingsError, match="no absorbing states"):
        simulate(problem.mdp, pi, 1, key=0)
    with pytest.raises(DataError, match=r"got \(2, 1\)"):
        simulate(problem.mdp, pi[:, :1], 1, 1, key=0)
    with pytest.raises(DataError, match="`starts` must hold 3 states"):
        simulate(problem.mdp, pi, 3, 1, key=0, starts=np.array([0, 1]))
    nowhere = TabularMDP.from_transition(problem.mdp.transition, n_actions=2, discount=0.9)
    with pytest.raises(DynamicsError, match="initial distribution"):
        simulate(nowhere, pi, 1, 1, key=0)


def test_a_policy_that_does_not_fit_is_refused_and_not_played() -> None:
    problem = chain()
    with pytest.raises(DataError, match="finite and not negative"):
        simulate(problem.mdp, np.full((2, 2), np.nan), 1, 3, key=0)
    with pytest.raises(DataError, match="must sum to 1"):
        simulate(problem.mdp, np.full((2, 2), 0.7), 1, 3, key=0)
    silent = np.array([[0.0, 1.0], [0.0, 0.0]])
    with pytest.raises(DataError, match=r"1 states where the policy says nothing \(first: \[1\]\)"):
        simulate(problem.mdp, silent, 1, 3, key=0)
    assert simulate(problem.mdp, silent, 1, 1, key=0).actions.tolist() == [1]  # it never comes to state 1
    narrow = TabularMDP.from_transition(
        problem.mdp.transition, n_actions=2, discount=0.9, available=np.array([[True, False], [True, True]])
    )
    with pytest.raises(DataError, match=r"takes unavailable actions in 1 states \(first: \[0\]\)"):
        simulate(narrow, np.full((2, 2), 0.5), 1, 3, key=0, starts=np.array([1]))
