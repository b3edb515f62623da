"""Coordinates in which a region of rewards has edges: what decisions tell, and what stated limits bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from telic.typing import FloatArray

from .interior_point import Derivatives
from .likelihood import ChoiceLikelihood
from .uncertainty import complement

__all__ = ["Frame", "free_directions", "null_part"]

ROUNDING = 1e-6
"""Component along a null direction, relative to its terms, that rounding can leave."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """Coordinates z of the directions in which the region has an edge: ``weights = origin + basis z``.

    Attributes:
        likelihood: of the choices.
        origin: ``(K,)`` weights inside the region.
        basis: ``(K, P)``.
        A, b: limits of the weights as ``A z + b >= 0``.
    """

    likelihood: ChoiceLikelihood
    origin: FloatArray
    basis: FloatArray
    A: FloatArray
    b: FloatArray

    @classmethod
    def of(
        cls,
        likelihood: ChoiceLikelihood,
        origin: FloatArray,
        scale: FloatArray,
        limits: Mapping[str, float],
        free: FloatArray,
    ) -> Frame:
        """The frame around ``(K,)`` weights, each in units of its ``scale``, without ``free`` directions."""
        names = likelihood.names
        basis = scale[:, None] * complement(_orthonormal(free / scale))
        limited = [k for k, n in enumerate(names) if n in limits]
        ends = np.array([limits[names[k]] for k in limited])
        rows = basis[limited]
        return cls(
            likelihood=likelihood,
            origin=origin,
            basis=basis,
            A=np.vstack([rows, -rows]) / np.concatenate([ends, ends])[:, None],
            b=np.concatenate([1 + origin[limited] / ends, 1 - origin[limited] / ends]),
        )

    def weights(self, z: FloatArray) -> FloatArray:
        """``(K,)`` weights at z."""
        return np.asarray(self.origin + self.basis @ z)

    def evaluate(self, z: FloatArray) -> Derivatives | None:
        """Log-likelihood with derivatives by z, or None where it has no finite value."""
        found = self.likelihood.evaluate(self.weights(z), order=2)
        if not found.outcome.ok or found.score is None or found.hessian is None:
            return None
        return found.value, self.basis.T @ found.score, self.basis.T @ found.hessian @ self.basis


def free_directions(
    null_directions: FloatArray, names: Sequence[str], limits: Mapping[str, float], scale: FloatArray
) -> FloatArray:
    """``(m, K)`` null directions along which no limited weight changes."""
    limited = [k for k, n in enumerate(names) if n in limits]
    if not limited or not len(null_directions):
        return null_directions
    rows = _orthonormal(null_directions / scale)
    u, s, _ = np.linalg.svd(rows[:, limited], full_matrices=True)
    rank = int((s > ROUNDING).sum())
    return np.asarray((u[:, rank:].T @ rows) * scale)


def null_part(coefficients: FloatArray, directions: FloatArray) -> FloatArray | None:
    """The first of the directions along which a combination changes, or None where it changes along none."""
    for row in directions:
        terms = coefficients * row
        if abs(float(terms.sum())) > ROUNDING * float(np.abs(terms).sum()):
            return np.asarray(row)
    return None


def _orthonormal(rows: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.qr(rows.T)[0].T) if len(rows) else rows
