"""What a check of the listed options says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.reports import Finding, Outcome, Report, Section, Table
from telic.typing import FloatArray

from .sign_flips import FlipShare

__all__ = ["OptionsCheck", "PassedOver"]


@dataclass(frozen=True, kw_only=True)
class PassedOver:
    """One test of whether being passed over tells about the next decision.

    Attributes:
        over: ``"unit"``: an option within one unit (a day, a trajectory); ``"log"``: over the whole log.
        switching: chance, from one listing to the next, that the option changes; 0: it stays as it is.
        weight: of the log of the belief that the option can be taken; 0 where all can, 1 where they are out of reach as
            supposed.
        root: signed root of twice the gain of the log-likelihood; a standard normal number where all can be taken.
        p_value: one-sided.
    """

    over: str
    switching: float
    weight: float
    root: float
    p_value: float

    @property
    def words(self) -> str:
        """``within a unit, changing now and then``."""
        where = "within a unit" if self.over == "unit" else "over the whole log"
        return where if self.switching == 0 else f"{where}, changing now and then"

    def to_json(self) -> dict[str, Any]:
        """The test as JSON-able values."""
        return {
            "over": self.over,
            "switching": self.switching,
            "weight": self.weight,
            "root": self.root,
            "p_value": self.p_value,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class OptionsCheck:
    """The weights among the listed options, and whether these could be taken.

    Attributes:
        outcome: only ``SUCCESS`` may be called a preference; ``UNAVAILABLE_OPTIONS`` after an alarm.
        names: K names.
        weights: ``(K,)`` that take every listed option for one that could be taken.
        covariances: kind to ``(K, K)``.
        null_directions: ``(nullity, K)`` that change no choice.
        log_likelihood: nats.
        n_decisions, n_listed: decisions, and options listed over all of them.
        tests: one a kind of spell; empty where no option is known to be listed twice.
        p_value: smallest of the tests times their number, 1 at most; None without a test.
        level: below which there is an alarm.
        power: share of logs, drawn anew with ``planted`` of the options out of reach throughout, that sound the alarm;
            None where it was not asked or there is an alarm.
        planted: that share of options.
        share: of options out of reach that explains the choices best, after an alarm; of those of a grid.
        weights_allowing: ``(K,)`` weights at this share: what the preference may be, not what it is.
        flips: how many listed options would have to be out of reach to turn each sign.
        seconds: CPU seconds.
        findings: what was noticed.
    """

    outcome: Outcome
    names: tuple[str, ...]
    weights: Float[np.ndarray, "K"]
    covariances: Mapping[str, FloatArray]
    null_directions: Float[np.ndarray, "nullity K"]
    log_likelihood: float
    n_decisions: int
    n_listed: int
    tests: tuple[PassedOver, ...]
    p_value: float | None
    level: float
    power: float | None
    planted: float
    share: float | None
    weights_allowing: FloatArray | None
    flips: tuple[FlipShare, ...]
    seconds: float
    findings: tuple[Finding, ...] = ()

    @property
    def alarm(self) -> bool:
        """The listed options were not all within reach (or the features miss something about them)."""
        return self.p_value is not None and self.p_value < self.level

    @property
    def turned_signs(self) -> tuple[str, ...]:
        """Weights whose sign turns when options out of reach are allowed for."""
        if self.weights_allowing is None:
            return ()
        pairs = zip(self.names, self.weights, self.weights_allowing, strict=True)
        return tuple(name for name, w, v in pairs if w * v < 0)

    def standard_errors(self, kind: str = "hessian") -> Float[np.ndarray, "K"]:
        """``(K,)`` of the weights, infinite where the choices do not tell; they know nothing of options out of reach.

        Raises:
            SettingsError: there is no such kind.
        """
        if kind not in self.covariances:
            raise SettingsError(
                f"There is no standard error of kind {kind!r}.",
                hint=f"There are: {', '.join(self.covariances) or 'none'}.",
            )
        errors = np.sqrt(np.maximum(np.diag(self.covariances[kind]), 0.0))
        loose = np.abs(self.null_directions).max(axis=0, initial=0.0) > 0
        return np.where(loose, np.inf, errors)

    def to_json(self) -> dict[str, Any]:
        """The check as JSON-able values."""
        return {
            "schema_version": 1,
            "result": self.outcome.label,
            "n_decisions": self.n_decisions,
            "n_listed": self.n_listed,
            "weights": {n: _number(float(w)) for n, w in zip(self.names, self.weights, strict=True)},
            "standard_errors": {
                kind: [_number(float(e)) for e in self.standard_errors(kind)] for kind in self.covariances
            },
            "log_likelihood": _number(self.log_likelihood),
            "tests": [t.to_json() for t in self.tests],
            "p_value": self.p_value,
            "level": self.level,
            "power": self.power,
            "planted": self.planted,
            "share": self.share,
            "weights_allowing": None
            if self.weights_allowing is None
            else {n: float(w) for n, w in zip(self.names, self.weights_allowing, strict=True)},
            "flips": [f.to_json() for f in self.flips],
            "seconds": self.seconds,
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The check as a report: the alarm, the tests, the weights and what would turn them."""
        sections = [Section(title="Weights", items=(self._weights(),), anchor="weights")]
        if self.tests:
            rows = tuple((t.words, t.weight, t.root, t.p_value) for t in self.tests)
            table = Table(
                title="Does being passed over tell about the next decision?",
                columns=("spell", "weight of the belief", "standard errors", "p (one-sided)"),
                rows=rows,
                note=f"Alarm where the smallest p times {len(rows)} is below {self.level:g}.",
            )
            sections.append(Section(title="Tests", items=(table,), anchor="tests"))
        if self.findings:
            sections.insert(0, Section(title="Findings", items=self.findings, anchor="findings"))
        return Report(
            title="Could the listed options be taken?",
            headline=self._headline(),
            sections=tuple(sections),
            data=self.to_json(),
        )

    def _headline(self) -> str:
        if self.alarm:
            return f"Not a preference ({self.outcome.label}). {self.outcome.value}"
        if not self.outcome.ok:
            return f"Not an answer ({self.outcome.label}). {self.outcome.value}"
        if not self.tests:
            return "The log cannot show whether the listed options could be taken."
        told = (
            ""
            if self.power is None
            else (
                f" (with {self.planted:.0%} of the options out of reach, {self.power:.0%} of redrawn logs would)"
            )
        )
        return f"Nothing shows that listed options could not be taken{told}."

    def _weights(self) -> Table:
        turned: dict[str, dict[str, float | None]] = {}
        for flip in self.flips:
            turned.setdefault(flip.name, {})[flip.pattern] = flip.share
        kind = next((k for k in ("sandwich_clustered", "hessian") if k in self.covariances), None)
        errors = [None] * len(self.names) if kind is None else self.standard_errors(kind).tolist()
        rows = []
        for k, name in enumerate(self.names):
            allowed = None if self.weights_allowing is None else float(self.weights_allowing[k])
            shares = turned.get(name, {})
            rows.append(
                (
                    name,
                    _number(float(self.weights[k])),
                    errors[k],
                    allowed,
                    *map(shares.get, ("random", "worst")),
                )
            )
        return Table(
            title="Weights if every listed option could be taken",
            columns=(
                "feature",
                "weight",
                "SE",
                "weight allowing for the alarm",
                "share at random that turns it",
                "worst share that turns it",
            ),
            rows=tuple(rows),
            note="Shares of all listed options. Empty: no such share turns it, or it was not asked.",
        )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
