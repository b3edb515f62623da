"""Decisions of all buckets in order of time: sorted bucket by bucket, merged, and read on as the rows of a file.

The order is by time; at one time acts come before moments at which nothing was done, stream by stream, then by whom
they are about, then as in the files: that of a table which was made at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from telic.datasets.sources.read import release
from telic.typing import LongArray

from .disk import Disk
from .stream_table import coded

__all__ = ["HIDDEN", "PLACE", "STREAM", "TIME", "DiskTable", "merged", "order_of", "write_sorted"]

TIME, STREAM, PLACE = "decision.time", "#stream", "#place"
HIDDEN = (STREAM, PLACE)
"""Columns that say which row of which stream a decision is; they are no columns of the table."""

BATCH_ROWS = 1 << 16
"""Rows of each batch, once they are in order: a slice that a reader keeps must not hold on to much more than itself."""

FEWEST_ROWS = 64
"""Rows of a bucket that are merged at a time, at least."""


@dataclass(frozen=True, kw_only=True)
class DiskTable:
    """A table of decisions on the disk, read by columns and slices.

    Attributes:
        disk: where it is.
        path: of its rows.
        ends: ``(k + 1,)`` row at which each batch begins, and the number of rows.
        column_names: its columns.
    """

    disk: Disk
    path: Path
    ends: tuple[int, ...]
    column_names: Sequence[str]

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return self.ends[-1]

    def select(self, names: Sequence[str]) -> DiskTable:
        """The same rows with these columns."""
        return replace(self, column_names=list(names))

    def slice(self, start: int, n: int) -> pa.Table:
        """Some rows.

        Args:
            start: the first.
            n: how many, if there are as many.
        """
        first = bisect_right(self.ends, start) - 1
        some: list[pa.Table] = []
        for i in range(first, len(self.ends) - 1):
            if self.ends[i] >= start + n:
                break
            batch = self.disk.read(self.path, i, list(dict.fromkeys(self.column_names)))
            skip = max(0, start - self.ends[i])
            some.append(batch.slice(skip, start + n - max(start, self.ends[i])))
        return pa.concat_tables(some).select(list(self.column_names))


def order_of(table: pa.Table, about: Sequence[str], *, time_first: bool = True) -> LongArray:
    """``(n,)`` rows in the order of decisions.

    Args:
        table: decisions.
        about: columns that say whom they are about.
        time_first: False: in the order of acts: by stream, whom they are about, and time.
    """
    times = table[TIME].to_numpy()
    texts = [coded(table[name]).codes for name in reversed(about)]
    stream, place = table[STREAM].to_numpy(), table[PLACE].to_numpy()
    keys = (place, *texts, stream, times) if time_first else (place, times, *texts, stream)
    return np.asarray(np.lexsort(keys))


def write_sorted(
    table: pa.Table, about: Sequence[str], disk: Disk, people: Collection[str], n: int
) -> tuple[Path, int]:
    """The file of a bucket in the order of decisions, and the number of its batches.

    Args:
        table: decisions of the bucket.
        about: columns that say whom they are about.
        disk: where to.
        people: columns that hold names of people.
        n: number of buckets, of which as many batches are in memory at a time.

    Raises:
        TemporaryError: the disk is full.
    """
    row_bytes = table.nbytes // max(1, table.num_rows) + 1
    rows = max(FEWEST_ROWS, disk.bucket // (n * row_bytes))
    ends = [*range(rows, table.num_rows, rows), table.num_rows]
    sorted_ = table.take(pa.array(order_of(table, about)))
    return disk.write(sorted_, people, ends), len(ends)


def merged(
    files: Sequence[tuple[Path, int]],
    about: Sequence[str],
    disk: Disk,
    people: Collection[str],
    names: Sequence[str],
) -> DiskTable:
    """All decisions in order; the files of buckets are used up.

    Args:
        files: of ``write_sorted``.
        about: columns that say whom decisions are about.
        disk: where they are.
        people: columns that hold names of people.
        names: columns of the table, in order.

    Raises:
        TemporaryError: the disk is full.
    """
    with disk.writing(people) as file:
        held: list[pa.Table] = []
        for table in _merged(files, about, disk):
            held.append(table)
            if sum(t.num_rows for t in held) >= BATCH_ROWS:
                rows = pa.concat_tables(held)
                for start in range(0, rows.num_rows - BATCH_ROWS + 1, BATCH_ROWS):
                    file.add(rows.slice(start, BATCH_ROWS))
                held = [rows.slice(rows.num_rows // BATCH_ROWS * BATCH_ROWS)]
        if any(t.num_rows for t in held):
            file.add(pa.concat_tables(held))
    release()
    for path, _ in files:
        path.unlink()
    ends = np.cumsum([0, *file.rows]).tolist()
    return DiskTable(disk=disk, path=file.path, ends=tuple(ends), column_names=list(names))


def _merged(files: Sequence[tuple[Path, int]], about: Sequence[str], disk: Disk) -> Iterator[pa.Table]:
    """All rows in order: what no row that is still on the disk can precede, again and again."""
    keys = (TIME, STREAM, *about, PLACE)
    fronts = [_Front(disk, path, n, keys) for path, n in files]
    fronts = [f for f in fronts if f.is_more()]
    while fronts:
        waiting = [f.last for f in fronts if f.has_batches]
        limit = min(waiting) if waiting else None
        some = pa.concat_tables([f.up_to(limit) for f in fronts])
        yield some.take(pa.array(order_of(some, about)))
        fronts = [f for f in fronts if f.is_more()]


class _Front:
    """The rows of a file that come next."""

    def __init__(self, disk: Disk, path: Path, n: int, keys: Sequence[str]) -> None:
        self._disk, self._path, self._n, self._keys = disk, path, n, keys
        self._next = self._at = 0
        self._rows: pa.Table | None = None

    @property
    def has_batches(self) -> bool:
        """Whether some of its rows are still on the disk."""
        return self._next < self._n

    def is_more(self) -> bool:
        """Whether rows are left; some of them are in memory then."""
        while self._rows is None or self._at >= self._rows.num_rows:
            if not self.has_batches:
                return False
            self._rows, self._at = self._disk.read(self._path, self._next), 0
            self._next += 1
        return True

    @property
    def last(self) -> tuple[Any, ...]:
        """Key of the last row that is in memory."""
        assert self._rows is not None
        return self._key(self._rows.num_rows - 1)

    def up_to(self, limit: tuple[Any, ...] | None) -> pa.Table:
        """The rows up to a key, which are then gone; None: all that are in memory."""
        assert self._rows is not None
        end = self._rows.num_rows
        if limit is not None:
            end = bisect_right(range(end), limit, lo=self._at, key=self._key)
        some, self._at = self._rows.slice(self._at, end - self._at), end
        return some

    def _key(self, row: int) -> tuple[Any, ...]:
        assert self._rows is not None
        return tuple(self._rows[name][row].as_py() for name in self._keys)
