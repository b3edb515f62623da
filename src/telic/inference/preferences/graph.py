"""Who was compared with whom, who beat whom, and where preferences run in a circle.

Abilities of items have a finite best estimate exactly where, for every split of the items into two sets, some item of
each set was preferred to one of the other (Ford 1957): where the graph of wins is strongly connected. A tie counts as
a win of both sides. Where the graph falls apart altogether, the groups cannot be compared with each other.

Reference: Ford (1957), Solution of a ranking problem from binary comparisons, American Mathematical Monthly 64, 28-33.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from telic.trajectories import Comparisons
from telic.typing import BoolArray, LongArray

__all__ = ["ComparisonGraph", "comparison_graph"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparisonGraph:
    """The shape of a set of comparisons; all entries are indices of alternatives.

    Attributes:
        groups: alternatives linked by comparisons, the largest group first; those never compared are in none.
        always_won: sets that were preferred in every comparison with the rest of their group.
        always_lost: sets that were preferred in none of them.
        circle: a shortest circle of majorities (each preferred to the next, the last to the first), or empty.
        n_in_circles: alternatives that lie on some circle.
    """

    groups: tuple[tuple[int, ...], ...]
    always_won: tuple[tuple[int, ...], ...]
    always_lost: tuple[tuple[int, ...], ...]
    circle: tuple[int, ...]
    n_in_circles: int


def comparison_graph(comparisons: Comparisons, n_alternatives: int) -> ComparisonGraph:
    """The graph of all comparisons, each counting once.

    Args:
        comparisons: at least one.
        n_alternatives: N.
    """
    c, N = comparisons, n_alternatives
    wins = sp.coo_array(
        (
            np.concatenate([c.preferred, 1.0 - c.preferred]),
            (np.concatenate([c.first, c.second]), np.concatenate([c.second, c.first])),
        ),
        shape=(N, N),
    ).tocsr()
    wins.eliminate_zeros()
    group = connected_components(wins, directed=True, connection="weak")[1].astype(np.int64)
    strong = connected_components(wins, directed=True, connection="strong")[1].astype(np.int64)
    rows, columns = wins.nonzero()
    across = strong[rows] != strong[columns]
    beats, beaten = np.zeros(N, dtype=bool), np.zeros(N, dtype=bool)
    beats[strong[rows[across]]] = True
    beaten[strong[columns[across]]] = True
    compared = np.zeros(N, dtype=bool)
    compared[c.first] = compared[c.second] = True
    groups = _members(group, compared)
    circle, n_in_circles = _circles(wins)
    return ComparisonGraph(
        groups=tuple(sorted(groups, key=lambda members: (-len(members), members))),
        always_won=_members(strong, (beats & ~beaten)[strong]),
        always_lost=_members(strong, (beaten & ~beats)[strong]),
        circle=circle,
        n_in_circles=n_in_circles,
    )


def _members(label: LongArray, kept: BoolArray) -> tuple[tuple[int, ...], ...]:
    """The kept alternatives by label, in order."""
    chosen = np.flatnonzero(kept)
    if not len(chosen):
        return ()
    order = chosen[np.argsort(label[chosen], kind="stable")]
    edges = np.flatnonzero(np.diff(label[order])) + 1
    return tuple(sorted(tuple(part.tolist()) for part in np.split(order, edges)))


def _circles(wins: Any) -> tuple[tuple[int, ...], int]:
    """``(a shortest circle of majorities, alternatives on circles)``."""
    lead = sp.csr_array(wins - wins.T)
    lead.data = np.maximum(lead.data, 0.0)
    lead.eliminate_zeros()
    strong = connected_components(lead, directed=True, connection="strong")[1]
    sizes = np.bincount(strong)
    looping = np.flatnonzero(sizes > 1)
    if not len(looping):
        return (), 0
    smallest = int(looping[np.argmin(sizes[looping])])
    return _shortest(lead, np.flatnonzero(strong == smallest).tolist()), int(sizes[looping].sum())


def _shortest(lead: Any, members: list[int]) -> tuple[int, ...]:
    """A shortest circle through the first member, by breadth."""
    start, before = members[0], {members[0]: -1}
    queue = [start]
    for node in queue:
        for following in lead.indices[lead.indptr[node] : lead.indptr[node + 1]].tolist():
            if following == start:
                path = [node]
                while before[path[-1]] >= 0:
                    path.append(before[path[-1]])
                return tuple(reversed(path))
            if following not in before:
                before[following] = node
                queue.append(following)
    raise AssertionError("a strongly connected set has a circle through each of its members")
