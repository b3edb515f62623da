"""What a test of rewards by comparisons found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telic.reports import Finding, Report, Section, Table
from telic.reports.numbers import json_value

from .calibration import CalibrationBin
from .clustered import ClusteredMean
from .preference_accuracy import PreferenceAccuracy

__all__ = ["PreferenceScore", "PreferenceTest"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PreferenceScore:
    """What one reward makes of the comparisons.

    Attributes:
        name: of the reward.
        accuracy: share of answers predicted, with its exact interval.
        by_annotator: the same share with its interval over annotators; without an interval where one answered.
        rationality: b that turned differences of returns into probabilities.
        log_loss: nats an answer, with its interval; lower is better.
        gain: log loss of a coin less that of the reward.
        sharpness: rationality that fits the answers over the one used; infinite where every answer is predicted,
            NaN where the reward sees no difference.
        sharpness_interval: or None where there is no finite one.
        bins: from the least sure to the surest prediction.
        calibration_p_value: of the test.
    """

    name: str
    accuracy: PreferenceAccuracy
    by_annotator: ClusteredMean
    rationality: float
    log_loss: ClusteredMean
    gain: ClusteredMean
    sharpness: float
    sharpness_interval: tuple[float, float] | None
    bins: tuple[CalibrationBin, ...]
    calibration_p_value: float

    @property
    def calibration(self) -> Table:
        """One row a bin."""
        return Table(
            title=f"Predicted against observed preferences: {self.name}",
            columns=("predicted from", "to", "mean predicted", "observed", "low", "high", "n"),
            rows=tuple((b.low, b.high, b.predicted, b.observed, *b.interval, b.n) for b in self.bins),
            note=f"Test of calibration p = {self.calibration_p_value:.2g}.",
        )

    def to_json(self) -> dict[str, Any]:
        """The score as JSON-able values."""
        return {
            "name": self.name,
            "accuracy": self.accuracy.to_json(),
            "by_annotator": _mean(self.by_annotator),
            "rationality": self.rationality,
            "log_loss": _mean(self.log_loss),
            "gain": _mean(self.gain),
            "sharpness": json_value(self.sharpness),
            "sharpness_interval": None if self.sharpness_interval is None else list(self.sharpness_interval),
            "bins": [
                {
                    "predicted": b.predicted,
                    "observed": b.observed,
                    "interval": list(b.interval),
                    "n": b.n,
                }
                for b in self.bins
            ],
            "calibration_p_value": json_value(self.calibration_p_value),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class PreferenceTest:
    """Rewards against the same comparisons.

    Attributes:
        scores: one a reward.
        baselines: name to accuracy, of those that know no reward.
        n: answers with a preference.
        n_ties: answers that were ties; they test no order and are left out.
        n_annotators: who answered.
        level: of the intervals.
        findings: what a reader should know.
    """

    scores: tuple[PreferenceScore, ...]
    baselines: Mapping[str, float]
    n: int
    n_ties: int
    n_annotators: int
    level: float
    findings: tuple[Finding, ...] = ()

    def __getitem__(self, name: str) -> PreferenceScore:
        return {s.name: s for s in self.scores}[name]

    @property
    def table(self) -> Table:
        """One row a reward, then the baselines."""
        rows: list[tuple[str | float | None, ...]] = [
            (
                s.name,
                s.accuracy.value,
                *s.accuracy.interval,
                s.log_loss.value,
                s.gain.value,
                s.sharpness if math.isfinite(s.sharpness) else None,
            )
            for s in self.scores
        ]
        rows += [
            (
                name,
                value,
                None,
                None,
                math.log(2) if name == "coin" else None,
                0.0 if name == "coin" else None,
                None,
            )
            for name, value in self.baselines.items()
        ]
        return Table(
            title="Held-out preferences",
            columns=("reward", "accuracy", "low", "high", "log loss, nats", "gain over a coin", "sharpness"),
            rows=tuple(rows),
            note=f"Exact intervals of {self.level:.0%} for independent answers; {self.n_ties:,} ties are left out.",
        )

    def to_json(self) -> dict[str, Any]:
        """The test as JSON-able values."""
        return {
            "n": self.n,
            "n_ties": self.n_ties,
            "n_annotators": self.n_annotators,
            "level": self.level,
            "baselines": dict(self.baselines),
            "scores": [s.to_json() for s in self.scores],
            "findings": [f.to_json() for f in self.findings],
        }

    def summary(self) -> Report:
        """The test as a report."""
        best = max(self.scores, key=lambda s: s.accuracy.value)
        low, high = best.accuracy.interval
        sections = [
            Section(title="Scores", items=(self.table,), anchor="scores"),
            Section(
                title="Calibration", items=tuple(s.calibration for s in self.scores), anchor="calibration"
            ),
        ]
        if self.findings:
            sections.append(Section(title="Findings", items=self.findings, anchor="findings"))
        return Report(
            title="Held-out preferences",
            headline=f"{best.name} predicts {best.accuracy.value:.3f} [{low:.3f}, {high:.3f}] of {self.n:,} answers.",
            sections=tuple(sections),
            data=self.to_json(),
        )


def _mean(m: ClusteredMean) -> dict[str, Any]:
    return {"value": json_value(m.value), "interval": None if m.interval is None else list(m.interval)}
