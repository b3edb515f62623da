"""The check of prior against decisions, on modes whose distribution is known."""

from __future__ import annotations

import numpy as np
from scipy import stats

from telic.features import FeatureMap
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.posterior import laplace_posterior
from telic.inference.posterior.conflict import prior_conflict
from telic.mdp import TabularMDP
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations

NAMES = ("wait", "cost", "risk")


def modes(n: int, *, away: float) -> tuple[np.ndarray, np.ndarray]:
    """Modes of a linear model with unit noise whose first weight has a mean ``away`` from the prior's."""
    rng = np.random.default_rng(20_261_121)
    X = rng.normal(size=(12, 3))
    weights = rng.normal(size=(n, 3)) + np.array([away, 0, 0])
    seen = weights @ X.T + rng.normal(size=(n, 12))
    curvature = X.T @ X + np.eye(3)
    return seen @ X @ np.linalg.inv(curvature), curvature


def test_of_priors_that_hold_one_in_a_hundred_is_contradicted() -> None:
    found, curvature = modes(2_000, away=0.0)
    alarms = sum(bool(prior_conflict(NAMES, mode, curvature)) for mode in found)
    low, high = stats.binom.interval(0.999, 2_000, 0.01)
    assert low <= alarms <= high


def test_the_power_against_a_distant_weight_is_that_of_the_noncentral_chi_square() -> None:
    found, curvature = modes(1_000, away=4.0)
    notes = [note for mode in found for note in prior_conflict(NAMES, mode, curvature)]
    told = (np.eye(3) - np.linalg.inv(curvature))[0, 0]
    power = stats.ncx2.sf(stats.chi2.isf(0.01, 3), 3, 4.0**2 * told)
    low, high = stats.binom.interval(0.999, 1_000, power)
    assert power > 0.7
    assert low <= len(notes) <= high
    assert "wait (+" in notes[0].message
    assert "wider prior" in notes[0].hint


def test_a_direction_that_the_data_do_not_tell_cannot_contradict() -> None:
    assert prior_conflict(NAMES, np.array([9.0, 0, 0]), np.diag([1.01, 50.0, 50.0])) == ()


def test_a_posterior_says_so_and_a_wider_prior_is_silent() -> None:
    """One state, two actions: 900 of 1,000 choices set the weight at log 9 = 2.2 from 0."""
    world = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=0.0)
    features = FeatureMap(values=np.array([[[0.0], [1.0]]]), names=("wait",))
    demos = Demonstrations.from_arrays(
        np.zeros(1_000, dtype=int),
        (np.arange(1_000) < 900).astype(int),
        next_states=np.full(1_000, -1),
        offsets=np.arange(0, 1_001, 10),
    )
    likelihood = DiscountedLikelihood(world, features, demos)
    narrow = laplace_posterior(likelihood, NormalPrior.of(features.names, {"wait": 0.5}), n_draws=100)
    assert [f.code for f in narrow.findings] == ["prior-conflict"]
    wide = laplace_posterior(likelihood, NormalPrior.of(features.names, {"wait": 2.0}), n_draws=100)
    assert wide.findings == ()
