"""Streams that are about everything, cut into slices of time.

What is known at a decision is the last row before it, which may lie in an earlier slice; and whether a column foresees
the state is told by the rows that follow, which may lie in later ones. So each slice of a state is seen with its
neighbours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.typing import FloatArray

from .clock_correction import Correction
from .leakage import LEADS
from .ready import Numbering
from .shelf import RawStream
from .stream_table import StreamTable

__all__ = ["cuts_of", "sliced_at", "with_neighbours"]

STRIDE = 64
"""One time of so many is looked at to find slices of about one size."""


def cuts_of(streams: Iterable[tuple[RawStream, Correction]], n: int) -> FloatArray:
    """``(k,)`` rising seconds between which rows are about as many; at most ``n - 1``.

    Args:
        streams: with how their times are put right.
        n: number of slices.
    """
    seen: list[FloatArray] = []
    for raw, corrected in streams:
        for _, columns in raw.held.parts(["time"]):
            seen.append(
                np.sort(corrected(np.asarray(columns["time"].to_numpy(), dtype=np.float64)))[::STRIDE]
            )
    times = np.sort(np.concatenate(seen))
    return np.unique(times[[len(times) * i // n for i in range(1, n)]])


def sliced_at(cuts: FloatArray) -> Numbering:
    """Numbers rows by their slice.

    Args:
        cuts: of ``cuts_of``; a row of exactly that time is in the later slice.
    """

    def numbers(table: StreamTable) -> NDArray[np.uint64]:
        return np.searchsorted(cuts, table.times, side="right").astype(np.uint64)

    return numbers


def with_neighbours(slices: Iterable[StreamTable]) -> Iterator[StreamTable]:
    """Each slice of a state with the last row before it and the first rows after it.

    Args:
        slices: in order of time, each sorted.
    """
    left, ahead = iter(slices), deque[StreamTable]()
    before: list[StreamTable] = []
    while True:
        while sum(map(len, list(ahead)[1:])) < max(LEADS) and (following := next(left, None)) is not None:
            ahead.append(following)
        if not ahead:
            return
        here = ahead.popleft()
        yield _together([*before, here, *_first(ahead, max(LEADS))])
        if len(here):
            before = [here.take(np.array([len(here) - 1]))]


def _first(tables: Iterable[StreamTable], n: int) -> Iterator[StreamTable]:
    for table in tables:
        if n <= 0:
            return
        yield table.take(np.arange(min(n, len(table))))
        n -= len(table)


def _together(tables: Sequence[StreamTable]) -> StreamTable:
    return tables[0].with_rows(pa.concat_tables([t.as_table() for t in tables]))
