"""Many destinations: the shared factorisation against dense algebra and a world per goal, and its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from telic.errors import DynamicsError, NumericalError
from telic.mdp import GoalConditionedMDP, TabularMDP
from telic.mdp.library import random_mdp, road_network
from telic.planning import policy_system, solve_soft, solve_soft_goals
from telic.reports import Outcome


def network(S: int, A: int, key: int, goals: list[int]) -> tuple[GoalConditionedMDP, np.ndarray, np.ndarray]:
    """A ring with shortcuts: ``(world, reward, successors)``."""
    rng = np.random.default_rng(key)
    to = rng.integers(0, S, (S, A))
    to[:, 0] = (np.arange(S) + 1) % S
    P = np.zeros((S, A, S))
    P[np.arange(S)[:, None], np.arange(A), to] = 1.0
    world = TabularMDP.from_transition(P, discount=0.0)
    mdp = GoalConditionedMDP(transition=world.transition, n_actions=A, goals=np.array(goals, dtype=np.int32))
    return mdp, -1.5 - rng.random((S, A)), to


def with_goal(mdp: GoalConditionedMDP, goal: int) -> TabularMDP:
    return TabularMDP(
        transition=mdp.transition,
        n_actions=mdp.n_actions,
        discount=1.0,
        available=mdp.available,
        absorbing=np.arange(mdp.n_states) == goal,
    )


@pytest.mark.parametrize("beta", [1.0, 2.5])
def test_shared_factors_agree_with_dense_algebra(beta: float) -> None:
    mdp, R, to = network(25, 3, 0, [3, 0, 17])
    solution = solve_soft_goals(mdp, R, rationality=beta, throw=True)
    M = np.zeros((25, 25))
    np.add.at(M, (np.arange(25)[:, None], to), np.exp(beta * R))
    for i, goal in enumerate(mdp.goals.tolist()):
        cut = M.copy()
        cut[goal] = 0.0
        z = np.linalg.solve(np.eye(25) - cut, np.eye(25)[goal])
        np.testing.assert_allclose(solution.value[i], np.log(z) / beta, atol=1e-12)
    assert solution.spectral_radius == pytest.approx(np.abs(np.linalg.eigvals(M)).max(), abs=1e-9)
    assert solution.residual < 1e-10
    assert len(solution.columns_of) == 3


@pytest.mark.parametrize("beta", [1.0, 2.5])
def test_values_policies_and_derivative_solves_agree_with_a_world_per_goal(beta: float) -> None:
    mdp, R, _ = network(30, 3, 1, [4, 9])
    solution = solve_soft_goals(mdp, R, rationality=beta, throw=True)
    rng = np.random.default_rng(2)
    for i, goal in enumerate(mdp.goals.tolist()):
        single = solve_soft(with_goal(mdp, goal), R, rationality=beta, throw=True)
        np.testing.assert_allclose(solution.value[i], single.value, atol=1e-9)
        np.testing.assert_allclose(np.exp(solution.log_policy(i)), single.policy.table, atol=1e-9)
        system = policy_system(with_goal(mdp, goal), single.policy.table)
        b = rng.normal(size=(30, 4))
        b[goal] = 0.0
        np.testing.assert_allclose(solution.solve(i, b), system.solve(b), atol=1e-9)
        np.testing.assert_allclose(solution.solve(i, b[:, 0]), system.solve(b[:, 0]), atol=1e-9)
        b[goal] = 1.0
        np.testing.assert_allclose(solution.solve_transposed(i, b), system.solve_transposed(b), atol=1e-9)


def test_value_derivatives_are_those_of_finite_differences() -> None:
    mdp, R, _ = network(20, 3, 3, [5, 11, 2])
    phi = np.random.default_rng(4).normal(size=(20, 3, 2))
    solution = solve_soft_goals(mdp, R, throw=True)
    derivative = solution.value_derivatives(np.arange(3), phi)
    for k in range(2):
        high = solve_soft_goals(mdp, R + 1e-5 * phi[:, :, k], throw=True).value
        low = solve_soft_goals(mdp, R - 1e-5 * phi[:, :, k], throw=True).value
        np.testing.assert_allclose(derivative[:, :, k], (high - low) / 2e-5, atol=1e-8)


def test_states_that_cannot_arrive_have_value_minus_infinity() -> None:
    P = np.zeros((4, 2, 4))
    P[[0, 1, 2, 3], 0, [1, 2, 2, 3]] = 1.0
    P[[0, 1, 2, 3], 1, [3, 0, 1, 3]] = 1.0
    world = TabularMDP.from_transition(P, discount=0.0)
    mdp = GoalConditionedMDP(transition=world.transition, n_actions=2, goals=np.array([2, 3], dtype=np.int32))
    solution = solve_soft_goals(mdp, np.full((4, 2), -1.0), throw=True)
    assert np.isneginf(solution.value[0, 3])
    assert np.isfinite(solution.value[1]).all()
    pi = np.exp(solution.log_policy(0))
    np.testing.assert_allclose(pi[0], [1.0, 0.0])
    assert np.all(pi[2:] == 0.0)
    assert np.all(solution.solve(0, np.ones(4))[[2, 3]] == 0.0)
    z = np.exp(solution.value[0, :2])
    np.testing.assert_allclose(z, [math.exp(-1) * z[1], math.exp(-1) * (1 + z[0])])


def test_far_destinations_are_solved_in_logarithms() -> None:
    # 400 steps of a cost of 5: exp(-2000) is no float. On a one-way ring there is one path only.
    S = 400
    P = np.zeros((S, 1, S))
    P[np.arange(S), 0, (np.arange(S) + 1) % S] = 1.0
    world = TabularMDP.from_transition(P, discount=0.0)
    mdp = GoalConditionedMDP(transition=world.transition, n_actions=1, goals=np.array([0, 7], dtype=np.int32))
    solution = solve_soft_goals(mdp, np.full((S, 1), -5.0), throw=True)
    np.testing.assert_allclose(solution.value[0], -5.0 * (-np.arange(S) % S), atol=1e-8)
    b = np.zeros(S)
    b[10] = 1.0
    x = solution.solve(1, b)
    assert x[9] == pytest.approx(1.0)
    assert x[8] == pytest.approx(1.0)
    assert x[20] == 0.0  # the way from 20 to 10 leads through the goal
    assert x[7] == 0.0


def test_radius_of_one_or_more_is_said_and_no_value_is_given() -> None:
    mdp, R, to = network(25, 3, 0, [3, 12])
    M = np.zeros((25, 25))
    np.add.at(M, (np.arange(25)[:, None], to), np.exp(R))
    critical = math.log(np.abs(np.linalg.eigvals(M)).max())
    solution = solve_soft_goals(mdp, R - critical + 0.3)
    assert solution.spectral_radius == pytest.approx(math.exp(0.3), abs=1e-6)
    assert solution.outcome is Outcome.SOFT_VALUE_DIVERGES
    assert np.isnan(solution.value[~np.array([o.ok for o in solution.outcomes])]).all()
    assert any("spectral radius" in f.message for f in solution.findings)
    assert any("destinations have no soft value" in f.message for f in solution.findings)
    with pytest.raises(NumericalError, match="soft-value-diverges"):
        solve_soft_goals(mdp, R - critical + 0.3, throw=True)


def test_a_loop_only_through_the_goal_is_harmless() -> None:
    # 0 -> 1 -> 0 pays 1 in all, but whoever goes to 0 stops there.
    P = np.zeros((2, 1, 2))
    P[0, 0, 1] = P[1, 0, 0] = 1.0
    world = TabularMDP.from_transition(P, discount=0.0)
    mdp = GoalConditionedMDP(transition=world.transition, n_actions=1, goals=np.array([0], dtype=np.int32))
    for pay in (0.5, 0.0):
        solution = solve_soft_goals(mdp, np.full((2, 1), pay))
        assert solution.outcome.ok
        np.testing.assert_allclose(solution.value[0], [0.0, pay], atol=1e-12)
        assert solution.spectral_radius >= 1.0
        assert solution.findings[0].code == "spectral-radius"


def test_stochastic_goals_agree_with_a_world_per_goal() -> None:
    problem = random_mdp(15, 3, key=6, n_successors=3, discount=0.5)
    mdp = GoalConditionedMDP(
        transition=problem.mdp.transition, n_actions=3, goals=np.array([2, 8], dtype=np.int32)
    )
    R = problem.reward - 4.0
    solution = solve_soft_goals(mdp, R, throw=True)
    assert math.isnan(solution.spectral_radius)
    for i, goal in enumerate(mdp.goals.tolist()):
        single = solve_soft(with_goal(mdp, goal), R, throw=True)
        np.testing.assert_allclose(solution.value[i], single.value, atol=1e-8)
        system = policy_system(with_goal(mdp, goal), single.policy.table)
        b = np.where(np.arange(15) == goal, 0.0, 1.0)
        np.testing.assert_allclose(solution.solve(i, b), system.solve(b), atol=1e-8)


def test_a_risk_of_never_arriving_rules_an_action_out() -> None:
    # From 0: action 0 is sure but dear; action 1 is cheap and ends in the pit 2 half of the time.
    P = np.zeros((3, 2, 3))
    P[0, 0, 1] = 1.0
    P[0, 1, [1, 2]] = 0.5
    P[1, :, 1] = P[2, :, 2] = 1.0
    world = TabularMDP.from_transition(P, discount=0.0)
    mdp = GoalConditionedMDP(transition=world.transition, n_actions=2, goals=np.array([1], dtype=np.int32))
    solution = solve_soft_goals(mdp, np.array([[-9.0, -1.0], [0, 0], [-1, -1]]), throw=True)
    np.testing.assert_allclose(solution.value[0], [-9.0, 0.0, -np.inf])
    np.testing.assert_allclose(np.exp(solution.log_policy(0)[0]), [1.0, 0.0])


def test_a_town_is_solved_by_one_factorisation() -> None:
    problem = road_network(20, 30, n_goals=25, key=2)
    solution = solve_soft_goals(problem.mdp, problem.reward, throw=True)
    assert len(solution.columns_of) == 25
    assert solution.spectral_radius < 1.0
    i, goal = 7, int(problem.mdp.goals[7])
    single = solve_soft(with_goal(problem.mdp, goal), problem.reward, throw=True)
    np.testing.assert_allclose(solution.value[i], single.value, atol=1e-8)


def test_goals_must_be_states() -> None:
    mdp, R, _ = network(10, 2, 0, [1])
    with pytest.raises(DynamicsError, match=r"states in \[0, 10\)"):
        solve_soft_goals(mdp, R, goals=np.array([10], dtype=np.int32))
    with pytest.raises(DynamicsError, match="shape"):
        solve_soft_goals(mdp, R[:, :1])
