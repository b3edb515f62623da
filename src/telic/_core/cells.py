"""Numbers into a few cells of about equal counts, with values that are frequent by themselves in cells of their own.

Plain quantiles put a column that is zero nine times out of ten into one cell, and what matters about it is whether it
is zero. Here a value that fills a cell by itself gets one, and the other values share the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.typing import FloatArray, LongArray

__all__ = ["equal_count_cells"]

GRID = 200
"""Quantiles looked at: a value that holds more than 1 / count of the rows is seen on them."""


def equal_count_cells(values: NDArray[Any], count: int) -> LongArray:
    """``(n,)`` cell of each value, rising with the value; NaN is -1; some numbers may be unused.

    Args:
        values: ``(n,)`` numbers.
        count: about how many cells; at least 2.
    """
    numbers = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(numbers)
    if not known.any():
        return np.full(len(numbers), -1, dtype=np.int64)
    edges = _edges(numbers if known.all() else numbers[known], count)
    cells = np.searchsorted(edges, numbers, side="right").astype(np.int64)
    return cells if known.all() else np.where(known, cells, -1)


def _edges(numbers: FloatArray, count: int) -> FloatArray:
    grid = np.quantile(numbers, np.linspace(0, 1, GRID + 1))
    distinct, repeats = np.unique(grid, return_counts=True)
    heavy = distinct[repeats > GRID / count]
    rest = grid[~np.isin(grid, heavy)]
    shared = max(2, count - len(heavy))
    inner = np.quantile(rest, np.linspace(0, 1, shared + 1)[1:-1]) if len(rest) else rest
    return np.unique(np.concatenate([inner, heavy, np.nextafter(heavy, np.inf)]))
