"""The conditions under which a gain is best for a quadratic cost, as linear equations in the cost.

With ``F = A - B K`` stable and ``Q = sum_k theta_k Q_k``, the value of the gain is linear in theta,

    P = Q + K' R K + gamma F' P F,

and K is best for Q exactly if ``gamma B' P F = R K``: ``m n`` linear equations ``M theta = b``. Directions in which M
vanishes are costs that no gain can show. The equations also give the sensitivity of theta to an error of K; at the
solution ``d/dK (gamma B' P F - R K) = -(R + gamma B' P B) dK``, for a change of K does not change P there.

Reference: Kalman (1964), When is a linear control system optimal?, J. Basic Eng. 86, 51-60; Anderson and Moore (1990),
section 5.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from telic.typing import FloatArray

__all__ = ["GainEquations"]

RANK = 1e-9
"""Singular values of M, its columns brought to one size, below this share of the largest count as 0."""

ROUNDING = 1e-12
"""Components of a unit null direction below this are 0."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GainEquations:
    """``M theta = b`` of one gain, with dynamics already multiplied by the root of the discount.

    Attributes:
        A: ``(n, n)``.
        B: ``(n, m)``.
        gain: ``(m, n)`` K, stabilising.
        control_cost: ``(m, m)`` R.
        basis: K symmetric ``(n, n)`` matrices whose weighted sum is Q.
    """

    A: FloatArray
    B: FloatArray
    gain: FloatArray
    control_cost: FloatArray
    basis: Sequence[FloatArray]

    @cached_property
    def loop(self) -> FloatArray:
        """``F = A - B K``."""
        return np.asarray(self.A - self.B @ self.gain)

    @cached_property
    def matrix(self) -> FloatArray:
        """``(m n, K)`` M."""
        columns = [(self.B.T @ self._value(Q) @ self.loop).ravel() for Q in self.basis]
        return np.stack(columns, axis=1)

    @cached_property
    def right_side(self) -> FloatArray:
        """``(m n,)`` b."""
        K, R = self.gain, self.control_cost
        return np.asarray((R @ K - self.B.T @ self._value(K.T @ R @ K) @ self.loop).ravel())

    @cached_property
    def _sizes(self) -> FloatArray:
        sizes = np.linalg.norm(self.matrix, axis=0)
        return np.where(sizes > 0, sizes, 1.0)

    @cached_property
    def directions(self) -> tuple[FloatArray, FloatArray]:
        """``(K, rank)`` and ``(K, nullity)`` columns: what the gain shows, and what it cannot show."""
        scaled = self.matrix / self._sizes
        _, values, rows = np.linalg.svd(scaled, full_matrices=True)
        # A column of norm 0 stays 0 and is a null direction by itself.
        rank = int((values > RANK * max(float(values.max(initial=0.0)), 1e-300)).sum())
        if not self.matrix.any():
            rank = 0
        null = rows[rank:].T / self._sizes[:, None]
        null = np.linalg.qr(null)[0] if null.size else null
        null[np.abs(null) < ROUNDING] = 0.0
        shown = np.linalg.svd(null, full_matrices=True)[0][:, null.shape[1] :] if null.size else np.eye(rank)
        return shown, null

    def cost(self, weights: FloatArray) -> FloatArray:
        """``(n, n)`` Q."""
        return np.asarray(np.tensordot(weights, np.stack(self.basis), axes=1))

    def value(self, weights: FloatArray) -> FloatArray:
        """``(n, n)`` P."""
        return self._value(self.cost(weights) + self.gain.T @ self.control_cost @ self.gain)

    def curvature(self, weights: FloatArray) -> FloatArray:
        """``(m, m)`` R + gamma B' P B, half the second derivative of the cost in the control."""
        return self.curvature_of(self.value(weights))

    def curvature_of(self, value: FloatArray) -> FloatArray:
        """The same of a value P."""
        return np.asarray(self.control_cost + self.B.T @ value @ self.B)

    def solve(self, precision: FloatArray | None = None) -> FloatArray:
        """``(K,)`` weights without a part in a null direction, by (weighted) least squares.

        Args:
            precision: ``(m n, m n)`` weight of the residuals; None: all alike.
        """
        return np.asarray(self.solver(precision) @ self.right_side)

    def solver(self, precision: FloatArray | None = None) -> FloatArray:
        """``(K, m n)`` the map from right sides to weights."""
        shown, _ = self.directions
        X = self.matrix @ shown
        if precision is None:
            return np.asarray(shown @ np.linalg.pinv(X))
        values, vectors = np.linalg.eigh(precision)
        root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
        return np.asarray(shown @ np.linalg.pinv(root @ X) @ root)

    def sensitivity(self, weights: FloatArray) -> FloatArray:
        """``(m n, m n)`` derivative of ``M theta - b`` with respect to the entries of K."""
        P, B, K, R, F = self.value(weights), self.B, self.gain, self.control_cost, self.loop
        columns = []
        for index in np.ndindex(K.shape):
            dK = np.zeros_like(K)
            dK[index] = 1.0
            dF = -B @ dK
            half = dK.T @ R @ K + dF.T @ P @ F
            dP = self._value(half + half.T)
            columns.append((B.T @ dP @ F + B.T @ P @ dF - R @ dK).ravel())
        return np.stack(columns, axis=1)

    def _value(self, cost: FloatArray) -> FloatArray:
        from scipy.linalg import solve_discrete_lyapunov

        return np.asarray(solve_discrete_lyapunov(self.loop.T, (cost + cost.T) / 2.0))
