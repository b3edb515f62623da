"""Conditional choice probabilities: a linear reward without solving the expert's problem.

For a policy ``p`` the values of the state are linear in the weights. With ``M = I - gamma P_p``,

    h_k = M^-1 sum_a p phi_k,                the expected discounted sum of feature k,
    e   = -(1/beta) M^-1 sum_a p log p,      the same of the entropy,
    Q(s, a; theta) = sum_k theta_k (phi_k + gamma P h_k) + gamma P e.

Where ``p`` are the experts' own choice probabilities, their soft-optimal choice is a logit in ``Q``: so
estimate ``p`` by frequencies, solve one linear system for K + 1 right-hand sides, and fit a concave logit.
That is the matrix form of Hotz and Miller (1993). Replacing ``p`` by the fitted probabilities and starting
again is nested pseudo-likelihood; its fixed point satisfies the first-order conditions of the likelihood, so
it ends at the maximum-likelihood estimate. Every iterate has the same first-order distribution as that (the
derivative of the choice probabilities by ``p`` vanishes at the truth), so the standard errors are those of
the likelihood.

Guarantee: exact choice probabilities return the exact weights; the logit is solved to a score of 1e-10 per
decision; with ``n_iterations=None`` the weights have settled to ``tolerance`` of their size.

References: Hotz and Miller (1993), Review of Economic Studies 60, 497-529, eq. 4.12; Aguirregabiria and Mira
(2002), Econometrica 70, 1519-1543, propositions 1 to 4.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

import telic
from telic._core.hashing import digest_array
from telic.errors import DataError, SettingsError
from telic.features import FeatureMap
from telic.inference.conditional_logit import ConditionalLogit, LogitFit
from telic.inference.likelihood import Counts, DiscountedLikelihood
from telic.inference.likelihood.design import Design
from telic.inference.pseudo_likelihood import null_finding, separation_finding
from telic.inference.uncertainty import covariances, project_out
from telic.inference.worlds import World, stationary_world
from telic.mdp import TabularMDP
from telic.planning import policy_system
from telic.planning.bellman import allowed_pairs, soft_maximum
from telic.policies import TabularPolicy
from telic.reports import Finding, Outcome, Provenance, Severity
from telic.rewards import Gauge, LinearReward, RewardEstimate
from telic.trajectories import Demonstrations
from telic.trajectories.splits import effective_count
from telic.typing import BoolArray, FloatArray

__all__ = [
    "ConditionalChoiceProbabilitySettings",
    "conditional_choice_probability",
    "invert_choice_probabilities",
]

METHOD = "conditional_choice_probability"
"""The registered name."""

MAX_POLICY_ITERATIONS = 200
"""Most nested pseudo-likelihood iterations; near the truth each one squares the error of the policy."""

FAR = 0.3
"""Distance from the maximum of the likelihood, in standard errors, of which a reader is told."""


@dataclass(frozen=True, kw_only=True)
class ConditionalChoiceProbabilitySettings:
    """What one may choose.

    Attributes:
        n_iterations: pseudo-likelihood fits. None: until the weights settle, at the maximum of the
            likelihood. 1: two steps, as Hotz and Miller: biased where there are few decisions a state, and a
            finding says by how much.
        smoothing: pseudo-count of every action in the frequencies; more pulls rarely seen states to uniform.
        rationality: inverse temperature beta of the experts.
        l2: penalty on the sum of squared weights, in nats; keeps a separated weight finite.
        tolerance: largest change of a weight, relative to the largest weight, at which iterations end.
        certify: solve the expert's problem once at the answer, for the exact likelihood, its score and the
            Bellman residual. False never solves it and reports the pseudo-likelihood instead.
    """

    n_iterations: int | None = None
    smoothing: float = 0.5
    rationality: float = 1.0
    l2: float = 0.0
    tolerance: float = 1e-9
    certify: bool = True

    def __post_init__(self) -> None:
        if self.n_iterations is not None and self.n_iterations < 1:
            raise SettingsError(
                f"`n_iterations` must be at least 1 or None, got {self.n_iterations}.",
                hint="1 is the two-step estimator, None iterates to the maximum of the likelihood.",
            )
        for name in ("smoothing", "l2"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise SettingsError(f"`{name}` must be finite and >= 0, got {value}.", hint="0 turns it off.")
        for name in ("rationality", "tolerance"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise SettingsError(
                    f"`{name}` must be positive, got {value}.", hint="1 and 1e-9 are the defaults."
                )


def conditional_choice_probability(
    demos: Demonstrations,
    world: World,
    features: FeatureMap,
    *,
    settings: ConditionalChoiceProbabilitySettings | None = None,
    first_policy: TabularPolicy | None = None,
) -> RewardEstimate:
    """The weights of a linear reward from demonstrations, by conditional choice probabilities.

    Args:
        demos: demonstrations with states of ``world``.
        world: the dynamics, known or estimated.
        features: phi, one weight each.
        settings: see there; the default goes on to the maximum of the likelihood.
        first_policy: choice probabilities of every state to start from. None: smoothed frequencies.

    Raises:
        DataError: no decisions, or states, actions or ``first_policy`` do not fit.
        DynamicsError: ``world`` is not a ``TabularMDP``.
        ImpossibleDemonstrationsError: the world makes a demonstrated decision impossible.
    """
    mdp = stationary_world(world, METHOD)
    chosen = ConditionalChoiceProbabilitySettings() if settings is None else settings
    likelihood = DiscountedLikelihood(mdp, features, demos, chosen.rationality)
    policy = (
        _frequencies(likelihood.counts, mdp, chosen.smoothing)
        if first_policy is None
        else _covered(first_policy.table, mdp)
    )
    return _fit(likelihood, policy, chosen, {"demonstrations": demos.digest})


def invert_choice_probabilities(
    policy: Float[np.ndarray, "S A"],
    world: World,
    features: FeatureMap,
    *,
    state_weights: FloatArray | None = None,
    settings: ConditionalChoiceProbabilitySettings | None = None,
) -> RewardEstimate:
    """The weights that make a table of choice probabilities soft-optimal, or come closest.

    Args:
        policy: choice probabilities; a row of zeros says nothing about its state (no support).
        world: the dynamics.
        features: phi.
        state_weights: number of decisions behind each row, so that standard errors can be stated. None: every
            supported row counts once, and no standard errors.
        settings: as for ``conditional_choice_probability``; smoothing does not apply.

    Raises:
        DataError: shapes do not fit, or no state has support.
        DynamicsError: ``world`` is not a ``TabularMDP``.
    """
    mdp = stationary_world(world, METHOD)
    chosen = ConditionalChoiceProbabilitySettings() if settings is None else settings
    table = np.asarray(policy, dtype=np.float64)
    if table.shape != (mdp.n_states, mdp.n_actions):
        raise DataError(
            f"`policy` must have shape ({mdp.n_states}, {mdp.n_actions}), got {table.shape}.",
            hint="One row a state, one column an action.",
        )
    TabularPolicy(table=table)
    weights = np.ones(mdp.n_states) if state_weights is None else np.asarray(state_weights, dtype=np.float64)
    if weights.shape != (mdp.n_states,) or not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise DataError(
            f"`state_weights` must be {mdp.n_states} finite numbers >= 0, got shape {weights.shape}.",
            hint="Give the number of decisions behind each row.",
        )
    allowed = _allowed(mdp)
    totals = np.where(allowed, weights[:, None] * table, 0.0).ravel()
    counts = Counts(
        by_cluster=None,
        totals=totals,
        squares=totals,
        n_decisions=round(float(totals.sum())),
        is_sampled=state_weights is not None,
    )
    likelihood = DiscountedLikelihood(mdp, features, counts, chosen.rationality)
    return _fit(likelihood, _covered(table, mdp), chosen, {"policy": digest_array(table)})


def _fit(
    likelihood: DiscountedLikelihood,
    policy: FloatArray,
    settings: ConditionalChoiceProbabilitySettings,
    inputs: Mapping[str, str],
) -> RewardEstimate:
    started = time.process_time()
    world, features, counts = likelihood.mdp, likelihood.features, likelihood.counts
    seen = np.flatnonzero(counts.totals.reshape(policy.shape).sum(axis=1) > 0)
    fit: LogitFit | None = None
    logit: ConditionalLogit | None = None
    limit = settings.n_iterations or MAX_POLICY_ITERATIONS
    outcome, change, iterations = Outcome.SUCCESS, np.inf, 0
    for iterations in range(1, limit + 1):  # noqa: B007 (reported)
        terms = _value_terms(world, likelihood.design, policy, settings.rationality)
        if not terms.outcome.ok:
            outcome = terms.outcome
            break
        logit = _logit(likelihood, terms, seen, settings)
        before = None if fit is None else fit.weights
        fit = logit.fit(initial=before)
        outcome = fit.outcome
        if not outcome.ok:
            break
        if before is not None:
            change = float(np.abs(fit.weights - before).max(initial=0.0)) / max(
                float(np.abs(fit.weights).max(initial=0.0)), 1e-300
            )
            if settings.n_iterations is None and change <= settings.tolerance:
                break
        policy = _improved(world, likelihood.design, terms, fit.weights, settings.rationality)
    else:
        if settings.n_iterations is None:
            outcome = Outcome.MAX_ITERATIONS
    answered = fit is not None and logit is not None
    names = features.names
    weights = fit.weights if fit is not None else np.full(len(names), np.nan)
    null = fit.null_directions if fit is not None else np.empty((0, len(names)))
    findings: list[Finding] = [*counts.findings, *null_finding(names, null)]
    if fit is not None and fit.separating is not None:
        findings.append(separation_finding(names, fit.separating))
    spread: Mapping[str, FloatArray] = {}
    certificate: dict[str, float] = {"n_policies": float(iterations), "last_change": change}
    log_likelihood = np.nan
    if answered and fit is not None and logit is not None:
        certificate |= {"pseudo_score_norm": fit.score_norm, "pseudo_log_likelihood": fit.value}
        log_likelihood = fit.value
        if outcome.ok:
            spread, extra = _covariances(logit, fit, counts, seen, policy.shape)
            findings += extra
        if settings.certify and outcome.ok:
            exact = likelihood.evaluate(weights, order=1)
            outcome, log_likelihood = exact.outcome, exact.value
            findings += exact.findings
            if exact.score is not None:
                score = exact.score - 2 * settings.l2 * weights
                score = project_out(score, null)
                certificate["score_norm"] = float(np.abs(score).max(initial=0.0)) / likelihood.total_weight
                certificate["bellman_residual"] = exact.bellman_residual
                findings += _distance_finding(score, spread.get("hessian"))
        elif not settings.certify:
            findings.append(_uncertified())
    return RewardEstimate(
        method=METHOD,
        outcome=outcome,
        reward=LinearReward(features=features, weights=weights),
        names=names,
        units=features.units or ("",) * len(names),
        weights=weights,
        covariances=spread,
        gauge=Gauge(
            kind="minimum-norm",
            description="The weights have no component in directions that change no choice that was seen.",
            rationality=settings.rationality,
            discount=float(world.discount),
        ),
        null_directions=null,
        n_decisions=counts.n_decisions,
        n_trajectories=counts.n_clusters,
        n_effective_trajectories=effective_count(likelihood.cluster_sizes),
        choice_log_likelihood=log_likelihood,
        transition_log_likelihood=None,
        certificate=certificate,
        fixed_by_assumption=_assumptions(settings, float(world.discount)),
        seconds=time.process_time() - started,
        findings=tuple(findings),
        provenance=Provenance(
            inputs={**inputs, "world": world.digest, "features": features.digest},
            settings={"method": METHOD, **asdict(settings)},
            code=telic.__version__,
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _ValueTerms:
    """``h`` ``(S, K)`` and ``e`` ``(S,)`` of one policy."""

    features: FloatArray
    entropy: FloatArray
    outcome: Outcome


def _value_terms(world: TabularMDP, design: Design, policy: FloatArray, rationality: float) -> _ValueTerms:
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(policy > 0, policy * np.log(policy), 0.0).sum(axis=1) / rationality
    right = np.concatenate([design.average(policy), entropy[:, None]], axis=1)
    answer = policy_system(world, policy).report(right)
    return _ValueTerms(features=answer.x[:, :-1], entropy=answer.x[:, -1], outcome=answer.outcome)


def _logit(
    likelihood: DiscountedLikelihood,
    terms: _ValueTerms,
    seen: np.ndarray[Any, np.dtype[np.int64]],
    settings: ConditionalChoiceProbabilitySettings,
) -> ConditionalLogit:
    """Q of the states with decisions as a design and an offset."""
    world, A = likelihood.mdp, likelihood.mdp.n_actions
    rows = (seen[:, None] * A + np.arange(A)).ravel()
    P = world.transition[rows]
    shape = (len(seen), A, likelihood.n_weights)
    design = likelihood.design
    matrix = design.matrix[seen] if design.is_of_state else design.matrix[rows]
    phi = matrix if isinstance(matrix, np.ndarray) else np.asarray(sp.csr_array(matrix).toarray())
    phi = phi.reshape(len(seen), -1, likelihood.n_weights)
    return ConditionalLogit(
        design=phi + (world.discount * (P @ terms.features)).reshape(shape),
        offset=(world.discount * (P @ terms.entropy)).reshape(shape[:2]),
        counts=likelihood.counts.totals.reshape(-1, A)[seen],
        allowed=_allowed(world)[seen],
        rationality=settings.rationality,
        l2=settings.l2,
    )


def _improved(
    world: TabularMDP, design: Design, terms: _ValueTerms, weights: FloatArray, rationality: float
) -> FloatArray:
    """The soft-optimal reply to the values that these weights give the current policy."""
    value = terms.features @ weights + terms.entropy
    Q = design.reward(weights) + (world.discount * (world.transition @ value)).reshape(-1, world.n_actions)
    _, pi = soft_maximum(np.where(_allowed(world), Q, -np.inf), rationality)
    return np.asarray(pi)


def _covariances(
    logit: ConditionalLogit,
    fit: LogitFit,
    counts: Counts,
    seen: np.ndarray[Any, np.dtype[np.int64]],
    shape: tuple[int, ...],
) -> tuple[Mapping[str, FloatArray], list[Finding]]:
    if not counts.is_sampled:
        why = (
            "The table of probabilities does not say how many decisions are behind it, so no standard "
            "error is stated."
        )
        return {}, [_no_errors(why, "Give `state_weights`, the number of decisions behind each row.")]
    A, K = shape[1], logit.n_weights
    curvature = logit.information(fit.weights) + 2 * logit.l2 * np.eye(K)
    rules = {"outer_product": logit.outer_product(fit.weights, counts.squares.reshape(-1, A)[seen])}
    if counts.by_cluster is not None and counts.n_clusters > 1:
        cells = (seen[:, None] * A + np.arange(A)).ravel()
        by_cluster = counts.by_cluster if len(seen) == shape[0] else counts.by_cluster[:, cells]
        scores = by_cluster @ logit.deviations(fit.weights).reshape(-1, K)
        rules["sandwich_clustered"] = scores.T @ scores
    kinds, failed = covariances(curvature, rules, 2 * logit.l2, fit.null_directions)
    if failed:
        why = (
            f"No standard errors of kind {', '.join(failed)}: the information is singular to working "
            f"precision."
        )
        return kinds, [_no_errors(why, "Rescale the features to similar sizes, or collect more decisions.")]
    return kinds, []


def _frequencies(counts: Counts, world: TabularMDP, smoothing: float) -> FloatArray:
    allowed = _allowed(world)
    table = counts.totals.reshape(allowed.shape) + smoothing * allowed
    return _normalised(table, allowed)


def _covered(table: FloatArray, world: TabularMDP) -> FloatArray:
    """The table with uniform rows where it says nothing, so that its values are defined."""
    allowed = _allowed(world)
    if table.shape != allowed.shape:
        raise DataError(
            f"`first_policy` must have shape {allowed.shape}, got {table.shape}.",
            hint="One row a state, one column an action.",
        )
    return _normalised(np.where(allowed, table, 0.0), allowed)


def _normalised(table: FloatArray, allowed: BoolArray) -> FloatArray:
    table = np.where(table.sum(axis=1, keepdims=True) > 0, table, allowed.astype(np.float64))
    total = table.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(table, total, out=np.zeros_like(table), where=total > 0))


def _allowed(world: TabularMDP) -> BoolArray:
    allowed = allowed_pairs(world)
    return np.ones((world.n_states, world.n_actions), dtype=bool) if allowed is None else allowed


def _distance_finding(score: FloatArray, covariance: FloatArray | None) -> list[Finding]:
    """How far, in standard errors, the maximum of the exact likelihood is, by one Newton step."""
    distance = 0.0 if covariance is None else math.sqrt(max(float(score @ covariance @ score), 0.0))
    if distance <= FAR:
        return []
    return [
        Finding(
            code="not-at-the-maximum",
            severity=Severity.WARNING,
            message=(
                f"The maximum of the exact likelihood is about {distance:.2g} standard errors away: "
                f"there are too few "
                "decisions a state for their frequencies."
            ),
            hint="Set `n_iterations=None`, or use maximum causal entropy.",
            evidence={"standard_errors": distance},
        )
    ]


def _no_errors(why: str, hint: str) -> Finding:
    return Finding(code="no-standard-errors", severity=Severity.NOTICE, message=why, hint=hint)


def _uncertified() -> Finding:
    return Finding(
        code="not-certified",
        severity=Severity.NOTICE,
        message="The log-likelihood is the pseudo-likelihood of the last policy; the expert's problem "
        "was never solved.",
        hint="Set `certify=True` for the exact likelihood and its score.",
    )


def _assumptions(settings: ConditionalChoiceProbabilitySettings, discount: float) -> dict[str, float | str]:
    fixed: dict[str, float | str] = {"discount": discount, "rationality": settings.rationality}
    if settings.l2:
        fixed["l2"] = settings.l2
    return fixed
