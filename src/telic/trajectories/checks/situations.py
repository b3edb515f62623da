"""Situations: the cells in which decisions are compared, and what such a cell looks like in measured words.

Where the demonstrations already have states, a situation is a state. Otherwise the observations are cut
coarsely here: each distinct value where there are few, else cells of equal counts. That is enough for
checks, which ask whether people act alike in similar situations; it is not the state space of the inference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic._core.cells import equal_count_cells
from telic._core.near_miss import near_miss
from telic.contract import TaskContract
from telic.errors import DataError
from telic.trajectories.demonstrations import Demonstrations
from telic.typing import LongArray

from .sameness import compact

__all__ = ["Situations", "in_words", "situations_of"]

FEW_VALUES = 8
"""Distinct values up to which each is its own cell."""

GLANCE = 10_000
"""Rows that can show at once that there are more values than that."""

CELLS = 4
"""Cells of equal counts for an observation with more values."""


@dataclass(frozen=True, kw_only=True)
class Situations:
    """Which situation each decision was taken in.

    Attributes:
        codes: ``(n,)`` from 0 to ``n_seen - 1``.
        n_seen: situations that occur.
        noun: "states" or "coarse cells of the observations", for messages.
    """

    codes: LongArray
    n_seen: int
    noun: str


def situations_of(demos: Demonstrations, contract: TaskContract) -> Situations:
    """The situation of each decision.

    Args:
        demos: with or without states.
        contract: says which observations make up the state.

    Raises:
        DataError: an observation of the contract is not in the demonstrations.
    """
    if demos.states is not None:
        codes: LongArray = demos.states.astype(np.int64)
        noun = "states"
    else:
        codes = np.zeros(demos.n_decisions, dtype=np.int64)
        noun = "coarse cells of the observations"
        for o in contract.state_observations:
            if o.name not in demos.observations:
                raise DataError(
                    f"The demonstrations have no observation "
                    f"`{o.name}`.{near_miss(o.name, demos.observations)}",
                    hint="Ingest the log again under this contract.",
                )
            cells = _cut(demos.observations[o.name])
            codes = compact(codes * (int(cells.max(initial=0)) + 1) + cells)
    codes = compact(codes)
    return Situations(codes=codes, n_seen=int(codes.max(initial=-1)) + 1, noun=noun)


def in_words(demos: Demonstrations, rows: LongArray, contract: TaskContract) -> str:
    """What the observations were in these rows: ``load 40 to 80 requests/s, tier gold``."""
    parts = []
    for o in contract.state_observations:
        if o.name not in demos.observations:
            continue
        values = demos.observations[o.name][rows]
        if o.name in demos.categories:
            labels = demos.categories[o.name]
            shown = [labels[int(c)] for c in np.unique(values)[:3]]
            parts.append(f"{o.name} {' or '.join(shown)}")
        else:
            low, high = float(values.min()), float(values.max())
            span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            parts.append(f"{o.name} {span}{' ' + o.unit if o.unit else ''}")
    return ", ".join(parts)


def _cut(values: NDArray[Any]) -> LongArray:
    if len(np.unique(values[:GLANCE])) <= FEW_VALUES:
        distinct, codes = np.unique(values, return_inverse=True)
        if len(distinct) <= FEW_VALUES:
            return codes.astype(np.int64)
    return compact(equal_count_cells(values, CELLS))
