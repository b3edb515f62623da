"""What a mixture of intents says."""

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

from .latent_estimate import class_estimate
from .wording import plural

__all__ = ["IntentMixture"]

VANISHED = 1.0
"""Expected number of units below which nobody is said to have a component."""

UNITS_SHOWN = 50
"""Units in the table of a summary; the JSON form has all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntentMixture:
    """Several tastes, their shares, and who has which.

    Attributes:
        outcome: only ``SUCCESS`` may be used; not the weights of a component that has vanished.
        weights: ``(J, K)`` reward per unit of feature of each component, by share, largest first.
        shares: ``(J,)``, summing to 1.
        covariances: kind to ``(P, P)`` covariance of the J K weights and J - 1 logits of shares.
        share_errors: kind to ``(J,)`` standard errors of the shares.
        responsibilities: ``(U, J)`` probability of each unit to have each taste.
        unit: ``"trajectory"`` or ``"demonstrator"``.
        unit_names: U names (pseudonyms where they are people).
        unit_sizes: ``(U,)`` decisions of each.
        log_likelihood: of all choices, nats.
        pooled: the fit of one taste for all.
        score_norm: largest absolute entry of the score, per decision.
        n_starts, n_reached: starts tried, and those that ended at the same top.
        seconds: CPU seconds.
        findings: what was noticed.
    """

    outcome: Outcome
    weights: Float[np.ndarray, "J K"]
    shares: Float[np.ndarray, "J"]
    covariances: Mapping[str, FloatArray]
    share_errors: Mapping[str, FloatArray]
    responsibilities: Float[np.ndarray, "U J"]
    unit: str
    unit_names: tuple[str, ...]
    unit_sizes: Float[np.ndarray, "U"]
    log_likelihood: float
    pooled: RewardEstimate
    score_norm: float
    n_starts: int
    n_reached: int
    seconds: float
    findings: tuple[Finding, ...] = ()

    @property
    def n_components(self) -> int:
        """J."""
        return len(self.shares)

    @property
    def vanished(self) -> tuple[int, ...]:
        """Components, from 0, that fewer than one unit is expected to have: their weights mean nothing."""
        return tuple(np.flatnonzero(self.responsibilities.sum(axis=0) < VANISHED).tolist())

    @property
    def assigned(self) -> np.ndarray:
        """``(U,)`` the most probable component of each unit, from 0."""
        return np.asarray(self.responsibilities.argmax(axis=1))

    @property
    def expected_errors(self) -> float:
        """Expected share of units that ``assigned`` puts into the wrong component, if the mixture is right."""
        return float(1.0 - self.responsibilities.max(axis=1).mean())

    def standard_errors(self, kind: str = "sandwich_clustered") -> Float[np.ndarray, "J K"]:
        """``(J, K)`` standard errors of the weights; NaN where there are none."""
        J, K = self.weights.shape
        if kind not in self.covariances:
            return np.full((J, K), np.nan)
        return np.sqrt(np.maximum(np.diag(self.covariances[kind])[: J * K], 0.0)).reshape(J, K)

    def component(self, j: int) -> RewardEstimate:
        """One taste as an estimate like any other (for trade-offs, comparison, planning).

        Args:
            j: component, from 0.

        Returns:
            The estimate; no answer (``COLLINEAR``: nobody's choices tell it) where the component has vanished.

        Raises:
            SettingsError: there is no such component.
        """
        J, K = self.weights.shape
        if not 0 <= j < J:
            raise SettingsError(f"There are {J} components, got index {j}.", hint="They are counted from 0.")
        block = slice(j * K, (j + 1) * K)
        return class_estimate(
            self.pooled,
            method="mixture",
            outcome=Outcome.COLLINEAR if self.outcome.ok and j in self.vanished else self.outcome,
            weights=self.weights[j],
            covariances={kind: m[block, block] for kind, m in self.covariances.items()},
            unit_weights=self.responsibilities[:, j] * self.unit_sizes,
            score_norm=self.score_norm,
            log_likelihood=self.log_likelihood,
            findings=self.findings,
        )

    def to_json(self) -> dict[str, Any]:
        """The mixture as JSON-able values."""
        names = self.pooled.names
        errors = self.standard_errors()
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "unit": self.unit,
            "log_likelihood": _number(self.log_likelihood),
            "pooled_log_likelihood": _number(self.pooled.choice_log_likelihood),
            "components": [
                {
                    "share": _number(self.shares[j]),
                    "vanished": j in self.vanished,
                    "share_error": _number(
                        self.share_errors.get("sandwich_clustered", np.full(99, np.nan))[j]
                    ),
                    "weights": {n: _number(x) for n, x in zip(names, self.weights[j].tolist(), strict=True)},
                    "standard_errors": {
                        n: _number(x) for n, x in zip(names, errors[j].tolist(), strict=True)
                    },
                }
                for j in range(self.n_components)
            ],
            "units": [
                {"unit": name, "decisions": float(size), "probabilities": [_number(x) for x in row]}
                for name, size, row in zip(
                    self.unit_names, self.unit_sizes, self.responsibilities.tolist(), strict=True
                )
            ],
            "gauge": self.pooled.gauge.to_json(),
            "score_norm": _number(self.score_norm),
            "starts": self.n_starts,
            "starts_at_this_top": self.n_reached,
            "seconds": self.seconds,
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The mixture as a report."""
        names, J, U = self.pooled.names, self.n_components, len(self.unit_names)
        if self.outcome.ok:
            gain = self.log_likelihood - self.pooled.choice_log_likelihood
            shown = ", ".join(f"{s:.0%}" for s in self.shares)
            who = plural(self.unit) if U > 1 else self.unit
            left = J - len(self.vanished)
            headline = f"{left} taste{'s' * (left > 1)} among {U:,} {who}"
            headline += (
                "" if left == J else f", where {J} were asked for: nobody has the other{'s' * (J - left > 1)}"
            )
            headline += f"; shares {shown}; {gain:,.1f} nats better than one taste for all."
        else:
            headline = f"Not an answer ({self.outcome.label}). {self.outcome.value}"
        errors = self.standard_errors()
        components = Table(
            title="Tastes, the commonest first",
            columns=("taste", "share", "SE share", *(f"{n}{end}" for n in names for end in ("", " SE"))),
            rows=tuple(
                (
                    j + 1,
                    float(self.shares[j]),
                    float(self.share_errors["sandwich_clustered"][j]) if self.share_errors else None,
                    *(float(x) for k in range(len(names)) for x in (self.weights[j, k], errors[j, k])),
                )
                for j in range(J)
            ),
            note="Standard errors: sandwich of the observed information by unit; none where that is singular.",
        )
        membership = Table(
            title=f"Which {self.unit} has which taste",
            columns=(self.unit, "decisions", *(f"P(taste {j + 1})" for j in range(J))),
            rows=tuple(
                (name, float(size), *map(float, row))
                for name, size, row in list(
                    zip(self.unit_names, self.unit_sizes, self.responsibilities.tolist(), strict=True)
                )[:UNITS_SHOWN]
            ),
            note=f"If the mixture is right, {self.expected_errors:.2g} of the units are assigned to the wrong taste.",
        )
        sections = [
            Section(title="Tastes", items=(components,), anchor="tastes"),
            Section(title="Who", items=(membership,), anchor="who"),
        ]
        if self.findings:
            worst = tuple(sorted(self.findings, key=lambda f: -int(f.severity)))
            sections.insert(0, Section(title="Findings", items=worst, anchor="findings"))
        return Report(
            title="Mixture of intents", headline=headline, sections=tuple(sections), data=self.to_json()
        )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
