"""Laws of rewards from comparisons: what renumbering, swapping, copying and rescaling may and may not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from telic.features import FeatureMap
from telic.inference.preferences import (
    BradleyTerrySettings,
    PreferenceEstimate,
    PreferenceLikelihood,
    fit_preferences,
)
from telic.rewards import KINDS
from telic.trajectories import Comparisons

KEYS = st.integers(min_value=0, max_value=2**31 - 1)
N, M, K = 12, 120, 2


def likelihood(F: np.ndarray, comparisons: Comparisons) -> PreferenceLikelihood:
    features = FeatureMap(values=F, names=("x", "y"), form="S")
    return PreferenceLikelihood(
        alternatives=F, comparisons=comparisons, features=features, cluster_by="comparison"
    )


def problem(key: int) -> tuple[np.ndarray, Comparisons]:
    """Random alternatives and tossed answers with ties: any data, not those of a model."""
    rng = np.random.default_rng(key)
    first = rng.integers(N, size=M)
    second = (first + 1 + rng.integers(N - 1, size=M)) % N
    preferred = rng.choice([0.0, 0.5, 1.0], size=M, p=[0.3, 0.2, 0.5])
    people = [f"person {j}" for j in rng.integers(3, size=M)]
    return rng.normal(size=(N, K)), Comparisons.from_arrays(first, second, preferred, annotators=people)


def fit(F: np.ndarray, comparisons: Comparisons) -> PreferenceEstimate:
    found = fit_preferences(likelihood(F, comparisons))
    assert found.outcome.ok
    return found


@settings(max_examples=5, deadline=None)
@given(key=KEYS)
def test_numbers_of_alternatives_and_sides_do_not_matter(key: int) -> None:
    F, c = problem(key)
    plain = fit(F, c)
    rng = np.random.default_rng(key + 1)
    new = rng.permutation(N)
    moved = replace(c, first=new[c.first], second=new[c.second]).swapped().select(rng.permutation(M))
    other = fit(F[np.argsort(new)], moved)
    np.testing.assert_allclose(other.reward.weights, plain.reward.weights, rtol=1e-6, atol=1e-8)
    for kind in KINDS:
        np.testing.assert_allclose(
            other.reward.covariances[kind], plain.reward.covariances[kind], rtol=1e-5, atol=1e-9
        )


@settings(max_examples=5, deadline=None)
@given(key=KEYS, unit=st.sampled_from([1e-3, 60.0, 1e4]), shift=st.floats(-5, 5))
def test_units_scale_the_weights_and_a_shift_changes_nothing(key: int, unit: float, shift: float) -> None:
    F, c = problem(key)
    plain, other = fit(F, c), fit(F * np.array([unit, 1.0]) + shift, c)
    scale = np.array([1 / unit, 1.0])
    np.testing.assert_allclose(other.reward.weights / scale, plain.reward.weights, rtol=1e-5, atol=1e-7)
    for kind in KINDS:
        np.testing.assert_allclose(
            other.reward.standard_errors(kind), plain.reward.standard_errors(kind) * scale, rtol=1e-5
        )
    np.testing.assert_allclose(other.preference_log_likelihood, plain.preference_log_likelihood, rtol=1e-9)


@settings(max_examples=5, deadline=None)
@given(key=KEYS)
def test_every_answer_twice_divides_errors_by_the_root_of_two(key: int) -> None:
    F, c = problem(key)
    once, twice = fit(F, c), fit(F, c.select(np.tile(np.arange(M), 2)))
    np.testing.assert_allclose(twice.reward.weights, once.reward.weights, rtol=1e-6, atol=1e-8)
    for kind in KINDS:
        np.testing.assert_allclose(
            twice.reward.standard_errors(kind) * np.sqrt(2), once.reward.standard_errors(kind), rtol=1e-6
        )


@settings(max_examples=5, deadline=None)
@given(key=KEYS)
def test_a_rationality_each_never_fits_worse(key: int) -> None:
    """Without a law that ties annotators together the likelihood of more numbers is at least as high."""
    F, c = problem(key)
    each = fit_preferences(
        likelihood(F, c), settings=BradleyTerrySettings(annotators="each", reference="person 0", spread=None)
    )
    alike = fit(F, c)
    assume(each.outcome.ok)
    assert each.preference_log_likelihood >= alike.preference_log_likelihood - 1e-6
