"""A random planar road network: junctions on a bent lattice, two to four ways out of each, many destinations.

A state is a junction and an action one of the links that leave it, in a fixed order; where a junction has
fewer links than four the others are not available. Links carry what travellers may care about: time, whether
the road is minor, whether it climbs, and one for each link (a crossing). Every junction can be reached from
every other.

The choice of a route as a sequence of choices of links is Fosgerau, Frejinger and Karlstrom's recursive
logit.
Reference: Fosgerau, Frejinger and Karlstrom (2013), A link based network route choice model with unrestricted
choice set, Transp. Res. B 56, 70-80.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from telic.errors import SettingsError
from telic.mdp.tabular import GoalConditionedMDP

from .problem import ReferenceProblem

__all__ = ["road_network"]

REMOVED = 0.15
"""Share of streets taken out of the lattice."""

ONE_WAY = 0.1
"""Share of the remaining streets that lead one way only."""


def road_network(
    rows: int,
    columns: int,
    *,
    n_goals: int,
    key: int,
    weights: tuple[float, float, float, float] | None = None,
) -> ReferenceProblem:
    """The network with ``n_goals`` destinations drawn at random.

    Args:
        rows: of the lattice; there are ``rows * columns`` junctions.
        columns: of the lattice.
        n_goals: number of destinations.
        key: random key.
        weights: of time, minor, climb and crossing; the default makes a link cost about 2.5, so that every
            soft value is finite.

    Raises:
        SettingsError: a size is out of range.
    """
    S = rows * columns
    if rows < 2 or columns < 2 or not 1 <= n_goals <= S:
        raise SettingsError(
            f"At least a 2 x 2 lattice and 1 to {S} goals are needed, got {rows} x {columns} and {n_goals}.",
            hint="A town has some thousand junctions.",
        )
    rng = np.random.default_rng(key)
    node = np.arange(S).reshape(rows, columns)
    corners = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(S, 2)
    place = corners + rng.uniform(-0.35, 0.35, (S, 2))
    streets = np.concatenate(
        [
            np.stack([node[:, :-1].ravel(), node[:, 1:].ravel()], axis=1),
            np.stack([node[:-1].ravel(), node[1:].ravel()], axis=1),
        ]
    )
    forward, backward = _directions(streets, S, rng)
    tail = np.concatenate([streets[forward, 0], streets[backward, 1]])
    head = np.concatenate([streets[forward, 1], streets[backward, 0]])
    order = np.lexsort((head, tail))
    tail, head = tail[order], head[order]
    slot = np.arange(len(tail)) - np.searchsorted(tail, tail)
    A = 4
    height = np.cumsum(rng.normal(0.0, 0.3, (rows, columns)), axis=1).ravel()
    minor = rng.random(S) < 0.3
    features = np.zeros((S, A, 4))
    features[tail, slot] = -np.stack(
        [
            np.linalg.norm(place[tail] - place[head], axis=1) * np.where(minor[head], 1.5, 1.0),
            minor[head],
            np.maximum(height[head] - height[tail], 0.0),
            np.ones(len(tail)),
        ],
        axis=1,
    )
    available = np.zeros((S, A), dtype=bool)
    available[tail, slot] = True
    P = sp.csr_array((np.ones(len(tail)), (tail * A + slot, head)), shape=(S * A, S))
    return ReferenceProblem(
        mdp=GoalConditionedMDP(
            transition=P,
            n_actions=A,
            goals=np.sort(rng.choice(S, n_goals, replace=False)).astype(np.int32),
            available=available,
        ),
        features=features,
        feature_names=("time", "minor_road", "climb", "crossing"),
        weights=np.array((1.0, 0.5, 0.5, 1.0) if weights is None else weights, dtype=np.float64),
        units=("minute saved", "minor road avoided", "metre of climb avoided", "crossing avoided"),
        citation="Fosgerau, Frejinger and Karlstrom (2013), recursive logit on a random network.",
        coordinates=place,
    )


def _directions(streets: np.ndarray, S: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which streets can be driven forward and backward: a two-way spanning tree keeps all connected."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    n = len(streets)
    weight = sp.csr_array((rng.uniform(1.0, 2.0, n), (streets[:, 0], streets[:, 1])), shape=(S, S))
    tree = minimum_spanning_tree(weight).tocoo()
    kept = np.isin(streets[:, 0] * S + streets[:, 1], tree.row.astype(np.int64) * S + tree.col)
    present = kept | (rng.random(n) >= REMOVED)
    one_way = ~kept & (rng.random(n) < ONE_WAY)
    turned = rng.random(n) < 0.5
    return present & ~(one_way & turned), present & ~(one_way & ~turned)
