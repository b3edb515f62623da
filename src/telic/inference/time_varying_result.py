"""What a fit of weights that change says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.reports import Finding, Outcome, Report, Section, Table
from telic.rewards import RewardEstimate
from telic.typing import FloatArray

from .ratios import normal_quantile

__all__ = ["TimeVaryingWeights"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TimeVaryingWeights:
    """Weights by block of time, and whether the data say that they change.

    Attributes:
        outcome: only ``SUCCESS`` may be used.
        changes: a constant taste would show so much change with chance below ``level``.
        p_value: of a constant taste.
        smoothing: tau of the answer; 0 where nothing says that the taste changes.
        weights: ``(B, K)`` the answer: the most probable path, or the constant weights in every block.
        errors: ``(B, K)`` standard errors; of the path given tau, or of the constant (sandwich by trajectory).
        path: ``(B, K)`` the most probable path, also where the answer is constant.
        evidence: tau to log marginal likelihood, up to a constant.
        names: K names.
        edges: ``(B + 1,)`` begin of each block and end of the last.
        n_decisions: of each block.
        pooled: the fit of one weight vector.
        level: chance of saying that a constant taste changes.
        seconds: CPU seconds.
        findings: what was noticed.
    """

    outcome: Outcome
    changes: bool
    p_value: float
    smoothing: float
    weights: Float[np.ndarray, "B K"]
    errors: Float[np.ndarray, "B K"]
    path: Float[np.ndarray, "B K"]
    evidence: Mapping[float, float]
    names: tuple[str, ...]
    edges: Float[np.ndarray, "edges"]
    n_decisions: tuple[int, ...]
    pooled: RewardEstimate
    level: float
    seconds: float
    findings: tuple[Finding, ...] = ()

    def intervals(self, *, level: float | int = 0.95) -> tuple[FloatArray, FloatArray]:
        """``(B, K)`` lower and upper ends, normal, for each block by itself.

        Raises:
            SettingsError: the level lies outside (0, 1).
        """
        if not 0 < level < 1:
            raise SettingsError(f"`level` must lie in (0, 1), got {level}.", hint="0.95 is usual.")
        reach = normal_quantile(level) * self.errors
        return self.weights - reach, self.weights + reach

    def to_json(self) -> dict[str, Any]:
        """The weights as JSON-able values."""

        def rows(table: FloatArray) -> list[dict[str, float | None]]:
            return [{n: _number(x) for n, x in zip(self.names, r, strict=True)} for r in table.tolist()]

        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "changes": self.changes,
            "p_value": _number(self.p_value),
            "level": self.level,
            "smoothing": _number(self.smoothing),
            "edges": [float(x) for x in self.edges],
            "n_decisions": list(self.n_decisions),
            "weights": rows(self.weights),
            "standard_errors": rows(self.errors),
            "path": rows(self.path),
            "evidence": [
                {"smoothing": t, "log_marginal_likelihood": _number(e)} for t, e in self.evidence.items()
            ],
            "pooled": self.pooled.to_json(),
            "seconds": self.seconds,
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The weights as a report."""
        if not self.outcome.ok:
            headline = f"Not an answer ({self.outcome.label}). {self.outcome.value}"
        elif self.changes:
            headline = f"The taste changes over the {len(self.weights)} blocks (p = {self.p_value:.2g})."
        else:
            headline = (
                f"Nothing says that the taste changes (p = {self.p_value:.2g}); one answer for all times."
            )
        table = Table(
            title="Weights by block of time",
            columns=("from", "decisions", *(f"{n}{end}" for n in self.names for end in ("", " SE"))),
            rows=tuple(
                (
                    float(self.edges[b]),
                    self.n_decisions[b],
                    *(
                        float(x)
                        for k in range(len(self.names))
                        for x in (self.weights[b, k], self.errors[b, k])
                    ),
                )
                for b in range(len(self.weights))
            ),
            note="Errors of a changing taste are given the smoothing, and for each block by itself.",
        )
        smoothing = Table(
            title="How much it changes from block to block",
            columns=("smoothing", "log marginal likelihood"),
            rows=tuple((float(t), _number(e)) for t, e in self.evidence.items()),
            note="0: constant. At 1 a step is about as large as one block is uncertain.",
        )
        sections = [
            Section(title="Over time", items=(table,), anchor="over-time"),
            Section(title="Smoothing", items=(smoothing,), anchor="smoothing"),
        ]
        if self.findings:
            sections.append(Section(title="Findings", items=self.findings, anchor="findings"))
        return Report(
            title="Weights over time", headline=headline, sections=tuple(sections), data=self.to_json()
        )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
