"""Soft values: closed forms, every method against brute force, and failures that say what to do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from telic.errors import DynamicsError, NumericalError, SettingsError
from telic.mdp import TabularMDP
from telic.mdp.library import bus_engine, random_mdp
from telic.planning import solve_hard, solve_soft
from telic.reports import Outcome

BUS_INCREMENTS = (0.3919, 0.5953, 0.0128)


def brute_force(mdp: TabularMDP, reward: np.ndarray, beta: float = 1.0, sweeps: int = 20_000) -> np.ndarray:
    """Dense sweeps of the soft operator, written out."""
    P = mdp.transition.toarray().reshape(mdp.n_states, mdp.n_actions, mdp.n_states)
    V = np.zeros(mdp.n_states)
    for _ in range(sweeps):
        Q = np.where(mdp.availability, reward + mdp.discount * P @ V, -np.inf)
        new = np.log(np.exp(beta * (Q - Q.max(axis=1, keepdims=True))).sum(axis=1)) / beta + Q.max(axis=1)
        if mdp.absorbing is not None:
            new[mdp.absorbing] = 0.0
        if np.abs(new - V).max() < 1e-13:
            return new
        V = new
    return V


def loop(cost: float) -> tuple[TabularMDP, np.ndarray]:
    """State 0 may stay at a cost or leave for nothing; state 1 is the end."""
    P = np.zeros((2, 2, 2))
    P[0, 0, 0] = P[0, 1, 1] = P[1, :, 1] = 1.0
    mdp = TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, True]))
    return mdp, np.array([[-cost, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize("method", ["newton-dense", "newton-lu", "newton-krylov", "sweeps"])
@pytest.mark.parametrize("discount", [0.0, 0.3, 0.9])
def test_every_method_agrees_with_brute_force(method: str, discount: float) -> None:
    problem = random_mdp(23, 3, key=1, n_successors=4, discount=discount)
    for beta in (0.5, 1.0, 4.0):
        solution = solve_soft(problem.mdp, problem.reward, rationality=beta, method=method, throw=True)
        np.testing.assert_allclose(solution.value, brute_force(problem.mdp, problem.reward, beta), atol=1e-8)
        np.testing.assert_allclose(solution.policy.table.sum(axis=1), 1.0, atol=1e-12)
        assert solution.residual <= 1e-10 * max(1.0, np.abs(solution.value).max())
        assert solution.value_bound == pytest.approx(solution.residual / (1 - discount))


@pytest.mark.parametrize("discount", [0.99, 0.9999, 0.999999])
def test_patience_costs_no_more_steps(discount: float) -> None:
    problem = bus_engine(BUS_INCREMENTS, discount=discount)
    solution = solve_soft(problem.mdp, problem.reward)
    assert solution.outcome.ok
    assert solution.iterations <= 20
    # A discount of almost 1 multiplies errors of V by up to 1e6, but not those of differences.
    Q = problem.reward + discount * (problem.mdp.transition @ solution.value).reshape(90, 2)
    np.testing.assert_allclose(np.logaddexp(Q[:, 0], Q[:, 1]), solution.value, rtol=1e-10)


@pytest.mark.parametrize("method", ["newton-lu", "newton-krylov"])
def test_far_sighted_walkers_in_wide_worlds_take_tens_of_steps(method: str) -> None:
    # On a ring of 1,500 places with steps of at most 7 a horizon of 10,000 decisions sees all of it, and what is
    # known about the best place travels one decision a Newton step: alone Newton needs over a hundred.
    problem = random_mdp(1_500, 5, key=0, n_successors=3, reach=7, discount=0.9999)
    soft = solve_soft(problem.mdp, problem.reward, method=method)
    assert soft.outcome.ok
    assert soft.iterations <= 30
    hard = solve_hard(problem.mdp, problem.reward, method=method)
    assert hard.outcome.ok
    assert hard.iterations <= 30
    gap = soft.value - hard.value
    assert gap.min() > 0
    assert gap.max() < np.log(5) / (1 - 0.9999)


@pytest.mark.parametrize("cost", [3.0, 1.0, 0.1, 1e-3])
def test_undiscounted_loop_has_its_closed_form(cost: float) -> None:
    # z = e^-c z + 1: V = -log(1 - e^-c).
    solution = solve_soft(*loop(cost))
    assert solution.outcome.ok
    assert solution.value[0] == pytest.approx(-math.log(-math.expm1(-cost)), abs=1e-6)
    assert abs(solution.value[0] + math.log(-math.expm1(-cost))) <= 2 * solution.value_bound + 1e-12
    assert solution.value[1] == 0.0


@pytest.mark.parametrize("cost", [0.0, -1e-9, -0.5, -50.0])
def test_undiscounted_loop_diverges_exactly_from_radius_one(cost: float) -> None:
    solution = solve_soft(*loop(cost))
    assert solution.outcome is Outcome.SOFT_VALUE_DIVERGES
    assert np.isnan(solution.value).all()
    assert np.isnan(solution.log_policy).all()
    message = solution.findings[0].message
    assert "[0]" in message
    assert "spectral radius" in message
    assert solution.findings[0].evidence["spectral_radius"] == pytest.approx(math.exp(-cost))
    assert "cost" in solution.findings[0].hint


def test_a_value_beyond_double_precision_is_not_reported() -> None:
    # At a cost of 1e-11 the value is 25.3 with an expected stay of 1e11 steps: no residual can prove it.
    assert not solve_soft(*loop(1e-11)).outcome.ok


def test_stochastic_world_diverges_only_where_staying_is_possible() -> None:
    # A loop that leaks with probability .1 is left whatever it pays; without the leak it is not.
    for leak, expected in ((0.1, Outcome.SUCCESS), (0.0, Outcome.SOFT_VALUE_DIVERGES)):
        P = np.zeros((2, 2, 2))
        P[0, 0] = [1 - leak, leak]
        P[0, 1] = P[1, 0] = P[1, 1] = [0, 1]
        mdp = TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, True]))
        assert solve_soft(mdp, np.array([[0.5, 0.0], [0.0, 0.0]])).outcome is expected


def test_wide_network_of_deterministic_moves_has_the_spectral_radius_of_its_matrix() -> None:
    rng = np.random.default_rng(5)
    S, A = 9, 3
    to = rng.integers(0, S, (S, A))
    to[:, 0] = (np.arange(S) + 1) % S
    P = np.zeros((S, A, S))
    P[np.arange(S)[:, None], np.arange(A), to] = 1.0
    absorbing = np.arange(S) == 0
    mdp = TabularMDP.from_transition(P, discount=1.0, absorbing=absorbing)
    base = rng.normal(size=(S, A))

    def radius(reward: np.ndarray) -> float:
        M = np.zeros((S, S))
        np.add.at(M, (np.arange(S)[:, None], to), np.exp(reward))
        return float(np.abs(np.linalg.eigvals(M[1:, 1:])).max())

    critical = math.log(radius(base))  # M scales with e^-c when every step costs c more
    below = solve_soft(mdp, base - critical - 1e-3)
    assert below.outcome.ok
    M = np.zeros((S, S))
    np.add.at(M, (np.arange(S)[:, None], to), np.exp(base - critical - 1e-3))
    z = np.linalg.solve(np.eye(S - 1) - M[1:, 1:], M[1:, 0])
    np.testing.assert_allclose(below.value[1:], np.log(z), atol=1e-8)
    above = solve_soft(mdp, base - critical + 1e-3)
    assert above.outcome is Outcome.SOFT_VALUE_DIVERGES
    assert above.findings[0].evidence["spectral_radius"] == pytest.approx(math.exp(1e-3), abs=1e-9)


def test_states_without_an_end_are_listed() -> None:
    P = np.zeros((4, 1, 4))
    P[[0, 1, 2, 3], 0, [1, 1, 3, 3]] = 1.0
    mdp = TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, False, False, True]))
    solution = solve_soft(mdp, -np.ones((4, 1)))
    assert solution.outcome is Outcome.NOT_ABSORBING
    assert solution.findings[0].evidence["states"] == [0, 1]
    assert "2 states cannot reach an absorbing state (first: 0, 1)" in solution.findings[0].message
    with pytest.raises(NumericalError, match="not-absorbing") as caught:
        solve_soft(mdp, -np.ones((4, 1)), throw=True)
    assert "absorbing" in caught.value.hint


def test_other_failures_are_outcomes_and_never_numbers() -> None:
    problem = random_mdp(8, 2, key=0)
    bad = problem.reward.copy()
    bad[3, 1] = np.nan
    for solution, outcome in (
        (solve_soft(problem.mdp, bad), Outcome.NON_FINITE),
        (solve_soft(problem.mdp, problem.reward, method="sweeps", max_iterations=1), Outcome.MAX_ITERATIONS),
    ):
        assert solution.outcome is outcome
        assert np.isnan(solution.value).all()
        with pytest.raises(NumericalError):
            _ = solution.policy
    resumed = solve_soft(problem.mdp, problem.reward, initial_value=solution.last_value)
    assert resumed.outcome.ok


def test_extreme_rewards_do_not_overflow() -> None:
    problem = random_mdp(8, 3, key=0)
    solution = solve_soft(problem.mdp, 1e6 * problem.reward)
    assert solution.outcome.ok
    np.testing.assert_allclose(solution.policy.table.sum(axis=1), 1.0)


def test_arguments_are_checked_at_the_door() -> None:
    problem = random_mdp(8, 3, key=0)
    with pytest.raises(DynamicsError, match=r"shape \(S, A\) = \(8, 3\), got \(8, 1\)"):
        solve_soft(problem.mdp, problem.reward[:, :1])
    for setting in ({"rationality": 0.0}, {"tolerance": 2.0}, {"max_iterations": 0}, {"method": "magic"}):
        with pytest.raises(SettingsError, match=next(iter(setting))):
            solve_soft(problem.mdp, problem.reward, **setting)


def test_unavailable_actions_are_never_taken() -> None:
    problem = random_mdp(6, 3, key=2)
    available = np.ones((6, 3), dtype=bool)
    available[2, 1] = available[4, 0] = available[4, 2] = False
    mdp = TabularMDP.from_transition(problem.mdp.transition, n_actions=3, discount=0.9, available=available)
    solution = solve_soft(mdp, problem.reward, throw=True)
    assert np.all(np.isneginf(solution.log_policy[~available]))
    assert np.all(np.isneginf(solution.action_value[~available]))
    np.testing.assert_allclose(solution.value, brute_force(mdp, problem.reward), atol=1e-8)


def test_sweeps_are_refused_where_a_small_residual_proves_nothing() -> None:
    # Wandering gains 1e-12 a decision: the value is infinite, and every sweep moves it by 1e-12 only.
    P = np.zeros((2, 2, 2))
    P[0, 0, 0] = P[0, 1, 1] = P[1, :, 1] = 1.0
    mdp = TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, True]))
    reward = np.array([[1e-12, -40.0], [0.0, 0.0]])
    with pytest.raises(SettingsError, match="'sweeps' needs a discount below 1"):
        solve_soft(mdp, reward, method="sweeps")
    assert solve_soft(mdp, reward).outcome is Outcome.SOFT_VALUE_DIVERGES


@pytest.mark.parametrize("method", ["newton-dense", "newton-lu", "newton-krylov"])
@pytest.mark.parametrize("key", range(5))
def test_a_start_changes_the_time_and_not_the_answer(method: str, key: int) -> None:
    # Such starts are so sharp that their policies never arrive, up to the last bit.
    rng = np.random.default_rng(key)
    problem = random_mdp(7, 3, key=key, n_successors=2, discount=1.0, n_absorbing=1)
    reward = problem.reward - 3.0
    plain = solve_soft(problem.mdp, reward)
    assert plain.outcome in (Outcome.SUCCESS, Outcome.NOT_ABSORBING)
    for size in (1e2, 1e4, 1e6, 1e300):
        start = size * rng.normal(size=7)
        other = solve_soft(problem.mdp, reward, method=method, initial_value=start)
        assert other.outcome is plain.outcome
        np.testing.assert_allclose(other.value, plain.value, rtol=1e-8)


def test_read_only_and_transposed_input_is_left_as_it_is() -> None:
    problem = random_mdp(9, 3, key=4, n_successors=3)
    P = problem.mdp.transition
    rewards = [problem.reward.copy(), np.asfortranarray(problem.reward)]
    for array in (P.data, P.indices, P.indptr, *rewards):
        array.flags.writeable = False
    mdp = TabularMDP.from_transition(P, n_actions=3, discount=0.95)
    expected = brute_force(mdp, problem.reward)
    for reward in rewards:
        np.testing.assert_allclose(solve_soft(mdp, reward, throw=True).value, expected, atol=1e-8)
