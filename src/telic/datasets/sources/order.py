"""Rows into trajectories: canonical order, duplicates, and where one trajectory ends and the next begins.

Canonical order is by trajectory name, then time, then place in the files. A source trajectory (one value of
the contract's ``data.trajectory``) is cut where time leaps over ``timing.max_gap_seconds``, after a
terminated row, before a dropped row, and where another demonstrator (or kind of maker) takes over. What happened
after the last row before a hand-over is still known (the next row says it); after the other cuts it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from telic._core.codes import renumber
from telic.errors import DataError
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

from .faults import Fault, fault_of
from .labels import labels_and_codes
from .rows import RowNames

__all__ = [
    "Ordered",
    "Segments",
    "backwards_in_files",
    "by_key",
    "cut_keys",
    "duplicate_places",
    "file_keys",
    "joined_names",
    "keys_of",
    "order_rows",
    "segment",
    "starts_of",
]


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """Rows in canonical order.

    Attributes:
        order: ``(n,)`` source row of each row, or None where the files are in order already.
        keys: ``(n,)`` source trajectory of each row, in order (0, 0, ..., 1, ...).
        names: name of each source trajectory.
        times: ``(n,)`` seconds, or None.
        starts: ``(n,)`` first row of each source trajectory.
    """

    order: LongArray | None
    keys: IntArray
    names: tuple[str, ...]
    times: FloatArray | None
    starts: BoolArray

    def take(self, keep: BoolArray) -> Ordered:
        """Only some rows."""
        keys = self.keys[keep]
        return Ordered(
            order=np.flatnonzero(keep) if self.order is None else self.order[keep],
            keys=keys,
            names=self.names,
            times=None if self.times is None else self.times[keep],
            starts=starts_of(keys),
        )


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Trajectories after cutting.

    Attributes:
        starts: ``(n,)`` first row of each trajectory.
        next_known: ``(n,)`` whether the next row says what happened after this one.
        cuts: reason to number of cuts.
    """

    starts: BoolArray
    next_known: BoolArray
    cuts: Mapping[str, int]

    def take(self, keep: BoolArray) -> Segments:
        """Only some rows; cuts stay where they were made."""
        return Segments(starts=self.starts[keep], next_known=self.next_known[keep], cuts=self.cuts)


def keys_of(
    columns: Mapping[str, pa.ChunkedArray], n_rows: int, first_row: int
) -> tuple[IntArray, list[list[str]], dict[str, Fault]]:
    """``(n,)`` source trajectory of each row, the parts of their names (in the order of the keys), and faults.

    Args:
        columns: source column to dictionary text, at least one.
        n_rows: of each.
        first_row: of the columns, counted through all files.
    """
    keys: IntArray = np.zeros(n_rows, dtype=np.int32)
    parts: list[list[str]] = []
    faults: dict[str, Fault] = {}
    for name, column in columns.items():
        codes, found = labels_and_codes(column)
        gone = np.flatnonzero(codes < 0)
        if len(gone):
            faults[f"trajectory: {name}"] = fault_of(partial(_nameless, name), gone, first_row)
            codes, found = np.zeros(n_rows, dtype=np.int32), ("",)
        if not parts:
            keys, parts = codes, [list(found)]
            continue
        wide = keys.astype(np.int64)
        wide *= len(found)
        wide += codes
        present, keys = renumber(wide, np.int32)
        before, last = (x.tolist() for x in np.divmod(present, len(found)))
        parts = [*([part[i] for i in before] for part in parts), [found[i] for i in last]]
    return keys, parts, faults


def file_keys(
    rows_per_file: Sequence[int], first_file: int, n_files: int
) -> tuple[IntArray, list[list[str]]]:
    """The same where each file is one trajectory, named by its place among all files.

    Args:
        rows_per_file: of some of them.
        first_file: place of the first.
        n_files: number of all.
    """
    width = len(str(n_files))
    keys = np.repeat(np.arange(len(rows_per_file), dtype=np.int32), rows_per_file)
    return keys, [[f"file-{first_file + i + 1:0{width}d}" for i in range(len(rows_per_file))]]


