"""The covariance of the weights in a result: what the standard deviation of a reward at a single state is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from telic.typing import FloatArray

if TYPE_CHECKING:
    from .fit import Fit

__all__ = ["covariance_from", "covariance_json"]

MOST_WEIGHTS = 100
"""Weights up to which a result carries their covariance: 10,000 numbers."""


def covariance_json(fit: Fit) -> dict[str, Any] | None:
    """Covariance of the weights behind the intervals, with what estimated dynamics add to it.

    Args:
        fit: of everybody, or of one demonstrator.

    Returns:
        ``{kind, names, matrix}``; None where there is no answer, no error, or too many weights.
    """
    if not fit.outcome.ok or not fit.error_kind or len(fit.estimate.names) > MOST_WEIGHTS:
        return None
    matrix = fit.with_all_errors.covariance(fit.error_kind)
    if not np.isfinite(matrix).all():
        return None
    return {"kind": fit.error_kind, "names": list(fit.estimate.names), "matrix": matrix.tolist()}


def covariance_from(told: Mapping[str, Any] | None, names: tuple[str, ...]) -> FloatArray | None:
    """``(K, K)`` as a result tells it, in the order of the names; None where it tells none."""
    if told is None:
        return None
    places = [told["names"].index(name) for name in names]
    matrix: FloatArray = np.asarray(told["matrix"], dtype=np.float64)[np.ix_(places, places)]
    return matrix
