"""The best next comparison: which of two plans is preferred, ranked by what the answer would tell.

Bradley and Terry: the first of two plans is preferred with probability ``sigma(beta (F_first - F_second) theta)``. What
the answer tells is exact over the draws (``telic.inference.elicitation.information``). Every plan is valued once at
every draw, ``beta F theta_i``; pairs then go by in blocks that keep a fixed amount of memory and the best few, so that
neither the pairs nor their answers are ever all there at once. Sifting is done in single precision (1e-6 nats).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from telic.errors import SettingsError
from telic.reports import Finding, Severity
from telic.typing import FloatArray, LongArray

from .belief import WeightBelief
from .information import comparison_divergences, comparison_gain, sampling_error
from .pool import PlanPool, require_same_features
from .questions import ComparisonQuestion
from .ranking import LEAST_GAIN, QuestionRanking, check_settings, rank
from .volume_removal import volume_removed

__all__ = ["CRITERIA", "rank_comparisons"]

CRITERIA = {"information": comparison_gain, "volume-removal": volume_removed}
"""Name of what questions are ordered by to its function of ``(m, n)`` log-odds and ``(n,)`` probabilities."""

BLOCK = 100_000
"""Log-odds (pairs times draws) held at once: what a processor's cache holds is three times as fast (measured)."""

LOOKED_AT = 100
"""Candidates kept for the limit that none exceeds, at least."""


def rank_comparisons(
    belief: WeightBelief,
    pool: PlanPool,
    *,
    rationality: float | int = 1.0,
    pairs: Int[np.ndarray, "M 2"] | None = None,
    top: int = 5,
    criterion: str = "information",
    least_gain: float | int = LEAST_GAIN,
    block: int = BLOCK,
) -> QuestionRanking:
    """The comparisons that are expected to tell most about the weights.

    Args:
        belief: draws or grid.
        pool: plans that may be shown.
        rationality: inverse temperature of the answers; less makes all questions tell less.
        pairs: indices of the plans to look at; None: all pairs of distinct plans.
        top: questions to keep.
        criterion: ``"information"``, or the baseline ``"volume-removal"``.
        least_gain: nats under which a question is not worth asking.
        block: log-odds held at once; more needs more memory and, beyond the cache, more time.

    Raises:
        DataError: pairs that cannot be asked.
        FeatureError: plans and weights are of different features.
        NumericalError: the draws are used up.
        SettingsError: a setting is out of range.
    """
    check_settings(top, least_gain, rationality)
    if criterion not in CRITERIA or block < 1:
        raise SettingsError(
            f"`criterion` must be one of {', '.join(CRITERIA)} and `block` at least 1, got {criterion!r} and {block}.",
            hint="Information is the criterion to ask by.",
        )
    weights, probabilities = belief.answer()
    amounts = require_same_features(pool, belief.names, belief.units)
    if pairs is not None:
        pool.check_pairs(pairs)
    score = CRITERIA[criterion]
    values = rationality * (amounts @ weights.T)
    sift, share = values.astype(np.float32), probabilities.astype(np.float32)
    keep = max(top, LOOKED_AT)
    best, scores = np.zeros((0, 2), dtype=np.int64), np.zeros(0)
    for each in pool.pair_blocks(pairs, max(1, block // belief.n_draws)):
        found = score(sift[each[:, 0]] - sift[each[:, 1]], share)
        best, scores = _best(np.concatenate([best, each]), np.concatenate([scores, found]), keep)
    z = values[best[:, 0]] - values[best[:, 1]]
    best, _ = _best(best, np.asarray(score(z, probabilities), dtype=np.float64), keep)
    z = values[best[:, 0]] - values[best[:, 1]]
    divergences, first_chance = comparison_divergences(z, probabilities)
    errors, removed = sampling_error(divergences, belief), volume_removed(z, probabilities)

    def make(i: int) -> ComparisonQuestion:
        first, second = best[i].tolist()
        return ComparisonQuestion(
            words=pool.question(first, second),
            gain=max(float(divergences[i] @ probabilities), 0.0),
            standard_error=float(errors[i]),
            first=first,
            second=second,
            difference=amounts[first] - amounts[second],
            rationality=float(rationality),
            probability_first=float(first_chance[i]),
            volume_removed=float(removed[i]),
        )

    return rank(
        "comparison",
        belief,
        divergences,
        errors,
        make,
        criterion=criterion,
        n_candidates=pool.n_pairs(pairs),
        top=top,
        least_gain=least_gain,
        findings=_same_plans(pool) if pairs is None else (),
    )


def _best(pairs: LongArray, scores: FloatArray, keep: int) -> tuple[LongArray, FloatArray]:
    """The ``keep`` pairs of highest score, best first; of equal ones the one that came first."""
    order = np.argsort(-scores, kind="stable")[:keep]
    return pairs[order], scores[order]


def _same_plans(pool: PlanPool) -> tuple[Finding, ...]:
    dropped = len(pool) - len(pool.distinct)
    if not dropped:
        return ()
    return (
        Finding(
            code="plans-alike",
            severity=Severity.INFO,
            message=f"{dropped} of {len(pool)} plans collect the same as another one; one of each is asked about.",
            evidence={"distinct": len(pool.distinct)},
        ),
    )
