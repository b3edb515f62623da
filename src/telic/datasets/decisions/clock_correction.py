"""The clocks of all streams put right: stated offsets taken off, others estimated from shared events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from telic.datasets.sources.labels import labels_and_codes
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import LongArray

from .clocks import LEAST_EVENTS, LEVEL, ClockEstimate, estimate_clock
from .stream_table import Coded, StreamTable, shared_keys

__all__ = ["corrected"]


def corrected(tables: Mapping[str, StreamTable], findings: list[Finding]) -> dict[str, StreamTable]:
    """The streams with times by one clock.

    Args:
        tables: name to all rows of each stream.
        findings: told how far each clock was off, and how sure that is.

    Raises:
        DataError: two streams share too few events to compare their clocks by.
    """
    stated = {
        name: replace(t, times=t.times - t.stream.clock.offset_seconds)
        if t.stream.clock.offset_seconds
        else t
        for name, t in tables.items()
    }
    right = dict(stated)
    for name, table in stated.items():
        clock = table.stream.clock
        if clock.estimate_against:
            other = stated[clock.estimate_against]
            here, there = _shared_events(table, other, clock.key, clock.key_there or clock.key)
            estimate = estimate_clock(
                table.times[here], other.times[there], lag_seconds=clock.lag_seconds, with_drift=clock.drift
            )
            findings += _findings(table, other, estimate)
            right[name] = replace(table, times=estimate.corrected(table.times))
    return right


def _shared_events(
    table: StreamTable, other: StreamTable, key: tuple[str, ...], key_there: tuple[str, ...]
) -> tuple[LongArray, LongArray]:
    """Rows of both that note the same events; of several notes of one event the first in time counts."""
    ours, theirs = (
        [_coded(t, column) for column in columns] for t, columns in ((table, key), (other, key_there))
    )
    here, there = shared_keys([ours, theirs], [len(table), len(other)])
    (events, rows), (events_there, rows_there) = (
        _first_notes(k, t.times) for k, t in ((here, table), (there, other))
    )
    both, i, j = np.intersect1d(events, events_there, assume_unique=True, return_indices=True)
    if len(both) < LEAST_EVENTS:
        raise DataError(
            f"Streams `{table.stream.name}` and `{other.stream.name}` share {len(both)} events by "
            f"{', '.join(key)} (there {', '.join(key_there)}); at least {LEAST_EVENTS} are needed to compare clocks. "
            f"Here: {_shown(ours)}; there: {_shown(theirs)}.",
            hint="Name columns that hold the same identity in both, or state `clock.offset_seconds`.",
        )
    return rows[i], rows_there[j]


def _first_notes(keys: LongArray, times: np.ndarray) -> tuple[LongArray, LongArray]:
    order = np.lexsort((times, keys))
    events, first = np.unique(keys[order], return_index=True)
    known = events >= 0
    return events[known], order[first[known]]


def _coded(table: StreamTable, column: str) -> Coded:
    codes, texts = labels_and_codes(table.columns[f"clock:{column}"])
    return Coded(codes=codes, texts=texts)


def _shown(columns: list[Coded]) -> str:
    return "/".join(c.texts[0] if c.texts else "nothing" for c in columns)


def _findings(table: StreamTable, other: StreamTable, e: ClockEstimate) -> list[Finding]:
    name, low, high = table.stream.name, *e.offset_interval
    bound = float(np.max(e.bound(table.times))) if len(table) else 0.0
    drift = (
        f", and gains {_seconds(e.drift * 86_400)} a day"
        if e.drift_interval[0] > 0 or e.drift_interval[1] < 0
        else ""
    )
    found = [
        Finding(
            code="clock-skew",
            severity=Severity.WARNING if e.is_off else Severity.INFO,
            message=f"The clock of stream `{name}` is {_seconds(e.offset)} ahead of that of `{other.stream.name}` "
            f"({LEVEL:.0%} interval {_seconds(low)} to {_seconds(high)}, {e.n_events:,} shared events){drift}; its "
            f"times were corrected and may still be wrong by {_seconds(bound)}.",
            hint="States younger than that may be from after the decision." if e.is_off else "",
            evidence={
                "stream": name,
                "against": other.stream.name,
                "offset_seconds": e.offset,
                "offset_interval": list(e.offset_interval),
                "drift": e.drift,
                "drift_interval": list(e.drift_interval),
                "reference": e.reference,
                "events": e.n_events,
                "spread_seconds": e.spread,
                "bound_seconds": bound,
            },
        )
    ]
    if not e.is_steady:
        found.append(
            Finding(
                code="clock-unsteady",
                severity=Severity.WARNING,
                message=f"The clock of stream `{name}` jumps or wanders (p = {e.unsteady_p:.2g} for a steady one): one "
                "offset and drift do not describe it, and the interval does not hold.",
                hint="Cut its files at the jump and make two streams of them.",
                evidence={"stream": name, "p_value": e.unsteady_p},
            )
        )
    return found


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if abs(value) >= 1 or value == 0 else f"{value * 1000:.3g} ms"
