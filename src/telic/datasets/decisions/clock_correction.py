"""The clocks of all streams put right: stated offsets taken off, others estimated from shared events.

Events are matched bucket by bucket where streams are on the disk, and of very many events a sample by their names is
taken, whether streams are in memory or not: what a million events tell is surer than any clock is steady.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import FloatArray, LongArray

from .clocks import LEAST_EVENTS, LEVEL, ClockEstimate, estimate_clock
from .dealing import deal, hashes
from .disk import Disk
from .shelf import RawStream
from .stream_table import Coded, coded, shared_keys

__all__ = ["MOST_EVENTS", "Correction", "corrections"]

MOST_EVENTS = 1 << 20
"""Shared events by which clocks are compared; of more, those with the least hashes of their names."""


@dataclass(frozen=True, kw_only=True)
class Correction:
    """Times by one clock to times by the clock that counts as right.

    Attributes:
        offset: seconds that the contract states.
        estimate: what shared events say; None: the clock is not estimated.
    """

    offset: float = 0.0
    estimate: ClockEstimate | None = None

    def __call__(self, times: FloatArray) -> FloatArray:
        """``(n,)`` seconds by the right clock."""
        stated = times - self.offset if self.offset else times
        return stated if self.estimate is None else self.estimate.corrected(stated)


def corrections(
    raw: Mapping[str, RawStream], findings: list[Finding], disk: Disk | None
) -> dict[str, Correction]:
    """How the times of each stream are put right.

    Args:
        raw: name to each stream as it was read.
        findings: told how far each clock was off, and how sure that is.
        disk: where streams are; None: they are in memory.

    Raises:
        DataError: two streams share too few events to compare their clocks by.
    """
    stated = {name: Correction(offset=r.stream.clock.offset_seconds) for name, r in raw.items()}
    right = dict(stated)
    for name, here in raw.items():
        clock = here.stream.clock
        if clock.estimate_against:
            there = raw[clock.estimate_against]
            events = _shared_events(
                _Noted(here, clock.key, stated[name]),
                _Noted(there, clock.key_there or clock.key, stated[clock.estimate_against]),
                disk,
            )
            estimate = estimate_clock(
                events.here, events.there, lag_seconds=clock.lag_seconds, with_drift=clock.drift
            )
            ends = stated[name](np.array([here.first, here.last]))
            findings += _findings(name, clock.estimate_against, estimate, events.n, ends)
            right[name] = replace(stated[name], estimate=estimate)
    return right


@dataclass(frozen=True)
class _Noted:
    """A stream as notes of events: by which columns, and by which clock."""

    raw: RawStream
    key: tuple[str, ...]
    clock: Correction

    @property
    def roles(self) -> list[str]:
        return [f"clock:{column}" for column in self.key]

    def tables(self) -> Iterator[tuple[pa.Table, NDArray[np.uint64]]]:
        for start, columns in self.raw.held.parts(list(dict.fromkeys([*self.roles, "time"]))):
            table = pa.table(columns)
            keys = [coded(table[role]) for role in self.roles]
            yield table, hashes(keys, np.arange(start, start + len(table)))

    def buckets(self, n: int, disk: Disk | None) -> Iterator[tuple[list[Coded], FloatArray]]:
        """Keys and times of the rows of each bucket."""
        dealt = None
        if disk is None:
            several: Iterator[pa.Table] = (table for table, _ in self.tables())
        else:
            dealt = deal(self.tables(), n, disk, self.raw.people)
            several = (dealt.bucket(i) for i in range(n))
        for table in several:
            times = np.asarray(table["time"].to_numpy(), dtype=np.float64)
            yield [coded(table[role]) for role in self.roles], self.clock(times)
        if dealt is not None:
            dealt.remove()


@dataclass(frozen=True, kw_only=True)
class _Events:
    """Events that both logs hold, in the order of their names.

    Attributes:
        here, there: ``(k,)`` seconds at which they were noted.
        n: how many there are in all.
    """

    here: FloatArray
    there: FloatArray
    n: int


def _shared_events(ours: _Noted, theirs: _Noted, disk: Disk | None) -> _Events:
    """Of several notes of one event the first in time counts."""
    n_buckets, n = 1, 0
    if disk is not None:
        n_buckets += (ours.raw.held.n_bytes + theirs.raw.held.n_bytes) // disk.bucket
    found: list[tuple[FloatArray, FloatArray, NDArray[np.uint64], list[tuple[str, ...]]]] = []
    least: list[list[str]] = [[], []]
    for (keys, times), (keys_there, times_there) in zip(
        ours.buckets(n_buckets, disk), theirs.buckets(n_buckets, disk), strict=True
    ):
        least = [_least(a, b) for a, b in zip(least, (keys, keys_there), strict=True)]
        here, there = shared_keys([keys, keys_there], [len(times), len(times_there)])
        (events, rows), (events_there, rows_there) = (
            _first_notes(k, t) for k, t in ((here, times), (there, times_there))
        )
        _, i, j = np.intersect1d(events, events_there, assume_unique=True, return_indices=True)
        rows, rows_there = rows[i], rows_there[j]
        n += len(rows)
        names = [replace(c, codes=c.codes[rows]) for c in keys]
        texts = [tuple(c.texts[c.codes[k]] for c in names) for k in range(len(rows))] if n_buckets > 1 else []
        found.append((times[rows], times_there[rows_there], hashes(names, rows), texts))
        if sum(len(f[0]) for f in found) > MOST_EVENTS:
            found = [_sample(found)]
    if n < LEAST_EVENTS:
        here_name, there_name = ours.raw.stream.name, theirs.raw.stream.name
        raise DataError(
            f"Streams `{here_name}` and `{there_name}` share {n} events by {', '.join(ours.key)} (there "
            f"{', '.join(theirs.key)}); at least {LEAST_EVENTS} are needed to compare clocks. Here: "
            f"{_shown(least[0])}; there: {_shown(least[1])}.",
            hint="Name columns that hold the same identity in both, or state `clock.offset_seconds`.",
        )
    times, times_there = (np.concatenate([f[side] for f in found]) for side in (0, 1))
    if n_buckets > 1:
        names_of = [name for f in found for name in f[3]]
        order = np.array(sorted(range(len(names_of)), key=names_of.__getitem__), dtype=np.int64)
        times, times_there = times[order], times_there[order]
    return _Events(here=times, there=times_there, n=n)


def _sample(
    found: list[tuple[FloatArray, FloatArray, NDArray[np.uint64], list[tuple[str, ...]]]],
) -> tuple[FloatArray, FloatArray, NDArray[np.uint64], list[tuple[str, ...]]]:
    """The events with the least hashes: of samples of parts the sample is that of the whole."""
    here, there, hashed = (np.concatenate([f[k] for f in found]) for k in range(3))
    names = [name for f in found for name in f[3]]
    keep = hashed <= np.partition(hashed, MOST_EVENTS - 1)[MOST_EVENTS - 1]
    kept = [names[k] for k in np.flatnonzero(keep).tolist()] if names else []
    return here[keep], there[keep], hashed[keep], kept


def _first_notes(keys: LongArray, times: np.ndarray) -> tuple[LongArray, LongArray]:
    order = np.lexsort((times, keys))
    events, first = np.unique(keys[order], return_index=True)
    known = events >= 0
    return events[known], order[first[known]]


def _least(texts: list[str], columns: list[Coded]) -> list[str]:
    """The first text of each column, in order; empty: it has none."""
    firsts = [c.texts[0] if c.texts else "" for c in columns]
    return [min(filter(None, pair), default="") for pair in zip(texts or firsts, firsts, strict=True)]


def _shown(texts: list[str]) -> str:
    return "/".join(text or "nothing" for text in texts)


def _findings(name: str, other: str, e: ClockEstimate, n: int, ends: FloatArray) -> list[Finding]:
    low, high = e.offset_interval
    bound = float(np.max(e.bound(ends)))
    shared = f"{e.n_events:,} of {n:,}" if n > e.n_events else f"{n:,}"
    drift = (
        f", and gains {_seconds(e.drift * 86_400)} a day"
        if e.drift_interval[0] > 0 or e.drift_interval[1] < 0
        else ""
    )
    found = [
        Finding(
            code="clock-skew",
            severity=Severity.WARNING if e.is_off else Severity.INFO,
            message=f"The clock of stream `{name}` is {_seconds(e.offset)} ahead of that of `{other}` "
            f"({LEVEL:.0%} interval {_seconds(low)} to {_seconds(high)}, {shared} shared events){drift}; its "
            f"times were corrected and may still be wrong by {_seconds(bound)}.",
            hint="States younger than that may be from after the decision." if e.is_off else "",
            evidence={
                "stream": name,
                "against": other,
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
