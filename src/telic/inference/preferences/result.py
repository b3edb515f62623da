"""A reward inferred from comparisons, with what was learnt of those who answered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from telic.reports import Finding, Outcome, Report, Section, Table
from telic.rewards import RewardEstimate

__all__ = ["AnnotatorRationality", "PreferenceEstimate"]

SCHEMA_VERSION = 1
"""Version of the JSON form."""

ROWS_SHOWN = 40
"""Most annotators listed in the text of a summary; JSON always has them all."""


@dataclass(frozen=True, kw_only=True)
class AnnotatorRationality:
    """How sharply someone answered.

    Attributes:
        name: pseudonym of the annotator, or name of the group that shares one rationality.
        n_comparisons, n_ties: answers, and ties among them.
        rationality: relative to the gauge of the estimate; NaN where there is no answer.
        log_standard_errors: kind to the standard error of log rationality; empty where it was not estimated, 0
            where the gauge holds it.
        agreement: share of the answers other than ties that the weights rank the same way; NaN without any.
        spread_share: share of the information about it that comes from ``spread`` and not from the answers; 0
            without ``spread``.
    """

    name: str
    n_comparisons: int
    n_ties: int
    rationality: float
    log_standard_errors: Mapping[str, float]
    agreement: float
    spread_share: float

    def interval(self, kind: str = "sandwich", *, level: float = 0.95) -> tuple[float, float] | None:
        """The interval of rationality, normal on the log scale; None where it was not estimated."""
        from scipy.special import ndtri

        error = self.log_standard_errors.get(kind)
        if error is None or not math.isfinite(error):
            return None
        factor = math.exp(float(ndtri((1 + level) / 2)) * error)
        return self.rationality / factor, self.rationality * factor

    def to_json(self) -> dict[str, Any]:
        """The annotator as JSON-able values."""
        return {
            "name": self.name,
            "n_comparisons": self.n_comparisons,
            "n_ties": self.n_ties,
            "rationality": _number(self.rationality),
            "log_standard_errors": {k: _number(v) for k, v in self.log_standard_errors.items()},
            "agreement": _number(self.agreement),
            "spread_share": self.spread_share,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class PreferenceEstimate:
    """The answer of ``bradley_terry``.

    Attributes:
        reward: weights with errors, gauge and null directions; its ``n_trajectories`` are the clusters of the
            errors (annotators, or comparisons, and trajectories of decisions). Its errors include those of
            estimating rationality and ties.
        annotators: one each.
        tie_strength: Davidson's; None where ties are half wins or there are none.
        log_tie_errors: kind to the standard error of its log; empty where it was not estimated.
        n_comparisons, n_ties: with a weight above 0.
        n_decisions: of the demonstrations fitted with them; 0 without.
        preference_log_likelihood: of the comparisons alone, nats.
    """

    reward: RewardEstimate
    annotators: tuple[AnnotatorRationality, ...]
    tie_strength: float | None
    log_tie_errors: Mapping[str, float]
    n_comparisons: int
    n_ties: int
    n_decisions: int
    preference_log_likelihood: float
    assumptions: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """Why the fit stopped; only ``SUCCESS`` may be used as an answer."""
        return self.reward.outcome

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was noticed."""
        return self.reward.findings

    def annotator(self, name: str) -> AnnotatorRationality:
        """The annotator of a name.

        Raises:
            KeyError: there is none.
        """
        return {a.name: a for a in self.annotators}[name]

    def to_json(self) -> dict[str, Any]:
        """The estimate as JSON-able values."""
        return {
            "schema_version": SCHEMA_VERSION,
            "result": self.outcome.label,
            "n_comparisons": self.n_comparisons,
            "n_ties": self.n_ties,
            "n_decisions": self.n_decisions,
            "preference_log_likelihood": _number(self.preference_log_likelihood),
            "tie_strength": self.tie_strength,
            "log_tie_errors": {k: _number(v) for k, v in self.log_tie_errors.items()},
            "annotators": [a.to_json() for a in self.annotators],
            "assumptions": dict(self.assumptions),
            "reward": self.reward.to_json(),
        }

    def summary(self) -> Report:
        """The estimate as a report; an outcome other than success is the first thing it says."""
        reward = self.reward.summary()
        sections = list(reward.sections)
        sections.append(Section(title="Annotators", items=(self._annotator_table(),), anchor="annotators"))
        if self.outcome.ok:
            headline = f"{len(self.reward.names)} weights from {self.n_comparisons:,} comparisons"
            headline += f" ({self.n_ties:,} ties)" if self.n_ties else ""
            headline += f" and {self.n_decisions:,} decisions" if self.n_decisions else ""
            headline += f" by {len(self.annotators)} annotator{'' if len(self.annotators) == 1 else 's'}"
            headline += (
                f"; {self.reward.nullity} direction(s) the data cannot tell." if self.reward.nullity else "."
            )
        else:
            headline = f"Not an answer ({self.outcome.label}). {self.outcome.value}"
        return Report(
            title="Reward by comparisons", headline=headline, sections=tuple(sections), data=self.to_json()
        )

    def _annotator_table(self) -> Table:
        kinds = list(self.annotators[0].log_standard_errors) if self.annotators else []
        left = len(self.annotators) - ROWS_SHOWN
        held = "; ".join(f"{k}: {v}" for k, v in self.assumptions.items())
        return Table(
            title="How sharply each annotator answers",
            columns=(
                "annotator",
                "comparisons",
                "ties",
                "rationality",
                *(f"SE of log, {k.replace('_', ' ')}" for k in kinds),
                "agreement",
            ),
            rows=tuple(
                (
                    a.name,
                    a.n_comparisons,
                    a.n_ties,
                    a.rationality,
                    *(a.log_standard_errors.get(k, math.nan) for k in kinds),
                    a.agreement,
                )
                for a in self.annotators[:ROWS_SHOWN]
            ),
            note=(f"{held}." if held else "") + (f" {left} more are in the JSON form." if left > 0 else ""),
        )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
