"""Apprenticeship by projection: mixtures that match the experts, and what the estimate says it is not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from telic.errors import DataError, DynamicsError, ImpossibleDemonstrationsError, SettingsError
from telic.features import FeatureMap
from telic.inference import apprenticeship_projection, apprenticeship_projection_mixture
from telic.inference.apprenticeship import ApprenticeshipSettings, Vertex
from telic.inference.methods.apprenticeship_projection import project_expectation
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.reports import Outcome, Severity
from telic.trajectories import Demonstrations

S, A, GAMMA = 6, 3, 0.8


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.full(S, 0.4), size=(S, A))
    return TabularMDP.from_transition(P, discount=GAMMA, initial=np.eye(S)[0])


@pytest.fixture(scope="module")
def features():
    return FeatureMap(values=np.random.default_rng(1).normal(size=(S, A, 3)), names=("a", "b", "c"))


def simulate(world, actions, n_paths, length, key):
    rng = np.random.default_rng(key)
    P = world.transition.toarray().cumsum(axis=1)
    s = np.zeros(n_paths, dtype=int)
    states, after = np.zeros((n_paths, length), int), np.zeros((n_paths, length), int)
    for t in range(length):
        states[:, t] = s
        s = np.minimum((rng.random(n_paths)[:, None] > P[s * A + actions[s]]).sum(axis=1), S - 1)
        after[:, t] = s
    return Demonstrations.from_arrays(
        states.ravel(),
        actions[states.ravel()],
        next_states=after.ravel(),
        offsets=np.arange(0, n_paths * length + 1, length),
        action_labels=["x", "y", "z"],
    )


@pytest.fixture(scope="module")
def demos(world):
    return simulate(world, np.array([0, 1, 2, 0, 1, 2]), 60, 60, key=2)


def policy_expectation(world, features, table):
    """The discounted feature sum of a policy, by pushing the start distribution 400 steps."""
    d, total = world.initial.copy(), np.zeros(features.n_features)
    for t in range(400):
        pairs = d[:, None] * table
        total += GAMMA**t * np.einsum("sa,sak->k", pairs, features.values)
        d = pairs.ravel() @ world.transition.toarray()
    return total


def test_the_mixture_is_what_its_parts_are_worth(world, features, demos):
    mixture = apprenticeship_projection_mixture(demos, world, features)
    assert mixture.probabilities.sum() == pytest.approx(1.0)
    parts = np.stack([policy_expectation(world, features, v.policy.table) for v in mixture.vertices])
    np.testing.assert_allclose(mixture.probabilities @ parts, mixture.expectation, atol=1e-8)
    assert mixture.margins[-1] == pytest.approx(
        np.linalg.norm(mixture.expert - mixture.expectation), abs=1e-10
    )
    assert np.all(np.diff(mixture.margins) <= 1e-12)
    assert len(mixture.policies) == np.count_nonzero(mixture.probabilities)


def test_the_estimate_is_a_certificate_and_says_so(world, features, demos):
    estimate = apprenticeship_projection(demos, world, features)
    assert not estimate.covariances
    finding = next(f for f in estimate.findings if f.code == "certificate-only")
    assert finding.severity is Severity.WARNING
    assert "not an estimate" in finding.message
    assert np.linalg.norm(estimate.weights) == pytest.approx(1.0)
    assert estimate.certificate["margin"] <= estimate.certificate["first_margin"]
    assert estimate.gauge.kind == "unit-norm"
    assert np.isnan(estimate.choice_log_likelihood)
    json.dumps(estimate.to_json(), allow_nan=False)


def test_it_stops_where_nothing_closer_can_be_reached():
    vertices = np.array([[0.0, 0.0], [1.0, 0.0]])
    mixture = project_expectation(
        np.array([0.4, 1.0]),
        lambda w: Vertex(expectation=vertices[int(np.argmax(vertices @ w))]),
        start=Vertex(expectation=vertices[0]),
    )
    assert mixture.outcome is Outcome.SUCCESS
    assert mixture.margins[-1] == pytest.approx(1.0)
    np.testing.assert_allclose(mixture.expectation, [0.4, 0.0], atol=1e-9)
    np.testing.assert_allclose(mixture.weights, [0.0, 1.0], atol=1e-6)


def test_starting_on_the_target_needs_no_step():
    expert = np.array([0.2, 0.3])
    mixture = project_expectation(expert, lambda w: Vertex(expectation=expert))
    assert mixture.margins == (0.0,)
    assert mixture.outcome is Outcome.SUCCESS


def test_short_trajectories_are_told(world, features):
    demos = simulate(world, np.zeros(S, int), 10, 5, key=3)
    estimate = apprenticeship_projection(demos, world, features)
    finding = next(f for f in estimate.findings if f.code == "truncated")
    assert finding.evidence["share"] == pytest.approx(GAMMA**5)


def test_the_start_of_the_demonstrations_stands_in_for_an_initial_distribution(world, features, demos):
    without = TabularMDP(transition=world.transition, n_actions=A, discount=GAMMA)
    a = apprenticeship_projection(demos, world, features)
    b = apprenticeship_projection(demos, without, features)
    np.testing.assert_allclose(a.weights, b.weights)


def test_the_door(world, features, demos):
    with pytest.raises(DataError, match="no decisions"):
        apprenticeship_projection(Demonstrations.from_arrays([], []), world, features)
    empty = Demonstrations.from_arrays([0], [0], offsets=[0, 1, 1])
    with pytest.raises(DataError, match="1 trajectories have no decisions"):
        apprenticeship_projection(empty, world, features)
    finite = FiniteHorizonMDP(transition=world.transition, n_actions=A, horizon=2)
    with pytest.raises(DynamicsError, match="needs a stationary `TabularMDP`"):
        apprenticeship_projection(demos, finite, features)
    masked = TabularMDP.from_transition(
        np.eye(2)[:, None, :] * np.array([1.0, 0.0])[None, :, None],
        discount=0.5,
        available=np.array([[True, False], [True, False]]),
    )
    two = FeatureMap(values=np.eye(2), names=("s0", "s1"), form="S")
    with pytest.raises(ImpossibleDemonstrationsError):
        apprenticeship_projection(Demonstrations.from_arrays([0], [1]), masked, two)
    with pytest.raises(SettingsError, match="tolerance"):
        ApprenticeshipSettings(tolerance=0.0)
