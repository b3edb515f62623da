"""What ingest notices about trajectories that are finished: where they were cut, and how their times run."""

from __future__ import annotations

import numpy as np

from telic.contract import TaskContract
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations

from .order import Segments

__all__ = ["cut_findings", "timing_findings"]

PERIOD_TOLERANCE = 0.05
"""Relative distance of the median time step from the contract's control period that is worth a finding."""

FUTURE_SECONDS = 1e11
"""Times beyond this (the year 5138) are milliseconds in disguise."""


def cut_findings(segments: Segments, contract: TaskContract) -> list[Finding]:
    """How often trajectories were cut, and why."""
    gap = contract.timing.max_gap_seconds
    words = {
        "gap": f"of a silence of more than {gap:g} s" if gap is not None else "",
        "termination": "a row says that the task had ended, and rows follow",
        "origin": "the kind of maker changes (people, rule, policy; what followed is still known)",
        "handover": "another demonstrator took over (what followed is still known)",
    }
    return [
        Finding(
            code=f"split-at-{reason}",
            severity=Severity.INFO if reason == "gap" else Severity.NOTICE,
            message=f"Trajectories were cut in {count:,} places because {words[reason]}.",
            hint="",
            evidence={"count": count},
        )
        for reason, count in segments.cuts.items()
        if reason in words
    ]


def timing_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    """Rows without a successor, times in another unit, and a step that is not the contract's."""
    findings: list[Finding] = []
    if demos.next_known is not None and not demos.next_known.any():
        findings.append(
            Finding(
                code="no-transitions",
                severity=Severity.WARNING,
                message=f"None of the {demos.n_trajectories:,} trajectories has a second row, so nothing "
                f"is known about what actions lead to.",
                hint="Check `data.trajectory`: a column that differs in every row makes every row a "
                "trajectory.",
            )
        )
    if demos.times is None or not len(demos.times):
        return findings
    latest = float(np.abs(demos.times).max())
    if latest > FUTURE_SECONDS:
        unit = "milliseconds" if latest < 1e14 else "microseconds" if latest < 1e17 else "nanoseconds"
        findings.append(
            Finding(
                code="time-unit",
                severity=Severity.WARNING,
                message=f"Times reach {demos.times.max():.4g} s after 1970, which is beyond the year 5000.",
                hint=f"Are they {unit}? Set `data.time_format: {unit}`.",
            )
        )
    steps = np.diff(demos.times)[demos.next_known[:-1]] if demos.next_known is not None else np.zeros(0)
    period = contract.timing.control_period_seconds
    if period is not None and len(steps):
        median = float(np.median(steps, overwrite_input=True))
        if abs(median / period - 1) > PERIOD_TOLERANCE:
            findings.append(
                Finding(
                    code="control-period",
                    severity=Severity.WARNING,
                    message=f"The contract says a decision every {period:g} s; the median step in the "
                    f"data is {median:g} s.",
                    hint="Correct `timing.control_period_seconds`, or the unit of the times.",
                    evidence={"contract_seconds": period, "median_seconds": median},
                )
            )
    return findings
