"""Linear dynamics and quadratic cost: the continuous problem with an exact answer.

    x' = A x + B u + noise,     cost = sum_t gamma^t (x' Q x + u' R u),     u = -K x,
    P = Q + gamma A' P A - gamma A' P B K,      K = gamma (R + gamma B' P B)^-1 B' P A.

Costs carry no factor 1/2. The soft (maximum causal entropy) policy at rationality beta is normal around the same
``-K x`` with covariance ``(2 beta (R + gamma B' P B))^-1``, whatever the noise of the dynamics. A discount is the
undiscounted problem with A and B times its square root.

Accuracy: the stabilising solution of the Riccati equation by scipy (QZ of the symplectic pencil), with its residual
relative to P; outcome ``SINGULAR`` where there is none to working precision.

References: Anderson and Moore (1990), Optimal Control: Linear Quadratic Methods; Ziebart (2010), PhD thesis, section
8.3, for the soft policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from telic.errors import DynamicsError, SettingsError
from telic.reports import Finding, Outcome, Severity
from telic.typing import FloatArray

from .solutions import require

__all__ = ["LqrSolution", "check_cost", "check_linear_dynamics", "solve_lqr"]

RESIDUAL = 1e-8
"""Largest residual of the Riccati equation, relative to P, of an answer."""

RANK = 1e-9
"""Singular values below this, relative to the largest, count as 0 in tests of rank."""

SYMMETRY = 1e-9
"""Largest asymmetry of a cost, relative to its largest entry, that rounding can explain."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LqrSolution:
    """The best linear policy ``u = -K x`` and the soft one around it.

    Attributes:
        gain: K.
        value: P; the cost to go from x is ``x' P x`` (plus a constant for noise).
        policy_covariance: of the soft policy at ``rationality``.
        closed_loop: ``A - B K``.
        spectral_radius: of the closed loop times the square root of the discount; below 1.
        residual: of the Riccati equation, relative to P.
        rationality: inverse temperature of the soft policy.
        outcome: ``SUCCESS`` or ``SINGULAR``; then the arrays hold NaN.
        findings: what a reader should know.
    """

    gain: Float[np.ndarray, "m n"]
    value: Float[np.ndarray, "n n"]
    policy_covariance: Float[np.ndarray, "m m"]
    closed_loop: Float[np.ndarray, "n n"]
    spectral_radius: float
    residual: float
    rationality: float
    outcome: Outcome
    findings: tuple[Finding, ...] = ()


def solve_lqr(
    A: ArrayLike,
    B: ArrayLike,
    Q: ArrayLike,
    R: ArrayLike,
    *,
    discount: float | int = 1.0,
    rationality: float | int = 1.0,
    throw: bool = False,
) -> LqrSolution:
    """The gain and value of a linear-quadratic problem, with the covariance of its soft policy.

    Args:
        A: ``(n, n)`` dynamics; a number is ``(1, 1)``.
        B: ``(n, m)`` effect of controls; a vector is one control.
        Q: ``(n, n)`` cost of states, symmetric, positive semidefinite.
        R: ``(m, m)`` cost of controls, symmetric, positive definite.
        discount: per step, in (0, 1].
        rationality: inverse temperature of the soft policy.
        throw: raise ``NumericalError`` instead of returning an outcome other than success.

    Raises:
        DynamicsError: shapes do not fit, entries are not finite, or no control can stabilise the system.
        SettingsError: a cost is not symmetric or has the wrong sign, or a number is out of range.
        NumericalError: with ``throw``.
    """
    from scipy.linalg import solve_discrete_are

    A, B = check_linear_dynamics(A, B, discount)
    Q = check_cost(Q, len(A), "Q", definite=False)
    R = check_cost(R, B.shape[1], "R", definite=True)
    if not (np.isfinite(rationality) and rationality > 0):
        raise SettingsError(
            f"`rationality` must be positive and finite, got {rationality}.",
            hint="It is 1 over the temperature.",
        )
    root = np.sqrt(discount)
    a, b = root * A, root * B
    findings = _undetected(a, Q)
    try:
        P = solve_discrete_are(a, b, Q, R)
    except np.linalg.LinAlgError:
        P = np.full_like(A, np.nan)
    P = (P + P.T) / 2.0
    S = R + b.T @ P @ b
    K = np.linalg.solve(S, b.T @ P @ a) if np.isfinite(P).all() else np.full(B.T.shape, np.nan)
    error = np.abs(Q + a.T @ P @ a - a.T @ P @ b @ K - P).max() / max(float(np.abs(P).max()), 1e-300)
    loop = A - B @ K
    finite = bool(np.isfinite(error))
    radius = float(np.abs(np.linalg.eigvals(root * loop)).max()) if finite else float("nan")
    if not finite or error > RESIDUAL or radius >= 1.0:
        failed = Outcome.SINGULAR
        if throw:
            require(failed, findings)
        nothing = np.full_like
        return LqrSolution(
            gain=nothing(K, np.nan),
            value=nothing(P, np.nan),
            policy_covariance=nothing(R, np.nan),
            closed_loop=nothing(A, np.nan),
            spectral_radius=float("nan"),
            residual=float(error),
            rationality=float(rationality),
            outcome=failed,
            findings=findings,
        )
    return LqrSolution(
        gain=K,
        value=P,
        policy_covariance=np.linalg.inv(2.0 * rationality * S),
        closed_loop=loop,
        spectral_radius=radius,
        residual=float(error),
        rationality=float(rationality),
        outcome=Outcome.SUCCESS,
        findings=findings,
    )


