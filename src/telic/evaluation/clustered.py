"""Means over decisions with errors over trajectories: decisions of one trajectory are not independent.

    m = sum_t w_t x_t / sum_t w_t,
    Var(m) = N / (N - 1) sum_i (sum_{t in i} w_t (x_t - m))^2 / (sum_t w_t)^2,

with i over the N trajectories, and an interval from Student's t with N - 1 degrees of freedom. The sandwich
estimate of a ratio of means (Liang & Zeger 1986); it needs some ten trajectories or more to be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.typing import FloatArray, LongArray

__all__ = ["ClusteredMean", "clustered_mean"]


@dataclass(frozen=True, kw_only=True)
class ClusteredMean:
    """A mean over decisions.

    Attributes:
        value: the mean.
        standard_error: over trajectories; NaN where it cannot be had (one trajectory, an infinite value).
        interval: two-sided at ``level``, or None where there is no standard error.
        level: its coverage.
        n_decisions: decisions with positive weight.
        n_trajectories: trajectories with such decisions.
    """

    value: float
    standard_error: float
    interval: tuple[float, float] | None
    level: float
    n_decisions: int
    n_trajectories: int


def clustered_mean(
    values: FloatArray, trajectories: LongArray, weights: FloatArray | None = None, *, level: float = 0.95
) -> ClusteredMean:
    """The weighted mean of ``values`` with its clustered interval.

    Args:
        values: ``(n,)`` one number a decision.
        trajectories: ``(n,)`` trajectory of each decision.
        weights: ``(n,)`` weights, or None for 1.
        level: coverage of the interval, in (0, 1).
    """
    from scipy.special import stdtrit

    w = np.ones(len(values)) if weights is None else weights
    used = w > 0
    x, w, who = values[used], w[used], np.unique(trajectories[used], return_inverse=True)[1]
    N = int(who.max()) + 1 if len(who) else 0
    value = float(w @ x / w.sum()) if N else float("nan")
    if N < 2 or not np.isfinite(value):
        return ClusteredMean(
            value=value,
            standard_error=float("nan"),
            interval=None,
            level=level,
            n_decisions=len(x),
            n_trajectories=N,
        )
    sums = np.bincount(who, weights=w * (x - value))
    error = float(np.sqrt(N / (N - 1) * (sums**2).sum()) / w.sum())
    half = float(stdtrit(N - 1, (1 + level) / 2)) * error
    return ClusteredMean(
        value=value,
        standard_error=error,
        interval=(value - half, value + half),
        level=level,
        n_decisions=len(x),
        n_trajectories=N,
    )
