"""What a fit despite suspects says: the experts' weights, and everybody's evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from telic.reports import Finding, Outcome, Report, Section, Table
from telic.rewards import RewardEstimate
from telic.typing import FloatArray

__all__ = ["KINDS_OF_DEMONSTRATOR", "SuspectFit"]

KINDS_OF_DEMONSTRATOR = ("expert", "random", "adversarial")
"""The kinds, in the order of shares and probabilities."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SuspectFit:
    """The weights of the experts and the evidence about every demonstrator.

    Attributes:
        outcome: only ``SUCCESS`` may be used; ``NO_MAJORITY``: who is right is not for the data to say.
        estimate: of the experts' weights, with errors that allow for not knowing who is one.
        naive: the fit that takes everybody for an expert.
        shares: ``(3,)`` of expert, random, adversarial.
        share_errors: kind of standard error to ``(3,)``.
        probabilities: ``(D, 3)`` posterior probability of each kind.
        evidence: ``(D,)`` nats against being an expert: log of the mean likelihood ratio of the other kinds.
        suspected: ``(D,)`` the evidence reaches ``log(D / level)``; nobody without a majority, where either side may be
            the experts.
        names: D pseudonyms.
        sizes: ``(D,)`` decisions of each.
        level: chance, at most, that anybody is suspected where all are experts (at the true weights).
        seconds: CPU seconds.
        findings: what was noticed.
    """

    outcome: Outcome
    estimate: RewardEstimate
    naive: RewardEstimate
    shares: Float[np.ndarray, "3"]
    share_errors: Mapping[str, FloatArray]
    probabilities: Float[np.ndarray, "D 3"]
    evidence: Float[np.ndarray, "D"]
    suspected: Bool[np.ndarray, "D"]
    names: tuple[str, ...]
    sizes: Float[np.ndarray, "D"]
    level: float
    seconds: float
    findings: tuple[Finding, ...] = ()

    @property
    def n_suspected(self) -> int:
        """How many are suspected."""
        return int(self.suspected.sum())

    def to_json(self) -> dict[str, Any]:
        """The fit as JSON-able values; people are pseudonyms."""
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "level": self.level,
            "shares": {
                kind: _number(x) for kind, x in zip(KINDS_OF_DEMONSTRATOR, self.shares.tolist(), strict=True)
            },
            "demonstrators": [
                {
                    "demonstrator": name,
                    "decisions": float(self.sizes[i]),
                    "probabilities": {
                        kind: _number(x)
                        for kind, x in zip(KINDS_OF_DEMONSTRATOR, self.probabilities[i].tolist(), strict=True)
                    },
                    "nats_against_expert": _number(float(self.evidence[i])),
                    "suspected": bool(self.suspected[i]),
                }
                for i, name in enumerate(self.names)
            ],
            "estimate": self.estimate.to_json(),
            "naive_weights": {
                n: _number(x) for n, x in zip(self.naive.names, self.naive.weights.tolist(), strict=True)
            },
            "seconds": self.seconds,
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The fit as a report: who is suspected on what evidence, and what that changes."""
        D, n = len(self.names), self.n_suspected
        if self.outcome.ok:
            headline = (
                f"{n or 'Nobody'} of {D} demonstrators {'is' if n < 2 else 'are'} suspected of not being an expert "
                f"(chance of naming anybody in vain: at most {self.level:.0%})."
            )
        else:
            headline = f"Not an answer ({self.outcome.label}). {self.outcome.value}"
        order = np.argsort(-self.evidence, kind="stable")
        who = Table(
            title="Evidence about every demonstrator, the strongest first",
            columns=(
                "demonstrator",
                "decisions",
                "P(expert)",
                "P(random)",
                "P(adversarial)",
                "nats against",
                "named",
            ),
            rows=tuple(
                (
                    self.names[i],
                    float(self.sizes[i]),
                    *map(float, self.probabilities[i]),
                    float(self.evidence[i]),
                    "suspected" if self.suspected[i] else "",
                )
                for i in order
            ),
            note=f"Named from {math.log(D / self.level):.1f} nats on. Names are pseudonyms. Everybody counts by "
            "P(expert) and P(adversarial); nobody is left out.",
        )
        kind = "sandwich_clustered"
        rows = []
        for k, name in enumerate(self.estimate.names):
            cells: list[str | float | None] = [name]
            for fit in (self.estimate, self.naive):
                error = float(fit.standard_errors(kind)[k]) if kind in fit.covariances else None
                cells += [float(fit.weights[k]), error]
            rows.append(tuple(cells))
        weights = Table(
            title="Weights with everybody weighed, and with everybody believed",
            columns=("feature", "weight", "SE", "weight if all believed", "SE"),
            rows=tuple(rows),
            note="Standard errors: sandwich by demonstrator.",
        )
        sections = [
            Section(title="Who", items=(who,), anchor="who"),
            Section(title="Weights", items=(weights,), anchor="weights"),
        ]
        if self.findings:
            sections.insert(0, Section(title="Findings", items=self.findings, anchor="findings"))
        return Report(
            title="Demonstrators and the evidence about them",
            headline=headline,
            sections=tuple(sections),
            data=self.to_json(),
        )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