def check_linear_dynamics(
    A: ArrayLike, B: ArrayLike, discount: float | int = 1.0
) -> tuple[FloatArray, FloatArray]:
    """``A`` and ``B`` as matrices that fit and that some control can stabilise.

    Raises:
        DynamicsError: shapes do not fit, entries are not finite, or the system cannot be stabilised.
        SettingsError: the discount lies outside (0, 1].
    """
    if not 0.0 < discount <= 1.0:
        raise SettingsError(f"`discount` must lie in (0, 1], got {discount}.", hint="1: undiscounted.")
    a = np.atleast_2d(np.asarray(A, dtype=np.float64))
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise DynamicsError(
            f"`A` must be square, got shape {a.shape}.", hint="x' = A x + B u, A of shape (n, n)."
        )
    b = np.asarray(B, dtype=np.float64)
    b = b.reshape(-1, 1) if b.ndim < 2 else b
    if b.ndim != 2 or b.shape[0] != len(a) or not b.shape[1]:
        raise DynamicsError(
            f"`B` must have one row for each of the {len(a)} states, got shape {b.shape}.",
            hint="x' = A x + B u, B of shape (n, m).",
        )
    for name, matrix in (("A", a), ("B", b)):
        if not np.isfinite(matrix).all():
            raise DynamicsError(f"`{name}` must be finite.", hint="Look for a missing measurement.")
    root = float(np.sqrt(discount))
    for value in np.linalg.eigvals(root * a):
        if abs(value) >= 1.0 and _rank(np.hstack([root * a - value * np.eye(len(a)), root * b])) < len(a):
            raise DynamicsError(
                f"No control can stabilise this system: the mode with eigenvalue {_shown(value)} does not decay and "
                "no control reaches it.",
                hint="Check A and B, leave the state that it belongs to out, or use a discount below 1.",
                eigenvalue=[float(value.real), float(value.imag)],
            )
    return a, b


def check_cost(given: ArrayLike, size: int, name: str, *, definite: bool) -> FloatArray:
    """A cost as a symmetric matrix of the right sign.

    Raises:
        SettingsError: shape, entries, symmetry or sign are wrong.
    """
    matrix = np.atleast_2d(np.asarray(given, dtype=np.float64))
    if matrix.shape != (size, size) or not np.isfinite(matrix).all():
        raise SettingsError(
            f"`{name}` must be a finite matrix of shape ({size}, {size}), got shape {matrix.shape}.",
            hint="One row and column for each state (Q) or control (R).",
        )
    largest = float(np.abs(matrix).max())
    if np.abs(matrix - matrix.T).max() > SYMMETRY * largest:
        raise SettingsError(
            f"`{name}` must be symmetric.", hint=f"Use ({name} + {name}.T) / 2: it costs the same."
        )
    matrix = (matrix + matrix.T) / 2.0
    smallest = float(np.linalg.eigvalsh(matrix).min())
    if smallest < -SYMMETRY * largest or (definite and smallest <= SYMMETRY * largest):
        raise SettingsError(
            f"`{name}` must be positive {'definite' if definite else 'semidefinite'}; its smallest eigenvalue is "
            f"{smallest:.4g}.",
            hint="A negative cost pays for going far away; the problem then has no least cost."
            if smallest < 0
            else "Give every control a cost.",
            smallest_eigenvalue=smallest,
        )
    return matrix


def _undetected(a: FloatArray, Q: FloatArray) -> tuple[Finding, ...]:
    n = len(a)
    hidden = [
        v
        for v in np.linalg.eigvals(a)
        if abs(v) >= 1.0 - RANK and _rank(np.vstack([a - v * np.eye(n), Q])) < n
    ]
    if not hidden:
        return ()
    return (
        Finding(
            code="mode-without-cost",
            severity=Severity.WARNING,
            message=f"The mode with eigenvalue {_shown(hidden[0])} does not decay and costs nothing: least cost and "
            "stability are not the same here; the answer, if any, is the stabilising one.",
            hint="Give the states of this mode a cost in Q, or use a discount below 1.",
        ),
    )


def _rank(matrix: NDArray[Any]) -> int:
    values = np.linalg.svd(matrix, compute_uv=False)
    return int((values > RANK * max(float(values[0]), 1e-300)).sum())


def _shown(value: complex) -> str:
    return f"{value.real:.4g}" if abs(value.imag) < RANK else f"{value.real:.4g} + {value.imag:.4g}i"
