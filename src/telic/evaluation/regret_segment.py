"""Regret of plans over one parameter, exactly: ``w(t) = (1 - t) w_0 + t w_1`` with t uniform on [0, 1].

The value of a plan is linear in t, the best value is the upper envelope of lines, and a regret is piecewise linear and
convex. Between the crossings of the lines everything is linear, so the range of t where a plan is best, its largest
regret (at an end, by convexity) and its mean are sums of a few terms, right to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError
from telic.reports import Outcome, Report, Section, Table
from telic.typing import FloatArray

__all__ = ["SegmentRegret", "segment_regret"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentRegret:
    """Regret of plans over a segment of rewards, t uniform.

    Attributes:
        names: of the m plans.
        best_shares: ``(m,)`` share of t for which no plan is better; plans that tie all along count each.
        means: ``(m,)`` mean regret, in units of reward.
        worst: ``(m,)`` largest regret.
        thresholds: ``(m, m)`` t at which two plans are worth the same, NaN where there is none in [0, 1] or
            where they are worth the same everywhere.
        ends: ``(m, 2)`` value of each plan at t = 0 and t = 1.
    """

    names: tuple[str, ...]
    best_shares: Float[np.ndarray, "m"]
    means: Float[np.ndarray, "m"]
    worst: Float[np.ndarray, "m"]
    thresholds: Float[np.ndarray, "m m"]
    ends: Float[np.ndarray, "m 2"]

    @property
    def outcome(self) -> Outcome:
        """Always ``SUCCESS``."""
        return Outcome.SUCCESS

    def to_json(self) -> dict[str, Any]:
        """The numbers by plan."""
        plans = {
            name: {
                "best_share": float(self.best_shares[i]),
                "mean": float(self.means[i]),
                "worst": float(self.worst[i]),
                "thresholds": {
                    other: float(t)
                    for other, t in zip(self.names, self.thresholds[i], strict=True)
                    if np.isfinite(t)
                },
            }
            for i, name in enumerate(self.names)
        }
        return {"schema_version": 1, "result": self.outcome.label, "plans": plans}

    def summary(self) -> Report:
        """The plans as a report."""
        table = Table(
            title="Regret along the segment",
            columns=("plan", "best for a share of", "mean regret", "worst regret"),
            rows=tuple(
                (n, float(self.best_shares[i]), float(self.means[i]), float(self.worst[i]))
                for i, n in enumerate(self.names)
            ),
        )
        first = self.names[int(np.argmin(self.means))]
        return Report(
            title="Predicted regret along a segment of rewards",
            headline=f"{first} has the least mean regret.",
            sections=(Section(title="Plans", items=(table,), anchor="regret"),),
            data=self.to_json(),
        )


def segment_regret(
    plans: FloatArray, first: FloatArray, last: FloatArray, *, names: Sequence[str] = ()
) -> SegmentRegret:
    """The exact regret of each plan among these, for rewards between two.

    Args:
        plans: ``(m, K)`` amount of each feature that each plan collects.
        first: ``(K,)`` weights at t = 0.
        last: ``(K,)`` weights at t = 1.
        names: of the plans; empty: plan 1, plan 2, ...

    Raises:
        FeatureError: shapes do not fit, or a number is not finite.
    """
    f = np.asarray(plans, dtype=np.float64)
    w = np.stack([np.asarray(first, dtype=np.float64).ravel(), np.asarray(last, dtype=np.float64).ravel()])
    if (
        f.ndim != 2
        or not len(f)
        or f.shape[1] != w.shape[1]
        or not (np.isfinite(f).all() and np.isfinite(w).all())
    ):
        raise FeatureError(
            f"`plans` must be finite amounts of the {w.shape[1]} features of the reward, one row a plan, "
            f"got shape {f.shape}.",
            hint="One column for each weight.",
        )
    labels = tuple(names) or tuple(f"plan {i + 1}" for i in range(len(f)))
    if len(labels) != len(f) or len(set(labels)) != len(f):
        raise FeatureError(
            f"{len(f)} plans need {len(f)} distinct names, got {labels}.", hint="Name each once."
        )
    ends = f @ w.T
    at_first, slope = ends[:, 0], ends[:, 1] - ends[:, 0]
    rise = slope[:, None] - slope[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossings = (at_first[None, :] - at_first[:, None]) / rise
    inside = np.isfinite(crossings) & (crossings >= 0) & (crossings <= 1)
    thresholds = np.where(inside, crossings, np.nan)
    cuts = np.unique(np.concatenate([[0.0, 1.0], thresholds[inside]]))
    length, middle = np.diff(cuts), (cuts[:-1] + cuts[1:]) / 2
    at = at_first[:, None] + slope[:, None] * middle
    regret = at.max(axis=0) - at
    tie = 1e-14 * max(1.0, float(np.abs(ends).max()))
    edge = ends.max(axis=0) - ends
    return SegmentRegret(
        names=labels,
        best_shares=(regret <= tie) @ length,
        means=regret @ length,
        worst=edge.max(axis=1),
        thresholds=thresholds,
        ends=ends,
    )
