"""Trust-region Newton for a few hundred weights, with an optional absolute penalty.

In coordinates ``x_k = s_k psi_k``, ``s_k^2`` the expected information of weight k per decision at the
start, each step maximises the quadratic model ``g'p - p'Bp/2`` inside ``|p| <= radius`` (More and Sorensen
1983, by eigenvalues). ``B`` is computed exactly where the last step was poor and at the end, and updated by
the secant formula of Broyden, Fletcher, Goldfarb and Shanno in between: a Hessian costs K forward problems,
a score one. Far from the maximum the exact ``B`` is the expected information (Fisher scoring); near it,
minus the Hessian, unless that is not positive (the likelihood of sampled decisions under stochastic
dynamics need not be concave). With the absolute penalty the model is maximised by coordinate ascent inside
a box (proximal Newton: Lee, Sun and Saunders 2014). Scaling makes the iterates independent of the units of
the features.

Stops when the largest entry of the projected score per decision, in those coordinates, is below the
tolerance and the next step with the exact ``B`` would be shorter than a millionth of a standard error.

References: More and Sorensen (1983), SIAM J. Sci. Stat. Comput. 4, 553-572; Nocedal and Wright (2006),
Numerical Optimization, section 6.1 for the secant formula; Lee, Sun and Saunders (2014), SIAM J. Optim. 24,
1420-1443; Conn, Gould and Toint (2000), Trust-Region Methods, chapter 6 for the radius.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from telic.reports import Outcome
from telic.typing import FloatArray

from .objective import Objective, Point

__all__ = ["NewtonResult", "information_scale", "maximise_newton", "positive_curvature"]

START_RADIUS = 10.0
"""First trust radius, in spreads of the log-odds; a logistic curve is flat well before that."""

REFRESH = 0.2
"""Factor by which a step must reduce the score for the secant formula to be trusted with the next one."""

SCORING_STEPS = 3
"""Steps in which the expected information serves as model; after that, minus the Hessian."""

FLAT = 1e-10
"""Curvature, relative to the largest, below which a direction is left alone."""

DISTANCE = 1e-6
"""Newton step, in standard errors, below which the maximum has been reached."""

NEAR = 1e-4
"""Newton step, in standard errors, below which second derivatives before and after it are the same for all
uses."""

ROUNDING = 1e-13
"""Relative rounding error of a log-likelihood, below which a change of it says nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NewtonResult:
    """Where the optimiser stopped.

    Attributes:
        point: the last accepted point, with derivatives of order 2 (order 1 for conjugate gradients).
        scale: ``(P,)`` the s_k.
        outcome: why it stopped.
        iterations: Newton steps in all, those before a resumption included.
        score_norm: largest entry of the projected score per decision, in units of the weights.
        state: what resumes it.
        separated: ``(P,)`` direction in which weights run to infinity, or None.
    """

    point: Point
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
    if state:
        first = np.asarray(state["first_information"], dtype=np.float64)
        model = np.asarray(state["model"], dtype=np.float64)
        radius, iteration = float(state["radius"]), int(state["iteration"])
    else:
        assert point.information is not None
        first, model, radius, iteration = (
            point.information,
            _exact_model(objective, point, 0),
            START_RADIUS,
            0,
        )
    scale = information_scale(first, n_decisions, floor)
    stalled = False
    while True:
        score_norm = _score_norm(objective, point, np.ones_like(scale)) / n_decisions
        scaled = _score_norm(objective, point, scale) / n_decisions
        now = {
            "kind": "newton",
            "weights": point.psi,
            "radius": radius,
            "iteration": iteration,
            "first_information": first,
            "model": model,
        }
        outcome, separated = None, None
        if not on_iteration(now, point, score_norm):
            outcome = Outcome.INTERRUPTED
        elif scaled <= tolerance or stalled or (iteration >= 12 and iteration % 6 == 0):
            if point.curvature is None:
                point = objective.at(point.psi, order=2)
                model = _exact_model(objective, point, iteration)
            if not objective.l2:
                separated = find_separation(point, scale, first)
            close = scaled <= tolerance and _distance(objective, point, scale, n_decisions) <= DISTANCE
            if separated is not None:
                outcome = Outcome.SEPARATION
            elif close or (stalled and scaled <= 100 * tolerance):
                outcome = Outcome.SUCCESS
                point, score_norm = _polish(objective, point, model, scale, n_decisions, radius)
            elif stalled:
                outcome = Outcome.MAX_ITERATIONS
        if outcome is None and iteration >= max_iterations:
            outcome = Outcome.MAX_ITERATIONS
        if outcome is not None:
            return NewtonResult(
                point=point,
                scale=scale,
                outcome=outcome,
                iterations=iteration,
                score_norm=score_norm,
                state=now,
                separated=separated,
            )
        following, radius = _step(objective, point, model, scale, n_decisions, radius)
        if following is None:
            stalled = point.curvature is not None
            if not stalled:  # the secant model may be to blame
                point = objective.at(point.psi, order=2)
                model = _exact_model(objective, point, iteration)
            continue
        iteration += 1
        near = point.curvature is not None and _distance(objective, point, scale, n_decisions) <= NEAR
        if near and _score_norm(objective, following, scale) <= tolerance * n_decisions:
            point = replace(following, curvature=point.curvature, information=point.information)
        elif _score_norm(objective, following, scale) > REFRESH * scaled * n_decisions:
            point = objective.at(following.psi, order=2)
            model = _exact_model(objective, point, iteration)
        else:
            model = _secant(model, point, following)
            point = following


