"""Tastes that change: weights by block of time, tied by a smooth random walk.

The decisions are cut into B blocks of time. The weights of block b follow those of the one before,

    theta_1 flat,    theta_b ~ Normal(theta_{b-1}, tau^2 diag(s_1^2, ..., s_K^2)),

with ``s_k`` the standard error of weight k times the square root of the number of blocks (so that ``tau`` is a pure
number: at 1 a step is as large as a block is uncertain), and the choices of block b have their exact likelihood. The
most probable path is found by Newton's method, each step one block-tridiagonal system; its inverse blocks are the
covariances. ``tau`` maximises the marginal likelihood by Laplace's method,

    log p(D | tau) = max [LL - penalty] - 1/2 log det(H + Q) + 1/2 log det+ Q,    Q = (D'D / tau^2) x diag(s^-2),

over a grid that contains 0, where all blocks share one weight vector. A taste is said to change only where the gain of
the best ``tau`` over 0 exceeds what a constant taste reaches with chance ``level`` (half a chi-square of one degree of
freedom, for 0 is an end of the range); else the constant answer is given, with its errors.

References:
    Kitagawa and Gersch (1984), JASA 79, 378-389, for smoothness by random walks; Tierney and Kadane (1986), JASA 81,
    for the marginal likelihood; Self and Liang (1987), JASA 82, for the test at the end of a range.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from telic.errors import SettingsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.reports import Finding, Outcome, Severity
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .driver import fit_likelihood
from .likelihood import ChoiceLikelihood, choice_likelihood
from .time_blocks import TimeBlocks
from .time_varying_result import TimeVaryingWeights

__all__ = ["TimeVaryingSettings", "fit_time_varying"]

NEWTON_STEPS = 60
"""Steps before a path is given up."""

HALVINGS = 20
"""Halvings of a step."""

ROUNDING = 1e-11
"""Gain that a step foretells, relative to the value, that is rounding."""


@dataclass(frozen=True, kw_only=True)
class TimeVaryingSettings:
    """What a caller may choose.

    Attributes:
        n_blocks: B, each with as many trajectories (or decisions of one) as the others.
        smoothing: values of tau that are tried; 0 is always one of them.
        level: chance of saying that a constant taste changes.
    """

    n_blocks: int = 8
    smoothing: tuple[float, ...] = (0.03, 0.1, 0.2, 0.35, 0.6, 1.0, 2.0)
    level: float = 0.05

    def __post_init__(self) -> None:
        if self.n_blocks < 2:
            raise SettingsError(
                f"`n_blocks` must be at least 2, got {self.n_blocks}.", hint="One block cannot change."
            )
        if not self.smoothing or not all(np.isfinite(t) and t > 0 for t in self.smoothing):
            raise SettingsError(
                f"`smoothing` must be finite numbers above 0, got {self.smoothing}.",
                hint="0 is tried anyway.",
            )
        if not 0 < self.level < 0.5:
            raise SettingsError(f"`level` must lie in (0, 0.5), got {self.level}.", hint="0.05 is usual.")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Path:
    """The most probable path at one tau.

    Attributes:
        tau: smoothing.
        weights: ``(B, K)``.
        precision: diagonal and lower blocks ``(B, K, K)`` and ``(B - 1, K, K)`` of H + Q.
        evidence: log marginal likelihood up to a constant.
        log_likelihood: nats.
        outcome: of the search.
    """

    tau: float
    weights: FloatArray
    precision: tuple[FloatArray, FloatArray]
    evidence: float
    log_likelihood: float
    outcome: Outcome


def fit_time_varying(
    demos: Demonstrations,
    world: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP,
    features: FeatureMap,
    *,
    rationality: float = 1.0,
    settings: TimeVaryingSettings | None = None,
) -> TimeVaryingWeights:
    """The weights over time, and whether the data say that they change.

    Args:
        demos: decisions with states; with ``times``, or in the order of their trajectories.
        world: the dynamics, the same at all times.
        features: what the reward may depend on.
        rationality: inverse temperature at all times.
        settings: blocks and smoothing.

    Raises:
        DataError: there are fewer trajectories than blocks.
        SettingsError: a setting is out of range.

    References:
        Kitagawa and Gersch (1984).
    """
    began = time.process_time()
    chosen = settings or TimeVaryingSettings()
    blocks = TimeBlocks.of(demos, chosen.n_blocks)
    parts = [choice_likelihood(world, features, part, rationality=rationality) for part in blocks.parts]
    pooled = fit_likelihood(choice_likelihood(world, features, demos, rationality=rationality))
    if not pooled.outcome.ok or pooled.nullity or "hessian" not in pooled.covariances:
        return _no_answer(blocks, pooled, chosen, time.process_time() - began)
    size = pooled.standard_errors("hessian") * math.sqrt(len(parts))
    paths = [_constant(parts, pooled)]
    for tau in sorted(chosen.smoothing):
        path = _walk(parts, size, tau, paths[-1].weights)
        if path.outcome.ok:
            paths.append(path)
    best = max(paths, key=lambda p: p.evidence)
    statistic = 2.0 * (best.evidence - paths[0].evidence)
    p_value = 1.0 if best.tau == 0 else 0.5 * _tail(statistic)
    changes = p_value < chosen.level
    answer = best if changes else paths[0]
    return TimeVaryingWeights(
        outcome=Outcome.SUCCESS,
        changes=changes,
        p_value=p_value,
        smoothing=answer.tau,
        weights=answer.weights,
        errors=_errors(answer, pooled, len(parts)),
        path=best.weights,
        evidence={p.tau: p.evidence for p in paths},
        names=pooled.names,
        edges=blocks.edges,
        n_decisions=tuple(p.n_decisions for p in parts),
        pooled=pooled,
        level=chosen.level,
        seconds=time.process_time() - began,
        findings=_findings(best, chosen, pooled),
    )


def _constant(parts: Sequence[ChoiceLikelihood], pooled: RewardEstimate) -> _Path:
    """The path at tau 0: one weight vector for all blocks."""
    B, K = len(parts), len(pooled.names)
    H = np.linalg.inv(pooled.covariance("hessian"))
    return _Path(
        tau=0.0,
        weights=np.tile(pooled.weights, (B, 1)),
        precision=(np.tile(H, (B, 1, 1)), np.zeros((B - 1, K, K))),
        evidence=pooled.choice_log_likelihood - 0.5 * float(np.linalg.slogdet(H / B)[1]),
        log_likelihood=pooled.choice_log_likelihood,
        outcome=Outcome.SUCCESS,
    )


def _walk(parts: Sequence[ChoiceLikelihood], size: FloatArray, tau: float, start: FloatArray) -> _Path:
    """The most probable path at one tau, by Newton's method."""
    B, K = start.shape
    tie = np.diag(1.0 / (tau * size) ** 2)
    degree = np.full(B, 2.0)
    degree[[0, -1]] = 1.0
    lower = np.tile(-tie, (B - 1, 1, 1))

    def value(theta: FloatArray) -> float:
        steps = np.diff(theta, axis=0)
        ll = sum(p.evaluate(t).value for p, t in zip(parts, theta, strict=True))
        return float(ll) - 0.5 * float(np.einsum("bk,kl,bl->", steps, tie, steps))

    theta, outcome = start.copy(), Outcome.MAX_ITERATIONS
    here = value(theta)
    diagonal = np.zeros((B, K, K))
    for _ in range(NEWTON_STEPS):
        each = [p.evaluate(t, order=2) for p, t in zip(parts, theta, strict=True)]
        if any(e.score is None or e.hessian is None or e.information is None for e in each):
            outcome = Outcome.NON_FINITE
            break
        pull = np.zeros((B, K))
        pull[1:] -= np.diff(theta, axis=0) @ tie
        pull[:-1] += np.diff(theta, axis=0) @ tie
        score = np.array([e.score for e in each]) + pull
        diagonal = np.array([-e.hessian for e in each if e.hessian is not None]) + degree[:, None, None] * tie
        solved = _solve(diagonal, lower, score)
        if solved is None:  # the expected information is never indefinite
            informed = np.array([e.information for e in each]) + degree[:, None, None] * tie
            solved = _solve(informed, lower, score)
        if solved is None:
            outcome = Outcome.SINGULAR
            break
        step = solved[0]
        if float(np.sum(score * step)) < ROUNDING * (1.0 + abs(here)):
            outcome = Outcome.SUCCESS
            break
        for _ in range(HALVINGS):
            there = value(theta + step)
            if there > here:
                break
            step = step / 2.0
        else:
            outcome = Outcome.SUCCESS if float(np.sum(score * step)) < 1e-8 else Outcome.MAX_ITERATIONS
            break
        theta, here = theta + step, there
    solved = _solve(diagonal, lower, np.zeros((B, K))) if outcome.ok else None
    if solved is None:
        return _Path(
            tau=tau,
            weights=theta,
            precision=(diagonal, lower),
            evidence=-math.inf,
            log_likelihood=math.nan,
            outcome=outcome if not outcome.ok else Outcome.SINGULAR,
        )
    prior = K * math.log(B) - 2.0 * (B - 1) * float(np.log(tau * size).sum())
    steps = np.diff(theta, axis=0)
    penalty = 0.5 * float(np.einsum("bk,kl,bl->", steps, tie, steps))
    return _Path(
        tau=tau,
        weights=theta,
        precision=(diagonal, lower),
        evidence=here - 0.5 * solved[1] + 0.5 * prior,
        log_likelihood=here + penalty,
        outcome=outcome,
    )


