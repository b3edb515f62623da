"""Apprenticeship by maximum margin: the nearest point of a hull, and agreement with projection."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from telic.features import FeatureMap
from telic.inference import apprenticeship_max_margin, apprenticeship_max_margin_mixture
from telic.inference.apprenticeship import ApprenticeshipSettings, Vertex
from telic.inference.methods.apprenticeship_max_margin import nearest_point, separate_expectation
from telic.inference.methods.apprenticeship_projection import project_expectation
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.trajectories import Demonstrations


@pytest.mark.parametrize("seed", range(6))
def test_the_nearest_point_against_another_optimiser(seed):
    rng = np.random.default_rng(seed)
    P = rng.normal(size=(15, 6)) + rng.uniform(0, 0.8)
    share = nearest_point(P)
    assert share.min() >= 0
    assert share.sum() == pytest.approx(1.0)
    x = share @ P
    rival = minimize(
        lambda z: np.sum((z @ P) ** 2),
        np.full(15, 1 / 15),
        jac=lambda z: 2 * P @ (z @ P),
        bounds=[(0, 1)] * 15,
        constraints={"type": "eq", "fun": lambda z: z.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert np.linalg.norm(x) == pytest.approx(np.sqrt(max(rival.fun, 0.0)), abs=1e-6)
    assert np.min(P @ x) >= x @ x - 1e-9  # the optimality condition


def test_repeated_and_collinear_points_are_no_obstacle():
    P = np.array([[1.0, 0.0], [1.0, 0.0], [2.0, 0.0], [1.0, 1.0], [1.0, -1.0]])
    np.testing.assert_allclose(nearest_point(P) @ P, [1.0, 0.0], atol=1e-12)
    np.testing.assert_array_equal(nearest_point(np.zeros((1, 3))), [1.0])


def test_it_needs_fewer_vertices_than_projection():
    rng = np.random.default_rng(4)
    vertices = rng.normal(size=(40, 5))
    expert = rng.dirichlet(np.ones(40)) @ vertices

    def oracle(w):
        return Vertex(expectation=vertices[int(np.argmax(vertices @ w))])

    margin = separate_expectation(expert, oracle)
    slow = project_expectation(expert, oracle, settings=ApprenticeshipSettings(max_iterations=1000))
    assert margin.outcome is Outcome.SUCCESS
    assert margin.margins[-1] < 1e-6
    assert len(margin.vertices) <= 40
    assert len(slow.vertices) > 2 * len(margin.vertices)


def test_an_expert_outside_is_separated_with_the_largest_margin():
    vertices = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    mixture = separate_expectation(
        np.array([1.0, 1.0]), lambda w: Vertex(expectation=vertices[int(np.argmax(vertices @ w))])
    )
    assert mixture.outcome is Outcome.SUCCESS
    assert mixture.margins[-1] == pytest.approx(np.sqrt(0.5))
    np.testing.assert_allclose(mixture.weights, np.full(2, np.sqrt(0.5)))


def test_an_iteration_limit_is_an_outcome():
    vertices = np.random.default_rng(5).normal(size=(30, 4))
    mixture = separate_expectation(
        vertices.mean(axis=0),
        lambda w: Vertex(expectation=vertices[int(np.argmax(vertices @ w))]),
        settings=ApprenticeshipSettings(max_iterations=2),
    )
    assert mixture.outcome is Outcome.MAX_ITERATIONS
    assert len(mixture.vertices) == 3


def test_an_optimal_expert_is_matched_by_its_own_policy():
    """The expert takes the best action for weights (1, -1) in a deterministic ring of 5 states."""
    P = np.zeros((5, 2, 5))
    for s in range(5):
        P[s, 0, s] = P[s, 1, (s + 1) % 5] = 1.0
    world = TabularMDP.from_transition(P, discount=0.5, initial=np.eye(5)[0])
    features = FeatureMap(
        values=np.stack([np.eye(5)[2], np.eye(5)[4]], axis=1), names=("prize", "toll"), form="S"
    )
    states = [0, 1] + [2] * 48
    demos = Demonstrations.from_arrays(states, [1, 1] + [0] * 48, next_states=[1, 2] + [2] * 48)
    mixture = apprenticeship_max_margin_mixture(demos, world, features)
    assert mixture.outcome is Outcome.SUCCESS
    assert mixture.margins[-1] < 1e-6
    np.testing.assert_allclose(mixture.expert, [0.5, 0.0], atol=1e-9)
    estimate = apprenticeship_max_margin(demos, world, features)
    assert estimate.outcome is Outcome.SUCCESS
    assert "certificate-only" in {f.code for f in estimate.findings}
