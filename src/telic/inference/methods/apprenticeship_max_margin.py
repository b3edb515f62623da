"""Apprenticeship learning by maximum margin (Abbeel and Ng 2004, section 3).

The weights with ``|w| <= 1`` that make the experts better than every collected policy by the largest margin,

    max_{t, w} t   subject to   w . mu_E >= w . mu_j + t for all j,   |w|_2 <= 1,

point from the closest point of the convex hull of the ``mu_j`` to ``mu_E``, and ``t`` is its distance: the
dual is a nearest-point problem. It is solved by Wolfe's finite active-set method, so the margin is exact to
rounding; then the vertex optimal for ``w`` is added and the problem solved again.

References: Abbeel and Ng (2004), ICML, section 3, eq. 10-12; Wolfe (1976), Finding the nearest point in a
polytope, Mathematical Programming 11, 128-149.
"""

from __future__ import annotations

import time

import numpy as np
from jaxtyping import Float

from telic.features import FeatureMap
from telic.inference.apprenticeship import (
    ApprenticeshipMixture,
    ApprenticeshipProblem,
    ApprenticeshipSettings,
    Oracle,
    Vertex,
    certificate_estimate,
    separating_weights,
)
from telic.inference.worlds import World
from telic.reports import Outcome
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

__all__ = [
    "ApprenticeshipMaxMarginSettings",
    "apprenticeship_max_margin",
    "apprenticeship_max_margin_mixture",
    "nearest_point",
    "separate_expectation",
]

ApprenticeshipMaxMarginSettings = ApprenticeshipSettings
"""Settings of this method."""

ROUNDING = 1e-12
"""Improvement, relative to the squared size of the points, that counts as rounding."""


def apprenticeship_max_margin(
    demos: Demonstrations,
    world: World,
    features: FeatureMap,
    *,
    settings: ApprenticeshipSettings | None = None,
) -> RewardEstimate:
    """The weights of largest margin between experts and mixture: a certificate, not an estimate of values.

    Args:
        demos: demonstrations with states.
        world: the dynamics; its ``initial`` distribution, or that of the demonstrations where it has none.
        features: phi.
        settings: tolerance and limit.

    Raises:
        DataError, DynamicsError, ImpossibleDemonstrationsError: the inputs do not fit each other.
        NumericalError: an optimal value is infinite.
    """
    started = time.process_time()
    problem = ApprenticeshipProblem.of(demos, world, features)
    chosen = problem.settled(settings)
    mixture = separate_expectation(problem.expert, problem.oracle, settings=chosen)
    return certificate_estimate("apprenticeship_max_margin", problem, mixture, demos, chosen, started)


def apprenticeship_max_margin_mixture(
    demos: Demonstrations,
    world: World,
    features: FeatureMap,
    *,
    settings: ApprenticeshipSettings | None = None,
) -> ApprenticeshipMixture:
    """The mixture of optimal policies closest to the experts; arguments and errors as above."""
    problem = ApprenticeshipProblem.of(demos, world, features)
    return separate_expectation(problem.expert, problem.oracle, settings=problem.settled(settings))


def separate_expectation(
    expert: Float[np.ndarray, "K"],
    oracle: Oracle,
    *,
    start: Vertex | None = None,
    settings: ApprenticeshipSettings | None = None,
) -> ApprenticeshipMixture:
    """The maximum-margin algorithm on feature expectations.

    Args:
        expert: what to match.
        oracle: from weights to an optimal vertex.
        start: where to begin. None: the vertex that is optimal for ``expert`` as weights.
        settings: tolerance and limit.
    """
    chosen = ApprenticeshipSettings() if settings is None else settings
    tolerance = chosen.distance()
    vertices = [oracle(expert) if start is None else start]
    probabilities = np.ones(1)
    margins: list[float] = []
    weights: FloatArray | None = None
    outcome, gap = Outcome.MAX_ITERATIONS, np.inf
    while True:
        points = np.stack([v.expectation for v in vertices])
        probabilities = nearest_point(points - expert)
        w = expert - probabilities @ points
        margins.append(float(np.linalg.norm(w)))
        if margins[-1] <= tolerance:
            weights = separating_weights(w, weights) if weights is None else weights
            outcome = Outcome.SUCCESS
            break
        weights = separating_weights(w, weights)
        if len(vertices) > chosen.max_iterations:
            break
        vertex = oracle(weights)
        gap = 2.0 * float((vertex.expectation - probabilities @ points) @ w)
        if gap <= max(tolerance**2, ROUNDING * float(np.max(points**2))):
            outcome = Outcome.SUCCESS
            break
        vertices.append(vertex)
    return ApprenticeshipMixture(
        vertices=tuple(vertices),
        probabilities=probabilities,
        expert=expert,
        margins=tuple(margins),
        weights=weights,
        outcome=outcome,
        optimality_gap=gap,
    )


def nearest_point(points: Float[np.ndarray, "M K"]) -> Float[np.ndarray, "M"]:
    """Convex coefficients of the point of the hull of ``points`` closest to the origin (Wolfe 1976).

    Args:
        points: one a row.

    Example:
        >>> nearest_point(np.array([[1.0, 1.0], [1.0, -1.0], [3.0, 0.0]])).round(12).tolist()
        [0.5, 0.5, 0.0]
    """
    M = len(points)
    scale = float(np.max(np.sum(points**2, axis=1), initial=0.0)) or 1.0
    active = [int(np.argmin(np.sum(points**2, axis=1)))]
    share = np.ones(1)
    for _ in range(50 * (M + 1)):
        x = share @ points[active]
        along = points @ x
        entering = int(np.argmin(along))
        if along[entering] >= float(x @ x) - ROUNDING * scale or entering in active:
            break
        active.append(entering)
        share = np.append(share, 0.0)
        while True:
            affine = _affine_minimiser(points[active])
            if np.all(affine > ROUNDING):
                share = affine
                break
            falling = affine <= ROUNDING
            step = float(np.min(share[falling] / np.maximum(share[falling] - affine[falling], 1e-300)))
            share = (1.0 - min(step, 1.0)) * share + min(step, 1.0) * affine
            kept = share > ROUNDING
            kept[int(np.argmax(share))] = True
            active = [a for a, keep in zip(active, kept.tolist(), strict=True) if keep]
            share = share[kept] / share[kept].sum()
    out = np.zeros(M)
    out[active] = share
    return out


def _affine_minimiser(points: FloatArray) -> FloatArray:
    """Coefficients, summing to 1, of the point of the affine hull closest to the origin."""
    m = len(points)
    system = np.zeros((m + 1, m + 1))
    system[:m, :m] = points @ points.T
    system[m, :m] = system[:m, m] = float(np.trace(system)) / m or 1.0
    right = np.zeros(m + 1)
    right[m] = system[m, 0]
    solved, *_ = np.linalg.lstsq(system, right, rcond=None)
    coefficients: FloatArray = solved[:m] / solved[:m].sum()
    return coefficients