def _solve(diagonal: FloatArray, lower: FloatArray, rhs: FloatArray) -> tuple[FloatArray, float] | None:
    """The solution ``(B, K)`` of a symmetric block-tridiagonal system and its log determinant; None: not positive."""
    from scipy.linalg import cho_solve_banded, cholesky_banded

    banded = _banded(diagonal, lower)
    try:
        factor = cholesky_banded(banded, lower=True)
    except np.linalg.LinAlgError:
        return None
    x = cho_solve_banded((factor, True), rhs.ravel())
    return x.reshape(rhs.shape), 2.0 * float(np.log(factor[0]).sum())


def _banded(diagonal: FloatArray, lower: FloatArray) -> FloatArray:
    """Lower banded form ``(2 K, B K)`` of a block-tridiagonal matrix."""
    B, K, _ = diagonal.shape
    out = np.zeros((2 * K, B * K))
    for b in range(B):
        for j in range(K):
            out[: K - j, b * K + j] = diagonal[b, j:, j]
            if b + 1 < B:
                out[K - j : 2 * K - j, b * K + j] = lower[b, :, j]
    return out


def _errors(path: _Path, pooled: RewardEstimate, n_blocks: int) -> FloatArray:
    """``(B, K)`` standard errors of the weights of every block."""
    if path.tau == 0:
        kind = "sandwich_clustered" if "sandwich_clustered" in pooled.covariances else "hessian"
        return np.tile(pooled.standard_errors(kind), (n_blocks, 1))
    from scipy.linalg import cho_solve_banded, cholesky_banded

    B, K = path.weights.shape
    factor = cholesky_banded(_banded(*path.precision), lower=True)
    inverse = cho_solve_banded((factor, True), np.eye(B * K))
    return np.sqrt(np.diag(inverse)).reshape(B, K)


