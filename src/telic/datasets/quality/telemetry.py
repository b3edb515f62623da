"""Telemetry: decisions that should have been recorded and were not, and signals that went silent.

Where decisions have a control period, the steps between the first and the last record of a trajectory say how many
records there should be. A signal that was dropped upstream shows as a label ``missing`` many times in a row, or as a
column that stands still in every trajectory from some moment on. Both are runs: where a record lacks the signal with
probability q elsewhere, L lacks in a row occur among n records with probability at most (n - L + 1) q^L.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.contract import TaskContract
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import BoolArray

from .places import place, spans

__all__ = ["telemetry_findings"]

LEVEL = 0.001
"""Level of the runs, over all signals."""

MISSING_SHARE = 0.01
"""Share of the records that should be there from which their lack is an alert."""

LONG_SILENCE = 10
"""Records missing in a row from which even a single silence is an alert."""

MISSING = "missing"
"""Label that ingest gives to a value that was not there (`missing: label`)."""

FEWEST_OTHERS = 10
"""Records beside a run that say how often the signal lacks otherwise; with fewer, nothing is said."""

RARE = 0.5
"""Share of lacking records above which a run of them cannot stand out."""


def telemetry_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    """Alerts about records and signals that are not there.

    Args:
        demos: the decisions.
        contract: says the control period and which columns there are.
    """
    signals = [o for o in contract.observations if o.name in demos.observations]
    n_tests = 2 * max(1, len(signals))
    findings = _missing_records(demos, contract)
    for o in signals:
        values = demos.observations[o.name]
        labels = demos.categories.get(o.name, ())
        if MISSING in labels:
            findings += _silent_label(demos, o.name, values == labels.index(MISSING), n_tests)
        findings += _stopped(demos, o.name, values, n_tests)
    return findings


def _missing_records(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    period = contract.timing.control_period_seconds
    if period is None or demos.times is None or demos.n_decisions < 2:
        return []
    # Pieces of one source are one record: what was cut at a gap is missing all the same.
    source = source_index(demos)[demos.trajectory_index]
    order = np.lexsort((demos.times, source))
    steps, same = np.diff(demos.times[order]), np.diff(source[order]) == 0
    lacking = np.where(same, np.maximum(0, np.rint(steps / period).astype(np.int64) - 1), 0)
    missing, longest = int(lacking.sum()), int(lacking.max(initial=0))
    share = missing / (missing + demos.n_decisions)
    if missing == 0:
        return []
    is_alert = share >= MISSING_SHARE or longest >= LONG_SILENCE
    worst = np.argsort(-lacking, kind="stable")[:5]
    evidence = [
        {**place(demos, int(order[i])), "records_missing_after": int(lacking[i]), "seconds": float(steps[i])}
        for i in worst.tolist()
        if lacking[i]
    ]
    return [
        Finding(
            code="telemetry-missing",
            severity=Severity.WARNING if is_alert else Severity.NOTICE,
            message=f"{missing:,} records are missing where one is due every {period:g} s ({share:.2%} of those "
            f"due); the "
            f"longest silence lacks {longest:,}.",
            hint="Find out whether the recorder or the service was down: decisions in between are unknown."
            if is_alert
            else "",
            evidence={
                "missing": missing,
                "share": share,
                "longest": longest,
                "period_seconds": period,
                "places": evidence,
            },
        )
    ]


def _silent_label(demos: Demonstrations, name: str, lacks: BoolArray, n_tests: int) -> list[Finding]:
    """A run of values that were not there, in the order of the rows."""
    found = _longest_run(lacks)
    if found is None or found[2] * n_tests >= LEVEL:
        return []
    begin, length, p = found
    return [
        Finding(
            code="signal-lost",
            severity=Severity.WARNING,
            message=f"`{name}` is missing in {length:,} decisions in a row, though only in "
            f"{(lacks.sum() - length) / max(1, len(lacks) - length):.2%} of the others (p = "
            f"{min(1.0, p * n_tests):.1g}).",
            hint="The signal was dropped for a while: leave that stretch out, or bring the values in later.",
            evidence={
                "observation": name,
                "decisions": length,
                "p_value": min(1.0, p * n_tests),
                "level": LEVEL,
                "places": spans(demos, np.array([begin]), np.array([length])),
            },
        )
    ]


def _stopped(demos: Demonstrations, name: str, values: NDArray[Any], n_tests: int) -> list[Finding]:
    """Trajectories one after the other, in time, in each of which a signal stands still that moves in the others."""
    lengths = np.diff(demos.offsets)
    long = np.flatnonzero(lengths >= 3)
    if len(long) < 3:
        return []
    begins = demos.offsets[:-1][long]
    changes = np.concatenate([[0], np.cumsum(values[1:] != values[:-1])])
    still = changes[begins + lengths[long] - 1] == changes[begins]
    when = begins if demos.times is None else demos.times[begins]
    order = np.argsort(when, kind="stable")
    found = _longest_run(still[order])
    if found is None or found[2] * n_tests >= LEVEL:
        return []
    begin, length, p = found
    chosen = long[order[begin : begin + length]]
    return [
        Finding(
            code="signal-stopped",
            severity=Severity.WARNING,
            message=f"`{name}` stands still in {length:,} trajectories in a row, though only in "
            f"{(still.sum() - length) / max(1, len(still) - length):.1%} of the others (p = "
            f"{min(1.0, p * n_tests):.1g}).",
            hint="Was the signal dropped or filled in from then on? Leave those trajectories out, or mark it missing.",
            evidence={
                "observation": name,
                "n_trajectories": length,
                "p_value": min(1.0, p * n_tests),
                "level": LEVEL,
                "places": spans(demos, demos.offsets[:-1][chosen], lengths[chosen]),
            },
        )
    ]


def _longest_run(lacks: BoolArray) -> tuple[int, int, float] | None:
    """``(begin, length, p-value)`` of the longest run of True, where it can stand out at all."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lacks, [False]]).astype(np.int8)))
    begins, lengths = edges[::2], edges[1::2] - edges[::2]
    if not len(begins):
        return None
    i, n = int(np.argmax(lengths)), len(lacks)
    L = int(lengths[i])
    if n - L < FEWEST_OTHERS:
        return None
    q = (int(lacks.sum()) - L + 0.5) / (n - L + 1)
    if q > RARE:
        return None
    return int(begins[i]), L, float((n - L + 1) * q**L)