def _score_norm(objective: Objective, point: Point, scale: FloatArray) -> float:
    return float(np.abs(objective.projected_score(point) / scale).max(initial=0.0))


def _exact_model(objective: Objective, point: Point, iteration: int) -> FloatArray:
    """Expected information far from the maximum, minus the Hessian near it where that is positive."""
    assert point.curvature is not None
    assert point.information is not None
    information = point.information + 2.0 * objective.l2 * np.eye(len(point.psi))
    return information if iteration < SCORING_STEPS else positive_curvature(point.curvature, information)


def positive_curvature(curvature: FloatArray, information: FloatArray) -> FloatArray:
    """The curvature where it is positive, to rounding, in units of the information; else the information."""
    s = np.sqrt(np.maximum(np.diag(information), 0.0))
    s = np.where(s > 0, s, 1.0)
    lowest = float(np.linalg.eigvalsh(curvature / np.outer(s, s))[0])
    return information if lowest < -FLAT else curvature


def _secant(model: FloatArray, point: Point, following: Point) -> FloatArray:
    """The secant update of a model of the curvature, or the model where the step says nothing new."""
    assert point.score is not None
    assert following.score is not None
    s, y = following.psi - point.psi, point.score - following.score
    Bs = model @ s
    sBs, ys = float(s @ Bs), float(y @ s)
    if not (sBs > 0 and ys > 1e-8 * sBs):
        return model
    return np.asarray(model - np.outer(Bs, Bs) / sBs + np.outer(y, y) / ys)


def information_scale(
    information: FloatArray, n_decisions: float, floor: FloatArray | None = None
) -> FloatArray:
    """``(P,)`` spread of every feature over choices, per decision; 1 where there is none beyond rounding."""
    diagonal = np.diag(information)
    spread = np.sqrt(np.maximum(diagonal, 0.0) / n_decisions)
    alive = spread > 0 if floor is None else diagonal > floor
    return np.where(alive, spread, 1.0)


def _step(
    objective: Objective, point: Point, model: FloatArray, scale: FloatArray, n: float, radius: float
) -> tuple[Point | None, float]:
    """``(next point of order 1, radius)``; None when nothing better can be found."""
    assert point.score is not None
    g = point.score / scale / n
    B = model / (np.outer(scale, scale) * n)
    x, l1 = point.psi * scale, objective.l1 / scale / n
    reference = objective.total(point)
    noise = ROUNDING * max(1.0, abs(reference))
    for _ in range(60):
        p = _box_step(g, B, x, l1, radius) if objective.l1 else _ball_step(g, B, radius)
        gain = float(g @ p - 0.5 * p @ B @ p - l1 @ (np.abs(x + p) - np.abs(x)))
        length = float(np.abs(p).max(initial=0.0)) if objective.l1 else float(np.linalg.norm(p))
        if length == 0.0 or not np.isfinite(length):
            return None, radius
        psi = point.psi + p / scale
        if objective.l1:
            psi = np.where(np.abs(psi * scale) <= 1e-14 * np.maximum(1.0, np.abs(p)), 0.0, psi)
        trial = objective.at(psi, order=1)
        change = objective.total(trial) - reference if trial.outcome.ok else -np.inf
        if trial.outcome.ok and n * gain <= 10 * noise:
            # Near the optimum the value is all rounding; the score still tells better from worse.
            better = _score_norm(objective, trial, scale) < 0.9 * _score_norm(objective, point, scale)
            return (trial if better and change > -100 * noise else None), radius
        ratio = change / (n * gain) if gain > 0 else -np.inf
        if ratio > 1e-4:
            if ratio > 0.75 and length > 0.8 * radius:
                radius = min(2.0 * radius, 1e6)
            elif ratio < 0.25:
                radius = 0.5 * length
            return trial, radius
        radius = 0.25 * min(length, radius)
        if radius < 1e-14:
            break
    return None, radius


def _polish(
    objective: Objective, point: Point, model: FloatArray, scale: FloatArray, n: float, radius: float
) -> tuple[Point, float]:
    """``(the maximum to rounding, its score norm)``: one last step, as cheap as a score, from next to it."""
    better, _ = _step(objective, point, model, scale, n, radius)
    if better is not None:
        point = replace(better, curvature=point.curvature, information=point.information)
    return point, _score_norm(objective, point, np.ones_like(scale)) / n


def _distance(objective: Objective, point: Point, scale: FloatArray, n: float) -> float:
    """Length of the exact step in standard errors, by the weights that the absolute penalty leaves free."""
    free = np.flatnonzero(point.psi != 0) if objective.l1 else np.arange(len(point.psi))
    if not len(free):
        return 0.0
    g = objective.projected_score(point)[free] / scale[free] / n
    B = _exact_model(objective, point, SCORING_STEPS) / (np.outer(scale, scale) * n)
    return float(np.sqrt(max(n * float(g @ _ball_step(g, B[np.ix_(free, free)], np.inf)), 0.0)))


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
