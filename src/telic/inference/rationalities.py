"""One taste, a rationality for each demonstrator: ``r = phi theta`` for all, choices of d by ``beta_d theta``.

Choices depend on the products ``beta_d theta`` alone, so one number is a convention: the rationalities average 1.
The log-likelihood ``sum_d LL_d(beta_d theta)`` is maximised by Newton's method over ``theta`` and all ``beta_d``, from
the fit of all together and each demonstrator's own rationality there. A rationality may come out below 0 (the
demonstrator avoids what the others seek); where half or more are surely below 0, choices do not tell who is right,
and there is no answer. It runs away where every choice of a demonstrator is the best one by ``theta``: then no finite
temperature fits, and the demonstrator tells nothing more about ``theta`` than the order of actions; the choices are
left out, and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from telic.features import FeatureMap
from telic.reports import Outcome
from telic.rewards import RewardEstimate
from telic.typing import FloatArray

from .driver import fit_likelihood
from .likelihood import ClusteredLikelihood
from .settings import FitSettings
from .uncertainty import complement

__all__ = ["Rationalities", "along_reward", "fit_rationalities"]

NEWTON_STEPS = 100
"""Steps before the fit is given up."""

HALVINGS = 40
"""Halvings of a step."""

ROUNDING = 1e-14
"""Gain that a Newton step foretells, relative to the log-likelihood, that is rounding."""

SURELY = 3.841458820694124
"""Twice the gain in log-likelihood over a rationality of 0 from which its sign is sure: chi-square, 1 degree, .95."""

LEAST_CURVATURE = 1e-8
"""Curvature, relative to the largest, below which a direction is taken as flat in a step."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rationalities:
    """Shared weights and a rationality for each demonstrator.

    Attributes:
        outcome: of the fit.
        weights: ``(K,)`` shared; NaN where there is no answer.
        values: ``(D,)`` rationalities, averaging 1 over the finite ones; infinite where one runs away.
        weight_covariances: kind to ``(K, K)``.
        errors: kind to ``(D,)`` standard errors of the rationalities; infinite where one runs away.
        log_likelihood: nats of the choices of those whose rationality is finite.
        score_norm: largest absolute score per decision.
    """

    outcome: Outcome
    weights: FloatArray
    values: FloatArray
    weight_covariances: Mapping[str, FloatArray]
    errors: Mapping[str, FloatArray]
    log_likelihood: float
    score_norm: float

    @property
    def runs_away(self) -> np.ndarray:
        """``(D,)`` booleans: no finite rationality fits."""
        return np.isinf(self.values)


def fit_rationalities(
    parts: Sequence[ClusteredLikelihood], along: Sequence[ClusteredLikelihood], pooled: RewardEstimate
) -> Rationalities:
    """The shared weights and everybody's rationality.

    Args:
        parts: likelihood of the choices of each demonstrator.
        along: the same with one feature, the reward of the pooled fit.
        pooled: the fit of all demonstrators together.
    """
    D, K = len(parts), len(pooled.names)
    values = np.full(D, np.nan)
    for d, line in enumerate(along):
        fit = fit_likelihood(line, FitSettings(initial_weights=np.ones(1), standard_errors=False))
        if fit.outcome is Outcome.SEPARATION:
            values[d] = np.inf
        elif fit.outcome.ok and fit.nullity == 0:
            values[d] = fit.weights[0]
    finite = np.flatnonzero(np.isfinite(values))
    if len(finite) < 2 or np.any(np.isnan(values)):
        outcome = Outcome.COLLINEAR if np.any(np.isnan(values)) else Outcome.SEPARATION
        return _no_answer(outcome, K, values)
    mean = float(values[finite].mean())
    if mean <= 0:
        return _no_answer(Outcome.NO_MAJORITY, K, values)
    problem = _Shared([parts[d] for d in finite.tolist()], pooled.null_directions)
    x = np.concatenate([pooled.weights * mean, values[finite] / mean])
    x, converged = problem.climb(x)
    if 2 * problem.n_against(x) >= len(finite):
        # Where sides are even, the reward of all together is what chance left over, and so is the sign of their mean.
        values[finite] = x[K:]
        return _no_answer(Outcome.NO_MAJORITY, K, values)
    value, scores, score, curvature = problem.at(x)
    n = sum(p.total_weight for p in parts)
    values[finite] = x[K:]
    Z = problem.basis
    bread = np.linalg.pinv(Z.T @ curvature @ Z, hermitian=True)
    meat = (scores @ Z).T @ (scores @ Z)
    whole = {"hessian": Z @ bread @ Z.T, "sandwich_clustered": Z @ bread @ meat @ bread @ Z.T}
    errors = {kind: np.full(D, np.inf) for kind in whole}
    for kind, m in whole.items():
        errors[kind][finite] = np.sqrt(np.maximum(np.diag(m)[K:], 0.0))
    return Rationalities(
        outcome=Outcome.SUCCESS if converged else Outcome.MAX_ITERATIONS,
        weights=x[:K],
        values=values,
        weight_covariances={kind: m[:K, :K] for kind, m in whole.items()},
        errors=errors,
        log_likelihood=value,
        score_norm=float(np.abs(Z.T @ score).max()) / n,
    )


