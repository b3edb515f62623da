"""Groups of pieces of units that could be one campaign: demonstrators, labels of trajectories, windows of time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from telic.trajectories import Demonstrations
from telic.typing import BoolArray, LongArray

from .records import Units

__all__ = ["Groups", "named_groups", "window_name", "windows_of"]

WINDOWS = (40, 20, 10, 5)
"""Windows hold 1/40, 1/20, 1/10 and 1/5 of all units, and begin half a window apart."""

MOST_GROUPS = 200
"""Demonstrators, or values of one label, up to which each is a group; more are names of trajectories."""


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Which pieces of units belong to which group.

    Attributes:
        table: ``(groups, P)`` sparse, 1 where a piece belongs to a group.
        names: of each group, (kind, which).
    """

    table: Any
    names: tuple[tuple[str, str], ...]

    def has(self, group: int, pieces: LongArray) -> BoolArray:
        """Whether each of these pieces belongs to a group."""
        inside = np.zeros(self.table.shape[1], dtype=bool)
        inside[self.table.indices[self.table.indptr[group] : self.table.indptr[group + 1]]] = True
        return inside[pieces]

    def units(self, units: Units) -> Any:
        """``(groups, U)`` sparse, 1 where a unit has a piece in a group.

        Args:
            units: whose pieces these are.
        """
        from scipy import sparse

        P = len(units.unit_of_piece)
        cells = (np.ones(P, dtype=np.int64), (np.arange(P), units.unit_of_piece))
        found = sparse.csr_array(self.table @ sparse.csr_array(cells, shape=(P, units.count)))
        found.data[:] = 1
        return found

    def kind(self, group: int) -> str:
        """``demonstrator``, ``time`` or the name of a label."""
        return self.names[group][0]

    def name(self, group: int) -> tuple[str, str]:
        """Kind, and which one."""
        return self.names[group]


def named_groups(demos: Demonstrations, units: Units) -> Groups | None:
    """Demonstrators and the values of labels; None where there are none to compare.

    A person's pieces are those in which they decided themselves: of a unit that was handed over, not all.

    Args:
        demos: say who decided, and which labels a trajectory has.
        units: of these demonstrations.
    """
    names: list[tuple[str, str]] = []
    members: list[LongArray] = []
    trajectory = units.trajectory_of_piece
    people = units.person_of_piece
    if 2 <= len(np.unique(people)) <= MOST_GROUPS:
        for d in np.unique(people).tolist():
            names.append(("demonstrator", demos.demonstrator_names[d]))
            members.append(np.flatnonzero(people == d))
    for label, values in demos.labels.items():
        texts, codes = np.unique(np.asarray(values, dtype=str)[trajectory], return_inverse=True)
        if not 2 <= len(texts) <= MOST_GROUPS:
            continue
        for i, text in enumerate(texts.tolist()):
            names.append((label, text))
            members.append(np.flatnonzero(codes == i))
    return _grouped(names, members, len(trajectory)) if names else None


def windows_of(demos: Demonstrations, units: Units) -> Groups:
    """Windows of time that hold 1/40, 1/20, 1/10 and 1/5 of all units.

    Args:
        demos: say when.
        units: of these demonstrations.
    """
    windows: list[tuple[str, str]] = []
    inside_of: list[LongArray] = []
    order = np.argsort(units.start, kind="stable")
    for parts in WINDOWS:
        size = max(3, units.count // parts)
        for begin in range(0, units.count - size + 1, max(1, size // 2)):
            inside = order[begin : begin + size]
            windows.append(("time", window_name(demos, units, inside)))
            inside_of.append(np.flatnonzero(np.isin(units.unit_of_piece, inside)))
    return _grouped(windows, inside_of, len(units.unit_of_piece))


def _grouped(names: list[tuple[str, str]], members: list[LongArray], n_pieces: int) -> Groups:
    from scipy import sparse

    columns = np.concatenate(members)
    rows = np.repeat(np.arange(len(members)), [len(m) for m in members])
    table = sparse.csr_array(
        (np.ones(len(columns), dtype=np.int64), (rows, columns)), shape=(len(members), n_pieces)
    )
    return Groups(table=table, names=tuple(names))


def window_name(demos: Demonstrations, units: Units, inside: LongArray) -> str:
    """``2024-05-01 to 2024-05-03``, or the places in the log where nothing has a time.

    Args:
        demos: say when.
        units: of these demonstrations.
        inside: the units of the window, in order.
    """
    first, last = float(units.start[inside[0]]), float(units.start[inside[-1]])
    if demos.times is None:
        return f"decision {int(first):,} to {int(last):,}"
    try:
        a, b = (dt.datetime.fromtimestamp(x, dt.UTC) for x in (first, last))
    except (OverflowError, OSError, ValueError):
        return f"second {first:g} to {last:g}"
    form = "%Y-%m-%d %H:%M"
    return f"{a.strftime(form)} to {b.strftime(form)} UTC"
