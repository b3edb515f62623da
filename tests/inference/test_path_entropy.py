"""The path model of 2008: against paths counted one by one, and against causal entropy without luck."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from telic.errors import DataError, DynamicsError, SettingsError
from telic.features import FeatureMap
from telic.inference import PathEntropySettings, max_causal_entropy, path_entropy
from telic.inference.path_model import solve_paths
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.reports import Outcome
from telic.trajectories import Demonstrations

S, A, H, K = 3, 2, 3, 2


def random_world(seed=0, deterministic=False):
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.ones(S), size=(S, A))
    if deterministic:
        P = np.eye(S)[rng.integers(0, S, (S, A))]
    phi = rng.normal(size=(S, A, K))
    return FiniteHorizonMDP.from_transition(P, horizon=H), FeatureMap(values=phi, names=("x", "y")), P, phi


def all_paths(P, phi, theta, start):
    """(probability under the model, features, states, actions) of every path, by enumeration."""
    paths, weights = [], []
    for actions in itertools.product(range(A), repeat=H):
        for after in itertools.product(range(S), repeat=H):
            states = (start, *after)
            p = np.prod([P[states[t], actions[t], states[t + 1]] for t in range(H)])
            if p > 0:
                f = sum(phi[states[t], actions[t]] for t in range(H))
                weights.append(p * np.exp(f @ theta))
                paths.append((f, states, actions))
    return np.array(weights) / np.sum(weights), paths


def simulate(P, phi, theta, n, key):
    rng = np.random.default_rng(key)
    rows = {"states": [], "actions": [], "after": []}
    for start in rng.integers(0, S, n):
        p, paths = all_paths(P, phi, theta, start)
        _, states, actions = paths[rng.choice(len(p), p=p)]
        rows["states"] += states[:-1]
        rows["actions"] += actions
        rows["after"] += states[1:]
    return Demonstrations.from_arrays(
        rows["states"],
        rows["actions"],
        next_states=rows["after"],
        offsets=np.arange(0, n * H + 1, H),
        action_labels=["l", "r"],
    )


THETA = np.array([0.8, -0.5])


def test_the_policy_is_that_of_paths_counted_one_by_one():
    world, _, P, phi = random_world()
    solution = solve_paths(world, phi @ THETA)
    for start in range(S):
        p, paths = all_paths(P, phi, THETA, start)
        left = sum(q for q, (_, _, actions) in zip(p, paths, strict=True) if actions[0] == 0)
        assert np.exp(solution.log_policy[0, start, 0]) == pytest.approx(left, rel=1e-10)
        second = [(q, s[1], a[0]) for q, (_, s, a) in zip(p, paths, strict=True)]
        lucky = sum(q for q, s, a in second if s == 1 and a == 0) / left
        row = slice(world.transition.indptr[start * A], world.transition.indptr[start * A + 1])
        belief = dict(zip(world.transition.indices[row], solution.belief[0][row], strict=True))
        assert belief[1] == pytest.approx(lucky, rel=1e-10)


@pytest.fixture(scope="module")
def fitted():
    world, features, P, phi = random_world()
    demos = simulate(P, phi, THETA, 150, key=4)
    return world, features, P, phi, demos, path_entropy(demos, world, features)


def brute_likelihood(P, phi, theta, demos):
    total = 0.0
    tables = {s: all_paths(P, phi, theta, s) for s in range(S)}
    for trajectory in demos:
        states = (*trajectory.states.tolist(), int(trajectory.next_states[-1]))
        p, paths = tables[states[0]]
        key = (states, tuple(trajectory.actions.tolist()))
        total += np.log(p[[(s, a) for _, s, a in paths].index(key)])
    return total


def test_the_fit_is_the_maximum_over_enumerated_paths(fitted):
    _, _, P, phi, demos, estimate = fitted
    assert estimate.outcome is Outcome.SUCCESS
    assert estimate.certificate["path_log_likelihood"] == pytest.approx(
        brute_likelihood(P, phi, estimate.weights, demos)
    )
    rival = minimize(lambda w: -brute_likelihood(P, phi, w, demos), np.zeros(K), tol=1e-10)
    np.testing.assert_allclose(estimate.weights, rival.x, atol=1e-5)


def test_standard_errors(fitted):
    _, _, P, phi, demos, estimate = fitted
    step = 1e-3
    bend = np.zeros((K, K))
    for i, j in itertools.product(range(K), repeat=2):
        signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
        terms = [
            a
            * b
            * brute_likelihood(P, phi, estimate.weights + step * (a * np.eye(K)[i] + b * np.eye(K)[j]), demos)
            for a, b in signs
        ]
        bend[i, j] = sum(terms) / (4 * step**2)
    np.testing.assert_allclose(estimate.covariance("hessian"), np.linalg.inv(-bend), rtol=1e-4)
    for kind in ("outer_product", "sandwich", "sandwich_clustered"):
        ratio = estimate.standard_errors(kind) / estimate.standard_errors("hessian")
        assert np.all((ratio > 0.8) & (ratio < 1.25))
    assert np.all(np.abs(estimate.weights - THETA) < 4 * estimate.standard_errors("hessian"))


def test_without_luck_it_is_causal_entropy_and_does_not_warn():
    world, features, P, phi = random_world(seed=3, deterministic=True)
    demos = simulate(P, phi, THETA, 80, key=6)
    path, causal = path_entropy(demos, world, features), max_causal_entropy(demos, world, features)
    np.testing.assert_allclose(path.weights, causal.weights, atol=1e-6)
    assert path.choice_log_likelihood == pytest.approx(causal.choice_log_likelihood, abs=1e-6)
    np.testing.assert_allclose(path.standard_errors("hessian"), causal.standard_errors("hessian"), rtol=1e-4)
    assert "stochastic-dynamics" not in {f.code for f in path.findings}


def test_with_luck_it_is_biased_and_warns(fitted):
    world, features, _, _, demos, path = fitted
    causal = max_causal_entropy(demos, world, features)
    assert np.abs(path.weights - causal.weights).max() > 0.01
    assert "stochastic-dynamics" in {f.code for f in path.findings}


def test_weights_of_whole_paths_count_as_repeats(fitted):
    world, features, _, _, demos, _ = fitted
    few = demos.select(np.arange(20))
    twice = path_entropy(few.select(np.repeat(np.arange(20), 2)), world, features)
    heavy = path_entropy(replace(few, weights=np.full(few.n_decisions, 2.0)), world, features)
    np.testing.assert_allclose(heavy.weights, twice.weights, atol=1e-9)
    assert heavy.choice_log_likelihood == pytest.approx(twice.choice_log_likelihood)


def test_rationality_scales_the_weights(fitted):
    world, features, _, _, demos, one = fitted
    two = path_entropy(demos, world, features, settings=PathEntropySettings(rationality=2.0))
    np.testing.assert_allclose(two.weights, one.weights / 2, atol=1e-8)


def test_a_constant_feature_is_a_null_direction(fitted):
    world, _, _, phi, demos, one = fitted
    wide = FeatureMap(values=np.concatenate([phi, np.ones((S, A, 1))], axis=2), names=("x", "y", "always"))
    estimate = path_entropy(demos, world, wide)
    assert estimate.nullity == 1
    np.testing.assert_allclose(estimate.weights, [*one.weights, 0.0], atol=1e-6)


def test_separation_is_an_outcome_and_a_penalty_ends_it():
    world, _, _, _ = random_world()
    phi = np.zeros((S, A, 1))
    phi[:, 1, 0] = 1.0
    features = FeatureMap(values=phi, names=("right",))
    demos = Demonstrations.from_arrays([0, 1, 2], [1, 1, 1], next_states=[1, 2, 0])
    estimate = path_entropy(demos, world, features)
    assert estimate.outcome is Outcome.SEPARATION
    assert not estimate.covariances
    assert path_entropy(demos, world, features, settings=PathEntropySettings(l2=0.1)).outcome.ok


def test_the_door(fitted):
    world, features, _, _, demos, _ = fitted
    with pytest.raises(DataError, match="no decisions"):
        path_entropy(Demonstrations.from_arrays([], []), world, features)
    with pytest.raises(DataError, match="must have 3 decisions; 1 trajectories do not"):
        path_entropy(Demonstrations.from_arrays([0, 1], [0, 0]), world, features)
    uneven = Demonstrations.from_arrays([0, 1, 2], [0, 0, 0], weights=[1.0, 2.0, 1.0])
    with pytest.raises(DataError, match="differ within a trajectory"):
        path_entropy(uneven, world, features)
    endless = TabularMDP(transition=world.transition, n_actions=A, discount=0.9)
    with pytest.raises(DynamicsError, match="undiscounted `FiniteHorizonMDP`, got TabularMDP"):
        path_entropy(demos, endless, features)
    discounted = FiniteHorizonMDP(transition=world.transition, n_actions=A, horizon=H, discount=0.9)
    with pytest.raises(DynamicsError, match="got a discounted one"):
        path_entropy(demos, discounted, features)
    with pytest.raises(SettingsError, match="l2"):
        PathEntropySettings(l2=-1.0)
