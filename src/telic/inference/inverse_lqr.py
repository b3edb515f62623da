"""Inverse LQR: the quadratic cost for which a linear policy is best, exactly, with what no policy can tell.

Given linear dynamics, a control cost R that fixes the unit, and a gain K (``u = -K x``) or a log of states and
controls, the state costs Q for which K is best satisfy ``m n`` linear equations (``inverse_lqr_equations``). A diagonal
Q is usually told. A full symmetric Q is not while there are fewer controls m than states n: with ``A - B K`` invertible
a cost is invisible exactly if its value has ``B' P = 0``, which leaves ``(n - m)(n - m + 1) / 2`` directions. They are
reported, with how far Q may move along each before it stops being a cost.

- *One cost among many*: the weights have no part in a null direction; where that cost is not positive semidefinite, it
  is moved along the null directions, towards the cost with the largest smallest eigenvalue, until it is.
- *Errors*: least squares of u on x gives K and its covariance; the weights follow by minimum distance and their errors
  by the delta method. With more equations than weights the misfit is tested (chi-square).
- *Infeasible*: no positive semidefinite Q of the structure makes K best. For a gain with errors that is said only where
  the errors cannot explain it.
- *Soft policies*: the spread of the controls, ``(2 beta (R + gamma B' P B))^-1``, gives the rationality beta. It tells
  nothing more of the cost: where ``B' P = 0`` the spread does not change either.

References: Kalman (1964), J. Basic Eng. 86, 51-60; Ziebart (2010), PhD thesis, section 8.3; Newey and McFadden (1994),
Handbook of Econometrics 4, section 9 (minimum distance).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from telic.planning import solve_lqr
from telic.planning.lqr import check_cost, check_linear_dynamics
from telic.reports import Finding, Outcome, Severity
from telic.typing import FloatArray

from .gain_estimate import GainEstimate, estimate_gain
from .inverse_lqr_equations import GainEquations
from .inverse_lqr_findings import (
    bent_errors,
    misfit_findings,
    negative_by_chance,
    not_a_cost,
    not_a_minimum,
    null_findings,
    rationality_open,
    unstable,
)
from .inverse_lqr_inputs import check_covariances, checked_gain, cost_basis, structure_word
from .inverse_lqr_region import NEGATIVE, nearest_cost, null_interval, reach_a_cost
from .inverse_lqr_result import InverseLqrEstimate

__all__ = ["inverse_lqr", "inverse_lqr_from_data"]


LEAST_CURVATURE = 1e-6
"""Smallest eigenvalue of ``R + gamma B' P B``, relative to R, of a cost that the gain minimises."""

MOST_BEND = 0.5
"""Second-order effect of one standard error of the gain, in standard errors of a weight, that a notice is given for."""


def inverse_lqr(
    A: ArrayLike,
    B: ArrayLike,
    gain: ArrayLike,
    R: ArrayLike,
    *,
    structure: str | Mapping[str, ArrayLike] = "diagonal",
    discount: float | int = 1.0,
    gain_covariance: ArrayLike | None = None,
    state_names: Sequence[str] = (),
) -> InverseLqrEstimate:
    """The state cost for which ``u = -gain x`` is best.

    Args:
        A: ``(n, n)`` dynamics; a number is ``(1, 1)``.
        B: ``(n, m)`` effect of controls; a vector is one control.
        gain: ``(m, n)`` K; a vector is one control.
        R: ``(m, m)`` cost of controls, positive definite: it fixes the unit of Q.
        structure: ``"diagonal"``, ``"full"`` (symmetric), or named symmetric matrices whose weighted sum is Q.
        discount: per step, in (0, 1].
        gain_covariance: of the entries of K, row by row; None: the gain is exact.
        state_names: n names for the weights; default x0, x1, ...

    Raises:
        DynamicsError: the dynamics are malformed or cannot be stabilised.
        SettingsError: gain, cost, structure or covariance do not fit.
    """
    covariances = (
        {} if gain_covariance is None else {"hessian": np.asarray(gain_covariance, dtype=np.float64)}
    )
    return _infer(A, B, gain, R, structure, discount, covariances, state_names, None)


