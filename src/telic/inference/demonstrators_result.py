"""What a comparison of demonstrators says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.reports import Finding, Outcome, Report, Section, Table
from telic.rewards import RewardEstimate

from .rationalities import Rationalities

__all__ = ["DemonstratorComparison"]

SURE = 0.05
"""Level at which a headline says that demonstrators differ."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DemonstratorComparison:
    """One taste for all, one taste with a rationality for each, and a taste for each.

    Attributes:
        outcome: of the fit with shared weights and a rationality for each.
        names: D pseudonyms.
        sizes: ``(D,)`` decisions of each.
        pooled: one taste and one rationality for all.
        rationalities: shared weights and rationalities; None where the pooled fit is no answer.
        shared: the shared weights as an estimate, in the gauge in which rationalities average 1.
        own: the fit of each demonstrator alone.
        tests: ``"same rationality"``, ``"same taste"``, ``"same taste and rationality"`` to (statistic, degrees of
            freedom, p-value); left out where a model has no fit, is penalised or decisions are weighted.
        seconds: CPU seconds.
        findings: what was noticed.
    """

    outcome: Outcome
    names: tuple[str, ...]
    sizes: Float[np.ndarray, "D"]
    pooled: RewardEstimate
    rationalities: Rationalities | None
    shared: RewardEstimate | None
    own: tuple[RewardEstimate, ...]
    tests: Mapping[str, tuple[float, int, float]]
    seconds: float
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON-able values; people are pseudonyms."""
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "demonstrators": [
                {
                    "demonstrator": name,
                    "decisions": float(self.sizes[d]),
                    "rationality": _number(self._rationality(d)),
                    "rationality_error": _number(self._error(d)),
                    "own": self.own[d].to_json(),
                }
                for d, name in enumerate(self.names)
            ],
            "shared": None if self.shared is None else self.shared.to_json(),
            "tests": {
                name: {"statistic": s, "degrees_of_freedom": df, "p_value": p}
                for name, (s, df, p) in self.tests.items()
            },
            "seconds": self.seconds,
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The comparison as a report."""
        kind = "sandwich_clustered"
        features = self.pooled.names
        rationality = Table(
            title="Rationality of each demonstrator, by shared weights",
            columns=("demonstrator", "decisions", "rationality", "SE"),
            rows=tuple(
                (name, float(self.sizes[d]), self._rationality(d), self._error(d))
                for d, name in enumerate(self.names)
            ),
            note="They average 1 by convention; infinite: every choice is the best one. SE: sandwich by trajectory.",
        )
        rows: list[tuple[str | float, ...]] = []
        for name, fit in zip(self.names, self.own, strict=True):
            errors = fit.standard_errors(kind) if kind in fit.covariances else np.full(len(features), np.nan)
            cells = [float(x) for k in range(len(features)) for x in (fit.weights[k], errors[k])]
            rows.append((name, *cells, "" if fit.outcome.ok else fit.outcome.label))
        own = Table(
            title="Weights of each demonstrator alone",
            columns=("demonstrator", *(f"{n}{end}" for n in features for end in ("", " SE")), "no answer"),
            rows=tuple(rows),
            note="At rationality 1 for each: weights of one who acts more steadily are larger.",
        )
        tests = Table(
            title="Tests",
            columns=("hypothesis", "chi-square", "degrees of freedom", "p"),
            rows=tuple((name, s, df, p) for name, (s, df, p) in self.tests.items()),
            note="Left out where a model could not be fitted, is penalised, or decisions are weighted.",
        )
        sections = [
            Section(title="Rationality", items=(rationality,), anchor="rationality"),
            Section(title="Own weights", items=(own,), anchor="own-weights"),
            Section(title="Do they differ", items=(tests,), anchor="tests"),
        ]
        if self.findings:
            worst = tuple(sorted(self.findings, key=lambda f: -int(f.severity)))
            sections.insert(0, Section(title="Findings", items=worst, anchor="findings"))
        return Report(
            title="Demonstrators compared",
            headline=self._headline(),
            sections=tuple(sections),
            data=self.to_json(),
        )

    def _headline(self) -> str:
        if not self.outcome.ok:
            return f"Not an answer ({self.outcome.label}). {self.outcome.value}"
        differ = {name: p < SURE for name, (_, _, p) in self.tests.items()}
        if differ.get("same taste"):
            return f"The {len(self.names)} demonstrators do not want the same."
        if differ.get("same rationality"):
            against = sum(f.code == "negative-rationality" for f in self.findings)
            if against:
                who = "1 acts" if against == 1 else f"{against} act"
                return f"Of the {len(self.names)} demonstrators {who} against what the others want."
            return f"The {len(self.names)} demonstrators may want the same, but do not act on it as steadily."
        if differ:
            return f"Nothing tells the {len(self.names)} demonstrators apart."
        return f"{len(self.names)} demonstrators side by side, without a test."

    def _rationality(self, d: int) -> float:
        return math.nan if self.rationalities is None else float(self.rationalities.values[d])

    def _error(self, d: int) -> float:
        errors = None if self.rationalities is None else self.rationalities.errors.get("sandwich_clustered")
        return math.nan if errors is None else float(errors[d])


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
