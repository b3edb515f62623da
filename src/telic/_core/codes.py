"""Integers renumbered from 0 without gaps, in their order: ``np.unique`` without sorting where a table will do.

Codes of labels lie close together, so that a table as long as their range says which occur, in one pass and without
the copies that a sort makes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.typing import FloatArray, LongArray

__all__ = ["counted", "renumber"]

TABLE_SHARE = 4
"""Longest table, in multiples of the number of values; beyond it the values are sorted."""

SMALL_TABLE = 1024
"""A table of this length is never too long."""


def renumber(
    values: NDArray[np.integer[Any]], dtype: type[np.integer[Any]] = np.int64
) -> tuple[LongArray, Any]:
    """The distinct values, rising, and ``(n,)`` the place of each value among them.

    Args:
        values: ``(n,)`` integers.
        dtype: of the places.
    """
    if not len(values):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=dtype)
    low, high = int(values.min()), int(values.max())
    if high - low >= TABLE_SHARE * len(values) + SMALL_TABLE:
        distinct, places = np.unique(values, return_inverse=True)
        return distinct.astype(np.int64), places.astype(dtype)
    shifted = values - low if low else values
    present = np.zeros(high - low + 1, dtype=bool)
    present[shifted] = True
    distinct = np.flatnonzero(present) + low
    if len(distinct) == len(present) and shifted.dtype == dtype:
        return distinct, shifted
    return distinct, (np.cumsum(present, dtype=dtype) - dtype(1))[shifted]


def counted(
    *labels: NDArray[np.integer[Any]], weights: FloatArray | None = None
) -> tuple[tuple[LongArray, ...], FloatArray]:
    """The distinct tuples of labels, in lexicographic order, and how often (or with what weight) each occurs.

    Args:
        labels: ``(n,)`` integers each.
        weights: ``(n,)`` what each tuple counts; None: 1.
    """
    parts: tuple[LongArray, ...] = ()
    keys = np.zeros(len(labels[0]), dtype=np.int64)
    for label in labels:
        distinct, places = renumber(label)
        if not parts:
            parts, keys = (distinct,), places
            continue
        present, keys = renumber(keys * len(distinct) + places)
        before, last = np.divmod(present, max(1, len(distinct)))
        parts = (*(part[before] for part in parts), distinct[last])
    return parts, np.bincount(keys, weights=weights, minlength=len(parts[0])).astype(np.float64)
