"""The steps of the transition-based estimator: choice model, value terms, logit, correction, errors.

The coefficients of the value terms are estimated, so the design of the logit is measured with noise, and a
logit on a noisy design is pulled towards zero. The corrected score (Nakamura 1990, Biometrika 77, 127-137)
adds back what the noise takes away,

    score(theta) + beta^2 gamma^2 (T theta + t) = 0,

with ``T`` and ``t`` the moments of ``noise_moments``. The share of the logit's information that is left when
the noise is subtracted, in its worst direction, is the ``reliability``: near 1 the correction does not
matter, near 0 there is nothing to correct.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from telic.errors import SettingsError
from telic.reports import Outcome
from telic.typing import FloatArray

from .choice_model import ChoiceModel, fit_choice_model, log_softmax
from .conditional_logit import ConditionalLogit, LogitFit
from .temporal_difference import ValueFit, fit_value_terms, moment_rows, noise_moments
from .transition_problem import TransitionProblem
from .uncertainty import complement, covariances, project_out

__all__ = ["TransitionAnswer", "TransitionSettings", "solve_transitions"]

SETTLED = 1e-8
"""Change of the weights, relative to the largest, at which iterations end."""

UNRELIABLE = 0.2
"""Reliability below which the noise of the value terms leaves some direction of the weights without an
answer."""

CORRECTION_STEPS = 50
"""Newton steps of the corrected score."""

LONGEST_STEP = 2.0
"""Largest change of log-odds, in spreads of the design, of one such step."""


@dataclass(frozen=True, kw_only=True)
class TransitionSettings:
    """What one may choose.

    Attributes:
        n_iterations: most fits of value terms and weights; they end earlier when the weights settle. 1: two
            steps. More takes out the bias of the choice model and puts in noise of the value terms.
        rationality: inverse temperature beta of the experts.
        degree: degree of the polynomial basis where none is given. None: 4, less with many columns.
        include_features: add the features of every action to the basis, so that it follows their kinks.
        ridge: decisions with which what sets an action apart is held to zero in the value terms; more
            steadies rarely taken actions and biases them towards the average action.
        choice_ridge: decisions with which the first choice model is held to uniform.
        l2: penalty on the sum of squared weights, in nats.
        correct_noise: undo the pull towards zero that the sampling noise of the value terms causes.
        n_bootstrap: resamplings of whole trajectories; 0 for none. Their spread covers all steps and is
            reported beside the clustered standard errors.
        key: random key of the bootstrap.
    """

    n_iterations: int = 1
    rationality: float = 1.0
    degree: int | None = None
    include_features: bool = True
    ridge: float = 1.0
    choice_ridge: float = 1.0
    l2: float = 0.0
    correct_noise: bool = True
    n_bootstrap: int = 0
    key: int = 0

    def __post_init__(self) -> None:
        if self.n_iterations < 1 or self.n_bootstrap < 0 or (self.degree is not None and self.degree < 0):
            raise SettingsError(
                "`n_iterations` must be at least 1, `n_bootstrap` and `degree` at least 0, got "
                f"{self.n_iterations}, {self.n_bootstrap} and {self.degree}.",
                hint="1, 0 and None are the defaults.",
            )
        for name in ("ridge", "choice_ridge", "rationality"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise SettingsError(
                    f"`{name}` must be positive and finite, got {value}.", hint="1 is the default."
                )
        if not (math.isfinite(self.l2) and self.l2 >= 0):
            raise SettingsError(f"`l2` must be finite and >= 0, got {self.l2}.", hint="0 turns it off.")


@dataclass(frozen=True, kw_only=True, eq=False)
class TransitionAnswer:
    """Where the steps ended.

    Attributes:
        weights: ``(K,)``.
        outcome: ``SUCCESS``; ``COLLINEAR`` where noise leaves a direction without an answer; or that of the
            logit.
        fit: the last logit, before correction.
        values: the last value terms.
        choice: the first choice model.
        covariances: kind to ``(K, K)``.
        score_norm: of the equations solved, per decision.
        reliability: smallest share of the information that is not noise; 1 where it was not looked at.
        change: last change of the weights by iteration, relative to the largest; infinite after one.
        iterations: fits of the value terms.
    """

    weights: FloatArray
    outcome: Outcome
    fit: LogitFit
    values: ValueFit
    choice: ChoiceModel
    covariances: Mapping[str, FloatArray]
    score_norm: float
    reliability: float
    change: float
    iterations: int


def solve_transitions(
    problem: TransitionProblem, settings: TransitionSettings, *, errors: bool = True
) -> TransitionAnswer:
    """The weights, by the steps of ``telic.inference.methods.conditional_choice_transitions``."""
    rows, beta, gamma = problem.rows, settings.rationality, problem.discount
    choice = fit_choice_model(
        problem.basis,
        problem.actions,
        problem.allowed.shape[1],
        problem.weights,
        allowed=problem.allowed,
        ridge=settings.choice_ridge,
    )
    logp = choice.log_probabilities(rows.next_basis, problem.next_allowed)
    counts = np.zeros(problem.allowed.shape)
    counts[np.arange(len(counts)), problem.actions] = problem.weights
    weights: FloatArray | None = None
    change, iteration = np.inf, 0
    while True:
        iteration += 1
        values = fit_value_terms(rows, logp, discount=gamma, rationality=beta, ridge=settings.ridge)
        follows = values.continuation(problem.basis)
        logit = ConditionalLogit(
            design=problem.features + gamma * follows[:, :, :-1],
            offset=gamma * follows[:, :, -1],
            counts=counts,
            allowed=problem.allowed,
            rationality=beta,
            l2=settings.l2,
        )
        fit = logit.fit(initial=weights)
        before, weights = weights, fit.weights
        noise, reliability, score_norm = np.zeros((fit.weights.size + 1,) * 2), 1.0, fit.score_norm
        if fit.outcome.ok and settings.correct_noise:
            noise = _noise(problem, logit, fit, values, logp)
            reliability = _reliability(logit, fit, fit.weights, noise)
            if reliability >= UNRELIABLE:
                weights, score_norm = _corrected(logit, fit, noise)
                reliability = min(reliability, _reliability(logit, fit, weights, noise))
        if before is not None:
            change = float(np.abs(weights - before).max() / max(float(np.abs(weights).max()), 1e-300))
        if not fit.outcome.ok or change <= SETTLED or iteration == settings.n_iterations:
            break
        combined = values.continuation(rows.next_basis) @ np.append(weights, 1.0)
        logp = log_softmax(beta * (rows.next_features @ weights + gamma * combined), problem.next_allowed)
    outcome = Outcome.COLLINEAR if fit.outcome.ok and reliability < UNRELIABLE else fit.outcome
    return TransitionAnswer(
        weights=weights,
        outcome=outcome,
        fit=fit,
        values=values,
        choice=choice,
        covariances=_errors(problem, logit, fit, weights, values, logp, noise)
        if errors and outcome.ok
        else {},
        score_norm=score_norm,
        reliability=reliability,
        change=change,
        iterations=iteration,
    )


def _noise(
    problem: TransitionProblem, logit: ConditionalLogit, fit: LogitFit, values: ValueFit, logp: FloatArray
) -> FloatArray:
    """``beta^2 gamma^2`` times the noise moments at the logit's own probabilities."""
    p = np.exp(logit.log_probabilities(fit.weights)) * problem.weights[:, None]
    moments = noise_moments(
        problem.rows,
        logp,
        values,
        p,
        problem.basis,
        discount=problem.discount,
        rationality=logit.rationality,
    )
    return (logit.rationality * problem.discount) ** 2 * moments


