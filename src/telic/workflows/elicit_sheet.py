"""The comparisons to be put to a person: the few that together tell most, each in the words of the features."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from telic._core.hashing import digest_json
from telic.errors import DataError
from telic.inference.elicitation import (
    AtStake,
    ComparisonQuestion,
    PlanPool,
    QuestionRanking,
    WeightBelief,
    ask_together,
    gain_together,
    random_comparison,
    random_set,
    rank_comparisons,
)
from telic.inference.elicitation.information import answer_chances
from telic.inference.elicitation.together import MOST_TOGETHER, answer_patterns
from telic.reports import Finding, Severity
from telic.typing import FloatArray

from .elicit_plans import plan_amounts, plan_digest
from .elicit_settings import ElicitSettings

__all__ = ["Sheet", "question_id", "sheet_of"]

MOST_CANDIDATES = 1_000
"""Best pairs from which the sheet is chosen."""

LEAST_TOLD = 1e-3
"""Nats about a claim below which no comparison is asked for its sake."""

SURE = 2.0
"""Standard errors of a gain to each side in an interval."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet:
    """Comparisons to ask.

    Attributes:
        questions: JSON form of each, the one that tells most first.
        ranking: of all pairs.
        told: what all of them tell together, and what comparisons at random do.
        findings: what to have in mind.
    """

    questions: tuple[dict[str, Any], ...]
    ranking: QuestionRanking
    told: dict[str, Any]
    findings: tuple[Finding, ...]


def sheet_of(
    belief: WeightBelief,
    pool: PlanPool,
    at_stake: AtStake,
    settings: ElicitSettings,
    *,
    alike: Collection[str],
    answered: Collection[frozenset[str]],
) -> Sheet:
    """The sheet of a pool of plans.

    Args:
        belief: what is believed now.
        pool: plans.
        at_stake: claims and trade-offs.
        settings: number of questions, rationality of answers, least gain.
        alike: features that all plans have alike.
        answered: digests of the two plans of questions that were answered before; they are not asked again.

    Raises:
        DataError: every pair was asked before.
        NumericalError: the draws are used up.
    """
    rationality, least = settings.answer_rationality, settings.least_gain
    digests = [plan_digest(row, pool.names, pool.units) for row in pool.amounts]
    ranking = rank_comparisons(
        belief,
        pool,
        rationality=rationality,
        pairs=_not_asked(pool, digests, answered),
        top=MOST_CANDIDATES,
        least_gain=least,
    )
    candidates = [q for q in ranking.questions if isinstance(q, ComparisonQuestion)]
    chosen = ask_together(belief, candidates, settings.n_questions)
    asked = [candidates[i] for i in chosen.chosen]
    n_worth = _worth_asking(asked, chosen.added.tolist(), least)
    asked = asked[:n_worth]
    about = _about_claims(belief, candidates, asked, at_stake, settings)
    added = [*chosen.added.tolist()[:n_worth], *_added(belief, asked, [q for q, _ in about])]
    topics = [*[None] * n_worth, *[claim for _, claim in about]]
    asked = [*asked, *(q for q, _ in about)]
    random = random_comparison(belief, pool, rationality=rationality, key=settings.key)
    told: dict[str, Any] = {
        "n_candidates": ranking.n_candidates,
        "limit": ranking.limit,
        **vars(random),
        "together": None,
    }
    if asked:
        together = np.array([_scaled(q) for q in asked])
        gain, error = gain_together(belief, together)
        effect = at_stake.effect_of_answers(belief, answer_patterns(belief, together))
        picked = random_set(belief, pool, len(asked), rationality=rationality, key=settings.key)
        told["together"] = {
            "gain": gain,
            "standard_error": error,
            "random": vars(picked),
            "settles": dict(effect.settles),
            "narrows": dict(effect.narrows),
            "tells": dict(effect.tells),
        }
    kept = tuple(f for f in ranking.findings if f.code != "tied-questions")
    return Sheet(
        questions=tuple(
            _told(q, more, topic, belief, pool, digests, at_stake, alike)
            for q, more, topic in zip(asked, added, topics, strict=True)
        ),
        ranking=ranking,
        told=told,
        findings=(*kept, *_fewer(n_worth, settings.n_questions, least)),
    )


def question_id(first: str, second: str) -> str:
    """Name of a question by its two plans, in their order.

    Args:
        first: digest of a plan.
        second: likewise.
    """
    return "q-" + digest_json([first, second]).removeprefix("sha256:")[:8]


