"""What a posterior over several units answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import NumericalError, SettingsError
from telic.reports import Finding, Outcome, Provenance, Report, Section, Table
from telic.rewards import ChainDiagnostics, NormalPrior

__all__ = ["HierarchicalPosterior"]

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class HierarchicalPosterior:
    """Draws of the weights of every unit, and of what units have in common.

    Attributes:
        outcome: only with ``SUCCESS`` may anything be computed from the draws.
        units: U names of services or operators.
        names: K names of the weights.
        draws: ``(chains, draws, U, K)`` weights.
        means: ``(chains, draws, K)`` population means.
        spreads: ``(chains, draws, K)`` standard deviations between units.
        diagnostics: of means, log spreads and the weights of every unit, in this order, by ``diagnosed``.
        diagnosed: names of what ``diagnostics`` is about.
        n_decisions: ``(U,)`` decisions of each unit.
        prior: of the population means.
        spread_scales: ``(K,)`` scales of the half-normal priors of the spreads.
        seconds: CPU seconds.
        findings: what was noticed.
        provenance: inputs, settings, code.
    """

    outcome: Outcome
    units: tuple[str, ...]
    names: tuple[str, ...]
    draws: Float[np.ndarray, "C N U K"]
    means: Float[np.ndarray, "C N K"]
    spreads: Float[np.ndarray, "C N K"]
    diagnostics: ChainDiagnostics
    diagnosed: tuple[str, ...]
    n_decisions: tuple[int, ...]
    prior: NormalPrior
    spread_scales: Float[np.ndarray, "K"]
    seconds: float
    findings: tuple[Finding, ...]
    provenance: Provenance

    def of(self, unit: str) -> Float[np.ndarray, "n K"]:
        """``(n, K)`` draws of one unit.

        Raises:
            SettingsError: there is no such unit.
            NumericalError: the draws are not an answer.
        """
        if unit not in self.units:
            raise SettingsError(f"No unit {unit!r}; there are {', '.join(self.units)}.", hint="Use a name.")
        self._require_answer()
        return np.asarray(self.draws[:, :, self.units.index(unit)].reshape(-1, len(self.names)))

    def interval(self, level: float = LEVEL) -> Float[np.ndarray, "U K 2"]:
        """``(U, K, 2)`` central intervals.

        Raises:
            SettingsError: the level does not lie between 0 and 1.
            NumericalError: the draws are not an answer.
        """
        if not 0 < level < 1:
            raise SettingsError(f"`level` must lie between 0 and 1, got {level}.", hint="0.95 is usual.")
        self._require_answer()
        flat = self.draws.reshape(-1, *self.draws.shape[2:])
        tail = (1.0 - level) / 2.0
        return np.asarray(np.moveaxis(np.quantile(flat, [tail, 1.0 - tail], axis=0), 0, -1))

    def _require_answer(self) -> None:
        if not self.outcome.ok:
            raise NumericalError(
                f"These draws are not an answer ({self.outcome.label}). {self.outcome.value}",
                hint="The findings name what did not mix.",
                outcome=self.outcome.label,
            )

    def table(self) -> Table:
        """Mean and interval of every weight of every unit."""
        limits = self.interval()
        means = self.draws.mean(axis=(0, 1))
        rows = []
        for u, unit in enumerate(self.units):
            for k, name in enumerate(self.names):
                low, high = limits[u, k]
                rows.append((unit, self.n_decisions[u], name, float(means[u, k]), float(low), float(high)))
        return Table(
            title="Weights of every unit, with strength borrowed from the others",
            columns=("unit", "decisions", "feature", "mean", "2.5 %", "97.5 %"),
            rows=tuple(rows),
        )

    def to_json(self) -> dict[str, Any]:
        """Means and intervals by unit; the population; diagnostics. Numbers are null where it is no answer."""
        ok = self.outcome.ok
        limits = self.interval() if ok else None
        mean, spread = self.means.mean(axis=(0, 1)), self.spreads.mean(axis=(0, 1))
        return {
            "method": "hierarchical",
            "result": self.outcome.label,
            "level": LEVEL,
            "prior": self.prior.to_json(),
            "spread_scales": dict(zip(self.names, self.spread_scales.tolist(), strict=True)),
            "units": {
                unit: {
                    "n_decisions": self.n_decisions[u],
                    "weights": {
                        n: {
                            "mean": float(self.draws[:, :, u, k].mean()) if ok else None,
                            "interval": limits[u, k].tolist() if limits is not None else None,
                        }
                        for k, n in enumerate(self.names)
                    },
                }
                for u, unit in enumerate(self.units)
            },
            "population": {
                n: {
                    "mean": float(mean[k]) if ok else None,
                    "spread": float(spread[k]) if ok else None,
                }
                for k, n in enumerate(self.names)
            },
            "diagnostics": self.diagnostics.to_json(self.diagnosed),
            "seconds": self.seconds,
            "findings": [f.to_json() for f in self.findings],
            "provenance": self.provenance.to_json(),
        }

    def summary(self) -> Report:
        """The posterior as a report; an outcome other than success is the first thing it says."""
        ok = self.outcome.ok
        told = [Section(title="Weights", items=(self.table(),), anchor="unit-weights")] if ok else []
        if self.findings:
            told.insert(0, Section(title="Findings", items=self.findings, anchor="unit-findings"))
        return Report(
            title="Posterior over units",
            headline=f"Weights of {len(self.units)} units from {sum(self.n_decisions):,} decisions, each with strength "
            "borrowed from the others."
            if ok
            else f"Not an answer ({self.outcome.label}). {self.outcome.value}",
            sections=tuple(told),
            data=self.to_json(),
        )
