"""Separation: a likelihood that keeps rising while a weight runs to infinity.

Where some action is always (or never) taken whenever a feature tells it apart, no finite weight is best.
The fit then shows collapsed curvature in some direction while the score still points along it. The check is
a walk: far beyond the current point, in that direction, an ordinary likelihood has fallen and its score
points back; a separated one is still rising. Albert and Anderson (1984), Biometrika 71, 1-10, for the
condition in logistic models.
"""

from __future__ import annotations

import numpy as np

from telic.typing import FloatArray

from .objective import Objective, Point

__all__ = ["falls_short", "find_separation", "is_recession", "named_weights"]

COLLAPSED = 1e-3
"""Information of a direction relative to the start of the fit below which the walk is made."""

CERTAIN = 1e-8
"""Nats a decision below which all of them are explained: no finite weight does better than none."""

SHORT = 0.5
"""Sum of squared scores in some direction, relative to the expected information, that is too small."""

WALK = (1.0, 4.0, 16.0, 64.0)
"""Steps of the walk, in spreads of the log-odds."""

NAMED_SHARE = 0.3
"""A weight is named when its share of the direction, in spreads of log-odds, is at least this part of the
largest.
"""


def find_separation(
    objective: Objective,
    point: Point,
    scale: FloatArray,
    first_information: FloatArray,
    null_directions: FloatArray,
) -> FloatArray | None:
    """``(P,)`` direction in which the likelihood rises for ever, or None.

    Args:
        objective: without penalties on the weights concerned.
        point: where the fit is, with derivatives of order 2.
        scale: ``(P,)`` spreads of the features at the start.
        first_information: ``(P, P)`` at the start.
        null_directions: ``(nullity, P)`` directions that were flat from the start and do not count.
    """
    assert point.information is not None
    assert point.score is not None
    Z = _identified(scale, null_directions)
    if not Z.shape[1]:
        return None
    first = Z.T @ (first_information / np.outer(scale, scale)) @ Z
    now = Z.T @ (point.information / np.outer(scale, scale)) @ Z
    mu0, U0 = np.linalg.eigh(first)
    half = U0 / np.sqrt(np.maximum(mu0, 1e-300))
    mu, U = np.linalg.eigh(half.T @ now @ half)
    if mu[0] >= COLLAPSED:
        return None
    collapsed = half @ U[:, mu < COLLAPSED]
    g = Z.T @ (point.score / scale)
    candidates = [
        collapsed @ (collapsed.T @ g),
        collapsed @ np.linalg.lstsq(collapsed, Z.T @ (point.psi * scale), rcond=None)[0],
    ]
    for candidate in candidates:
        d = Z @ candidate
        length = float(np.abs(d).max(initial=0.0))
        explained = candidate is candidates[-1] and _explains_all(objective, point)
        if length > 0 and (explained or is_recession(objective, point, d / length / scale)):
            return np.asarray(d / length / scale)
    return None


def falls_short(
    point: Point, scale: FloatArray, outer_product: FloatArray, null_directions: FloatArray
) -> bool:
    """Whether the scores of decisions are too small for their information in some direction.

    On average their outer products equal the information. Where a penalty alone keeps a weight finite they all
    point the same way and are small, so this is a cheap sign of separation behind a penalty.

    Args:
        point: the optimum of a penalised fit, with derivatives of order 2.
        scale: ``(P,)`` spreads of the features at the start.
        outer_product: ``(P, P)`` sum of the outer products of the scores of decisions.
        null_directions: ``(nullity, P)`` directions that do not count.
    """
    if point.information is None:
        return False
    Z = _identified(scale, null_directions)
    if not Z.shape[1]:
        return False
    mu0, U0 = np.linalg.eigh(Z.T @ (point.information / np.outer(scale, scale)) @ Z)
    half = U0 / np.sqrt(np.maximum(mu0, 1e-300))
    mu = np.linalg.eigvalsh(half.T @ (Z.T @ (outer_product / np.outer(scale, scale)) @ Z) @ half)
    return bool(mu[0] < SHORT)


def is_recession(objective: Objective, point: Point, direction: FloatArray) -> bool:
    """True when the objective never falls on a long walk along the direction."""
    value = objective.total(point)
    slack = 1e-9 * max(1.0, abs(value))
    # Where every decision is explained the score is rounding alone, which grows with decisions and 1/(1-discount).
    noise = max(slack, 1e-9 * objective.likelihood.total_weight)
    moved = False
    for t in WALK:
        far = objective.at(point.psi + t * direction, order=1)
        if not far.outcome.ok or far.score is None or objective.total(far) < value - slack:
            return False
        if float(far.score @ direction) < -noise:
            return False
        value = objective.total(far)
        moved = True
    return moved


def named_weights(direction: FloatArray, scale: FloatArray) -> list[int]:
    """Indices of the weights that make up most of a direction, the largest first."""
    share = np.abs(direction) * scale
    order = np.argsort(-share, kind="stable")
    return [int(k) for k in order if share[k] >= NAMED_SHARE * share.max()]


def _explains_all(objective: Objective, point: Point) -> bool:
    return -objective.total(point) <= CERTAIN * objective.likelihood.total_weight


def _identified(scale: FloatArray, null_directions: FloatArray) -> FloatArray:
    """Orthonormal columns, in scaled coordinates, of what was not flat at the start."""
    P = len(scale)
    if not len(null_directions):
        return np.eye(P)
    _, _, vt = np.linalg.svd(null_directions * scale, full_matrices=True)
    return np.asarray(vt[len(null_directions) :].T)
