"""Laws of inference by likelihood: what relabelling, copying and rescaling may and may not change."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from telic.features import FeatureMap
from telic.inference import FitSettings, fit_likelihood
from telic.inference.likelihood import DiscountedLikelihood, FiniteHorizonLikelihood
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations

KEYS = st.integers(min_value=0, max_value=2**31 - 1)
LABELS = ("a", "b", "c")
S, A, K = 6, 3, 3


class Problem:
    """Random dynamics, features and random (not optimal) decisions, from one key."""

    def __init__(self, key: int) -> None:
        rng = np.random.default_rng(key)
        self.rng = rng
        self.P = rng.dirichlet(np.full(S, 0.6), size=(S, A))
        self.phi = rng.normal(size=(S, A, K))
        self.n, self.length = 15, 12
        self.states = np.empty((self.n, self.length), dtype=np.int64)
        self.actions = rng.integers(A, size=(self.n, self.length))
        self.next_states = np.empty_like(self.states)
        for i in range(self.n):
            s = int(rng.integers(S))
            for t in range(self.length):
                self.states[i, t] = s
                s = int(rng.choice(S, p=self.P[s, self.actions[i, t]]))
                self.next_states[i, t] = s

    def demos(self, copies: int = 1) -> Demonstrations:
        return Demonstrations.from_arrays(
            np.tile(self.states, (copies, 1)).ravel(),
            np.tile(self.actions, (copies, 1)).ravel(),
            next_states=np.tile(self.next_states, (copies, 1)).ravel(),
            offsets=np.arange(copies * self.n + 1) * self.length,
            action_labels=LABELS,
        )


def features(values: np.ndarray) -> FeatureMap:
    return FeatureMap(values=values, names=tuple(f"f{k}" for k in range(values.shape[-1])))


def fit(
    P: np.ndarray, phi: np.ndarray, demos: Demonstrations, horizon: int | None, l2: float = 0.0
) -> RewardEstimate:
    if horizon is None:
        likelihood = DiscountedLikelihood(TabularMDP.from_transition(P, discount=0.85), features(phi), demos)
    else:
        likelihood = FiniteHorizonLikelihood(
            FiniteHorizonMDP.from_transition(P, horizon=horizon), features(phi), demos
        )
    estimate = fit_likelihood(likelihood, FitSettings(l2=l2))
    assert estimate.outcome.ok
    return estimate


@settings(max_examples=8, deadline=None)
@given(key=KEYS, horizon=st.sampled_from([None, 12]))
def test_names_of_states_and_actions_do_not_matter(key: int, horizon: int | None) -> None:
    problem = Problem(key)
    plain = fit(problem.P, problem.phi, problem.demos(), horizon)
    new_state, new_action = problem.rng.permutation(S), problem.rng.permutation(A)
    old_state, old_action = np.argsort(new_state), np.argsort(new_action)
    P = problem.P[old_state][:, old_action][:, :, old_state]
    phi = problem.phi[old_state][:, old_action]
    problem.states, problem.next_states = new_state[problem.states], new_state[problem.next_states]
    problem.actions = new_action[problem.actions]
    other = fit(P, phi, problem.demos(), horizon)
    np.testing.assert_allclose(other.weights, plain.weights, rtol=1e-7, atol=1e-8)
    for kind in plain.covariances:
        np.testing.assert_allclose(other.standard_errors(kind), plain.standard_errors(kind), rtol=1e-6)
    assert abs(other.choice_log_likelihood - plain.choice_log_likelihood) < 1e-8


@settings(max_examples=8, deadline=None)
@given(key=KEYS, copies=st.integers(2, 5), horizon=st.sampled_from([None, 12]))
def test_copies_of_all_trajectories_divide_every_error_by_the_root_of_their_number(
    key: int, copies: int, horizon: int | None
) -> None:
    problem = Problem(key)
    one = fit(problem.P, problem.phi, problem.demos(), horizon)
    many = fit(problem.P, problem.phi, problem.demos(copies), horizon)
    np.testing.assert_allclose(many.weights, one.weights, rtol=1e-7, atol=1e-8)
    assert set(many.covariances) == {"hessian", "outer_product", "sandwich", "sandwich_clustered"}
    for kind in one.covariances:
        np.testing.assert_allclose(
            many.standard_errors(kind) * np.sqrt(copies), one.standard_errors(kind), rtol=1e-6
        )


@settings(max_examples=8, deadline=None)
@given(key=KEYS, exponents=st.lists(st.floats(-4, 4), min_size=K, max_size=K))
def test_units_of_features_scale_their_weights(key: int, exponents: list[float]) -> None:
    problem = Problem(key)
    factor = 10.0 ** np.array(exponents)
    plain = fit(problem.P, problem.phi, problem.demos(), None)
    other = fit(problem.P, problem.phi * factor, problem.demos(), None)
    np.testing.assert_allclose(other.weights * factor, plain.weights, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        other.standard_errors("hessian") * factor, plain.standard_errors("hessian"), rtol=1e-5
    )


@settings(max_examples=8, deadline=None)
@given(key=KEYS, shift=st.floats(-5, 5))
def test_shaping_and_a_shift_of_all_rewards_leave_the_weights_alone(key: int, shift: float) -> None:
    """Features shifted by a constant each, and by a potential's shaping: the discounted choices are the
    same."""
    problem = Problem(key)
    potential = problem.rng.normal(size=(S, K))
    shaping = potential[:, None, :] - 0.85 * np.einsum("sat,tk->sak", problem.P, potential)
    plain = fit(problem.P, problem.phi, problem.demos(), None)
    other = fit(problem.P, problem.phi + shift + shaping, problem.demos(), None)
    np.testing.assert_allclose(other.weights, plain.weights, rtol=1e-6, atol=1e-7)


@settings(max_examples=5, deadline=None)
@given(key=KEYS)
def test_no_weights_beat_the_fitted_ones(key: int) -> None:
    problem = Problem(key)
    likelihood = DiscountedLikelihood(
        TabularMDP.from_transition(problem.P, discount=0.85), features(problem.phi), problem.demos()
    )
    estimate = fit_likelihood(likelihood)
    for scale in (1e-3, 0.1, 1.0):
        other = estimate.weights + scale * problem.rng.normal(size=K)
        assert likelihood.evaluate(other).value <= estimate.choice_log_likelihood + 1e-9
