"""What a fit of latent classes says about one weight vector, as a ``RewardEstimate`` like any other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from telic.reports import Finding, Outcome
from telic.rewards import LinearReward, RewardEstimate
from telic.trajectories.splits import effective_count
from telic.typing import FloatArray

from .latent import LatentClasses, LatentPoint

__all__ = ["LatentErrors", "class_estimate", "latent_errors"]

SINGULAR = 1e-10
"""Smallest eigenvalue of the observed information, of the largest in correlation form, that is told from 0."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentErrors:
    """Spread of weights and shares.

    Attributes:
        covariances: kind (``hessian``: Louis' observed information; ``sandwich_clustered``: by unit) to ``(P, P)``;
            empty where the information is singular.
        shares: kind to ``(C,)`` standard errors of the shares.
        score_norm: largest absolute entry of the score per decision, on what the data tell.
    """

    covariances: dict[str, FloatArray]
    shares: dict[str, FloatArray]
    score_norm: float


def latent_errors(model: LatentClasses, point: LatentPoint, total_weight: float) -> LatentErrors:
    """The errors at the top of a likelihood of latent classes."""
    scores, score, curvature = model.total_derivatives(point)
    Z, C = model.basis, len(model.classes)
    norm = float(np.abs(Z.T @ score).max(initial=0.0)) / total_weight
    A = Z.T @ curvature @ Z
    d = np.diag(A)
    if not np.all(np.isfinite(A)) or np.any(d <= 0):
        return LatentErrors(covariances={}, shares={}, score_norm=norm)
    s = np.sqrt(d)
    mu, V = np.linalg.eigh(A / np.outer(s, s))
    if mu[0] <= SINGULAR * mu[-1]:
        return LatentErrors(covariances={}, shares={}, score_norm=norm)
    bread = ((V / mu) @ V.T) / np.outer(s, s)
    spread = scores @ Z
    meat = spread.T @ spread
    small = {"hessian": bread, "sandwich_clustered": bread @ meat @ bread}
    covariances = {kind: Z @ m @ Z.T for kind, m in small.items()}
    pi = point.shares
    J = (np.diag(pi) - np.outer(pi, pi))[:, : C - 1]
    shares = {
        kind: np.sqrt(np.maximum(np.diag(J @ m[len(m) - C + 1 :, len(m) - C + 1 :] @ J.T), 0.0))
        for kind, m in covariances.items()
    }
    return LatentErrors(covariances=covariances, shares=shares, score_norm=norm)


def class_estimate(
    pooled: RewardEstimate,
    *,
    method: str,
    outcome: Outcome,
    weights: FloatArray,
    covariances: dict[str, FloatArray],
    unit_weights: FloatArray,
    score_norm: float,
    log_likelihood: float,
    findings: tuple[Finding, ...],
) -> RewardEstimate:
    """One weight vector with its errors, in the gauge of the pooled fit.

    Args:
        pooled: the fit of all units together, for names, gauge, null directions and provenance.
        method: what the estimate is called.
        outcome: of the fit of classes.
        weights: ``(K,)``.
        covariances: kind to ``(K, K)``.
        unit_weights: ``(U,)`` decisions of each unit times its probability of having these weights.
        score_norm: per decision.
        log_likelihood: of all units under the classes, nats.
        findings: of the fit of classes.
    """
    features = pooled.reward.features if isinstance(pooled.reward, LinearReward) else None
    assert features is not None
    return replace(
        pooled,
        method=method,
        outcome=outcome,
        reward=LinearReward(features=features, weights=weights),
        weights=weights,
        covariances=covariances,
        choice_covariances={},
        n_effective_trajectories=effective_count(unit_weights),
        choice_log_likelihood=log_likelihood,
        certificate={**pooled.certificate, "score_norm": score_norm},
        findings=findings,
        solver_state={},
    )
