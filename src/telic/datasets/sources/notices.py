"""What ingest tells about a log as a whole, worked out from counts (``Noticed``) and the names of its rows."""

from __future__ import annotations

from typing import Any

from telic.contract import Observation, TaskContract
from telic.reports import Finding, Severity

from .choices import choice_findings
from .noticed import CUTS, Noticed
from .row_columns import UNKNOWN
from .rows import RowNames

__all__ = ["findings_of"]

PERIOD_TOLERANCE = 0.05
"""Relative distance of the median time step from the contract's control period that is worth a finding."""

FUTURE_SECONDS = 1e11
"""Times beyond this (the year 5138) are milliseconds in disguise."""

MUCH_MISSING = 0.05
"""Share of missing values above which they are a warning."""

FILLED = {
    "drop": ("dropped-missing", "{count:,} of {n:,} rows were dropped because `{name}` is missing."),
    "label": (
        "labelled-missing",
        "{count:,} of {n:,} values of `{name}` are missing and are called `missing`.",
    ),
    "carry": (
        "carried-missing",
        "{count:,} of {n:,} values of `{name}` are missing and were carried forward.",
    ),
}


def findings_of(
    noticed: Noticed, contract: TaskContract, rows: RowNames, median_step: float | None
) -> list[Finding]:
    """All findings about rows and trajectories, in the order in which they are told.

    Args:
        noticed: over all rows.
        contract: what was promised.
        rows: names of all rows.
        median_step: seconds between decisions, where the contract promises them and there are any.
    """
    found: list[Finding] = []
    if noticed.backwards:
        found.append(_file_order(noticed.backwards))
    for observation in contract.observations:
        if count := noticed.filled.get(observation.name):
            found.append(_filled(observation, count, noticed.n_rows))
    if noticed.unknown_people:
        found.append(_unknown_people(noticed.unknown_people, noticed.n_rows))
    if contract.actions.offered is not None and noticed.offers is not None:
        found += choice_findings(contract.actions.offered.evidence, noticed.offers, rows)
    if noticed.duplicates:
        found.append(_duplicates(noticed, dropped=contract.data.duplicates == "drop"))
    found += _cuts(noticed, contract)
    if noticed.outcomes is not None:
        found.append(_outcomes(noticed))
    return [*found, *_timing(noticed, contract, median_step)]


def _file_order(count: int) -> Finding:
    return Finding(
        code="file-order",
        severity=Severity.NOTICE,
        message=f"In {count:,} {'place' if count == 1 else 'places'} time runs backwards within a "
        f"trajectory in the order of the files; rows were sorted by time.",
        hint="If the order of the file is right and the times are not (clocks of several machines), "
        "leave `data.time` out.",
        evidence={"count": count},
    )


def _filled(observation: Observation, count: int, n: int) -> Finding:
    code, words = FILLED[observation.missing]
    return Finding(
        code=code,
        severity=Severity.WARNING if count / n > MUCH_MISSING else Severity.NOTICE,
        message=words.format(count=count, n=n, name=observation.name),
        hint="What is missing may not be missing by chance; compare the decisions in those rows with the "
        "others.",
        evidence={"observation": observation.name, "count": count, "share": count / n},
    )


def _unknown_people(count: int, n: int) -> Finding:
    return Finding(
        code="unknown-demonstrator",
        severity=Severity.NOTICE,
        message=f"{count:,} of {n:,} rows do not say who decided; they count as one "
        f"demonstrator, `{UNKNOWN}`.",
        hint="Fill in the column at the source where it can be known.",
        evidence={"count": count},
    )


def _duplicates(noticed: Noticed, *, dropped: bool) -> Finding:
    return Finding(
        code="duplicate-keys",
        severity=Severity.NOTICE,
        message=f"{noticed.duplicates:,} of {noticed.n_rows:,} rows have the trajectory and time of another row; "
        + (
            "they were equal in every column and were dropped."
            if dropped
            else "all were kept, in the order of the files."
        ),
        hint="" if dropped else "A finer time stamp would fix their order.",
        evidence={"count": noticed.duplicates, "equal": noticed.equal},
    )


def _cuts(noticed: Noticed, contract: TaskContract) -> list[Finding]:
    """How often trajectories were cut, and why."""
    gap = contract.timing.max_gap_seconds
    words: dict[str, Any] = {
        "gap": f"of a silence of more than {gap:g} s" if gap is not None else "",
        "termination": "a row says that the task had ended, and rows follow",
        "origin": "the kind of maker changes (people, rule, policy; what followed is still known)",
        "handover": "another demonstrator took over (what followed is still known)",
    }
    return [
        Finding(
            code=f"split-at-{reason}",
            severity=Severity.INFO if reason == "gap" else Severity.NOTICE,
            message=f"Trajectories were cut in {noticed.cuts[reason]:,} places because {words[reason]}.",
            hint="",
            evidence={"count": noticed.cuts[reason]},
        )
        for reason in CUTS
        if reason in words and noticed.cuts.get(reason)
    ]


def _outcomes(noticed: Noticed) -> Finding:
    counts = dict(zip(("succeeded", "failed", "unknown"), noticed.outcomes or (), strict=True))
    return Finding(
        code="outcomes",
        severity=Severity.INFO,
        message=f"Of {noticed.n_trajectories:,} trajectories {counts['succeeded']:,} succeeded, "
        f"{counts['failed']:,} failed and {counts['unknown']:,} do not say; all were kept.",
        hint="",
        evidence=counts,
    )


def _timing(noticed: Noticed, contract: TaskContract, median_step: float | None) -> list[Finding]:
    """Rows without a successor, times in another unit, and a step that is not the contract's."""
    findings: list[Finding] = []
    if not noticed.n_known:
        findings.append(
            Finding(
                code="no-transitions",
                severity=Severity.WARNING,
                message=f"None of the {noticed.n_trajectories:,} trajectories has a second row, so nothing "
                f"is known about what actions lead to.",
                hint="Check `data.trajectory`: a column that differs in every row makes every row a "
                "trajectory.",
            )
        )
    if noticed.times is None:
        return findings
    latest = max(abs(t) for t in noticed.times)
    if latest > FUTURE_SECONDS:
        unit = "milliseconds" if latest < 1e14 else "microseconds" if latest < 1e17 else "nanoseconds"
        findings.append(
            Finding(
                code="time-unit",
                severity=Severity.WARNING,
                message=f"Times reach {noticed.times[1]:.4g} s after 1970, which is beyond the year 5000.",
                hint=f"Are they {unit}? Set `data.time_format: {unit}`.",
            )
        )
    period = contract.timing.control_period_seconds
    if period is not None and median_step is not None and abs(median_step / period - 1) > PERIOD_TOLERANCE:
        findings.append(
            Finding(
                code="control-period",
                severity=Severity.WARNING,
                message=f"The contract says a decision every {period:g} s; the median step in the "
                f"data is {median_step:g} s.",
                hint="Correct `timing.control_period_seconds`, or the unit of the times.",
                evidence={"contract_seconds": period, "median_seconds": median_step},
            )
        )
    return findings