def along_reward(features: FeatureMap, weights: FloatArray) -> FeatureMap:
    """One feature: the reward that weights give."""
    values = features.values
    reward = np.asarray(values @ weights)[..., None]
    column = reward if isinstance(values, np.ndarray) else sp.csr_array(reward)
    return replace(features, values=column, names=("reward",), units=(), indicators=())


def _no_answer(outcome: Outcome, n_weights: int, values: FloatArray) -> Rationalities:
    return Rationalities(
        outcome=outcome,
        weights=np.full(n_weights, np.nan),
        values=values,
        weight_covariances={},
        errors={},
        log_likelihood=-np.inf,
        score_norm=np.inf,
    )


class _Shared:
    """``sum_d LL_d(beta_d theta)`` in the ``K + D`` numbers ``(theta, beta)``."""

    def __init__(self, parts: Sequence[ClusteredLikelihood], null_directions: FloatArray) -> None:
        self.parts = parts
        D, Z = len(parts), complement(null_directions)
        K, k = Z.shape
        B = complement(np.full((1, D), D**-0.5))  # steps that leave the average of the rationalities alone
        self.basis = np.zeros((K + D, k + D - 1))
        self.basis[:K, :k] = Z
        self.basis[K:, k:] = B

    def value(self, x: FloatArray) -> float:
        theta, beta = self._split(x)
        return float(sum(p.evaluate(b * theta).value for p, b in zip(self.parts, beta, strict=True)))

    def n_against(self, x: FloatArray) -> int:
        """How many surely act against the shared weights."""
        theta, beta = self._split(x)
        gains = (
            p.evaluate(b * theta).value - p.evaluate(0.0 * theta).value
            for p, b in zip(self.parts, beta, strict=True)
        )
        return sum(bool(b < 0 and 2.0 * gain > SURELY) for b, gain in zip(beta, gains, strict=True))

    def at(self, x: FloatArray) -> tuple[float, FloatArray, FloatArray, FloatArray]:
        """Value, scores by trajectory, score and curvature."""
        theta, beta = self._split(x)
        K, P = len(theta), len(x)
        value, curvature, rows = 0.0, np.zeros((P, P)), []
        for d, (part, b) in enumerate(zip(self.parts, beta, strict=True)):
            e = part.evaluate(b * theta, order=2)
            if e.score is None or e.hessian is None:
                return -np.inf, np.zeros((0, P)), np.full(P, np.nan), np.full((P, P), np.nan)
            value += e.value
            curvature[:K, :K] -= b * b * e.hessian
            curvature[K + d, K + d] -= theta @ e.hessian @ theta
            cross = e.score + b * (e.hessian @ theta)
            curvature[:K, K + d] -= cross
            curvature[K + d, :K] -= cross
            s = part.cluster_scores(b * theta)
            row = np.zeros((len(s), P))
            row[:, :K], row[:, K + d] = b * s, s @ theta
            rows.append(row)
        scores = np.concatenate(rows)
        return value, scores, scores.sum(axis=0), curvature

    def climb(self, x: FloatArray) -> tuple[FloatArray, bool]:
        """Newton's method, downhill directions turned up; the place and whether it is a top."""
        for _ in range(NEWTON_STEPS):
            value, _, score, curvature = self.at(x)
            if not np.isfinite(value):
                return x, False
            mu, V = np.linalg.eigh(self.basis.T @ curvature @ self.basis)
            size = np.maximum(np.abs(mu), LEAST_CURVATURE * np.abs(mu).max())
            step = self.basis @ (V @ ((V.T @ (self.basis.T @ score)) / size))
            if float(score @ step) < ROUNDING * (1.0 + abs(value)):
                return x, bool(mu[0] > 0)
            for _ in range(HALVINGS):
                if self.value(x + step) > value:
                    break
                step = step / 2.0
            else:
                return x, float(score @ step) < ROUNDING * (1.0 + abs(value))
            x = x + step
        return x, False

    def _split(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        D = len(self.parts)
        return x[:-D], x[-D:]
