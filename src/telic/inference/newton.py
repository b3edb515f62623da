"""Trust-region Newton for a few hundred weights, with the exact Hessian and an optional absolute penalty.

In coordinates ``x_k = s_k psi_k``, ``s_k^2`` the expected information of weight k per decision at the
start, each step maximises the quadratic model ``g'p - p'Bp/2`` inside ``|p| <= radius`` (More and Sorensen
1983, by eigenvalues). ``B`` is minus the Hessian; where that is not positive on the directions the data can
tell (the likelihood of sampled decisions under stochastic dynamics need not be concave), the expected
information takes its place (Fisher scoring). With the absolute penalty the model is maximised by coordinate
ascent inside a box (proximal Newton: Lee, Sun and Saunders 2014). Scaling makes the iterates independent of
the units of the features.

Stops when the largest entry of the projected score per decision, in those coordinates, is below the
tolerance and the next Newton step would be shorter than a millionth of a standard error.
References: More and Sorensen (1983), SIAM J. Sci. Stat. Comput. 4, 553-572; Lee, Sun and Saunders (2014),
SIAM J. Optim. 24, 1420-1443; Conn, Gould and Toint (2000), Trust-Region Methods, chapter 6 for the radius.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from telic.reports import Outcome
from telic.typing import FloatArray

from .objective import Objective, Point

__all__ = ["NewtonResult", "information_scale", "maximise_newton"]

START_RADIUS = 10.0
"""First trust radius, in spreads of the log-odds; a logistic curve is flat well before that."""

FLAT = 1e-10
"""Curvature, relative to the largest, below which a direction is left alone."""

DISTANCE = 1e-6
"""Newton step, in standard errors, below which the maximum has been reached."""

ROUNDING = 1e-13
"""Relative rounding error of a log-likelihood, below which a change of it says nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NewtonResult:
    """Where the optimiser stopped.

    Attributes:
        point: the last accepted point, with derivatives of order 2 (order 1 for conjugate gradients).
        first_information: ``(P, P)`` expected information at the start; empty for conjugate gradients.
        scale: ``(P,)`` the s_k.
        outcome: why it stopped.
        iterations: Newton steps in all, those before a resumption included.
        score_norm: largest entry of the projected score per decision, in units of the weights.
        state: what resumes it.
        separated: ``(P,)`` direction in which weights run to infinity, or None.
    """

    point: Point
    first_information: FloatArray
    scale: FloatArray
    outcome: Outcome
    iterations: int
    score_norm: float
    state: Mapping[str, Any]
    separated: FloatArray | None = None


