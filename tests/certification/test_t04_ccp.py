"""CERTIFICATION T4: the chain with a switch cost, by conditional choice probabilities.

Expected values come from a separate calculation: with ``theta = (1.0, 0.5)`` the chances to switch are
.65161056 in state 0 and .16436173 in state 1 (8 digits are given, so inversion is exact to about 1e-7; the
tolerance is 1e-6), and with 500 observations a state the standard errors are (.07148, .07644) with
correlation -.2771 (tolerance 1e-3).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from telic.features import FeatureMap, MeasuredFeatureMap, TileBasis
from telic.inference import (
    ConditionalChoiceProbabilitySettings,
    ConditionalChoiceTransitionsSettings,
    conditional_choice_probability,
    conditional_choice_transitions,
    invert_choice_probabilities,
    max_causal_entropy,
)
from telic.mdp.library import chain
from telic.trajectories import Demonstrations

SWITCH = (0.65161056, 0.16436173)
POLICY = np.array([[1 - SWITCH[0], SWITCH[0]], [1 - SWITCH[1], SWITCH[1]]])
ERRORS = (0.07148, 0.07644)
CORRELATION = -0.2771


@pytest.fixture(scope="module")
def problem():
    return chain(switch_cost=0.5)


@pytest.fixture(scope="module")
def features(problem):
    return FeatureMap(values=problem.features, names=problem.feature_names, units=problem.units)


@pytest.fixture(scope="module")
def sample():
    """500 decisions in each state, as many of each kind as the probabilities say (weights need not be
    whole)."""
    return Demonstrations.from_arrays(
        [0, 0, 1, 1],
        [0, 1, 0, 1],
        next_states=[0, 1, 1, 0],
        offsets=[0, 1, 2, 3, 4],
        weights=(500 * POLICY).ravel(),
    )


def correlation(estimate, kind):
    C = estimate.covariance(kind)
    return C[0, 1] / np.sqrt(C[0, 0] * C[1, 1])


def test_inversion_of_the_exact_probabilities_returns_the_weights(problem, features):
    estimate = invert_choice_probabilities(POLICY, problem.mdp, features, state_weights=np.full(2, 500.0))
    assert estimate.outcome.ok
    np.testing.assert_allclose(estimate.weights, [1.0, 0.5], atol=1e-6)
    for kind in ("hessian", "outer_product"):
        np.testing.assert_allclose(estimate.standard_errors(kind), ERRORS, atol=1e-3)
        assert correlation(estimate, kind) == pytest.approx(CORRELATION, abs=1e-3)


@pytest.mark.parametrize("n_iterations", [1, 3, None])
def test_every_number_of_iterations_finds_the_weights_in_exact_data(problem, features, sample, n_iterations):
    settings = ConditionalChoiceProbabilitySettings(n_iterations=n_iterations, smoothing=0.0)
    estimate = conditional_choice_probability(sample, problem.mdp, features, settings=settings)
    np.testing.assert_allclose(estimate.weights, [1.0, 0.5], atol=1e-6)
    np.testing.assert_allclose(estimate.standard_errors("hessian"), ERRORS, atol=1e-3)
    assert correlation(estimate, "hessian") == pytest.approx(CORRELATION, abs=1e-3)


def test_nested_fixed_point_and_choice_probabilities_agree(problem, features):
    rng = np.random.default_rng(404)
    states = np.repeat([0, 1], 500)
    actions = (rng.random(1000) < np.repeat(SWITCH, 500)).astype(int)
    demos = Demonstrations.from_arrays(
        states, actions, next_states=states ^ actions, offsets=np.arange(0, 1001, 10)
    )
    exact = max_causal_entropy(demos, problem.mdp, features)
    settings = ConditionalChoiceProbabilitySettings(n_iterations=None)
    nested = conditional_choice_probability(demos, problem.mdp, features, settings=settings)
    np.testing.assert_allclose(nested.weights, exact.weights, atol=1e-6)
    assert nested.choice_log_likelihood == pytest.approx(exact.choice_log_likelihood, abs=1e-8)
    for kind in ("hessian", "outer_product", "sandwich", "sandwich_clustered"):
        np.testing.assert_allclose(nested.standard_errors(kind), exact.standard_errors(kind), rtol=1e-5)


def test_transitions_alone_return_the_weights_in_exact_data(problem, sample):
    position = np.array([0.0, 0.0, 1.0, 1.0])
    demos = replace(
        sample,
        observations={"position": position},
        next_observations={"position": np.array([0.0, 1.0, 1.0, 0.0])},
        next_known=np.ones(4, dtype=bool),
    )
    features = MeasuredFeatureMap(
        names=problem.feature_names,
        function=lambda columns, action: np.stack([columns["position"], -1.0 * (action == 1)], axis=1),
        n_actions=2,
    )
    estimate = conditional_choice_transitions(
        demos,
        features,
        discount=0.9,
        basis=TileBasis(edges={"position": np.array([0.5])}),
        settings=ConditionalChoiceTransitionsSettings(ridge=1e-6, choice_ridge=1e-9),
    )
    np.testing.assert_allclose(estimate.weights, [1.0, 0.5], atol=1e-6)
    np.testing.assert_allclose(estimate.standard_errors("hessian"), ERRORS, atol=1e-3)
    assert correlation(estimate, "hessian") == pytest.approx(CORRELATION, abs=1e-3)
