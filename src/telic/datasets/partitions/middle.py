"""The median of more numbers than memory holds: the middle ones are found by counting, 16 bits at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from telic.typing import FloatArray

__all__ = ["at_ranks", "median", "median_of_counts", "steps_of"]

BITS = 16


def median_of_counts(several: Sequence[Mapping[float, int]]) -> float | None:
    """The median of numbers that were counted; None where there are none.

    Args:
        several: number to how often it occurs.
    """
    counts: Counter[float] = Counter()
    for some in several:
        counts.update(some)
    n = sum(counts.values())
    if not n:
        return None
    values = np.sort(np.array(list(counts)))
    ends = np.cumsum([counts[v] for v in values.tolist()])
    low, high = (values[np.searchsorted(ends, k, side="right")] for k in ((n - 1) // 2, n // 2))
    return float(np.mean([low, high]))


def median(numbers: Callable[[], Iterable[FloatArray]]) -> float | None:
    """The median of finite numbers; None where there are none.

    Args:
        numbers: gives all of them, in pieces, as often as it is asked: once, and once for every ``BITS`` bits.
    """
    n = sum(len(piece) for piece in numbers())
    if not n:
        return None
    return float(np.mean(at_ranks(numbers, [(n - 1) // 2, n // 2])))


def steps_of(files: Iterable[Path]) -> Iterator[FloatArray]:
    """Seconds from each decision to the next of the same trajectory, in pieces.

    Args:
        files: of rows; no trajectory is in two of them.
    """
    for path in files:
        before: tuple[FloatArray, NDArray[Any]] | None = None
        with pq.ParquetFile(path) as file:
            for i in range(file.num_row_groups):
                group = file.read_row_group(i, columns=["times", "next_known"], use_threads=False)
                times, known = group["times"].to_numpy(), group["next_known"].to_numpy()
                if before is not None:
                    times = np.concatenate([before[0], times])
                    known = np.concatenate([before[1], known])
                yield np.diff(times)[known[:-1]]
                before = times[-1:], known[-1:]


def at_ranks(numbers: Callable[[], Iterable[FloatArray]], ranks: Sequence[int]) -> list[float]:
    """The numbers with so many smaller ones before them.

    Args:
        numbers: gives all of them, which are finite, in pieces; it is asked once for every ``BITS`` bits.
        ranks: from 0; below how many numbers there are.
    """
    found = {
        rank: (0, rank) for rank in ranks
    }  # first bits of the number, and its rank among those with these bits
    for shift in range(64 - BITS, -1, -BITS):
        counts = {bits: np.zeros(1 << BITS, dtype=np.int64) for bits, _ in found.values()}
        for piece in numbers():
            keys = _ordered(piece)
            for bits, sums in counts.items():
                some = keys
                if shift < 64 - BITS:
                    some = keys[keys >> np.uint64(shift + BITS) == np.uint64(bits)]
                digits = (some >> np.uint64(shift)) & np.uint64((1 << BITS) - 1)
                sums += np.bincount(digits.astype(np.int64), minlength=1 << BITS)
        ends = {bits: np.cumsum(sums) for bits, sums in counts.items()}
        for rank, (bits, k) in found.items():
            digit = int(np.searchsorted(ends[bits], k, side="right"))
            found[rank] = bits << BITS | digit, k - (int(ends[bits][digit - 1]) if digit else 0)
    return [_number(found[rank][0]) for rank in ranks]


def _number(key: int) -> float:
    """The number whose ``_ordered`` key this is."""
    bits = key ^ (1 << 63) if key >> 63 else ~key & (1 << 64) - 1
    return float(np.array([bits], dtype=np.uint64).view(np.float64)[0])


def _ordered(values: FloatArray) -> NDArray[np.uint64]:
    """Whole numbers in the order of the values (IEEE 754: the sign bit is turned, or all bits of what is negative)."""
    bits = np.ascontiguousarray(values + 0.0).view(np.uint64)
    negative = bits >> np.uint64(63) != 0
    return np.where(negative, ~bits, bits | np.uint64(1 << 63))
