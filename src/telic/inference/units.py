"""Who a decision belongs to: trajectories or demonstrators as the units that may differ from one another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from telic.errors import DataError, SettingsError
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import BoolArray, FloatArray, LongArray

__all__ = ["UNITS", "Units"]

UNITS = ("trajectory", "demonstrator")
"""What may be a unit: a source trajectory (with the pieces cut from it), or a demonstrator."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """Demonstrations whose clusters are the units.

    Attributes:
        demos: the demonstrations, renamed so that every likelihood made from them clusters by unit.
        names: U names of the units, pseudonyms where they are demonstrators, in the order of the clusters.
        index: ``(N,)`` unit of each trajectory of ``demos``.
        kind: one of ``UNITS``.
    """

    demos: Demonstrations
    names: tuple[str, ...]
    index: LongArray
    kind: str

    @classmethod
    def of(cls, demos: Demonstrations, kind: str) -> Units:
        """The units of these demonstrations; trajectories without decisions are left out.

        Args:
            demos: decisions.
            kind: ``"trajectory"`` or ``"demonstrator"``.

        Raises:
            SettingsError: there is no such kind of unit.
            DataError: there are no decisions.
        """
        if kind not in UNITS:
            raise SettingsError(
                f"`unit` must be one of {', '.join(UNITS)}, got {kind!r}.",
                hint="A unit is what keeps one taste: each trajectory, or each demonstrator.",
            )
        filled = demos.select(np.diff(demos.offsets) > 0)
        if not filled.n_trajectories:
            raise DataError(
                "There are no decisions in the demonstrations.",
                hint="Check the filters that chose the rows; at least one decision is needed.",
            )
        owner = source_index(filled) if kind == "trajectory" else filled.demonstrators.astype(np.int64)
        _, first, index = np.unique(owner, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))  # clusters are numbered by first appearance
        index = rank[index.ravel()]
        firsts = np.sort(first)
        if kind == "trajectory":
            names = tuple(str(filled.trajectory_ids[i]) for i in firsts)
        else:
            names = tuple(filled.demonstrator_names[int(filled.demonstrators[i])] for i in firsts)
        seen: dict[int, int] = {}
        labels = []
        for u in index.tolist():
            seen[u] = seen.get(u, 0) + 1
            labels.append(f"unit-{u}" if seen[u] == 1 else f"unit-{u}#{seen[u]}")
        renamed = replace(filled, trajectory_ids=np.asarray(labels, dtype=object))
        return cls(demos=renamed, names=names, index=index.astype(np.int64), kind=kind)

    @property
    def n_units(self) -> int:
        """U."""
        return len(self.names)

    @property
    def sizes(self) -> FloatArray:
        """``(U,)`` decisions of each unit, weighted where decisions are."""
        rows = self.index[self.demos.trajectory_index]
        sizes = np.bincount(rows, weights=self.demos.weights, minlength=self.n_units)
        return np.asarray(sizes, dtype=np.float64)

    def select(self, units: BoolArray) -> Demonstrations:
        """The demonstrations of some units, ``(U,)`` booleans, in their order."""
        return self.demos.select(units[self.index])

    def folds(self, count: int, key: int) -> LongArray:
        """``(U,)`` fold of each unit, equally many in each, drawn with a key."""
        order = np.random.default_rng(key).permutation(self.n_units)
        out = np.empty(self.n_units, dtype=np.int64)
        out[order] = np.arange(self.n_units) % count
        return out
