"""Whether a new policy collects more than an old one, from episodes with the same beginnings.

With d_i the difference of the two returns of beginning i, and the policies alike, each d_i is as likely to have the
other sign. So the share of all changes of signs under which the mean of ``s_i d_i`` is at least the observed one is a
p-value: exact where the two are alike, whatever the distribution of returns. Up to 12 episodes all changes are counted,
beyond that 9,999 are drawn, and the observed one is one of them. The lower bound is the smallest difference that the
same test would not refute.

References:
    Fisher (1935), The design of experiments, section 21. Phipson and Smyth (2010), Permutation p-values should never be
    zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, SettingsError
from telic.typing import FloatArray

__all__ = ["Improvement", "episodes_needed", "improvement"]

ALL = 12
"""Episodes up to which all changes of signs are counted."""

N_DRAWN = 9_999


@dataclass(frozen=True, kw_only=True)
class Improvement:
    """What the comparison says.

    Attributes:
        n: beginnings.
        old: mean return of the old policy.
        new: mean return of the new policy.
        difference: of the means.
        low: one-sided lower bound of the difference at the confidence.
        p_value: chance of such a difference or a larger one, were the two alike.
        confidence: asked for.
    """

    n: int
    old: float
    new: float
    difference: float
    low: float
    p_value: float
    confidence: float

    @property
    def is_better(self) -> bool:
        """Whether the new policy is the better one with that confidence."""
        return self.p_value <= 1.0 - self.confidence


def episodes_needed(confidence: float) -> int:
    """Episodes below which no difference, however large, is one with the confidence.

    Args:
        confidence: in [0.5, 1).

    Raises:
        SettingsError: it lies elsewhere.
    """
    if not 0.5 <= confidence < 1.0:
        raise SettingsError(
            f"`confidence` must lie in [0.5, 1), got {confidence}.",
            hint="0.95 is usual; then 5 episodes are needed.",
        )
    # 2^-n must not be above 1 - confidence; rounding of the latter must not ask for one more.
    return max(1, math.ceil(-math.log2(1.0 - confidence) - 1e-9))


def improvement(
    old: Float[np.ndarray, "n"], new: Float[np.ndarray, "m"], *, confidence: float = 0.95, key: int = 0
) -> Improvement:
    """Whether new returns are higher than old ones of the same beginnings.

    Args:
        old: returns of the old policy.
        new: returns of the new policy, in the same order of beginnings.
        confidence: with which a new policy that is like the old one is not taken for better.
        key: of the changes of signs that are drawn.

    Raises:
        DataError: lengths differ, a return is not finite, or there are too few for the confidence.
    """
    n, needed = len(old), episodes_needed(confidence)
    if len(new) != n:
        raise DataError(
            f"Returns must be of the same beginnings, got {n} and {len(new)}.",
            hint="Evaluate both on the same starts.",
        )
    if n < needed:
        raise DataError(
            f"A confidence of {confidence} needs at least {needed} episodes of each policy, got {n}.",
            hint="Evaluate more episodes, or ask for less confidence.",
            needed=needed,
        )
    if not (np.isfinite(old).all() and np.isfinite(new).all()):
        raise DataError("Returns must be finite.", hint="Look for the episode whose reward is not.")
    d = np.asarray(new, np.float64) - np.asarray(old, np.float64)
    moved = _moved_means(d, key)
    # Sums that differ by rounding alone are equal. The change of no sign always counts.
    is_as_large = moved <= 1e-9 * float(np.abs(d).mean())
    n_allowed = math.floor((1.0 - confidence) * (len(moved) + 1) + 1e-9)
    return Improvement(
        n=n,
        old=float(np.mean(old)),
        new=float(np.mean(new)),
        difference=float(d.mean()),
        low=float(np.partition(moved, n_allowed - 1)[n_allowed - 1]),
        p_value=float((1 + is_as_large.sum()) / (len(moved) + 1)),
        confidence=confidence,
    )


def _moved_means(d: FloatArray, key: int) -> FloatArray:
    """``(m,)`` mean of the differences whose sign is changed, for each change but that of none.

    The sum after a change is at least the observed one exactly where this mean is at most 0; and with all differences
    less by a shift, where it is at most that shift. So the bound is an order statistic of these means.
    """
    n = len(d)
    if n <= ALL:
        is_moved = ((np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1).astype(bool)
    else:
        is_moved = np.random.default_rng(key).random((N_DRAWN, n)) < 0.5
    counts = is_moved.sum(axis=1)
    # A draw that changes no sign is as large whatever the shift.
    found: FloatArray = np.where(counts > 0, (is_moved @ d) / np.maximum(counts, 1), -np.inf)
    return found
