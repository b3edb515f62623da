"""The end of a combination of weights over a region of high likelihood, by following its central path.

    maximise q'z   subject to   LL(z) >= floor,   A z + b >= 0.

Without the linear limits this is the Lagrangian path ``argmax LL + mu q'z``: the central path maximises ``q'z + e
log(LL - floor) + e sum log(A z + b)``, whose condition is that of the Lagrangian at ``mu = (LL - floor) / e``, and
``e -> 0`` meets the edge ``LL = floor``. Steps are Newton's on the primal-dual equations with the exact Hessian of
LL; a step that leaves the region or climbs no barrier is halved.

Guarantee: for a concave LL the end lies within ``gap`` (the sum of multipliers times slacks) of what is returned.
Where LL is not concave the point is a local end, and ``is_concave`` says so.

References: Fiacco and McCormick (1968), Nonlinear Programming; Boyd and Vandenberghe (2004), Convex Optimization,
section 11.7; Nocedal and Wright (2006), Numerical Optimization, chapter 19.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from telic.reports import Outcome
from telic.typing import FloatArray

__all__ = ["Derivatives", "PathEnd", "follow_path"]

TO_EDGE = 0.99
"""Share of the way to the edge of the region that one step may go."""

DECREASE = 1e-4
"""Share of the foreseen progress of a step that must be made (Armijo)."""

HALVINGS = 60

MAX_STEPS = 150

FASTER = 0.1
"""Factor by which the barrier falls once its problem is solved."""

NOISE = 1e3 * np.finfo(np.float64).eps
"""Rounding of a log-likelihood relative to its size; slacks below it mean nothing."""

Derivatives = tuple[float, FloatArray, FloatArray]
"""Log-likelihood, its gradient and its Hessian."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PathEnd:
    """Where a path ended.

    Attributes:
        z: ``(P,)`` the last point, inside the region.
        gap: largest amount by which the end can lie beyond it, for a concave log-likelihood.
        outcome: ``SUCCESS``, or ``MAX_ITERATIONS``: no end was found.
        is_concave: False where Newton's matrix had to be lifted, which a concave log-likelihood never needs.
        steps: Newton steps.
    """

    z: FloatArray
    gap: float
    outcome: Outcome
    is_concave: bool
    steps: int