def _tail(statistic: float) -> float:
    from scipy.special import gammaincc

    return float(gammaincc(0.5, 0.5 * max(statistic, 0.0)))


def _findings(best: _Path, settings: TimeVaryingSettings, pooled: RewardEstimate) -> tuple[Finding, ...]:
    if best.tau < max(settings.smoothing):
        return pooled.findings
    ends = Finding(
        code="smoothing-at-the-end",
        severity=Severity.NOTICE,
        message=f"The largest smoothing tried ({best.tau:g}) is the most likely: the taste may jump rather than drift.",
        hint="Add larger values to `smoothing`, or split the data where it jumps.",
    )
    return (ends, *pooled.findings)


def _no_answer(
    blocks: TimeBlocks, pooled: RewardEstimate, settings: TimeVaryingSettings, seconds: float
) -> TimeVaryingWeights:
    """What is returned where not even one weight vector for all times can be told."""
    B, K = len(blocks.parts), len(pooled.names)
    outcome = pooled.outcome if not pooled.outcome.ok else Outcome.COLLINEAR
    nan = np.full((B, K), np.nan)
    return TimeVaryingWeights(
        outcome=outcome,
        changes=False,
        p_value=math.nan,
        smoothing=math.nan,
        weights=nan,
        errors=nan,
        path=nan,
        evidence={},
        names=pooled.names,
        edges=blocks.edges,
        n_decisions=tuple(part.n_decisions for part in blocks.parts),
        pooled=pooled,
        level=settings.level,
        seconds=seconds,
        findings=pooled.findings,
    )
