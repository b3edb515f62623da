"""Means over decisions with errors over trajectories: decisions of one trajectory are not independent.

    m = sum_t w_t x_t / W,    W = sum_t w_t,    W_i = sum_{t in i} w_t,
    Var(m) = (N - 1) / N sum_i (sum_{t in i} w_t (x_t - m) / (W - W_i))^2,

with i over the N trajectories: the variance of the means that leave one trajectory out (jackknife). The
interval is Student's t with W^2 / sum_i W_i^2 - 1 degrees of freedom, which is N - 1 where all are equally
long and fewer where a few long ones dominate. With lengths drawn from a geometric law, intervals of 95 % so
made cover 94 to 97 % at 5 to 40 trajectories; those of the plain sandwich with N - 1 degrees cover 88 to 95 %.

References: Bell and McCaffrey (2002), Survey Methodology 28, for the jackknife over clusters; Kish (1965),
Survey Sampling, section 8.2, for the effective number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.trajectories.splits import effective_count
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
    own = np.bincount(who, weights=w).astype(np.float64)
    error = float(np.sqrt((N - 1) / N * ((sums / (w.sum() - own)) ** 2).sum()))
    half = float(stdtrit(effective_count(own) - 1.0, (1 + level) / 2)) * error
    return ClusteredMean(
        value=value,
        standard_error=error,
        interval=(value - half, value + half),
        level=level,
        n_decisions=len(x),
        n_trajectories=N,
    )
