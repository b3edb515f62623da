"""Which of the equivalent quadratic costs are costs: positive semidefinite ones, and how far they reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from telic.planning import solve_lqr
from telic.typing import FloatArray

from .inverse_lqr_equations import GainEquations
from .inverse_lqr_findings import IMPOSSIBLE

__all__ = ["NEGATIVE", "is_cost", "nearest_cost", "null_interval", "reach_a_cost"]

NEGATIVE = 1e-9
"""Smallest eigenvalue of Q, relative to its largest, that rounding can leave negative."""

REPAIRS = 50
"""Most steps towards a cost; one an eigenvalue is usual."""

SHARPNESS = (1e1, 1e2, 1e3, 1e4)
"""Of the smooth smallest eigenvalue, raised step by step."""


def reach_a_cost(
    system: GainEquations,
    weights: FloatArray,
    null: FloatArray,
    covariances: Mapping[str, FloatArray],
    gain_covariances: Mapping[str, FloatArray],
) -> tuple[FloatArray, bool]:
    """How far to go along the null directions, and whether a cost is reached (up to errors)."""
    start = system.cost(weights)
    along = [system.cost(z) for z in null.T]
    nowhere = np.zeros(len(along))
    if is_cost(start):
        return nowhere, True
    deepest = _deepest_point(start, along)
    direction = np.tensordot(deepest, np.stack(along), axes=1) if along else np.zeros_like(start)
    if not is_cost(start + direction):
        return deepest, _may_be_chance(system, weights + null @ deepest, covariances, gain_covariances)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (low, middle) if is_cost(start + middle * direction) else (middle, high)
    return high * deepest, True


def is_cost(Q: FloatArray) -> bool:
    """True for a positive semidefinite matrix, up to rounding."""
    values = np.linalg.eigvalsh(Q)
    return bool(values[0] >= -NEGATIVE * max(float(np.abs(values).max()), 1e-300))


def _may_be_chance(
    system: GainEquations,
    weights: FloatArray,
    covariances: Mapping[str, FloatArray],
    gain_covariances: Mapping[str, FloatArray],
) -> bool:
    """Whether some cost nearby has a best gain that the error of the gain does not tell from this one.

    The cost is found by moving the weights, in the metric of their covariance, until no eigenvalue is negative; it is
    judged by its gain, whose error is nearer to normal than that of the weights.
    """
    from scipy.stats import chi2

    if not covariances:
        return False
    C, near = covariances["hessian"], weights
    for _ in range(REPAIRS):
        values, vectors = np.linalg.eigh(system.cost(near))
        if values[0] >= 0:
            break
        slope = np.array([vectors[:, 0] @ part @ vectors[:, 0] for part in system.basis])
        spread = float(slope @ C @ slope)
        if spread <= 0:
            return False
        near = near - values[0] * (1.0 + NEGATIVE) * (C @ slope) / spread
    best = solve_lqr(system.A, system.B, nearest_cost(system.cost(near)), system.control_cost)
    if not best.outcome.ok:
        return False
    gap = (best.gain - system.gain).ravel()
    statistic = float(gap @ np.linalg.pinv(gain_covariances["hessian"], hermitian=True) @ gap)
    return bool(chi2.sf(statistic, len(gap)) >= IMPOSSIBLE)


def nearest_cost(Q: FloatArray) -> FloatArray:
    """The nearest positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(Q)
    raised = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return np.asarray((raised + raised.T) / 2.0)


def null_interval(Q: FloatArray, Z: FloatArray) -> tuple[float, float]:
    """All t with Q + t Z positive semidefinite."""

    def end(sign: float) -> float:
        reach = (float(np.abs(Q).max()) or 1.0) / max(float(np.abs(Z).max()), 1e-300)
        far = reach
        while is_cost(Q + sign * far * Z):
            far *= 2.0
            if far > 1e9 * reach:
                return float("inf")
        near = 0.0
        for _ in range(80):
            middle = (near + far) / 2.0
            near, far = (middle, far) if is_cost(Q + sign * middle * Z) else (near, middle)
        return near

    return -end(-1.0), end(1.0)


def _deepest_point(start: FloatArray, along: Sequence[FloatArray]) -> FloatArray:
    """Coefficients of the directions that raise the smallest eigenvalue of ``start`` most, with a small pull to 0.

    The smallest eigenvalue is concave in the coefficients; it is maximised through its smooth lower bound
    ``-log(tr exp(-c X)) / c`` for growing c.

    Args:
        start: ``(n, n)`` symmetric.
        along: symmetric matrices.
    """
    from scipy.optimize import minimize

    if not along:
        return np.zeros(0)
    scale = max(float(np.abs(start).max()), 1e-300)
    stack = np.stack([Z / max(float(np.abs(Z).max()), 1e-300) for Z in along])
    sizes = np.array([max(float(np.abs(Z).max()), 1e-300) for Z in along])

    def loss(t: FloatArray, sharpness: float) -> tuple[float, FloatArray]:
        values, vectors = np.linalg.eigh(start / scale + np.tensordot(t, stack, axes=1))
        shares = np.exp(-sharpness * (values - values[0]))
        bound = values[0] - np.log(shares.sum()) / sharpness
        shares /= shares.sum()
        slope = np.einsum("e,ie,kij,je->k", shares, vectors, stack, vectors)
        return float(-bound + 5e-4 * t @ t), -slope + 1e-3 * t

    t = np.zeros(len(stack))
    for sharpness in SHARPNESS:
        t = minimize(loss, t, args=(sharpness,), jac=True, method="BFGS", options={"maxiter": 500}).x
    return np.asarray(t * scale / sizes)