def follow_path(
    evaluate: Callable[[FloatArray], Derivatives | None],
    start: FloatArray,
    *,
    direction: FloatArray | None,
    floor: float,
    A: FloatArray,
    b: FloatArray,
    tolerance: float,
) -> PathEnd:
    """Where ``direction'z`` is largest in the region, or where LL is (``direction`` None; then without floor).

    Args:
        evaluate: log-likelihood with derivatives at z, or None where it has no finite value.
        start: ``(P,)`` strictly inside the region.
        direction: ``(P,)`` what grows along the path; None: the log-likelihood itself.
        floor: least log-likelihood of the region, nats.
        A: ``(m, P)`` limits ``A z + b >= 0``; m may be 0.
        b: ``(m,)`` of the limits.
        tolerance: gap at which to stop, relative to the way made along ``direction`` (to 1 nat, for the
            log-likelihood itself).
    """
    z = start.copy()
    here = evaluate(z)
    assert here is not None, "the start of a path is inside the region"
    least_slack = NOISE * max(1.0, abs(here[0]))
    problem = _Problem(direction=direction, floor=floor, A=A, b=b)
    h, J = problem.slacks(z, here), problem.jacobian(here)
    barrier = problem.first_barrier(here, h, J)
    lam = barrier / h
    concave, steps = True, 0
    for steps in range(1, MAX_STEPS + 1):
        W, shifted = _positive(problem.curvature(here, lam) + (J.T * (lam / h)) @ J)
        concave &= not shifted
        slope = problem.slope(here)
        residual = slope - J.T @ lam
        decrement = float(residual @ scipy.linalg.cho_solve(W, residual))
        made = problem.made(z - start)
        gap = float(lam @ h)
        centred = not len(h) or float(np.abs(lam * h - barrier).max()) <= 0.5 * barrier
        at_edge = direction is not None and h[0] <= least_slack
        if decrement <= tolerance * made and (gap <= tolerance * made or at_edge):
            return PathEnd(z=z, gap=gap, outcome=Outcome.SUCCESS, is_concave=concave, steps=steps)
        if centred and decrement <= barrier * max(len(h), 1):
            barrier = max(barrier * FASTER, 0.1 * tolerance * made / max(len(h), 1))
        gradient = slope - J.T @ (barrier / h)
        dz = -np.asarray(scipy.linalg.cho_solve(W, gradient))
        d_lam = barrier / h - lam - (lam / h) * (J @ dz)
        reach = _reach(problem.linear(z), A @ dz)
        merit, foreseen = problem.merit(z, here, h, barrier), float(gradient @ dz)
        for _ in range(HALVINGS):
            trial = z + reach * dz
            there = evaluate(trial)
            if there is not None:
                h_new = problem.slacks(trial, there)
                inside = not len(h) or bool(np.all(h_new > (1.0 - TO_EDGE) * h))
                slack = NOISE * abs(merit)
                if inside and (
                    problem.merit(trial, there, h_new, barrier) <= merit + DECREASE * reach * foreseen + slack
                ):
                    break
            reach *= 0.5
        else:
            break
        z, here, h = trial, there, h_new
        lam = lam + _reach(lam, d_lam) * d_lam
        lam = np.clip(lam, 1e-10 * barrier / h, 1e10 * barrier / h)
        J = problem.jacobian(here)
    return PathEnd(z=z, gap=math.inf, outcome=Outcome.MAX_ITERATIONS, is_concave=concave, steps=steps)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Problem:
    direction: FloatArray | None
    floor: float
    A: FloatArray
    b: FloatArray

    def linear(self, z: FloatArray) -> FloatArray:
        return np.asarray(self.A @ z + self.b)

    def slacks(self, z: FloatArray, at: Derivatives) -> FloatArray:
        if self.direction is None:
            return self.linear(z)
        return np.concatenate([[at[0] - self.floor], self.linear(z)])

    def jacobian(self, at: Derivatives) -> FloatArray:
        return self.A if self.direction is None else np.vstack([at[1][None], self.A])

    def slope(self, at: Derivatives) -> FloatArray:
        """Gradient of what is minimised."""
        return -at[1] if self.direction is None else -self.direction

    def curvature(self, at: Derivatives, lam: FloatArray) -> FloatArray:
        return -at[2] if self.direction is None else -lam[0] * at[2]

    def made(self, step: FloatArray) -> float:
        """Size against which gaps are judged."""
        return 1.0 if self.direction is None else abs(float(self.direction @ step))

    def merit(self, z: FloatArray, at: Derivatives, h: FloatArray, barrier: float) -> float:
        gained = at[0] if self.direction is None else float(self.direction @ z)
        return -gained - barrier * float(np.log(h).sum())

    def first_barrier(self, at: Derivatives, h: FloatArray, J: FloatArray) -> float:
        """A barrier whose first step has about the size of the region."""
        if self.direction is None:
            return 1.0
        unit = -at[2] / h[0] + (J.T / h**2) @ J
        return math.sqrt(float(self.direction @ scipy.linalg.cho_solve(_positive(unit)[0], self.direction)))


def _reach(values: FloatArray, steps: FloatArray) -> float:
    """Share of a step after which values that must stay above 0 have lost at most 99 %."""
    falling = steps < 0
    return min(1.0, TO_EDGE * float((-values[falling] / steps[falling]).min(initial=np.inf)))


def _positive(matrix: FloatArray) -> tuple[tuple[FloatArray, bool], bool]:
    """Cholesky factor of the matrix, lifted along its diagonal where it is not positive; and whether it was."""
    diagonal = np.abs(np.diag(matrix))
    size = np.where(diagonal > 0, diagonal, 1.0)
    lift = 0.0
    while True:
        try:
            return scipy.linalg.cho_factor(matrix + lift * np.diag(size), lower=True), lift > 1e-8
        except np.linalg.LinAlgError:
            lift = max(10.0 * lift, 1e-14)
