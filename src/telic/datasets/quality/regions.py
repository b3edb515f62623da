"""Regions in which a campaign may hide: single states, and all states that agree in one or two measurements."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from telic.mdp import StateSpace
from telic.trajectories import Demonstrations
from telic.typing import LongArray

__all__ = ["Regions", "regions_of"]

MOST_AXES = 6
"""Measurements up to which pairs of them are regions too."""


@dataclass(frozen=True, kw_only=True)
class Regions:
    """One way of dividing the decisions into regions.

    Attributes:
        names: the measurements in which the decisions of a region agree; empty: in all of them.
        codes: ``(n,)`` region of each decision, from 0.
    """

    names: tuple[str, ...]
    codes: LongArray

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return int(self.codes.max(initial=-1)) + 1


def regions_of(demos: Demonstrations, space: StateSpace) -> tuple[Regions, ...]:
    """States first, then single measurements, then pairs of them.

    Args:
        demos: with states of this space.
        space: its axes cut the measurements.
    """
    states = _compact(demos.require_states()[0].astype(np.int64))
    found = [Regions(names=(), codes=states)]
    axes = [axis for axis in space.axes if axis.name in demos.observations]
    cells = {
        axis.name: axis.encode(demos.observations[axis.name], demos.categories.get(axis.name)).astype(
            np.int64
        )
        for axis in axes
    }
    if len(axes) > 1:
        found += [Regions(names=(name,), codes=_compact(codes)) for name, codes in cells.items()]
    if 2 < len(axes) <= MOST_AXES:
        for a, b in itertools.combinations(cells, 2):
            pair = cells[a] * (int(cells[b].max(initial=0)) + 1) + cells[b]
            found.append(Regions(names=(a, b), codes=_compact(pair)))
    return tuple(found)


def _compact(codes: LongArray) -> LongArray:
    return np.asarray(np.unique(codes, return_inverse=True)[1], dtype=np.int64)
