"""As-of joins: for each moment the last row before it, never a later one.

A row of exactly the moment itself is not before it. Logs that note a state and an act with one time stamp do not say
which was first, and an effect that passes for a cause is worse than a state that is one row older; so such a row counts
only where the caller says that it was known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.typing import FloatArray, LongArray

__all__ = ["as_of", "first_after", "in_order", "seconds_between"]

Keys = NDArray[np.integer[Any]]


def as_of(
    keys: Keys, times: FloatArray, row_keys: Keys, row_times: FloatArray, *, same_time: bool = False
) -> LongArray:
    """``(n,)`` for each moment the last row of its key before it, -1 where there is none.

    Of rows of one key and time the one that stands last counts.

    Args:
        keys: ``(n,)`` whom each moment is about.
        times: ``(n,)`` seconds.
        row_keys: ``(m,)`` whom each row is about.
        row_times: ``(m,)`` seconds, in any order.
        same_time: whether a row of exactly the moment's time was known then.
    """
    if not len(row_keys):
        return np.full(len(keys), -1, dtype=np.int64)
    order, start, place = _placed(keys, times, row_keys, row_times, inclusive=same_time)
    found = place - 1
    last = order[np.maximum(found, 0)] if order is not None else found
    return np.where(found >= start, last, -1)


def first_after(
    keys: Keys, times: FloatArray, row_keys: Keys, row_times: FloatArray, *, lead: int = 1
) -> LongArray:
    """``(n,)`` for each moment the ``lead``-th row of its key after it, -1 where there is none.

    Args:
        keys: ``(n,)`` whom each moment is about.
        times: ``(n,)`` seconds.
        row_keys: ``(m,)`` whom each row is about.
        row_times: ``(m,)`` seconds, in any order.
        lead: 1 for the next row, 2 for the one after that.
    """
    if not len(row_keys):
        return np.full(len(keys), -1, dtype=np.int64)
    order, _, place = _placed(keys, times, row_keys, row_times, inclusive=True)
    found = place + lead - 1
    inside = np.minimum(found, len(row_keys) - 1)
    row = inside if order is None else order[inside]
    return np.where((found < len(row_keys)) & (row_keys[row] == keys), row, -1)


def seconds_between(times: FloatArray, row_times: FloatArray, rows: LongArray) -> FloatArray:
    """``(n,)`` seconds from a row to a moment; NaN where there is no row.

    Args:
        times: ``(n,)`` of the moments.
        row_times: ``(m,)`` of all rows.
        rows: ``(n,)`` the row of each moment, -1 where there is none.
    """
    if not len(row_times):
        return np.full(len(times), np.nan)
    return np.where(rows >= 0, times - row_times[np.maximum(rows, 0)], np.nan)


def in_order(keys: Keys, times: FloatArray) -> LongArray | None:
    """The stable order by key and time, or None where the rows stand in it already."""
    rising = keys[1:] > keys[:-1]
    rising |= (keys[1:] == keys[:-1]) & (times[1:] >= times[:-1])
    return None if rising.all() else np.lexsort((times, keys))


def _placed(
    keys: Keys, times: FloatArray, row_keys: Keys, row_times: FloatArray, *, inclusive: bool
) -> tuple[LongArray | None, LongArray, LongArray]:
    """Order of the rows, and for each moment where its key begins there and how far its past reaches (exclusive).

    The halving search of ``np.searchsorted``, for all keys side by side.
    """
    order = in_order(row_keys, row_times)
    if order is not None:
        row_keys, row_times = row_keys[order], row_times[order]
    start = np.searchsorted(row_keys, keys, side="left")
    low, high = start.copy(), np.searchsorted(row_keys, keys, side="right")
    while True:
        open_ = low < high
        if not open_.any():
            return order, start, low
        middle = (low + high) // 2
        at = row_times[np.minimum(middle, len(row_times) - 1)]
        past = open_ & ((at <= times) if inclusive else (at < times))
        low = np.where(past, middle + 1, low)
        high = np.where(open_ & ~past, middle, high)
