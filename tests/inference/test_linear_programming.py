"""Linear programming: optimality of the expert, the dense form of the program, and the door."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import linprog

from telic.errors import DataError, DynamicsError, FeatureError, SettingsError
from telic.features import FeatureMap
from telic.inference import LinearProgrammingSettings, linear_programming, reward_of_optimal_policy
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.reports import Outcome
from telic.trajectories import Demonstrations

S, A, GAMMA = 7, 3, 0.85


def random_world(seed=0):
    P = np.random.default_rng(seed).dirichlet(np.full(S, 0.3), size=(S, A))
    return TabularMDP.from_transition(P, discount=GAMMA), P


def optimal_actions(P, r):
    V = np.zeros(S)
    for _ in range(500):
        V = (r[:, None] + GAMMA * P @ V).max(axis=1)
    return np.argmax(P @ V, axis=1)


INDICATORS = FeatureMap(values=np.eye(S), names=tuple(f"s{i}" for i in range(S)), form="S")


def dense_program(P, actions, sparsity):
    """The program as Ng and Russell write it, with the inverse, over R, t and |R|."""
    chain = P[np.arange(S), actions]
    inverse = np.linalg.inv(np.eye(S) - GAMMA * chain)
    rows = []
    for s in range(S):
        for a in range(A):
            if a != actions[s]:
                gain = (chain[s] - P[s, a]) @ inverse
                rows.append(np.concatenate([-gain, np.eye(S)[s], np.zeros(S)]))
                rows.append(np.concatenate([-gain, np.zeros(2 * S)]))
    eye, none = np.eye(S), np.zeros((S, S))
    A_ub = np.concatenate([np.array(rows), np.hstack([eye, none, -eye]), np.hstack([-eye, none, -eye])])
    cost = np.concatenate([np.zeros(S), -np.ones(S), np.full(S, sparsity)])
    bounds = [(-1, 1)] * S + [(None, None)] * S + [(0, 1)] * S
    return linprog(cost, A_ub=A_ub, b_ub=np.zeros(len(A_ub)), bounds=bounds, method="highs")


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 1.05])
def test_the_sparse_program_has_the_optimum_of_the_dense_one(sparsity):
    world, P = random_world()
    actions = optimal_actions(P, np.random.default_rng(3).normal(size=S))
    estimate = reward_of_optimal_policy(
        actions, world, INDICATORS, settings=LinearProgrammingSettings(sparsity=sparsity)
    )
    assert estimate.outcome is Outcome.SUCCESS
    assert estimate.certificate["objective"] == pytest.approx(
        -dense_program(P, actions, sparsity).fun, abs=1e-6
    )
    assert np.abs(estimate.weights).max() <= 1 + 1e-9
    assert estimate.certificate["worst_margin"] >= -1e-7
    chain = P[np.arange(S), actions]
    V = np.linalg.solve(np.eye(S) - GAMMA * chain, estimate.weights)
    assert np.all((chain @ V)[:, None] - P @ V >= -1e-7)  # the expert is optimal


def test_the_scale_is_the_bound():
    world, P = random_world()
    actions = optimal_actions(P, np.random.default_rng(3).normal(size=S))
    one = reward_of_optimal_policy(actions, world, INDICATORS)
    ten = reward_of_optimal_policy(
        actions, world, INDICATORS, settings=LinearProgrammingSettings(max_reward=10.0)
    )
    assert ten.certificate["objective"] == pytest.approx(10 * one.certificate["objective"])


def test_features_restrict_the_reward():
    world, P = random_world()
    phi = np.random.default_rng(5).normal(size=(S, 2))
    actions = optimal_actions(P, phi @ np.array([1.0, -0.5]))
    features = FeatureMap(values=phi, names=("x", "y"), form="S")
    estimate = reward_of_optimal_policy(actions, world, features)
    assert estimate.certificate["objective"] > 0
    assert estimate.weights[0] > 0 > estimate.weights[1]
    assert np.abs(phi @ estimate.weights).max() == pytest.approx(1.0)


def test_it_says_what_it_is_not():
    world, _ = random_world()
    estimate = reward_of_optimal_policy(np.zeros(S, dtype=int), world, INDICATORS)
    assert not estimate.covariances
    assert "one-of-many" in {f.code for f in estimate.findings}
    assert estimate.nullity == 1  # adding a constant to every state changes nothing
    assert estimate.gauge.kind == "bounded-reward"
    json.dumps(estimate.to_json(), allow_nan=False)


def test_a_feature_that_explains_nothing_gives_the_trivial_reward():
    world, _ = random_world()
    flat = FeatureMap(values=np.ones((S, 1)), names=("always",), form="S")
    estimate = reward_of_optimal_policy(np.zeros(S, dtype=int), world, flat)
    assert "only-trivial-reward" in {f.code for f in estimate.findings}


def test_demonstrations_are_reduced_to_their_most_frequent_actions():
    world, P = random_world()
    actions = optimal_actions(P, np.random.default_rng(3).normal(size=S))
    states = np.repeat(np.arange(S - 1), 10)
    taken = actions[states].copy()
    taken[0] = (taken[0] + 1) % A
    demos = Demonstrations.from_arrays(
        states, taken, next_states=np.full(len(states), -1), action_labels="xyz"
    )
    estimate = linear_programming(demos, world, INDICATORS)
    by_code = {f.code: f for f in estimate.findings}
    assert by_code["not-deterministic"].evidence["share"] == pytest.approx(1 / 60)
    assert by_code["actions-not-known"].evidence["states"] == 1
    known = np.where(np.arange(S) < S - 1, actions, -1)
    same = reward_of_optimal_policy(known, world, INDICATORS)
    np.testing.assert_allclose(estimate.weights, same.weights)
    assert (estimate.n_decisions, estimate.n_trajectories) == (60, 1)


def test_the_world_is_left_as_it_was():
    world, _ = random_world()
    before = world.transition.copy()
    reward_of_optimal_policy(np.zeros(S, dtype=int), world, INDICATORS)
    np.testing.assert_array_equal(world.transition.indices, before.indices)
    np.testing.assert_array_equal(world.transition.data, before.data)


def test_absorbing_states_are_worth_nothing():
    """Two ways to end, left and right; the expert ends right, so it must be reached for its own reward."""
    P = np.zeros((3, 2, 3))
    P[0, 0, 1] = P[0, 1, 2] = 1.0
    P[1, :, 1] = P[2, :, 2] = 1.0
    world = TabularMDP.from_transition(P, discount=1.0, absorbing=np.array([False, True, True]))
    features = FeatureMap(values=np.eye(3), names=("fork", "left", "right"), form="S")
    estimate = reward_of_optimal_policy(np.array([1, -1, -1]), world, features)
    assert estimate.certificate["objective"] == pytest.approx(0.0, abs=1e-9)  # no decision is taken there


def test_the_door():
    world, _ = random_world()
    demos = Demonstrations.from_arrays([0], [0])
    with pytest.raises(DataError, match="no decisions"):
        linear_programming(Demonstrations.from_arrays([], []), world, INDICATORS)
    wide = FeatureMap(values=np.zeros((S, A, 1)), names=("x",))
    with pytest.raises(FeatureError, match="depend on the action"):
        linear_programming(demos, world, wide)
    finite = FiniteHorizonMDP(transition=world.transition, n_actions=A, horizon=2)
    with pytest.raises(DynamicsError, match="stationary `TabularMDP`"):
        linear_programming(demos, finite, INDICATORS)
    with pytest.raises(DataError, match="`actions` must hold 7"):
        reward_of_optimal_policy(np.zeros(2, dtype=int), world, INDICATORS)
    with pytest.raises(DataError, match="known in no state"):
        reward_of_optimal_policy(np.full(S, -1), world, INDICATORS)
    with pytest.raises(SettingsError, match="max_reward"):
        LinearProgrammingSettings(max_reward=0.0)
    with pytest.raises(SettingsError, match="sparsity"):
        LinearProgrammingSettings(sparsity=-1.0)
