"""Conditional choice probabilities: against the exact likelihood, with gaps in the data, and at the door."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError, DynamicsError, ImpossibleDemonstrationsError, SettingsError
from telic.features import FeatureMap
from telic.inference import (
    ConditionalChoiceProbabilitySettings,
    conditional_choice_probability,
    invert_choice_probabilities,
    max_causal_entropy,
)
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.planning import solve_soft
from telic.policies import TabularPolicy
from telic.reports import Outcome
from telic.trajectories import Demonstrations

S, A, K = 12, 3, 3
TWO_STEPS = ConditionalChoiceProbabilitySettings(n_iterations=1)


def random_world(seed=1, discount=0.9, absorbing=False, available=False):
    rng = np.random.default_rng(seed)
    P = rng.dirichlet(np.full(S, 0.3), size=(S, A))
    rest = {}
    if absorbing:
        rest["absorbing"] = np.arange(S) == S - 1
        P[:, :, S - 1] += 0.2
        P /= P.sum(axis=2, keepdims=True)
    if available:
        mask = rng.random((S, A)) < 0.7
        mask[:, 0] = True
        rest["available"] = mask
        P = np.where(mask[:, :, None], P, 0.0)
    world = TabularMDP.from_transition(P, discount=discount, **rest)
    phi = rng.normal(size=(S, A, K))
    return world, FeatureMap(values=phi, names=("x", "y", "z"))


def simulate(world, pi, n_paths, length, seed):
    rng = np.random.default_rng(seed)
    P = np.zeros((S * A, S))
    P[:] = world.transition.toarray()
    states, actions, after, offsets = [], [], [], [0]
    for _ in range(n_paths):
        s = int(rng.integers(0, S - 1))
        for _ in range(length):
            if world.absorbing is not None and world.absorbing[s]:
                break
            a = int(rng.choice(A, p=pi[s] / pi[s].sum()))
            nxt = int(rng.choice(S, p=P[s * A + a] / P[s * A + a].sum()))
            states.append(s)
            actions.append(a)
            after.append(nxt)
            s = nxt
        offsets.append(len(states))
    return Demonstrations.from_arrays(
        states, actions, next_states=after, offsets=offsets, action_labels=[str(i) for i in range(A)]
    )


@pytest.mark.parametrize(
    "kind", [{}, {"absorbing": True, "discount": 1.0}, {"available": True}, {"discount": 0.9999}]
)
def test_the_exact_policy_returns_the_exact_weights(kind):
    world, features = random_world(**kind)
    theta = np.array([0.7, -0.4, 0.2])
    pi = np.exp(solve_soft(world, features.values @ theta, rationality=2.0).log_policy)
    settings = ConditionalChoiceProbabilitySettings(rationality=2.0)
    estimate = invert_choice_probabilities(pi, world, features, settings=settings)
    assert estimate.outcome.ok
    np.testing.assert_allclose(estimate.weights, theta, atol=1e-7)
    assert not estimate.covariances
    assert "no-standard-errors" in {f.code for f in estimate.findings}


@pytest.mark.parametrize("kind", [{}, {"absorbing": True, "discount": 1.0}, {"available": True}])
def test_nested_pseudo_likelihood_ends_at_the_maximum_of_the_likelihood(kind):
    world, features = random_world(**kind)
    pi = np.exp(solve_soft(world, features.values @ np.array([0.7, -0.4, 0.2])).log_policy)
    demos = simulate(world, pi, 60, 20, seed=5)
    exact = max_causal_entropy(demos, world, features)
    nested = conditional_choice_probability(demos, world, features)
    np.testing.assert_allclose(nested.weights, exact.weights, atol=1e-6)
    assert nested.certificate["score_norm"] < 1e-7
    assert nested.choice_log_likelihood == pytest.approx(exact.choice_log_likelihood, abs=1e-7)
    # At the fixed point the pseudo-score is the score, so these agree in the sample and not only in the
    # limit.
    for name in ("outer_product",):
        np.testing.assert_allclose(nested.standard_errors(name), exact.standard_errors(name), rtol=1e-5)
    two_steps = conditional_choice_probability(demos, world, features, settings=TWO_STEPS)
    gap = np.abs(two_steps.weights - exact.weights) / exact.standard_errors("hessian")
    assert gap.max() < 2.0
    assert two_steps.choice_log_likelihood <= exact.choice_log_likelihood + 1e-9


def test_two_steps_from_poor_frequencies_say_how_far_they_are():
    world, features = random_world()
    pi = np.exp(solve_soft(world, features.values @ np.array([2.0, -1.5, 1.0])).log_policy)
    demos = simulate(world, pi, 60, 20, seed=8)
    blurred = ConditionalChoiceProbabilitySettings(n_iterations=1, smoothing=20.0)
    hasty = conditional_choice_probability(demos, world, features, settings=blurred)
    patient = conditional_choice_probability(demos, world, features)
    finding = next(f for f in hasty.findings if f.code == "not-at-the-maximum")
    gap = hasty.weights - patient.weights
    seen = np.sqrt(gap @ np.linalg.solve(patient.covariance("hessian"), gap))
    assert finding.evidence["standard_errors"] == pytest.approx(seen, rel=0.5)  # one Newton step
    assert "not-at-the-maximum" not in {f.code for f in patient.findings}


def test_a_first_policy_and_an_uncertified_fit():
    world, features = random_world()
    pi = np.exp(solve_soft(world, features.values @ np.array([0.7, -0.4, 0.2])).log_policy)
    demos = simulate(world, pi, 40, 20, seed=6)
    settings = ConditionalChoiceProbabilitySettings(certify=False, n_iterations=1)
    estimate = conditional_choice_probability(
        demos, world, features, settings=settings, first_policy=TabularPolicy(table=pi)
    )
    assert "bellman_residual" not in estimate.certificate
    assert "not-certified" in {f.code for f in estimate.findings}
    exact = conditional_choice_probability(
        demos, world, features, settings=TWO_STEPS, first_policy=TabularPolicy(table=pi)
    )
    np.testing.assert_allclose(estimate.weights, exact.weights)


def test_unseen_states_and_unsupported_rows_are_no_obstacle():
    world, features = random_world()
    pi = np.exp(solve_soft(world, features.values @ np.array([0.7, -0.4, 0.2])).log_policy)
    pi[3] = 0.0  # the policy table says nothing about state 3
    estimate = invert_choice_probabilities(pi, world, features, state_weights=np.full(S, 50.0))
    assert estimate.outcome.ok
    assert estimate.n_decisions == 50 * (S - 1)
    assert np.all(np.isfinite(estimate.standard_errors("hessian")))


def test_what_the_choices_cannot_tell_is_said():
    world, features = random_world()
    constant = np.concatenate([features.values, np.ones((S, A, 1))], axis=2)
    wide = FeatureMap(values=constant, names=("x", "y", "z", "always"))
    pi = np.exp(solve_soft(world, features.values @ np.array([0.7, -0.4, 0.2])).log_policy)
    estimate = invert_choice_probabilities(pi, world, wide, state_weights=np.full(S, 50.0))
    assert estimate.nullity == 1
    np.testing.assert_allclose(np.abs(estimate.null_directions[0]), [0, 0, 0, 1], atol=1e-6)
    assert np.isinf(estimate.standard_errors("hessian")[3])
    assert "always" in next(f.message for f in estimate.findings if f.code == "not-identified")


def test_separation_is_an_outcome_with_the_weight_named():
    world, _ = random_world()
    phi = np.zeros((S, A, 1))
    phi[:, 0, 0] = 1.0
    demos = Demonstrations.from_arrays(
        [0, 1, 2], [0, 0, 0], next_states=[-1, -1, -1], action_labels=["a", "b", "c"]
    )
    features = FeatureMap(values=phi, names=("first action",))
    estimate = conditional_choice_probability(demos, world, features)
    assert estimate.outcome is Outcome.SEPARATION
    assert not estimate.covariances
    assert "first action" in next(f.message for f in estimate.findings if f.code == "separation")
    calm = ConditionalChoiceProbabilitySettings(l2=0.1)
    assert conditional_choice_probability(demos, world, features, settings=calm).outcome.ok


def test_the_door():
    world, features = random_world()
    demos = Demonstrations.from_arrays([0, 1], [0, 1])
    finite = FiniteHorizonMDP(transition=world.transition, n_actions=A, horizon=3)
    with pytest.raises(DynamicsError, match="needs a stationary `TabularMDP`, got FiniteHorizonMDP"):
        conditional_choice_probability(demos, finite, features)
    with pytest.raises(DataError, match="no decisions"):
        conditional_choice_probability(Demonstrations.from_arrays([], []), world, features)
    masked, other = random_world(available=True)
    bad = np.argwhere(~masked.availability)[0]
    with pytest.raises(ImpossibleDemonstrationsError):
        conditional_choice_probability(Demonstrations.from_arrays([bad[0]], [bad[1]]), masked, other)
    with pytest.raises(DataError, match=r"`policy` must have shape \(12, 3\)"):
        invert_choice_probabilities(np.ones((2, 2)), world, features)
    with pytest.raises(DataError, match="`state_weights` must be 12"):
        invert_choice_probabilities(np.full((S, A), 1 / 3), world, features, state_weights=np.ones(3))
    with pytest.raises(SettingsError, match="n_iterations"):
        ConditionalChoiceProbabilitySettings(n_iterations=0)
    with pytest.raises(SettingsError, match="rationality"):
        ConditionalChoiceProbabilitySettings(rationality=0.0)