def _not_asked(pool: PlanPool, digests: list[str], answered: Collection[frozenset[str]]) -> np.ndarray | None:
    """Pairs that nobody has answered; None: all of them."""
    if not answered:
        return None
    pairs = np.concatenate(list(pool.pair_blocks(None, 10_000)))
    new = [
        i for i, (a, b) in enumerate(pairs.tolist()) if frozenset((digests[a], digests[b])) not in answered
    ]
    if not new:
        raise DataError(
            f"All {len(pairs):,} pairs of the {len(pool.distinct)} plans were answered already.",
            hint="Compare other plans: more of them (--pool), longer ones (--steps), or --plans simulated.",
        )
    return pairs[new]


def _worth_asking(asked: list[ComparisonQuestion], added: list[float], least: float) -> int:
    """How many of the questions, from the first on, may add as much as is worth asking for."""
    limits = [more + SURE * q.standard_error for q, more in zip(asked, added, strict=True)]
    return next((i for i, limit in enumerate(limits) if limit < least), len(limits))


def _fewer(n_worth: int, wanted: int, least: float) -> tuple[Finding, ...]:
    if not n_worth or n_worth >= wanted:
        return ()
    return (
        Finding(
            code="fewer-questions",
            severity=Severity.INFO,
            message=f"{n_worth} of {wanted} questions are asked: a further one would add less than {least:g} nats.",
            evidence={"n_questions": n_worth, "least_gain": least},
        ),
    )


def _about_claims(
    belief: WeightBelief,
    candidates: list[ComparisonQuestion],
    asked: list[ComparisonQuestion],
    at_stake: AtStake,
    settings: ElicitSettings,
) -> list[tuple[ComparisonQuestion, str]]:
    """For each claim that was asked about and is open, the comparison that tells most about it, unless it is asked."""
    n_asked = len(settings.claims)
    is_open = at_stake.is_open(at_stake.now(belief))[:n_asked]
    if not is_open.any():
        return []
    z = np.array([_scaled(q) for q in candidates]) @ belief.weights.T
    told = at_stake.told_by_comparisons(belief, answer_chances(z)[0])
    found: list[tuple[ComparisonQuestion, str]] = []
    for i in np.flatnonzero(is_open).tolist():
        best = candidates[int(np.argmax(told[:, i]))]
        taken = [*asked, *(q for q, _ in found)]
        if told[:, i].max() >= LEAST_TOLD and best not in taken and len(taken) < MOST_TOGETHER:
            found.append((best, at_stake.claims[i]))
    return found


def _added(
    belief: WeightBelief, asked: list[ComparisonQuestion], more: list[ComparisonQuestion]
) -> list[float]:
    """Nats that each further comparison adds to those before it."""
    told = [
        gain_together(belief, np.array([_scaled(q) for q in (*asked, *more[:i])]))[0] if asked or i else 0.0
        for i in range(len(more) + 1)
    ]
    return [max(after - before, 0.0) for before, after in pairwise(told)]


def _scaled(question: ComparisonQuestion) -> FloatArray:
    """``(K,)`` rationality times features of the first less those of the second."""
    return np.asarray(question.rationality * question.difference)


def _told(
    question: ComparisonQuestion,
    added: float,
    about: str | None,
    belief: WeightBelief,
    pool: PlanPool,
    digests: list[str],
    at_stake: AtStake,
    alike: Collection[str],
) -> dict[str, Any]:
    first, second = question.first, question.second
    pair = pool.amounts[[first, second]]
    a, b = plan_amounts(pair, pool.names, pool.units or ("",) * len(pool.names), tuple(alike))
    effect = at_stake.effect_of_answers(belief, answer_patterns(belief, _scaled(question)[None]))
    return {
        "id": question_id(digests[first], digests[second]),
        "kind": "comparison",
        "words": f"Which would you prefer? A: {a}; B: {b}.",
        "a": a,
        "b": b,
        "plans": [pool.label(first), pool.label(second)],
        "plan_digests": [digests[first], digests[second]],
        "names": list(pool.names),
        "units": list(pool.units),
        "amounts": pair.tolist(),
        "gain": question.gain,
        "standard_error": question.standard_error,
        "interval": [
            max(question.gain - SURE * question.standard_error, 0.0),
            question.gain + SURE * question.standard_error,
        ],
        "added": added,
        "chance_a": question.probability_first,
        "settles": dict(effect.settles),
        "narrows": dict(effect.narrows),
        "tells": dict(effect.tells),
        "about": about,
    }