def inverse_lqr_from_data(
    A: ArrayLike,
    B: ArrayLike,
    R: ArrayLike,
    states: ArrayLike,
    controls: ArrayLike,
    *,
    offsets: ArrayLike | None = None,
    structure: str | Mapping[str, ArrayLike] = "diagonal",
    discount: float | int = 1.0,
    state_names: Sequence[str] = (),
) -> InverseLqrEstimate:
    """The state cost behind a log of states and controls, with standard errors.

    Args:
        A: ``(n, n)`` dynamics.
        B: ``(n, m)`` effect of controls.
        R: ``(m, m)`` cost of controls, positive definite: it fixes the unit of Q.
        states: ``(N, n)`` measured from the point that is held.
        controls: ``(N, m)``.
        offsets: ``(pieces + 1,)`` where each trajectory begins; None: one trajectory.
        structure: as in ``inverse_lqr``.
        discount: per step, in (0, 1].
        state_names: n names for the weights.

    Raises:
        DataError: rows do not fit or are not finite.
        DynamicsError: the dynamics are malformed or cannot be stabilised.
        SettingsError: cost or structure do not fit.
    """
    found = estimate_gain(states, controls, offsets=offsets)
    noisy = {k: c for k, c in found.covariances.items() if c.any()}
    return _infer(A, B, found.gain, R, structure, discount, noisy, state_names, found)


def _infer(
    A: ArrayLike,
    B: ArrayLike,
    gain: ArrayLike,
    R: ArrayLike,
    structure: str | Mapping[str, ArrayLike],
    discount: float | int,
    gain_covariances: Mapping[str, FloatArray],
    state_names: Sequence[str],
    data: GainEstimate | None,
) -> InverseLqrEstimate:
    a, b = check_linear_dynamics(A, B, discount)
    n, m = b.shape
    r = check_cost(R, m, "R", definite=True)
    names, basis = cost_basis(structure, n, state_names)
    K = checked_gain(gain, (m, n), is_data=data is not None)
    check_covariances(gain_covariances, m * n)
    root = float(np.sqrt(discount))
    fields: dict[str, Any] = {
        "names": names,
        "gain": K,
        "fixed_by_assumption": {
            "R": r.tolist(),
            "discount": float(discount),
            "structure": structure_word(structure),
        },
        "n_decisions": 0 if data is None else data.n_decisions,
    }
    findings = [] if data is None else list(data.findings)
    if data is not None and not data.outcome.ok:
        return _nothing(data.outcome, fields, findings, (n, m))
    radius = float(np.abs(np.linalg.eigvals(root * (a - b @ K))).max())
    if radius >= 1.0:
        return _nothing(Outcome.INFEASIBLE, fields, [*findings, unstable(radius)], (n, m))
    system = GainEquations(A=root * a, B=root * b, gain=K, control_cost=r, basis=basis)
    shown, null = system.directions
    weights = system.solve()
    precision: FloatArray | None = None
    if gain_covariances:
        J = system.sensitivity(weights)
        precision = np.asarray(
            np.linalg.pinv(J @ gain_covariances["hessian"] @ J.T, hermitian=True), np.float64
        )
        weights = system.solve(precision)
    covariances = _covariances(system, weights, precision, gain_covariances)
    residual = system.matrix @ weights - system.right_side
    misfit = float(np.linalg.norm(residual) / max(float(np.linalg.norm(r @ K)), 1e-300))
    p = _misfit_p(residual, precision, shown.shape[1])
    shift, feasible = reach_a_cost(system, weights, null, covariances, gain_covariances)
    wrong = misfit_findings(misfit, p, weights, names)
    curved = float(np.linalg.eigvalsh(system.curvature(weights + null @ shift))[0])
    if curved <= LEAST_CURVATURE * float(np.abs(r).max()):
        wrong.append(not_a_minimum(curved))
    elif not feasible:
        wrong.append(not_a_cost(system.cost(weights), shift, weights, names))
    findings += wrong + null_findings(names, null)
    fields |= {"misfit": misfit, "misfit_p": p, "null_directions": null.T}
    if precision is not None:
        findings += _bent(system, weights, precision, gain_covariances["hessian"], covariances["hessian"])
    if not feasible or any(f.severity is Severity.ERROR for f in wrong):
        return _nothing(Outcome.INFEASIBLE, fields, findings, (n, m))
    weights = weights + null @ shift
    cost, value = system.cost(weights), system.value(weights)
    eigenvalues = np.linalg.eigvalsh(cost)
    if eigenvalues[0] < -NEGATIVE * max(float(np.abs(eigenvalues).max()), 1e-300):
        findings.append(negative_by_chance(float(eigenvalues[0])))
    best = solve_lqr(a, b, nearest_cost(cost) if eigenvalues[0] < 0 else cost, r, discount=discount)
    rationality, more = _rationality(system, value, null, covariances, data)
    return InverseLqrEstimate(
        outcome=Outcome.SUCCESS,
        weights=weights,
        cost=cost,
        value=value,
        fitted_gain=best.gain,
        covariances=covariances,
        null_intervals=tuple(null_interval(cost, system.cost(z)) for z in null.T),
        smallest_eigenvalue=float(eigenvalues[0]),
        rationality=rationality,
        gauge=_gauge(null, shift),
        findings=tuple(findings + more),
        **fields,
    )


