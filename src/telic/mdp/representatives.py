"""One value of every observation for every state, so that features have something to be computed from.

An axis of distinct values is exact. A measured axis has the mean of the decisions in the state; where there
are none, the mean of the decisions in the same cell of that axis; where there are none either, the centre of
the cell. An exogenous axis has the mean of its own cell whatever the rest of the state. An observation
outside the state has the mean (a category: the most frequent label) of the decisions in the state, else that
of the nearest state with decisions (fewest cells away).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import DataError
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, IntArray, LongArray

from .axes import Axis

if TYPE_CHECKING:
    from telic.contract import Observation

__all__ = ["representatives"]

CHUNK = 256
"""Empty states whose distances to all others are held at once."""


def representatives(
    observations: Sequence[Observation],
    axes: Sequence[Axis],
    coordinates: LongArray,
    states: IntArray,
    demos: Demonstrations,
) -> dict[str, NDArray[Any]]:
    """Name of each observation to its ``(S,)`` values.

    Args:
        observations: all of the contract, also those outside the state.
        axes: of the state.
        coordinates: ``(S, axes)`` cells of each state.
        states: ``(n,)`` state of each decision.
        demos: the decisions' measurements.

    Raises:
        DataError: an observation outside the state is missing or not finite.
    """
    S = len(coordinates)
    by_name = {axis.name: (i, axis) for i, axis in enumerate(axes)}
    nearest: LongArray | None = None
    result: dict[str, NDArray[Any]] = {}
    for o in observations:
        column = demos.observations[o.name]
        if o.name in by_name:
            i, axis = by_name[o.name]
            own = coordinates[:, i]
            if not axis.edges:
                result[o.name] = axis.centres()[own]
                continue
            in_cell = _means(states, column, S)
            in_axis = _means(own[states], column, axis.n_cells)
            in_axis = np.where(np.isnan(in_axis), axis.centres(), in_axis)
            if axis.is_exogenous:
                # One value a cell of its own axis: were it to differ with the other observations, by the
                # chance of who was there, a feature of it alone would seem to respond to actions.
                result[o.name] = in_axis[own]
                continue
            result[o.name] = np.where(np.isnan(in_cell), in_axis[own], in_cell)
            continue
        if nearest is None:
            nearest = _nearest_with_data(coordinates, np.bincount(states, minlength=S) > 0)
        if o.type == "category":
            labels = demos.categories.get(o.name)
            result[o.name] = _modes(states, column, S, labels)[nearest]
        else:
            if not np.all(np.isfinite(np.asarray(column, dtype=np.float64))):
                rows = np.flatnonzero(~np.isfinite(np.asarray(column, dtype=np.float64)))
                raise DataError(
                    f"`{o.name}` must be finite; {len(rows)} rows are not (first: row {rows[0]}).",
                    hint="Say in the contract what a missing value means (`missing`), or correct these rows.",
                    rows=rows[:20].tolist(),
                )
            result[o.name] = _means(states, column, S)[nearest]
    return result


def _means(groups: NDArray[Any], column: NDArray[Any], count: int) -> FloatArray:
    """``(count,)`` mean of ``column`` in each group, NaN where it is empty."""
    n = np.bincount(groups, minlength=count)
    total = np.bincount(groups, weights=np.asarray(column, dtype=np.float64), minlength=count)
    return np.asarray(np.divide(total, n, out=np.full(count, np.nan), where=n > 0))


def _modes(
    groups: IntArray, column: NDArray[Any], count: int, labels: tuple[str, ...] | None
) -> NDArray[Any]:
    """``(count,)`` most frequent label of each group (the first of the alphabet where tied), "" where
    empty.
    """
    texts = np.asarray(column, dtype=str) if labels is None else np.asarray(labels, dtype=object)[column]
    names, codes = np.unique(texts.astype(str), return_inverse=True)
    table = np.bincount(groups.astype(np.int64) * len(names) + codes, minlength=count * len(names))
    best = names[table.reshape(count, len(names)).argmax(axis=1)].astype(object)
    best[np.bincount(groups, minlength=count) == 0] = ""
    return np.asarray(best)


def _nearest_with_data(coordinates: LongArray, has_data: NDArray[np.bool_]) -> LongArray:
    """``(S,)`` the nearest state with decisions; itself where it has some."""
    nearest = np.arange(len(coordinates), dtype=np.int64)
    filled, empty = np.flatnonzero(has_data), np.flatnonzero(~has_data)
    for start in range(0, len(empty), CHUNK):
        some = empty[start : start + CHUNK]
        gaps = np.abs(coordinates[some, None, :] - coordinates[None, filled, :]).sum(axis=2)
        nearest[some] = filled[gaps.argmin(axis=1)]
    return nearest
