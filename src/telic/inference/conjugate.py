"""Trust-region Newton by conjugate gradients, for rewards with thousands of free weights.

Each step maximises the quadratic model inside a ball by conjugate gradients stopped at the boundary or at
negative curvature (Steihaug 1983), from Hessian-vector products alone: one forward and one transposed
linear system each. Reference: Steihaug (1983), SIAM J. Numer. Anal. 20, 626-637.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from telic.reports import Outcome
from telic.typing import FloatArray

from .newton import ROUNDING, NewtonResult
from .objective import Objective, Point
from .separation import is_recession

__all__ = ["maximise_conjugate"]

MAX_PRODUCTS = 400
"""Hessian-vector products a step at most."""


def maximise_conjugate(
    objective: Objective,
    start: Point,
    *,
    n_decisions: float,
    tolerance: float,
    max_iterations: int,
    state: Mapping[str, Any] | None,
    on_iteration: Callable[[Mapping[str, Any], Point, float], bool],
) -> NewtonResult:
    """The maximum from ``start`` (a point of order 1); arguments as ``maximise_newton``."""
    point, last_step = start, None
    radius, iteration = (
        (float(state["radius"]), int(state["iteration"])) if state else (1.0 * np.sqrt(len(start.psi)), 0)
    )
    while True:
        assert point.score is not None
        raw = float(np.abs(point.score).max(initial=0.0)) / n_decisions
        now = {"kind": "conjugate", "weights": point.psi, "radius": radius, "iteration": iteration}
        outcome: Outcome | None = None
        separated: FloatArray | None = None
        if not on_iteration(now, point, raw):
            outcome = Outcome.INTERRUPTED
        elif raw <= tolerance or iteration >= max_iterations:
            outcome = Outcome.SUCCESS if raw <= tolerance else Outcome.MAX_ITERATIONS
            if not objective.l2 and last_step is not None and is_recession(objective, point, last_step):
                outcome, separated = Outcome.SEPARATION, last_step
        if outcome is None:
            following, radius = _step(objective, point, radius)
            if following is None:
                outcome = Outcome.SUCCESS if raw <= 100 * tolerance else Outcome.MAX_ITERATIONS
            else:
                step = following.psi - point.psi
                last_step = step / np.abs(step).max()
                point, iteration = following, iteration + 1
                continue
        return NewtonResult(
            point=point,
            scale=np.ones(len(point.psi)),
            outcome=outcome,
            iterations=iteration,
            score_norm=raw,
            state=now,
            separated=separated,
        )


def _step(objective: Objective, point: Point, radius: float) -> tuple[Point | None, float]:
    assert point.score is not None
    g = point.score
    norm_g = float(np.linalg.norm(g))
    noise = ROUNDING * max(1.0, abs(point.value))
    for _ in range(40):
        p, Bp = _steihaug(
            lambda v: objective.curvature_vector(point.psi, v), g, radius, min(0.1, np.sqrt(norm_g)) * norm_g
        )
        gain = float(g @ p - 0.5 * p @ Bp)
        trial = objective.at(point.psi + p, order=1)
        change = trial.value - point.value if trial.outcome.ok else -np.inf
        length = float(np.linalg.norm(p))
        if trial.outcome.ok and trial.score is not None and gain <= 10 * noise:
            better = float(np.linalg.norm(trial.score)) < 0.9 * norm_g and change > -100 * noise
            return (trial if better else None), radius
        ratio = change / gain if gain > 0 else -np.inf
        if ratio > 1e-4:
            if ratio > 0.75 and length > 0.8 * radius:
                radius *= 2.0
            elif ratio < 0.25:
                radius = 0.5 * length
            return trial, radius
        radius = 0.25 * min(length, radius)
    return None, radius


def _steihaug(
    product: Callable[[FloatArray], FloatArray], g: FloatArray, radius: float, target: float
) -> tuple[FloatArray, FloatArray]:
    """``(p, B p)`` for the model ``g'p - p'Bp/2`` inside the ball."""
    p, Bp = np.zeros_like(g), np.zeros_like(g)
    r, d = g.copy(), g.copy()
    rr = float(r @ r)
    for _ in range(MAX_PRODUCTS):
        if np.sqrt(rr) <= target:
            break
        Bd = product(d)
        curvature = float(d @ Bd)
        if not np.isfinite(curvature):
            break
        step = rr / curvature if curvature > 0 else np.inf
        if curvature <= 0 or np.linalg.norm(p + step * d) >= radius:
            a, b, c = float(d @ d), 2 * float(p @ d), float(p @ p) - radius**2
            tau = (-b + np.sqrt(max(b * b - 4 * a * c, 0.0))) / (2 * a)
            return p + tau * d, Bp + tau * Bd
        p, Bp, r = p + step * d, Bp + step * Bd, r - step * Bd
        previous, rr = rr, float(r @ r)
        d = r + (rr / previous) * d
    return p, Bp