def _covariances(
    system: GainEquations,
    weights: FloatArray,
    precision: FloatArray | None,
    gain_covariances: Mapping[str, FloatArray],
) -> dict[str, FloatArray]:
    if precision is None:
        return {}
    move = system.solver(precision) @ system.sensitivity(weights)
    return {kind: move @ C @ move.T for kind, C in gain_covariances.items()}


def _bent(
    system: GainEquations, weights: FloatArray, precision: FloatArray, C: FloatArray, of_weights: FloatArray
) -> list[Finding]:
    """Whether weights bend within one standard error of the gain, so that the delta method misleads."""
    values, vectors = np.linalg.eigh(C)
    errors = np.sqrt(np.maximum(np.diag(of_weights), 0.0))
    bends = np.zeros_like(weights)
    for value, vector in zip(values, vectors.T, strict=True):
        step = np.sqrt(max(float(value), 0.0)) * vector.reshape(system.gain.shape)
        sides = [replace(system, gain=system.gain + sign * step) for sign in (1.0, -1.0)]
        if any(np.abs(np.linalg.eigvals(side.loop)).max() >= 1.0 for side in sides):
            return [bent_errors(float("inf"))]
        up, down = (side.matrix @ system.directions[0] for side in sides)
        if np.linalg.matrix_rank(up) < up.shape[1] or np.linalg.matrix_rank(down) < down.shape[1]:
            return [bent_errors(float("inf"))]
        bends += (sides[0].solve(precision) + sides[1].solve(precision)) / 2.0 - weights
    told = errors > 0
    worst = float(np.abs(bends[told] / errors[told]).max()) if told.any() else 0.0
    return [bent_errors(worst)] if worst > MOST_BEND else []


def _misfit_p(residual: FloatArray, precision: FloatArray | None, rank: int) -> float | None:
    from scipy.stats import chi2

    if precision is None:
        return None
    spare = int(np.linalg.matrix_rank(precision, hermitian=True)) - rank
    return float(chi2.sf(residual @ precision @ residual, spare)) if spare > 0 else None


def _rationality(
    system: GainEquations,
    value: FloatArray,
    null: FloatArray,
    covariances: Mapping[str, FloatArray],
    data: GainEstimate | None,
) -> tuple[tuple[float, float] | None, list[Finding]]:
    """What the spread of the controls shows, with the error of the spread and that of the cost."""
    if data is None or not data.noise_covariance.any():
        return None, []
    B, spread = system.B, data.noise_covariance
    zero = system.value(np.zeros(len(system.basis)))
    of_weights = [B.T @ (system.value(e) - zero) @ B for e in np.eye(len(system.basis))]
    S = system.curvature_of(value)
    if (
        null.size
        and np.abs(np.tensordot(null.T, np.stack(of_weights), axes=1)).max() > NEGATIVE * np.abs(S).max()
    ):
        return None, [rationality_open()]
    m, total = len(S), float(np.trace(spread @ S))
    slope = np.array([np.trace(spread @ part) for part in of_weights]) / total
    beta = m / (2.0 * total)
    share = 2.0 / (m * data.n_decisions) + float(slope @ covariances["hessian"] @ slope)
    return (beta, beta * float(np.sqrt(share))), []


def _gauge(null: FloatArray, shift: FloatArray) -> str:
    if not null.size:
        return "None is needed: the gain shows every weight."
    if not shift.any():
        return "Weights without a part in a null direction."
    return "Moved along the null directions until the cost is positive semidefinite, and no further."


def _nothing(
    outcome: Outcome, fields: Mapping[str, Any], findings: Sequence[Finding], shape: tuple[int, int]
) -> InverseLqrEstimate:
    (n, m), K = shape, len(fields["names"])
    blank = {"misfit": float("nan"), "misfit_p": None, "null_directions": np.zeros((0, K))}
    return InverseLqrEstimate(
        outcome=outcome,
        weights=np.full(K, np.nan),
        cost=np.full((n, n), np.nan),
        value=np.full((n, n), np.nan),
        fitted_gain=np.full((m, n), np.nan),
        covariances={},
        null_intervals=(),
        smallest_eigenvalue=float("nan"),
        rationality=None,
        gauge="There is no cost to pick.",
        findings=tuple(findings),
        **{**blank, **fields},
    )
