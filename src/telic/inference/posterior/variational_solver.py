"""Where the bound of AVRIL is highest: rounds of L-BFGS in coordinates in which the bound bends alike every way.

The noise of the residuals is not maximised over: where action values explain every residual (as constant values do)
the bound grows without end as the noise falls. It is measured, from what the functions of (x, a) leave over, and
measured again after every round until it stays. Sampled residuals take the noise that projected ones
measure: their own would fall with the values that they flatten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from telic.errors import DataError
from telic.reports import Outcome
from telic.typing import FloatArray

from .variational_bound import VariationalBound

__all__ = ["VariationalOptimum", "maximise_bound"]

NOISE_FLOOR = 0.01
"""Least standard deviation of a residual, in units of 1 / rationality: a hundredth of a log-odd moves no choice, and
a smaller one would make a constraint of what is an estimate."""

STEPS = 200
"""Iterations of L-BFGS in a round, before its coordinates are renewed."""

LEFT_OVER = 5
"""Fewest transitions beyond the number of functions from which noise is measured."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VariationalOptimum:
    """Where the search ended.

    Attributes:
        t: ``(D,)`` coefficients of the action values.
        cloned: ``(D,)`` the same where action values need explain nothing but the choices.
        mean, cholesky: of q.
        noise: standard deviation of a residual.
        correction: c, nats by the log of the noise; 0 where there was none.
        value: the bound, nats.
        log_likelihood: of the choices, nats.
        cloned_log_likelihood: of the choices by ``cloned``, nats.
        decrement: what a Newton step would still add to the bound, nats.
        n_evaluations: of the bound.
        outcome: ``SUCCESS``, ``MAX_ITERATIONS`` or ``NON_FINITE``.
    """

    t: FloatArray
    cloned: FloatArray
    mean: FloatArray
    cholesky: FloatArray
    noise: float
    correction: float
    value: float
    log_likelihood: float
    cloned_log_likelihood: float
    decrement: float
    n_evaluations: int
    outcome: Outcome


def maximise_bound(
    bound: VariationalBound, *, noise: float | None, correct_noise: bool, tolerance: float, max_rounds: int
) -> VariationalOptimum:
    """The best coefficients and q.

    Args:
        bound: what is maximised.
        noise: standard deviation of a residual; None: measured.
        correct_noise: give back what chance in averages pulls the weights to 0; for projected residuals.
        tolerance: nats that a Newton step may still add.
        max_rounds: rounds at most.

    Raises:
        DataError: there are too few transitions to measure the noise.
    """
    spare = len(bound.rows.known) - bound.frame.shape[1]
    if noise is None and spare < LEFT_OVER:
        raise DataError(
            f"{len(bound.rows.known)} transitions with {bound.frame.shape[1]} functions of state and action leave "
            "nothing from which the noise of the residuals could be measured.",
            hint="Give a smaller basis or more transitions, or state `noise`.",
        )
    if noise is None and not bound.is_projected:
        projected = replace(bound, is_projected=True)
        noise = maximise_bound(
            projected, noise=None, correct_noise=correct_noise, tolerance=tolerance, max_rounds=max_rounds
        ).noise
    free = replace(bound, weight=0.0)
    t, count, _ = _climb(free, np.zeros(bound.size), 1.0)
    cloned = t
    sigma = 1.0 / bound.rationality if noise is None else noise
    t, found = _rounds(bound, t, sigma, tolerance=tolerance, most=max_rounds)
    if noise is None and found.outcome.ok:
        count, sigma = count + found.n_evaluations, measured_noise(bound, t)
        t, found = _rounds(bound, t, sigma, tolerance=tolerance, most=max_rounds)
    correction = 0.0
    if (
        correct_noise
        and bound.is_projected
        and found.outcome.ok
        and spare >= LEFT_OVER
        and sigma > _floor(bound)
    ):
        h = bound.compared(bound.residual(t)[0])
        miss = h - bound.design @ bound.best(h, sigma)[0]
        count, correction = count + found.n_evaluations, bound.weight * float(miss @ miss) / sigma**2
        t, found = _rounds(bound, t, sigma, tolerance=tolerance, most=max_rounds, correction=correction)
    delta, _, log_likelihood, _ = bound.residual(t)
    mean, cholesky = bound.best(bound.compared(delta), sigma)
    return VariationalOptimum(
        t=t,
        cloned=cloned,
        mean=mean,
        cholesky=cholesky,
        noise=sigma,
        correction=correction,
        value=bound.bound(t, mean, cholesky, sigma),
        log_likelihood=log_likelihood,
        cloned_log_likelihood=free.residual(cloned)[2],
        decrement=found.decrement,
        n_evaluations=count + found.n_evaluations,
        outcome=found.outcome,
    )


def measured_noise(bound: VariationalBound, t: FloatArray) -> float:
    """Standard deviation of a residual around what the functions of (x, a) say of it."""
    rest = bound.left_over(t)
    m, r = bound.frame.shape
    total = float((bound.root_weights**2).sum())
    return max(math.sqrt(float(rest @ rest) * m / max(m - r, 1) / max(total, 1e-300)), _floor(bound))


@dataclass(frozen=True)
class _Search:
    outcome: Outcome
    decrement: float
    n_evaluations: int


def _rounds(
    bound: VariationalBound,
    t: FloatArray,
    sigma: float,
    *,
    tolerance: float,
    most: int,
    correction: float = 0.0,
) -> tuple[FloatArray, _Search]:
    """Climbs until a Newton step would add less than the tolerance."""
    count, decrement = 0, math.inf
    for _ in range(most):
        t, more, decrement = _climb(bound, t, sigma, correction)
        count += more
        if not (np.isfinite(decrement) and np.all(np.isfinite(t))):
            return t, _Search(Outcome.NON_FINITE, decrement, count)
        if decrement <= tolerance:
            return t, _Search(Outcome.SUCCESS, decrement, count)
    return t, _Search(Outcome.MAX_ITERATIONS, decrement, count)


def _floor(bound: VariationalBound) -> float:
    return NOISE_FLOOR / bound.rationality


def _climb(
    bound: VariationalBound, t: FloatArray, noise: float, correction: float = 0.0
) -> tuple[FloatArray, int, float]:
    """One round: ``(t, evaluations, what a Newton step would still add)``."""
    R = bound.steps(t, noise)

    def negative(y: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = bound.profile(t + R @ y, noise, correction)
        return -value, -(R.T @ gradient)

    found = minimize(
        negative,
        np.zeros(len(t)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS, "maxfun": 2 * STEPS, "ftol": 1e-13, "gtol": 1e-7, "maxcor": 30},
    )
    t = t + R @ found.x
    fresh = bound.steps(t, noise)
    slope = fresh.T @ bound.profile(t, noise, correction)[1]
    return t, int(found.nfev), 0.5 * float(slope @ slope)
