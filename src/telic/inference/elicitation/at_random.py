"""What comparisons are worth that were picked at random, the yardstick of those that were chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.errors import SettingsError

from .belief import WeightBelief
from .information import comparison_divergences, sampling_error
from .pool import PlanPool, require_same_features
from .together import gain_together

__all__ = ["RandomGain", "random_comparison", "random_set"]

BLOCK = 500
"""Pairs valued at once."""


@dataclass(frozen=True, kw_only=True)
class RandomGain:
    """What candidates tell on average.

    Attributes:
        mean: nats, over the candidates.
        standard_error: of the mean, by the number of draws (of sets: by the number of sets).
        low, high: nats that a tenth of the candidates stay below, and above.
    """

    mean: float
    standard_error: float
    low: float
    high: float


def random_comparison(
    belief: WeightBelief,
    pool: PlanPool,
    *,
    rationality: float | int = 1.0,
    n_pairs: int = 2_000,
    key: int = 0,
) -> RandomGain:
    """The mean gain of pairs of distinct plans.

    Args:
        belief: draws or grid.
        pool: plans.
        rationality: inverse temperature of the answers.
        n_pairs: pairs to look at, at most; picked at random where there are more.
        key: of the random numbers.

    Raises:
        FeatureError: plans and weights are of different features.
        NumericalError: the draws are used up.
    """
    weights, p = belief.answer()
    values = rationality * (require_same_features(pool, belief.names, belief.units) @ weights.T)
    m = len(pool.distinct)
    first, second = np.triu_indices(m, 1)
    if len(first) > n_pairs:
        kept = np.sort(np.random.default_rng(key).choice(len(first), n_pairs, replace=False))
        first, second = first[kept], second[kept]
    first, second = pool.distinct[first], pool.distinct[second]
    total, gains = np.zeros(len(p)), np.zeros(len(first))
    for low in range(0, len(first), BLOCK):
        rows = slice(low, low + BLOCK)
        told, _ = comparison_divergences(values[first[rows]] - values[second[rows]], p)
        total += told.sum(axis=0)
        gains[rows] = told @ p
    mean = total / len(first)
    ends = np.quantile(np.maximum(gains, 0.0), [0.1, 0.9])
    return RandomGain(
        mean=max(float(mean @ p), 0.0),
        standard_error=float(sampling_error(mean[None], belief)[0]),
        low=float(ends[0]),
        high=float(ends[1]),
    )


def random_set(
    belief: WeightBelief,
    pool: PlanPool,
    count: int,
    *,
    rationality: float | int = 1.0,
    n_sets: int = 100,
    key: int = 0,
) -> RandomGain:
    """What ``count`` comparisons of distinct plans tell together, over sets picked at random.

    Args:
        belief: draws or grid.
        pool: plans.
        count: comparisons of a set, at most 10.
        rationality: inverse temperature of the answers.
        n_sets: sets; the mean is known to their spread over the root of their number.
        key: of the random numbers.

    Raises:
        FeatureError: plans and weights are of different features.
        NumericalError: the draws are used up.
        SettingsError: ``count`` is above 10, or there are fewer than 2 sets.
    """
    if n_sets < 2:
        raise SettingsError(f"`n_sets` must be at least 2, got {n_sets}.", hint="100 is usual.")
    amounts = rationality * require_same_features(pool, belief.names, belief.units)
    rng = np.random.default_rng(key)
    gains = np.zeros(n_sets)
    for i in range(n_sets):
        pairs = np.array([rng.choice(pool.distinct, 2, replace=False) for _ in range(count)])
        gains[i], _ = gain_together(belief, amounts[pairs[:, 0]] - amounts[pairs[:, 1]])
    ends = np.quantile(gains, [0.1, 0.9])
    return RandomGain(
        mean=float(gains.mean()),
        standard_error=float(gains.std(ddof=1) / np.sqrt(n_sets)),
        low=float(ends[0]),
        high=float(ends[1]),
    )
