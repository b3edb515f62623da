"""A belief after an answer: importance reweighting, and moves of the draws when few of them stay alive.

The probability of the answer multiplies that of every draw (``omega_i <- omega_i p(answer | theta_i)``): on a grid
this is all, and exact. Draws are watched by their effective number. Where it falls under half of them and the density
is known, they are resampled (systematically) and moved by random-walk Metropolis steps that leave the exact posterior

    density before any answer  x  probability of every answer heard

unchanged (resample-move: Gilks and Berzuini 2001). Proposals have the covariance of the belief before the answer, and
a scale that follows the acceptance; the first sweeps settle it, then steps go on until the draws have forgotten where
they stood (the product of one-step autocorrelations, in coordinates that whiten the draws, is under 0.05). Where the
density is not known, draws are reweighted until fewer than 100 effective ones are left, and then the belief says that
it is none any more. An answer of probability q leaves at least the share q of the effective draws.

Reference: Gilks and Berzuini (2001), J. R. Stat. Soc. B 63, 127-146; Kong, Liu and Wong (1994), J. Am. Stat. Assoc. 89.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

from telic.errors import DataError, SettingsError
from telic.reports import Finding, Outcome, Severity
from telic.typing import FloatArray

from .belief import WeightBelief
from .questions import ComparisonQuestion

__all__ = ["UpdateSettings", "update_belief"]

REPLIES = {"first": 1.0, "second": 0.0, "cannot say": 0.5}
"""What may be answered, as the share of preference for the first."""

SETTLING = 5
"""Sweeps in which the scale of the proposals settles; not counted as moves."""

FORGOTTEN = 0.05
"""Autocorrelation with the draws before the moves at which these have been forgotten."""

ACCEPTANCE = 0.3
"""Share of accepted proposals that the scale aims at."""


@dataclass(frozen=True, kw_only=True)
class UpdateSettings:
    """When draws are moved, and when they are used up.

    Attributes:
        move_below: effective share of the draws under which they are resampled and moved.
        least_effective: effective draws under which draws that cannot be moved are no belief.
        max_sweeps: limit of the moves; reached, the outcome is not success.
    """

    move_below: float = 0.5
    least_effective: float | int = 100
    max_sweeps: int = 500

    def __post_init__(self) -> None:
        if not 0 < self.move_below < 1 or not self.least_effective > 0 or not self.max_sweeps > SETTLING:
            raise SettingsError(
                f"`move_below` in (0, 1), `least_effective` above 0 and `max_sweeps` above {SETTLING} are needed, got "
                f"{self.move_below}, {self.least_effective} and {self.max_sweeps}.",
                hint="0.5, 100 and 500 are usual.",
            )


def update_belief(
    belief: WeightBelief,
    question: ComparisonQuestion,
    reply: str,
    *,
    key: int,
    settings: UpdateSettings | None = None,
) -> WeightBelief:
    """The belief after an answer; the old one is left as it was.

    Args:
        belief: before the answer.
        question: that was asked.
        reply: ``"first"``, ``"second"`` or ``"cannot say"`` (half a preference for each, as a tie without a tie
            strength).
        key: of the random numbers of the moves.
        settings: of the moves.

    Raises:
        DataError: the reply is none of these, or the question is about other features.
        NumericalError: the draws were used up before.
    """
    chosen = settings or UpdateSettings()
    belief.answer()
    if reply not in REPLIES:
        raise DataError(
            f"A reply must be one of {', '.join(map(repr, REPLIES))}, got {reply!r}.",
            hint="Say which of the two plans is preferred.",
        )
    if len(question.difference) != len(belief.names):
        raise DataError(
            f"The question compares {len(question.difference)} features, the belief has {len(belief.names)}.",
            hint="Ask questions that were ranked with this belief.",
        )
    asked = (question.rationality * question.difference)[None]
    heard = np.array([REPLIES[reply]])
    log_p = belief.log_probabilities + answers_log_likelihood(belief.weights, asked, heard)
    updated = replace(
        belief,
        log_probabilities=log_p - logsumexp(log_p),
        differences=asked if belief.differences is None else np.concatenate([belief.differences, asked]),
        preferred=np.concatenate([belief.preferred, heard]),
    )
    if belief.is_exact:
        return updated
    if belief.log_density is None:
        return _judge(updated, chosen)
    if updated.effective_draws >= chosen.move_below * belief.n_draws * belief.efficiency:
        return updated
    return _move(updated, _root(belief.covariance), key, chosen)


def answers_log_likelihood(
    weights: FloatArray, differences: FloatArray | None, preferred: FloatArray
) -> FloatArray:
    """``(n,)`` log probability of all answers at each of ``(n, K)`` weights."""
    if differences is None or not len(preferred):
        return np.zeros(len(weights))
    z = weights @ differences.T
    return np.asarray(-(np.logaddexp(0.0, -z) @ preferred + np.logaddexp(0.0, z) @ (1.0 - preferred)))


def _judge(belief: WeightBelief, settings: UpdateSettings) -> WeightBelief:
    """Draws that cannot be moved: used up, or not yet."""
    if belief.effective_draws >= settings.least_effective:
        return belief
    used_up = Finding(
        code="draws-used-up",
        severity=Severity.ERROR,
        message=f"After {belief.n_answers} answers {belief.effective_draws:.1f} of {belief.n_draws:,} draws are "
        "effective, and nothing is known by which they could be moved.",
        hint="Sample the posterior again with the answers in it, or give the likelihood to "
        "`WeightBelief.from_posterior`.",
        evidence={"effective_draws": belief.effective_draws, "answers": belief.n_answers},
    )
    return replace(belief, outcome=Outcome.NOT_MIXED, findings=(*belief.findings, used_up))


def _root(covariance: FloatArray) -> FloatArray:
    """``(K, r)`` root of a covariance; directions without variance are left out, so that nothing moves along them."""
    size, axes = np.linalg.eigh(covariance)
    some = size > 1e-12 * max(float(size.max()), np.finfo(np.float64).tiny)
    return np.asarray(axes[:, some] * np.sqrt(size[some]))


def _move(belief: WeightBelief, root: FloatArray, key: int, settings: UpdateSettings) -> WeightBelief:
    """Resampled draws, moved by Metropolis steps until they have forgotten where they stood."""
    assert belief.log_density is not None
    density = belief.log_density
    rng = np.random.default_rng(key)
    n, r = belief.n_draws, root.shape[1]

    def target(weights: FloatArray) -> FloatArray:
        return np.asarray(
            density(weights) + answers_log_likelihood(weights, belief.differences, belief.preferred)
        )

    at = np.searchsorted(np.cumsum(belief.probabilities), (rng.random() + np.arange(n)) / n)
    now = belief.weights[np.minimum(at, n - 1)]
    worth = target(now)
    scale = 2.38 / np.sqrt(max(r, 1))
    remembered = np.ones(r)
    sweeps = 0
    while sweeps < settings.max_sweeps and np.any(remembered > FORGOTTEN):
        proposed = now + scale * (rng.normal(size=(n, r)) @ root.T)
        value = target(proposed)
        accepted = np.log(rng.random(n)) < value - worth
        before = now
        now = np.where(accepted[:, None], proposed, now)
        worth = np.where(accepted, value, worth)
        sweeps += 1
        if sweeps <= SETTLING:
            scale *= float(np.exp(np.mean(accepted) - ACCEPTANCE))
        else:
            remembered = remembered * _autocorrelation(before, now, r)
    moved = replace(
        belief, weights=now, log_probabilities=np.full(n, -np.log(n)), efficiency=1.0, outcome=Outcome.SUCCESS
    )
    if np.any(remembered > FORGOTTEN):
        stuck = Finding(
            code="moves-stuck",
            severity=Severity.ERROR,
            message=f"After {sweeps} sweeps the moved draws still remember {remembered.max():.0%} of where they stood.",
            hint="Allow more sweeps, or sample the posterior again with the answers in it.",
            evidence={"sweeps": sweeps, "remembered": float(remembered.max())},
        )
        return replace(moved, outcome=Outcome.NOT_MIXED, findings=(*belief.findings, stuck))
    return moved


def _autocorrelation(before: FloatArray, now: FloatArray, r: int) -> FloatArray:
    """``(r,)`` share of the draws' spread that one sweep left in place, in coordinates that whiten the draws."""
    size, axes = np.linalg.eigh(np.cov(now.T, bias=True).reshape(now.shape[1], -1))
    spread = np.maximum(size[-r:], np.finfo(np.float64).tiny)
    jump = np.mean(((now - before) @ axes[:, -r:]) ** 2, axis=0)
    return np.asarray(np.clip(1.0 - jump / (2.0 * spread), 0.0, 1.0))
