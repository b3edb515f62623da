"""Questions in the order of what they would tell, with what is honest to say about that order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from telic.errors import NumericalError, SettingsError
from telic.reports import Finding, Outcome, Report, Section, Severity, Table
from telic.reports.numbers import format_number, json_value
from telic.typing import FloatArray

from .belief import WeightBelief
from .information import SURE, tied
from .questions import Question

__all__ = ["LEAST_GAIN", "QuestionRanking", "rank"]

SCHEMA_VERSION = 1

LEAST_GAIN = 0.01
"""Nats under which a question is not worth a person's time, where the caller states nothing: a seventieth of a sure
yes or no."""

FEW_DRAWS = 100

ROUNDING = 1e-12
"""Nats that rounding can leave of nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class QuestionRanking:
    """Candidate questions, the one that tells most first.

    Attributes:
        kind: ``comparison``, ``demonstration`` or ``environment``.
        criterion: what they were ordered by.
        outcome: ``SUCCESS``, or why there is no ranking.
        questions: the best ones.
        n_candidates: questions that were looked at.
        n_tied: of ``questions``, from the first on, that cannot be told from the first one.
        limit: nats that no candidate is expected to exceed, errors allowed for (2 standard errors).
        least_gain: nats under which a question is not worth asking.
        effective_draws: behind the gains.
        findings: what to have in mind.
    """

    kind: str
    criterion: str
    outcome: Outcome
    questions: tuple[Question, ...]
    n_candidates: int
    n_tied: int
    limit: float
    least_gain: float
    effective_draws: float
    findings: tuple[Finding, ...] = ()

    @property
    def is_worth_asking(self) -> bool:
        """Whether some question may tell as much as ``least_gain``."""
        return self.outcome.ok and self.limit >= self.least_gain

    @property
    def best(self) -> Question:
        """The first question, worth asking or not.

        Raises:
            NumericalError: there is no ranking.
        """
        if not self.questions:
            raise NumericalError(
                f"No question could be ranked ({self.outcome.label}). {self.outcome.value}",
                hint="The findings say which failed, and why.",
                outcome=self.outcome.label,
            )
        return self.questions[0]

    @property
    def headline(self) -> str:
        """The ranking in one sentence."""
        if not self.questions:
            return f"No question could be ranked ({self.outcome.label}). {self.outcome.value}"
        if not self.is_worth_asking:
            return f"No question in the pool would tell more than {format_number(self.limit, digits=2)} nats."
        gain = format_number(self.questions[0].gain, digits=3)
        return f"Of {self.n_candidates:,} questions the best is expected to tell {gain} nats."

    def to_json(self) -> dict[str, Any]:
        """The ranking as JSON-able values."""
        told: dict[str, Any] = json_value(
            {
                "schema_version": SCHEMA_VERSION,
                "kind": self.kind,
                "criterion": self.criterion,
                "result": self.outcome.label,
                "questions": [q.to_json() for q in self.questions],
                "n_candidates": self.n_candidates,
                "n_tied": self.n_tied,
                "limit": self.limit,
                "least_gain": self.least_gain,
                "worth_asking": self.is_worth_asking,
                "effective_draws": self.effective_draws,
                "findings": [f.to_json() for f in self.findings],
            }
        )
        return told

    def summary(self) -> Report:
        """The ranking as a report."""
        table = Table(
            title="Questions, the one that tells most first",
            columns=("question", "expected gain (nats)", "standard error"),
            rows=tuple((q.words, q.gain, q.standard_error) for q in self.questions),
            note=f"From {self.effective_draws:,.0f} effective draws; ln 2 = 0.69 nats is a sure yes or no.",
        )
        items: tuple[str | Table | Finding, ...] = (table, *self.findings)
        return Report(
            title="The next question",
            headline=self.headline,
            sections=(Section(title="Questions", items=items, anchor="questions"),),
            data=self.to_json(),
        )


def check_settings(top: int, least_gain: float | int, rationality: float | int) -> None:
    """The settings that every ranking shares.

    Raises:
        SettingsError: one is out of range.
    """
    if not (np.isfinite(rationality) and rationality > 0):
        raise SettingsError(
            f"`rationality` must be a finite number above 0, got {rationality}.",
            hint="It is the inverse temperature of the answers; at 0 they would be coins and tell nothing.",
        )
    if top < 1 or not least_gain >= 0:
        raise SettingsError(
            f"`top` of at least 1 and `least_gain` of at least 0 are needed, got {top} and {least_gain}.",
            hint="The 5 best questions of at least 0.01 nats are usual.",
        )


def rank(
    kind: str,
    belief: WeightBelief,
    divergences: FloatArray,
    errors: FloatArray,
    make: Callable[[int], Question],
    *,
    criterion: str = "information",
    n_candidates: int,
    top: int,
    least_gain: float | int,
    n_used: int | None = None,
    highest: FloatArray | None = None,
    findings: Sequence[Finding] = (),
) -> QuestionRanking:
    """A ranking of questions that are ordered already.

    Args:
        kind: of the questions.
        belief: behind them.
        divergences: ``(m, n)`` nats that each draw contributes to each gain.
        errors: ``(m,)`` of the gains.
        make: the question at a place of the order.
        criterion: they are ordered by.
        n_candidates: that were looked at.
        top: questions to keep.
        least_gain: worth asking.
        n_used: draws behind the gains where not all are.
        highest: ``(m,)`` upper bounds of the gains, where they differ from the gains.
        findings: to add to.
    """
    p = belief.probabilities if n_used is None else np.full(divergences.shape[1], 1.0 / divergences.shape[1])
    gains = divergences @ p
    limit = float(np.max((gains if highest is None else highest) + SURE * errors))
    limit = limit if limit > ROUNDING else 0.0
    kept = tuple(make(i) for i in range(min(top, len(gains))))
    n_tied = tied(divergences[: len(kept)], belief, n_used)
    worth = belief.effective_draws if n_used is None else min(float(n_used), belief.effective_draws)
    notes = list(findings)
    if limit < least_gain:
        notes.append(
            Finding(
                code="no-question-tells",
                severity=Severity.NOTICE,
                message=f"No question in the pool would tell more than {format_number(limit, digits=2)} nats.",
                hint="Add plans, start states or environments that differ more in what is still open, or stop asking.",
                evidence={"limit": limit, "least_gain": float(least_gain)},
            )
        )
    elif gains[0] <= SURE * errors[0]:
        notes.append(
            Finding(
                code="gain-within-noise",
                severity=Severity.WARNING,
                message=f"The best gain, {gains[0]:.2g} nats, is within {SURE:g} standard errors of nothing.",
                hint="Use more draws.",
            )
        )
    if n_tied > 1:
        notes.append(
            Finding(
                code="tied-questions",
                severity=Severity.INFO,
                message=f"The first {n_tied} of these {len(kept)} questions cannot be told apart by what they would "
                "tell: ask the one that is easiest to answer.",
                evidence={"n_tied": n_tied},
            )
        )
    if not belief.is_exact and worth < FEW_DRAWS:
        notes.append(
            Finding(
                code="few-draws",
                severity=Severity.WARNING,
                message=f"The gains rest on {worth:.0f} effective draws.",
                hint=f"Use at least {FEW_DRAWS}; gains are low by about one part in the effective draws.",
            )
        )
    return QuestionRanking(
        kind=kind,
        criterion=criterion,
        outcome=Outcome.SUCCESS,
        questions=kept,
        n_candidates=n_candidates,
        n_tied=n_tied,
        limit=limit,
        least_gain=float(least_gain),
        effective_draws=worth,
        findings=tuple(notes),
    )
