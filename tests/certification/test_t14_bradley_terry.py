"""T14, first part: Bradley and Terry's model, 75 of 100 comparisons.

Source: CERTIFICATION, row T14: the log-odds are ln 3 = 1.098612 and their standard error is
``1 / sqrt(100 * .75 * .25)`` = 0.230940; tolerance 1e-6, for both are closed forms printed to six digits. All four
kinds agree where every answer is its own cluster, for the model has one weight and one kind of comparison.

``bradley_terry`` is asked in three ways: one feature that differs by 1, abilities of two items with the first at 0,
and abilities of two items as the null direction leaves them (their difference).
"""

from __future__ import annotations

import numpy as np
import pytest

from telic.features import FeatureMap
from telic.inference.preferences import (
    BradleyTerrySettings,
    PreferenceLikelihood,
    fit_preferences,
    item_abilities,
)
from telic.rewards import KINDS
from telic.trajectories import Comparisons

LOG_ODDS, ERROR, TOLERANCE = 1.098612, 0.230940, 1e-6


def answers() -> Comparisons:
    """Item 0 is preferred 75 times, item 1 25 times; sides alternate."""
    sides = np.arange(100) % 2
    first_is_better = np.arange(100) < 75
    return Comparisons.from_arrays(
        sides, 1 - sides, np.where(first_is_better, sides == 0, sides == 1).astype(float)
    )


def test_one_feature_that_differs_by_one():
    likelihood = PreferenceLikelihood(
        alternatives=np.array([[1.0], [0.0]]),
        comparisons=answers(),
        features=FeatureMap(values=np.array([[1.0], [0.0]]), names=("quality",), form="S"),
        cluster_by="comparison",
    )
    estimate = fit_preferences(likelihood).reward
    assert estimate.outcome.ok
    assert estimate.method == "bradley_terry"
    assert estimate.weights[0] == pytest.approx(LOG_ODDS, abs=TOLERANCE)
    for kind in KINDS:
        assert estimate.standard_errors(kind)[0] == pytest.approx(ERROR, abs=TOLERANCE)
    assert estimate.choice_log_likelihood == pytest.approx(75 * np.log(0.75) + 25 * np.log(0.25), abs=1e-9)


def test_abilities_of_two_items():
    estimate = item_abilities(
        answers(), ["better", "worse"], reference="worse", cluster_by="comparison"
    ).reward
    assert estimate.weights == pytest.approx([LOG_ODDS, 0.0], abs=TOLERANCE)
    for kind in KINDS:
        assert estimate.standard_errors(kind)[0] == pytest.approx(ERROR, abs=TOLERANCE)


def test_without_a_reference_the_difference_is_the_same_and_the_rest_is_null():
    likelihood = PreferenceLikelihood(
        alternatives=np.eye(2),
        comparisons=answers(),
        features=FeatureMap(values=np.eye(2), names=("a", "b"), form="S"),
    )
    estimate = fit_preferences(likelihood, settings=BradleyTerrySettings()).reward
    assert estimate.nullity == 1
    np.testing.assert_allclose(np.abs(estimate.null_directions[0]), np.sqrt(0.5))
    assert estimate.weights.sum() == pytest.approx(0.0, abs=1e-12)
    assert estimate.weights[0] - estimate.weights[1] == pytest.approx(LOG_ODDS, abs=TOLERANCE)
    contrast = np.array([1.0, -1.0])
    variance = contrast @ estimate.covariances["hessian"] @ contrast
    assert np.sqrt(variance) == pytest.approx(ERROR, abs=TOLERANCE)
