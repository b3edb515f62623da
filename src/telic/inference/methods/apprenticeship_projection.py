"""Apprenticeship learning by projection (Abbeel and Ng 2004, section 3.1).

With ``mu_bar`` the point reached so far and ``w = mu_E - mu_bar``, take the vertex ``mu`` that is optimal
for ``w`` and move ``mu_bar`` to the point closest to ``mu_E`` on the segment from ``mu_bar`` to ``mu``:

    mu_bar <- mu_bar + clip(((mu - mu_bar) . w) / |mu - mu_bar|^2, 0, 1) (mu - mu_bar).

The margin ``|mu_E - mu_bar|`` falls with every vertex. It stops within ``tolerance``, or when
``(mu - mu_bar) . w`` shows that nothing attainable is closer. No quadratic program, but towards the end it
zigzags: ``apprenticeship_max_margin`` needs fewer vertices.

Reference: Abbeel and Ng (2004), ICML, section 3.1 and theorem 1.
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

__all__ = [
    "ApprenticeshipProjectionSettings",
    "apprenticeship_projection",
    "apprenticeship_projection_mixture",
    "project_expectation",
]

ApprenticeshipProjectionSettings = ApprenticeshipSettings
"""Settings of this method."""


def apprenticeship_projection(
    demos: Demonstrations,
    world: World,
    features: FeatureMap,
    *,
    settings: ApprenticeshipSettings | None = None,
) -> RewardEstimate:
    """The direction that last separated the experts from the mixture: a certificate, not an estimate of
    values.

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
    mixture = project_expectation(problem.expert, problem.oracle, settings=chosen)
    return certificate_estimate("apprenticeship_projection", problem, mixture, demos, chosen, started)


def apprenticeship_projection_mixture(
    demos: Demonstrations,
    world: World,
    features: FeatureMap,
    *,
    settings: ApprenticeshipSettings | None = None,
) -> ApprenticeshipMixture:
    """The mixture of optimal policies that matches the experts; arguments and errors as above."""
    problem = ApprenticeshipProblem.of(demos, world, features)
    return project_expectation(problem.expert, problem.oracle, settings=problem.settled(settings))


def project_expectation(
    expert: Float[np.ndarray, "K"],
    oracle: Oracle,
    *,
    start: Vertex | None = None,
    settings: ApprenticeshipSettings | None = None,
) -> ApprenticeshipMixture:
    """The projection algorithm on feature expectations.

    Args:
        expert: what to match.
        oracle: from weights to an optimal vertex.
        start: where to begin. None: the vertex that is optimal for ``expert`` as weights.
        settings: tolerance and limit.
    """
    chosen = ApprenticeshipSettings() if settings is None else settings
    tolerance = chosen.distance()
    first = oracle(expert) if start is None else start
    vertices, probabilities = [first], np.ones(1)
    reached = first.expectation
    margins = [float(np.linalg.norm(expert - reached))]
    weights, outcome, gap = separating_weights(expert - reached, None), Outcome.MAX_ITERATIONS, np.inf
    for _ in range(chosen.max_iterations):
        w = expert - reached
        if margins[-1] <= tolerance:
            outcome = Outcome.SUCCESS
            break
        weights = separating_weights(w, weights)
        vertex = oracle(weights)
        towards = vertex.expectation - reached
        gap = 2.0 * float(towards @ w)
        if gap <= tolerance**2:
            outcome = Outcome.SUCCESS
            break
        length = min(1.0, float(towards @ w) / float(towards @ towards))
        reached = reached + length * towards
        vertices.append(vertex)
        probabilities = np.append(probabilities * (1.0 - length), length)
        margins.append(float(np.linalg.norm(expert - reached)))
    if margins[-1] <= tolerance:
        outcome = Outcome.SUCCESS
    return ApprenticeshipMixture(
        vertices=tuple(vertices),
        probabilities=probabilities,
        expert=expert,
        margins=tuple(margins),
        weights=weights,
        outcome=outcome,
        optimality_gap=gap,
    )
