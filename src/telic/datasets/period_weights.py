"""Decisions weighed so that each stretch of time counts alike: a week of incidents does not outvote a quiet year.

Where something happens often for a while, a log holds mostly that; a fit then describes the crowded week. Here each
decision has the weight of its stretch divided by the decisions in it, so that the weights of every stretch with
decisions add up alike, and those of all to the number of decisions.

``telic.inference.temporal_weights`` asks for the opposite, that recent decisions count more; the two multiply.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from telic.errors import DataError, SettingsError
from telic.trajectories import Demonstrations

__all__ = ["even_over_time"]


def even_over_time(
    demos: Demonstrations, *, period_seconds: float | int, most: float | int = math.inf
) -> Demonstrations:
    """The demonstrations, weighed so that every stretch of time counts alike.

    Args:
        demos: with ``times``; weights that are there are multiplied.
        period_seconds: length of a stretch; stretches begin at multiples of it since 1970.
        most: largest weight in terms of the average one; less keeps a single decision of an empty stretch from counting
            for a whole crowded one. It must be at least 1.

    Raises:
        DataError: there are no times, or no decisions.
        SettingsError: a setting is out of its range.
    """
    if not (math.isfinite(period_seconds) and period_seconds > 0) or not most >= 1:
        raise SettingsError(
            f"`period_seconds` must be above 0 and `most` at least 1, got {period_seconds} and {most}.",
            hint="A week has 604,800 seconds.",
        )
    if demos.times is None or not demos.n_decisions:
        raise DataError(
            "Weights by stretches of time need decisions with times.", hint="Set `data.time` in the contract."
        )
    before = np.ones(demos.n_decisions) if demos.weights is None else demos.weights
    _, stretch = np.unique(np.floor(demos.times / period_seconds), return_inverse=True)
    sums = np.bincount(stretch, weights=before)
    weights = before / np.where(sums > 0, sums, 1.0)[stretch]
    weights *= before.sum() / max(weights.sum(), np.finfo(float).tiny)
    return replace(demos, weights=np.minimum(weights, most * before.mean()))
