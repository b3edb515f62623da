"""What a reader sees of a fit over states and choices: fields of reward and value, predicted and observed
choices.

All of it is plain numbers, JSON-able, so that the page and its JSON twin hold the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from telic.inference.wording import plural
from telic.mdp import StateSpace
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

__all__ = ["axis_titles", "choice_panels", "field_over_states"]

MOST_GROUPS = 12
"""Cells of one axis shown side by side; finer axes are shown in as many groups of neighbours."""


def axis_titles(space: StateSpace) -> tuple[str, ...]:
    """Name and unit of each axis, for example ``requests (requests/s)``; ``pods`` where the unit is a pod."""
    return tuple(
        axis.name if not axis.unit or plural(axis.unit) == plural(axis.name) else f"{axis.name} ({axis.unit})"
        for axis in space.axes
    )


def field_over_states(
    space: StateSpace, fields: dict[str, Float[np.ndarray, "S"]], demos: Demonstrations
) -> dict[str, Any]:
    """Numbers over states along the one or two axes on which the last of them varies most.

    Other axes are averaged over, weighted by how often the data visit each state (plus one, so that every
    cell counts).

    Args:
        space: the states.
        fields: name to value of every state; the last decides the axes.
        demos: visits.

    Returns:
        ``axes`` (title and centre of each cell), ``visits`` and, under ``fields``, name to a list (one axis)
        or rows of lists.
    """
    inner = space.n_states - space.has_end
    coordinates = space.coordinates
    states, _ = demos.require_states()
    visits: FloatArray = np.bincount(states, minlength=space.n_states)[:inner].astype(np.float64) + 1.0
    leading = list(fields.values())[-1][:inner]
    order = sorted(
        range(len(space.axes)),
        key=lambda i: -_spread(coordinates[:, i], leading, visits, space.axes[i].n_cells),
    )
    chosen = sorted(order[:2])
    titles = axis_titles(space)
    return {
        "axes": [
            {"title": titles[i], "name": space.axes[i].name, "centres": _centres(space, i)} for i in chosen
        ],
        "is_averaged": len(space.axes) > len(chosen),
        "visits": _summed(coordinates[:, chosen], visits - 1.0, [space.axes[i].n_cells for i in chosen]),
        "fields": {
            name: _grid(
                coordinates[:, chosen], values[:inner], visits, [space.axes[i].n_cells for i in chosen]
            )
            for name, values in fields.items()
        },
    }


def choice_panels(
    space: StateSpace, demos: Demonstrations, predicted: Float[np.ndarray, "n A"]
) -> list[dict[str, Any]]:
    """For each axis of the state, the predicted and the observed share of each action in each of its cells.

    Args:
        space: the states.
        demos: decisions with states.
        predicted: probability of every action at every decision.
    """
    states, _ = demos.require_states()
    A = predicted.shape[1]
    weights: FloatArray = np.ones(demos.n_decisions) if demos.weights is None else demos.weights
    taken = np.eye(A)[demos.actions]
    panels = []
    for i, (axis, title) in enumerate(zip(space.axes, axis_titles(space), strict=True)):
        cell = space.coordinates[states, i]
        n_groups = min(axis.n_cells, MOST_GROUPS)
        group = cell * n_groups // axis.n_cells
        first = [
            int(np.flatnonzero(np.arange(axis.n_cells) * n_groups // axis.n_cells == g)[0])
            for g in range(n_groups)
        ]
        counts = np.bincount(group, minlength=n_groups).astype(float)
        total: FloatArray = np.bincount(group, weights=weights, minlength=n_groups).astype(np.float64)
        panels.append(
            {
                "title": title,
                "cells": [_short_label(space, i, k) for k in first],
                "decisions": counts.tolist(),
                "predicted": _shares(group, predicted, weights, total),
                "observed": _shares(group, taken, weights, total),
            }
        )
    return panels


def _shares(group: Any, rows: FloatArray, weights: FloatArray, total: FloatArray) -> list[list[float | None]]:
    sums = np.stack(
        [
            np.bincount(group, weights=weights * rows[:, a], minlength=len(total))
            for a in range(rows.shape[1])
        ],
        axis=1,
    )
    return [[float(x / n) if n > 0 else None for x in row] for row, n in zip(sums, total, strict=True)]


def _short_label(space: StateSpace, i_axis: int, cell: int) -> str:
    centre = _centres(space, i_axis)[cell]
    return f"{centre:g}" if isinstance(centre, float) else str(centre)


def _centres(space: StateSpace, i_axis: int) -> list[float | str]:
    axis = space.axes[i_axis]
    values: Sequence[Any] = np.asarray(axis.centres()).tolist()
    return [float(v) if isinstance(v, int | float) else str(v) for v in values]


def _spread(cells: Any, values: FloatArray, visits: FloatArray, count: int) -> float:
    """Variance of the mean of ``values`` between the cells of one axis."""
    n = np.bincount(cells, weights=visits, minlength=count)
    mean = np.bincount(cells, weights=visits * values, minlength=count) / np.maximum(n, 1e-300)
    share = n / n.sum()
    return float(share @ (mean - share @ mean) ** 2)


def _flat(cells: Any, counts: list[int]) -> Any:
    """Number of the joint cell along the chosen axes."""
    flat = np.zeros(len(cells), dtype=np.int64)
    for column, count in zip(cells.T, counts, strict=True):
        flat = flat * count + column
    return flat


def _shaped(values: FloatArray, counts: list[int]) -> list[Any]:
    plain = [float(x) if np.isfinite(x) else None for x in values]
    if len(counts) == 1:
        return list(plain)
    return [plain[i * counts[1] : (i + 1) * counts[1]] for i in range(counts[0])]


def _summed(cells: Any, values: FloatArray, counts: list[int]) -> list[Any]:
    size = int(np.prod(counts))
    return _shaped(
        np.bincount(_flat(cells, counts), weights=values, minlength=size).astype(np.float64), counts
    )


def _grid(cells: Any, values: FloatArray, visits: FloatArray, counts: list[int]) -> list[Any]:
    """Mean of the values over what is not shown, weighted by visits; None where no state is."""
    flat, size = _flat(cells, counts), int(np.prod(counts))
    n = np.bincount(flat, weights=visits, minlength=size)
    total = np.bincount(flat, weights=visits * values, minlength=size)
    return _shaped(np.divide(total, n, out=np.full(size, np.nan), where=n > 0), counts)