def _curvature(logit: ConditionalLogit, weights: FloatArray, noise: FloatArray) -> FloatArray:
    K = logit.n_weights
    return logit.information(weights) + 2 * logit.l2 * np.eye(K) - noise[:K, :K]


def _reliability(logit: ConditionalLogit, fit: LogitFit, weights: FloatArray, noise: FloatArray) -> float:
    U = complement(fit.null_directions)
    K = logit.n_weights
    whole = U.T @ (logit.information(weights) + 2 * logit.l2 * np.eye(K)) @ U
    scale = np.sqrt(np.diag(whole))
    values, vectors = np.linalg.eigh(whole / np.outer(scale, scale))
    if not len(values) or values.min() <= 0:
        return 0.0
    half = vectors / np.sqrt(values)
    share = half.T @ ((U.T @ noise[:K, :K] @ U) / np.outer(scale, scale)) @ half
    return float(1.0 - np.linalg.eigvalsh(share).max())


def _corrected(logit: ConditionalLogit, fit: LogitFit, noise: FloatArray) -> tuple[FloatArray, float]:
    """``(weights, score norm per decision)`` of the corrected score."""
    K, null = logit.n_weights, fit.null_directions
    U, theta = complement(null), fit.weights
    spread = logit.rationality * np.sqrt(np.maximum(np.diag(logit.spread), 0.0))
    for _ in range(CORRECTION_STEPS):
        score = logit.score(theta) - 2 * logit.l2 * theta + noise[:K, :K] @ theta + noise[:K, K]
        score = project_out(score, null)
        step = U @ np.linalg.solve(U.T @ _curvature(logit, theta, noise) @ U, U.T @ score)
        length = float(np.abs(step * spread).max(initial=0.0))
        if length <= 1e-12:
            break
        theta = theta + step * min(1.0, LONGEST_STEP / length)
    return theta, float(np.abs(score).max(initial=0.0)) / max(logit.total, 1e-300)


def _errors(
    problem: TransitionProblem,
    logit: ConditionalLogit,
    fit: LogitFit,
    weights: FloatArray,
    values: ValueFit,
    logp: FloatArray,
    noise: FloatArray,
) -> Mapping[str, FloatArray]:
    n, A, K = problem.features.shape
    beta, null, penalty = logit.rationality, fit.null_directions, 2 * logit.l2
    g = logit.deviations(weights)
    score = g[np.arange(n), problem.actions] * problem.weights[:, None]
    p = np.exp(logit.log_probabilities(weights)) * problem.weights[:, None]
    # Derivative of the score by the coefficients of what sets each action apart; the common part has none.
    slopes = np.zeros((K, A + 1, problem.basis.shape[1]))
    for a in range(A):
        slopes[:, a + 1] = -beta * problem.discount * (g[:, a] * p[:, a : a + 1]).T @ problem.basis
    pull = score.copy()
    pull[problem.known] += moment_rows(
        problem.rows, logp, values, weights, discount=problem.discount, rationality=beta, slopes=slopes
    )
    by_trajectory = np.zeros((problem.n_clusters, K))
    np.add.at(by_trajectory, problem.clusters, pull)
    naive = logit.information(weights) + penalty * np.eye(K)
    as_known, _ = covariances(naive, {"outer_product": score.T @ score}, penalty, null)
    rules = {"outer_product": pull.T @ pull, "sandwich_clustered": by_trajectory.T @ by_trajectory}
    whole, _ = covariances(_curvature(logit, weights, noise), rules, penalty, null)
    kinds = {kind: as_known[kind] for kind in ("hessian", "outer_product") if kind in as_known}
    return kinds | {kind: whole[kind] for kind in ("sandwich", "sandwich_clustered") if kind in whole}