def maximise_newton(
    objective: Objective,
    start: Point,
    *,
    n_decisions: float,
    tolerance: float,
    max_iterations: int,
    state: Mapping[str, Any] | None,
    floor: FloatArray | None = None,
    on_iteration: Callable[[Mapping[str, Any], Point, float], bool],
    find_separation: Callable[[Point, FloatArray, FloatArray], FloatArray | None],
) -> NewtonResult:
    """The maximum from ``start``.

    Args:
        objective: what is maximised.
        start: a point of order 2 whose forward problem has a solution.
        n_decisions: total weight of the decisions.
        tolerance: see the module.
        max_iterations: limit of steps.
        state: of an earlier run, to go on from; None starts anew.
        floor: ``(P,)`` information of each free number that rounding alone may leave; None: none.
        on_iteration: called with (state, point, score norm) at every step; False stops.
        find_separation: called with (point, scale, first information) where curvature has collapsed.
    """
    point = start
    assert point.information is not None
    if state:
        first = np.asarray(state["first_information"], dtype=np.float64)
        radius, iteration = float(state["radius"]), int(state["iteration"])
    else:
        first, radius, iteration = point.information, START_RADIUS, 0
    scale = information_scale(first, n_decisions, floor)
    stalled = False
    while True:
        assert point.score is not None
        assert point.curvature is not None
        assert point.information is not None
        projected = objective.projected_score(point)
        raw = float(np.abs(projected).max(initial=0.0)) / n_decisions
        scaled = float(np.abs(projected / scale).max(initial=0.0)) / n_decisions
        now = {
            "kind": "newton",
            "weights": point.psi,
            "radius": radius,
            "iteration": iteration,
            "first_information": first,
        }

        def stop(outcome: Outcome, separated: FloatArray | None = None) -> NewtonResult:
            return NewtonResult(
                point=point,  # noqa: B023 - called before the next step
                first_information=first,
                scale=scale,
                outcome=outcome,
                iterations=iteration,  # noqa: B023
                score_norm=raw,  # noqa: B023
                state=now,  # noqa: B023
                separated=separated,
            )

        if not on_iteration(now, point, raw):
            return stop(Outcome.INTERRUPTED)
        converged = scaled <= tolerance and _distance(objective, point, scale, n_decisions) <= DISTANCE
        if (converged or stalled or (iteration >= 8 and iteration % 4 == 0)) and not objective.l2:
            direction = find_separation(point, scale, first)
            if direction is not None:
                return stop(Outcome.SEPARATION, direction)
        if converged:
            return stop(Outcome.SUCCESS)
        if stalled:
            return stop(Outcome.SUCCESS if scaled <= 100 * tolerance else Outcome.MAX_ITERATIONS)
        if iteration >= max_iterations:
            return stop(Outcome.MAX_ITERATIONS)
        point, radius, stalled = _step(objective, point, scale, n_decisions, radius)
        iteration += 1


def information_scale(
    information: FloatArray, n_decisions: float, floor: FloatArray | None = None
) -> FloatArray:
    """``(P,)`` spread of every feature over choices, per decision; 1 where there is none beyond rounding."""
    diagonal = np.diag(information)
    spread = np.sqrt(np.maximum(diagonal, 0.0) / n_decisions)
    alive = spread > 0 if floor is None else diagonal > floor
    return np.where(alive, spread, 1.0)


def _step(
    objective: Objective, point: Point, scale: FloatArray, n: float, radius: float
) -> tuple[Point, float, bool]:
    """``(next point, radius, stalled)``; the next point is the old one when nothing better can be found."""
    assert point.score is not None
    assert point.curvature is not None
    assert point.information is not None
    g = point.score / scale / n
    B = _positive_model(point.curvature, point.information, objective.l2, scale, n)
    reference = objective.total(point)
    noise = ROUNDING * max(1.0, abs(reference))
    norm_before = float(np.abs(objective.projected_score(point) / scale).max(initial=0.0))
    for _ in range(60):
        if objective.l1:
            p = _box_step(g, B, point.psi * scale, objective.l1 / scale / n, radius)
            gain = _model_gain(g, B, p, point.psi * scale, objective.l1 / scale / n)
        else:
            p = _ball_step(g, B, radius)
            gain = float(g @ p - 0.5 * p @ B @ p)
        length = float(np.abs(p).max(initial=0.0)) if objective.l1 else float(np.linalg.norm(p))
        if length == 0.0 or not np.isfinite(length):
            return point, radius, True
        psi = point.psi + p / scale
        if objective.l1:
            psi = np.where(np.abs(psi * scale) <= 1e-14 * np.maximum(1.0, np.abs(p)), 0.0, psi)
        trial = objective.at(psi, order=1)
        change = objective.total(trial) - reference if trial.outcome.ok else -np.inf
        if trial.outcome.ok and n * gain <= 10 * noise:
            # Near the optimum the value is all rounding; the score still tells better from worse.
            norm_after = float(np.abs(objective.projected_score(trial) / scale).max(initial=0.0))
            good = norm_after < 0.9 * norm_before and change > -100 * noise
            return (objective.at(psi, order=2), radius, False) if good else (point, radius, True)
        ratio = change / (n * gain) if gain > 0 else -np.inf
        if ratio > 1e-4:
            full = objective.at(psi, order=2)
            if full.outcome.ok:
                if ratio > 0.75 and length > 0.8 * radius:
                    radius = min(2.0 * radius, 1e6)
                elif ratio < 0.25:
                    radius = 0.5 * length
                return full, radius, False
        radius = 0.25 * min(length, radius)
        if radius < 1e-14:
            break
    return point, radius, True


