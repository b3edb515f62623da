"""T17: a trade-off as a ratio of two weights, Fieller interval.

Source: CERTIFICATION, row T17. Estimates 2 and 1, standard errors .3 and .2, correlation 0, level 95 %: the
ratio is 2 and its interval lies between the roots of ``rho^2 (1 - .04 z^2) - 4 rho + (4 - .09 z^2) = 0`` with
z = 1.959964: (1.237690, 3.488534), tolerance 1e-5 as the row states (the endpoints are printed to 1e-6).
Where the denominator's own interval holds zero the answer is unbounded.

Coverage: 1,000 pairs of normal estimates, each with its 90 % interval; the count that holds the true ratio
must lie in the central 99.9 % of the binomial (1,000, .9), computed exactly. Two truths are tried, so the
gate of each is .001 / 2. The key was fixed before the first run.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from telic.features import FeatureMap
from telic.inference.ratios import RatioShape, delta_set, fieller_set
from telic.inference.tradeoffs import TradeoffStatus, tradeoff
from telic.reports import Outcome
from telic.rewards import Gauge, LinearReward, RewardEstimate

KEY = 20240617
N_SETS = 1_000


def estimate(weights: list[float], covariance: np.ndarray) -> RewardEstimate:
    theta = np.array(weights)
    names = tuple("nd"[: len(theta)])
    features = FeatureMap(values=np.zeros((2, 2, len(theta))), names=names, units=("minute", "pod-hour"))
    return RewardEstimate(
        method="by_hand",
        outcome=Outcome.SUCCESS,
        reward=LinearReward(features=features, weights=theta),
        names=names,
        units=features.units,
        weights=theta,
        covariances={"hessian": covariance},
        gauge=Gauge(kind="minimum-norm", description="By hand.", rationality=1.0, discount=0.9),
        null_directions=np.zeros((0, len(theta))),
        n_decisions=100,
        n_trajectories=10,
        choice_log_likelihood=-1.0,
        transition_log_likelihood=None,
        certificate={},
        fixed_by_assumption={"discount": 0.9},
        seconds=0.0,
    )


def test_published_endpoints() -> None:
    found = fieller_set(2.0, 1.0, np.diag([0.09, 0.04]), level=0.95)
    assert found.value == 2.0
    assert found.interval == pytest.approx((1.237690, 3.488534), abs=1e-5)
    z = 1.959963984540054
    for root in found.interval or ():
        assert root**2 * (1 - 0.04 * z**2) - 4 * root + (4 - 0.09 * z**2) == pytest.approx(0.0, abs=1e-12)


def test_published_endpoints_through_an_estimate() -> None:
    found = tradeoff(estimate([2.0, 1.0], np.diag([0.09, 0.04])), "n", "d")
    assert (found.value, found.bounded, found.method) == (2.0, True, "fieller")
    assert found.interval == pytest.approx((1.237690, 3.488534), abs=1e-5)


@pytest.mark.parametrize("denominator", [0.3, -0.3, 0.39])
def test_unbounded_where_the_denominators_interval_holds_zero(denominator: float) -> None:
    for method in ("fieller", "delta"):
        found = tradeoff(estimate([2.0, denominator], np.diag([0.09, 0.04])), "n", "d", method=method)
        assert found.status is TradeoffStatus.UNBOUNDED
        assert not found.bounded
        assert found.interval is None
        assert "unbounded" in found.sentence


def test_just_inside_and_just_outside() -> None:
    edge = 0.2 * 1.959963984540054
    assert tradeoff(estimate([2.0, edge * 1.001], np.diag([0.09, 0.04])), "n", "d").bounded
    assert not tradeoff(estimate([2.0, edge * 0.999], np.diag([0.09, 0.04])), "n", "d").bounded


@pytest.mark.parametrize(("truth", "correlation"), [((-3.1, -1.0), 0.6), ((0.4, 1.0), -0.3)])
def test_ninety_percent_intervals_cover_ninety_percent(
    truth: tuple[float, float], correlation: float
) -> None:
    sd = np.array([0.3, 0.25])
    covariance = np.array([[1.0, correlation], [correlation, 1.0]]) * np.outer(sd, sd)
    rng = np.random.default_rng(KEY)
    draws = rng.multivariate_normal(truth, covariance, size=N_SETS)
    hits = sum(fieller_set(n, d, covariance, level=0.9).contains(truth[0] / truth[1]) for n, d in draws)
    low, high = binom.ppf([0.00025, 0.99975], N_SETS, 0.9)
    assert low <= hits <= high


def test_coverage_holds_where_the_delta_method_fails() -> None:
    """A denominator 1.5 errors from zero: Fieller keeps its level, symmetric intervals do not."""
    covariance = np.diag([0.04, 0.04])
    rng = np.random.default_rng(KEY)
    draws = rng.multivariate_normal((2.0, 0.3), covariance, size=N_SETS)
    truth = 2.0 / 0.3
    fieller = sum(fieller_set(n, d, covariance, level=0.9).contains(truth) for n, d in draws)
    low, high = binom.ppf([0.0005, 0.9995], N_SETS, 0.9)
    assert low <= fieller <= high
    bounded = [delta_set(n, d, covariance, level=0.9) for n, d in draws]
    share = np.mean([s.contains(truth) for s in bounded if s.shape is RatioShape.INTERVAL])
    assert share < 0.85
