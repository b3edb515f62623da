"""What a prediction under a change returns: choices before and after, and rates with their differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from telic.reports import Finding, Outcome, Report, Section, Table

from .prediction import Prediction
from .wording import format_interval, plural

__all__ = ["Counterfactual", "RateChange"]

LISTED = 10
"""States shown in the table of choices that change most."""


@dataclass(frozen=True, kw_only=True)
class RateChange:
    """One outcome per decision, before and after.

    Attributes:
        name, unit: of the feature.
        before, after, difference: per decision.
        before_error, after_error, difference_error: standard errors; infinite where the data cannot tell.
        interval: of the difference at the level.
    """

    name: str
    unit: str
    before: float
    before_error: float
    after: float
    after_error: float
    difference: float
    difference_error: float
    interval: tuple[float, float]

    @property
    def sentence(self) -> str:
        """The change in words."""
        what = plural(self.unit) if self.unit else self.name
        if not np.isfinite(self.difference_error):
            return f"{self.name}: what would happen cannot be told."
        value, low, high = format_interval(self.difference, *self.interval)
        return f"{self.name}: {value} [{low}, {high}] {what} more per decision."


@dataclass(frozen=True, kw_only=True, eq=False)
class Counterfactual:
    """What the experts do now, and what they would do.

    Attributes:
        change: what is changed, in words.
        outcome: ``SUCCESS``, or why there is no prediction.
        before, after: choices with their errors.
        rates: outcomes per decision; empty without a start distribution.
        level: of the intervals.
        kind: of standard error; "" where there is none.
        findings: what a reader should know.
    """

    change: str
    outcome: Outcome
    before: Prediction
    after: Prediction
    rates: tuple[RateChange, ...]
    level: float
    kind: str
    findings: tuple[Finding, ...] = ()

    def rate_table(self) -> Table:
        """Outcomes per decision, before and after."""
        return Table(
            title="Per decision, before and after",
            columns=("feature", "unit", "before", "SE", "after", "SE after", "difference", "lower", "upper"),
            rows=tuple(
                (r.name, r.unit, r.before, r.before_error, r.after, r.after_error, r.difference, *r.interval)
                for r in self.rates
            ),
            note=f"{100 * self.level:g} % intervals of the difference by the delta method, for the weights alone:"
            f" the dynamics are taken as given. Errors: {self.kind.replace('_', ' ') or 'none'}.",
        )

    def choice_table(
        self, *, state_labels: tuple[str, ...] = (), action_labels: tuple[str, ...] = ()
    ) -> Table:
        """The choices that change most (stationary policies of one world; else an empty table)."""
        p, q = self.before.probabilities, self.after.probabilities
        rows: list[tuple[str | float, ...]] = []
        if self.outcome.ok and p.shape == q.shape and p.ndim == 2:
            weight = np.ones(len(p)) if self.before.visitation is None else self.before.visitation
            change = np.abs(q - p).sum(axis=1)
            for s in np.argsort(-change * weight, kind="stable")[:LISTED].tolist():
                a = int(np.argmax(np.abs(q[s] - p[s])))
                rows.append(
                    (
                        state_labels[s] if state_labels else str(s),
                        action_labels[a] if action_labels else str(a),
                        float(p[s, a]),
                        float(self.before.standard_errors[s, a]),
                        float(q[s, a]),
                        float(self.after.standard_errors[s, a]),
                    )
                )
        return Table(
            title="Choices that change most",
            columns=("state", "action", "probability before", "SE", "probability after", "SE after"),
            rows=tuple(rows),
            note="States weighted by how often they are decided in." if rows else "",
        )

    def summary(self) -> Report:
        """The prediction as a report."""
        if not self.outcome.ok:
            headline = f"No prediction ({self.outcome.label}). {self.outcome.value}"
        else:
            told = " ".join(r.sentence for r in self.rates)
            headline = f"If {self.change}: {told}" if told else f"Choices if {self.change}."
        worst_first = tuple(sorted(self.findings, key=lambda f: -int(f.severity)))
        items: list[str | Table | Finding] = [*worst_first]
        items += [t for t in (self.rate_table(), self.choice_table()) if t.rows]
        return Report(
            title="What they would do",
            headline=headline,
            sections=(Section(title="Prediction", items=tuple(items)),),
            data=self.to_json(),
        )

    def to_json(self) -> dict[str, Any]:
        """The prediction as JSON-able values (probabilities included)."""
        return {
            "change": self.change,
            "result": self.outcome.label,
            "level": self.level,
            "kind": self.kind,
            "rates": [{**vars(r), "interval": list(r.interval)} for r in self.rates],
            "before": _table_json(self.before),
            "after": _table_json(self.after),
            "findings": [f.to_json() for f in self.findings],
        }


def _table_json(made: Prediction) -> dict[str, Any]:
    return {
        "probabilities": made.probabilities.tolist(),
        "standard_errors": [[None if not np.isfinite(x) else x for x in row] for row in _flat(made)],
    }


def _flat(made: Prediction) -> list[list[float]]:
    return made.standard_errors.reshape(-1, made.standard_errors.shape[-1]).tolist()