def _distance(objective: Objective, point: Point, scale: FloatArray, n: float) -> float:
    """Length of the Newton step in standard errors, by the weights that the absolute penalty leaves free."""
    assert point.score is not None
    assert point.curvature is not None
    assert point.information is not None
    free = np.flatnonzero(point.psi != 0) if objective.l1 else np.arange(len(point.psi))
    if not len(free):
        return 0.0
    g = objective.projected_score(point)[free] / scale[free] / n
    B = _positive_model(point.curvature, point.information, objective.l2, scale, n)[np.ix_(free, free)]
    return float(np.sqrt(max(n * float(g @ _ball_step(g, B, np.inf)), 0.0)))


def _positive_model(
    curvature: FloatArray, information: FloatArray, l2: float, scale: FloatArray, n: float
) -> FloatArray:
    """Minus the Hessian per decision in scaled coordinates, or the information where that is not positive."""
    outer = np.outer(scale, scale) * n
    B = curvature / outer
    F = information / outer + np.diag(2.0 * l2 / (scale**2 * n))
    lowest = float(np.linalg.eigvalsh(B)[0])
    size = float(np.abs(np.diag(F)).max(initial=0.0))
    return F if lowest < -FLAT * size else B


def _ball_step(g: FloatArray, B: FloatArray, radius: float) -> FloatArray:
    """The maximum of ``g'p - p'Bp/2`` in a ball, on the directions where ``B`` is not flat."""
    mu, U = np.linalg.eigh(B)
    keep = mu > FLAT * max(float(mu[-1]), 1e-300)
    c, mu, U = (U.T @ g)[keep], mu[keep], U[:, keep]

    def length(shift: float) -> float:
        return float(np.linalg.norm(c / (mu + shift)))

    if not len(c):
        return np.zeros_like(g)
    shift = 0.0
    if length(0.0) > radius:
        high = float(np.linalg.norm(c)) / radius
        low = 0.0
        for _ in range(100):
            shift = 0.5 * (low + high)
            if length(shift) > radius:
                low = shift
            else:
                high = shift
            if high - low <= 1e-3 * high:
                break
        shift = high
    return np.asarray(U @ (c / (mu + shift)))


def _box_step(g: FloatArray, B: FloatArray, x: FloatArray, l1: FloatArray, radius: float) -> FloatArray:
    """The maximum of ``g'p - p'Bp/2 - sum l1 |x + p|`` in a box, by coordinate ascent."""
    p = np.zeros_like(g)
    residual = g.copy()  # g - B p
    diagonal = np.diag(B)
    usable = np.flatnonzero(diagonal > FLAT * diagonal.max(initial=0.0))
    for _ in range(2_000):
        largest = 0.0
        for k in usable.tolist():
            d = diagonal[k]
            target = x[k] + p[k] + residual[k] / d
            shrunk = np.sign(target) * max(abs(target) - l1[k] / d, 0.0)
            new = min(max(shrunk - x[k], -radius), radius)
            step = new - p[k]
            if step:
                residual -= B[:, k] * step
                p[k] = new
                largest = max(largest, abs(step) * np.sqrt(d))
        if largest <= 1e-15:
            break
    return p


def _model_gain(g: FloatArray, B: FloatArray, p: FloatArray, x: FloatArray, l1: FloatArray) -> float:
    smooth = float(g @ p - 0.5 * p @ B @ p)
    return smooth - float(l1 @ (np.abs(x + p) - np.abs(x)))
