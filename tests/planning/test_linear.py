"""Policy systems, values and occupancies against dense algebra."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp

from telic.errors import DataError, DynamicsError, NumericalError, SettingsError
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.mdp.library import grid_world, random_mdp
from telic.planning import (
    PolicySystem,
    occupancy,
    occupancy_finite,
    policy_system,
    policy_value,
    solve_soft,
    visitation,
)
from telic.reports import Outcome


def dense_system(mdp: TabularMDP, pi: np.ndarray) -> np.ndarray:
    P = mdp.transition.toarray().reshape(mdp.n_states, mdp.n_actions, mdp.n_states)
    chain = np.einsum("sa,sax->sx", pi, P)
    if mdp.absorbing is not None:
        chain[mdp.absorbing] = 0.0
    return np.eye(mdp.n_states) - mdp.discount * chain


def uniform(mdp: TabularMDP) -> np.ndarray:
    return mdp.availability / mdp.availability.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("method", ["auto", "dense", "lu", "krylov"])
@pytest.mark.parametrize("discount", [0.0, 0.7, 0.9999, 1.0])
def test_solves_agree_with_dense_algebra(method: str, discount: float) -> None:
    problem = random_mdp(40, 3, key=8, n_successors=3, discount=discount, n_absorbing=int(discount == 1.0))
    pi = uniform(problem.mdp)
    M = dense_system(problem.mdp, pi)
    system = policy_system(problem.mdp, pi, method=method)
    rhs = np.random.default_rng(0).normal(size=(40, 5))
    for b in (rhs, rhs[:, 0], np.abs(rhs)):
        scale = np.abs(np.linalg.solve(M, b)).max()
        np.testing.assert_allclose(system.solve(b), np.linalg.solve(M, b), atol=1e-8 * scale)
        np.testing.assert_allclose(system.solve_transposed(b), np.linalg.solve(M.T, b), atol=1e-8 * scale)
    report = system.report(rhs)
    assert report.outcome is Outcome.SUCCESS
    assert report.residual < 1e-11
    np.testing.assert_allclose(system.apply(rhs), M @ rhs, atol=1e-12)


def test_large_grids_are_solved_by_iteration_and_agree_with_lu() -> None:
    problem = grid_world(30, discount=0.999)
    pi = solve_soft(problem.mdp, problem.reward, throw=True).policy.table
    b = problem.features
    direct = policy_system(problem.mdp, pi, method="lu").solve(b)
    iterated = policy_system(problem.mdp, pi, method="krylov").report(b)
    assert iterated.outcome.ok
    assert iterated.iterations < 300
    np.testing.assert_allclose(iterated.x, direct, atol=1e-9 * np.abs(direct).max())


def test_a_policy_that_never_ends_is_an_outcome() -> None:
    P = np.zeros((3, 2, 3))
    P[0, 0, 0] = P[0, 1, 2] = P[1, :, 0] = P[2, :, 2] = 1.0
    mdp = TabularMDP.from_transition(
        P, discount=1.0, absorbing=np.array([False, False, True]), initial=np.array([0.0, 1.0, 0.0])
    )
    stays = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    system = policy_system(mdp, stays)
    assert system.outcome is Outcome.NOT_ABSORBING
    assert np.isnan(system.solve(np.ones(3))).all()
    for compute in (lambda: policy_value(mdp, stays, np.zeros((3, 2))), lambda: occupancy(mdp, stays)):
        with pytest.raises(
            NumericalError, match="2 states cannot reach an absorbing state under this policy"
        ):
            compute()
    leaves = np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]])
    mu = occupancy(mdp, leaves)
    np.testing.assert_allclose(mu, [[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(visitation(mdp, leaves), mu / 3.0)


def test_occupancy_is_where_the_policy_goes() -> None:
    problem = random_mdp(12, 3, key=4, n_successors=3, discount=0.9)
    pi = uniform(problem.mdp)
    P = problem.mdp.transition.toarray().reshape(12, 3, 12)
    flow, expected = np.full(12, 1 / 12), np.zeros((12, 3))
    for t in range(600):
        expected += 0.9**t * flow[:, None] * pi
        flow = np.einsum("s,sa,sax->x", flow, pi, P)
    mu = occupancy(problem.mdp, pi)
    np.testing.assert_allclose(mu, expected, atol=1e-11)
    assert mu.sum() == pytest.approx(10.0)
    value = policy_value(problem.mdp, pi, problem.reward)
    assert (mu * problem.reward).sum() == pytest.approx(value.mean())


def test_finite_occupancy_sums_to_the_horizon() -> None:
    problem = random_mdp(6, 2, key=4)
    mdp = FiniteHorizonMDP(transition=problem.mdp.transition, n_actions=2, horizon=9, initial=np.eye(6)[2])
    mu = occupancy_finite(mdp, np.full((9, 6, 2), 0.5))
    assert mu.sum() == pytest.approx(9.0)
    np.testing.assert_allclose(mu[0].sum(axis=1), np.eye(6)[2])


def test_policies_and_starts_are_checked() -> None:
    problem = random_mdp(5, 2, key=1)
    pi = np.full((5, 2), 0.5)
    with pytest.raises(DataError, match=r"shape \(S, A\)"):
        policy_system(problem.mdp, pi[:4])
    hole = pi.copy()
    hole[3] = 0.0
    with pytest.raises(DataError, match=r"1 do not \(first: states \[3\]\)"):
        policy_system(problem.mdp, hole)
    with pytest.raises(DataError, match="finite probabilities"):
        policy_system(problem.mdp, pi - 1.0)
    available = np.ones((5, 2), dtype=bool)
    available[1, 0] = False
    partial = TabularMDP.from_transition(
        problem.mdp.transition, n_actions=2, discount=0.9, available=available
    )
    with pytest.raises(DataError, match=r"unavailable actions in 1 states \(first: \[1\]\)"):
        policy_system(partial, pi)
    with pytest.raises(DynamicsError, match="initial distribution"):
        occupancy(TabularMDP.from_transition(problem.mdp.transition, n_actions=2, discount=0.9), pi)
    with pytest.raises(DynamicsError, match="distribution over 5 states"):
        occupancy(problem.mdp, pi, np.ones(5))
    with pytest.raises(DynamicsError, match="sum nan"):
        occupancy(problem.mdp, pi, np.array([np.nan, 1.0, 0.0, 0.0, 0.0]))
    with pytest.raises(SettingsError, match="`method` must be one of auto, dense, lu, krylov"):
        policy_system(problem.mdp, pi, method="sweeps")


def test_policies_of_a_horizon_are_checked_at_every_time() -> None:
    problem = random_mdp(4, 2, key=1)
    mdp = FiniteHorizonMDP(
        transition=problem.mdp.transition, n_actions=2, horizon=3, initial=problem.mdp.initial
    )
    pi = np.full((3, 4, 2), 0.5)
    hole = pi.copy()
    hole[2, 1] = 0.0
    with pytest.raises(DataError, match=r"1 do not \(first: states \[1\]\)"):
        occupancy_finite(mdp, hole)
    with pytest.raises(DataError, match="none negative"):
        occupancy_finite(mdp, pi - 1.0)


def test_a_reward_never_earned_does_not_count_even_where_it_is_infinite() -> None:
    problem = random_mdp(5, 2, key=1)
    pi = np.eye(2)[np.zeros(5, dtype=int)]
    reward = problem.reward.copy()
    expected = policy_value(problem.mdp, pi, reward)
    reward[:, 1] = -np.inf
    np.testing.assert_array_equal(policy_value(problem.mdp, pi, reward), expected)


def test_a_chain_that_stays_for_ever_is_an_outcome_of_the_iteration() -> None:
    stuck = sp.csr_array(np.diag([1.0, 0.5]))
    report = PolicySystem(chain=stuck, discount=1.0, method="krylov").report(np.ones(2))
    assert not report.outcome.ok
    assert np.isnan(report.x).all()


def test_a_policy_object_is_refused_with_what_to_pass():
    """In a process of its own, where no checker of annotations comes first."""
    code = """
from telic.errors import DataError
from telic.mdp.library import random_mdp
from telic.planning import occupancy, solve_soft
problem = random_mdp(4, 2, key=0)
try:
    occupancy(problem.mdp, solve_soft(problem.mdp, problem.reward).policy)
except DataError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "`policy` must be a table of shape (S, A) = (4, 2), got TabularPolicy." in done.stdout
    assert "Pass its `.table`." in done.stdout