def joined_names(parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The name of each trajectory, from its parts."""
    if len(parts) == 1:
        return tuple(parts[0])
    return tuple("/".join(map(_escaped, names)) for names in zip(*parts, strict=True))


def _nameless(column: str, fault: Fault, rows: RowNames) -> DataError:
    return DataError(
        f"Column `{column}` names the trajectory (data.trajectory) and is missing in {fault.count:,} "
        f"of {rows.total:,} rows: {rows.first_of(fault.rows, fault.count)}.",
        hint="Fill it in, or leave these rows out.",
        rows=list(fault.rows),
    )


def cut_keys(
    keys: IntArray, names: tuple[str, ...], times: FloatArray, cut_seconds: float
) -> tuple[IntArray, tuple[str, ...]]:
    """Keys and names after every trajectory was cut at the multiples of ``cut_seconds`` since 1970.

    Pieces are named by where they begin (``svc@2024-05-01``) and count as trajectories of their own everywhere.
    """
    piece = np.floor(times / cut_seconds).astype(np.int64)
    first = int(piece.min())
    span = int(piece.max()) - first + 1
    piece -= first
    piece += keys.astype(np.int64) * span
    present, cut = renumber(piece, np.int32)
    key, nth = np.divmod(present, span)
    begins = ((nth + first) * cut_seconds).astype("datetime64[s]").astype(str)
    whole_days = cut_seconds % 86_400 == 0
    labels = [b[:10] if whole_days else f"{b}Z" for b in begins.tolist()]
    return cut, tuple(f"{names[k]}@{b}" for k, b in zip(key.tolist(), labels, strict=True))


def order_rows(keys: IntArray, names: tuple[str, ...], times: FloatArray | None) -> Ordered:
    """The rows in canonical order; rows of one trajectory and time keep the order of the files.

    Args:
        keys: ``(n,)`` source trajectory of each row, in the order of the files.
        names: of the keys.
        times: ``(n,)`` seconds in the order of the files, or None.
    """
    order, keys_of_files, times_of_files = by_key(keys), keys, times
    if order is not None:
        keys, times = keys[order], None if times is None else times[order]
    if times is not None and times_of_files is not None and len(_backwards(keys, times)):
        order = np.lexsort((times_of_files, keys_of_files))
        keys, times = keys_of_files[order], times_of_files[order]
    return Ordered(order=order, keys=keys, names=names, times=times, starts=starts_of(keys))


def backwards_in_files(keys: IntArray, times: FloatArray) -> int:
    """In how many places time runs backwards within a trajectory in the order of the files."""
    order = by_key(keys)
    if order is not None:
        keys, times = keys[order], times[order]
    return len(_backwards(keys, times))


def by_key(keys: IntArray) -> LongArray | None:
    """The stable order by key, or None where the keys do not fall: counted by 16 bits at a time, never compared."""
    if np.all(keys[1:] >= keys[:-1]):
        return None
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    high = (keys >> 16).astype(np.uint16)
    return order[np.argsort(high[order], kind="stable")] if high.any() else order


def _backwards(keys: IntArray, times: FloatArray) -> LongArray:
    """Rows after which time runs backwards within a key."""
    back = times[1:] < times[:-1]
    back &= keys[1:] == keys[:-1]
    return np.flatnonzero(back)


def starts_of(keys: IntArray) -> BoolArray:
    """``(n,)`` first row of each key."""
    starts = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=starts[1:])
    return starts


def duplicate_places(ordered: Ordered) -> LongArray:
    """Places (in order) of rows whose trajectory and time are those of the row before."""
    if ordered.times is None:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(~ordered.starts[1:] & (ordered.times[1:] == ordered.times[:-1])) + 1


def segment(
    ordered: Ordered,
    *,
    max_gap_seconds: float | None,
    terminated: BoolArray | None,
    demonstrators: IntArray | None,
    drop: BoolArray | None,
    origins: IntArray | None = None,
) -> Segments:
    """Where trajectories begin, in canonical order; ``drop`` marks rows that the caller removes afterwards.

    Args:
        ordered: the rows.
        max_gap_seconds: cut above this silence; None: never.
        terminated: ``(n,)`` ends of the task; None: never.
        demonstrators: ``(n,)`` who decided; None: one for all.
        drop: ``(n,)`` rows to be removed; None: none.
        origins: ``(n,)`` what kind of maker decided; None: one for all.
    """
    within = ~ordered.starts[1:]
    unknown = np.zeros(len(ordered.keys) - 1, dtype=bool)
    cuts: dict[str, int] = {}

    def cut(reason: str, flags: BoolArray) -> None:
        new = within & flags & ~unknown
        if new.any():
            cuts[reason] = int(new.sum())
            np.logical_or(unknown, new, out=unknown)

    if max_gap_seconds is not None and ordered.times is not None:
        cut("gap", np.diff(ordered.times) > max_gap_seconds)
    if terminated is not None:
        cut("termination", terminated[:-1])
    if drop is not None:
        cut("dropped", drop[:-1] | drop[1:])
    next_known = np.zeros(len(ordered.keys), dtype=bool)
    next_known[:-1] = within & ~unknown
    starts = ordered.starts.copy()
    starts[1:] |= unknown
    for reason, makers in (("origin", origins), ("handover", demonstrators)):
        if makers is not None:
            handover = within & ~unknown & (makers[1:] != makers[:-1]) & ~starts[1:]
            if handover.any():
                cuts[reason] = int(handover.sum())
                starts[1:] |= handover
    return Segments(starts=starts, next_known=next_known, cuts=cuts)


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace("/", "%2F")
