"""Weights in units of their prior, so that a normal prior is a penalty of one half on every number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.rewards import NormalPrior
from telic.typing import FloatArray, LongArray

__all__ = ["PriorCoordinates"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PriorCoordinates:
    """The linear map ``weights = offset + basis z`` under which the prior of z is standard normal.

    Attributes:
        prior: of the weights that are not fixed.
        free: ``(P,)`` indices of these weights among all K.
        offset: ``(K,)`` prior means, and the values of the fixed weights.
    """

    prior: NormalPrior
    free: LongArray
    offset: FloatArray

    @property
    def count(self) -> int:
        """P, the number of free weights."""
        return len(self.free)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free weights."""
        return self.prior.names

    def expand(self, psi: FloatArray) -> FloatArray:
        """``(..., K)`` weights of ``(..., P)`` coordinates."""
        out = np.broadcast_to(self.offset, (*psi.shape[:-1], len(self.offset))).copy()
        out[..., self.free] += psi * self.prior.standard_deviations
        return out

    def direction(self, d: FloatArray) -> FloatArray:
        """``(K,)`` change of the weights for a change of the coordinates."""
        return self.expand(d) - self.offset

    def contract(self, weights: FloatArray) -> FloatArray:
        """``(..., P)`` coordinates of ``(..., K)`` weights."""
        return np.asarray((weights[..., self.free] - self.prior.means) / self.prior.standard_deviations)

    def pull(self, gradient: FloatArray) -> FloatArray:
        """Derivative by the coordinates, from one by the weights; the last axis is K."""
        return np.asarray(gradient[..., self.free] * self.prior.standard_deviations)

    def pull_matrix(self, matrix: FloatArray) -> FloatArray:
        """Second derivative by the coordinates, from one by the weights."""
        return self.pull(self.pull(matrix).T)
