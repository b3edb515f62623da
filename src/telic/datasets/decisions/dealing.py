"""Rows dealt into buckets by what they are joined by, so that one bucket after the other fits into memory.

Rows that agree in all texts of the key fall into one bucket, in the order in which they came. A row that lacks part of
the key is joined with nothing, and is dealt by another number of it, so that such rows do not pile up.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.typing import LongArray

from .disk import Disk
from .stream_table import Coded

__all__ = ["Dealt", "deal", "hashes"]


@dataclass(frozen=True)
class Dealt:
    """Rows in buckets.

    Attributes:
        disk: where they are.
        files: of runs of rows, each with a batch for every bucket.
        n: number of buckets.
    """

    disk: Disk
    files: tuple[Path, ...]
    n: int

    def bucket(self, i: int) -> pa.Table:
        """The rows of a bucket, in the order in which they came."""
        return pa.concat_tables([self.disk.read(path, i) for path in self.files])

    def remove(self) -> None:
        """Nothing of it is on the disk any longer."""
        for path in self.files:
            path.unlink()


def deal(
    runs: Iterable[tuple[pa.Table, NDArray[np.uint64]]], n: int, disk: Disk, people: frozenset[str]
) -> Dealt:
    """The rows in buckets.

    Args:
        runs: rows, some at a time, with their ``hashes``.
        n: number of buckets.
        disk: where to.
        people: columns that hold names of people.

    Raises:
        TemporaryError: the disk is full.
    """
    files: list[Path] = []
    for table, hashed in runs:
        bucket = (hashed % np.uint64(n)).astype(np.int64)
        order = np.argsort(bucket, kind="stable")
        ends = np.cumsum(np.bincount(bucket, minlength=n))
        files.append(disk.write(table.take(pa.array(order)), people, ends.tolist()))
    return Dealt(disk, tuple(files), n)


def hashes(columns: Sequence[Coded], others: LongArray) -> NDArray[np.uint64]:
    """``(n,)`` a number of each row by its texts, or by another number where one is missing.

    Args:
        columns: of the key; none: all rows have one number.
        others: ``(n,)`` other numbers.
    """
    mixed = np.full(len(others), 0x9E3779B97F4A7C15, dtype=np.uint64)
    gone = np.zeros(len(others), dtype=bool)
    for column in columns:
        table = np.array(
            [zlib.crc32(t.encode("utf-8", "surrogatepass")) for t in column.texts] + [0], np.uint64
        )
        mixed = _mixed(mixed ^ table[column.codes])
        gone |= column.codes < 0
    return np.where(gone, _mixed(others.astype(np.uint64)), mixed)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every bit of the value in every bit of the result (the finaliser of MurmurHash3)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))
