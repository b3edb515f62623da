"""A square grid with slippery moves and tile features.

Five actions (stay, up, down, left, right); a move slips to one of the four directions, drawn evenly, with
probability ``slip``, and a wall keeps the walker where it is. Features are indicators of ``tiles * tiles``
square blocks of cells, the macro-cells of Abbeel and Ng.

Reference: Abbeel and Ng (2004), Apprenticeship learning via inverse reinforcement learning, ICML, section
5.1.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from telic.errors import SettingsError
from telic.mdp.tabular import FiniteHorizonMDP, TabularMDP

from .problem import ReferenceProblem

__all__ = ["grid_world"]

MOVES = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
"""Row and column step of each action."""


def grid_world(
    size: int,
    *,
    slip: float = 0.1,
    discount: float = 0.95,
    horizon: int | None = None,
    tiles: int = 5,
    key: int = 0,
) -> ReferenceProblem:
    """The grid with weights drawn from a standard normal distribution, walked from a uniform start.

    Args:
        size: cells along a side; the world has ``size ** 2`` states, in rows.
        slip: probability that a move goes astray.
        discount: per decision, of the world without horizon.
        horizon: number of decisions; None: discounted and without end.
        tiles: blocks along a side; there are ``tiles ** 2`` features.
        key: random key of the weights.

    Raises:
        SettingsError: a size or a probability is out of range.
    """
    if size < 1 or not (1 <= tiles <= size) or not (0.0 <= slip <= 1.0):
        raise SettingsError(
            f"`size` >= `tiles` >= 1 and `slip` in [0, 1] are needed, got {size}, {tiles} and {slip}.",
            hint="A grid of 5 or more cells a side suits 5 tiles.",
        )
    S, A = size * size, len(MOVES)
    row, column = np.divmod(np.arange(S), size)
    landing = np.stack(
        [np.clip(row + i, 0, size - 1) * size + np.clip(column + j, 0, size - 1) for i, j in MOVES], axis=1
    )
    # Entry (s, a, j): where a lands on purpose (j = 0), or astray in direction j; staying never slips.
    columns = np.concatenate([landing[:, :, None], np.broadcast_to(landing[:, None, 1:], (S, A, 4))], axis=2)
    chances = np.full((S, A, 5), slip / 4)
    chances[:, :, 0] = 1.0 - slip
    chances[:, 0, :] = [1.0, 0.0, 0.0, 0.0, 0.0]
    P = sp.csr_array((chances.ravel(), (np.repeat(np.arange(S * A), 5), columns.ravel())), shape=(S * A, S))
    tile = (row * tiles // size) * tiles + column * tiles // size
    K = tiles * tiles
    start = np.full(S, 1.0 / S)
    labels = ("stay", "up", "down", "left", "right")
    mdp: TabularMDP | FiniteHorizonMDP
    if horizon is None:
        mdp = TabularMDP.from_transition(
            P, n_actions=A, discount=discount, initial=start, action_labels=labels
        )
    else:
        mdp = FiniteHorizonMDP.from_transition(
            P, n_actions=A, horizon=horizon, initial=start, action_labels=labels
        )
    return ReferenceProblem(
        mdp=mdp,
        features=(tile[:, None] == np.arange(K)).astype(np.float64),
        feature_names=tuple(f"tile_{i // tiles}_{i % tiles}" for i in range(K)),
        weights=np.random.default_rng(key).normal(size=K),
        units=("step in the tile",) * K,
        citation="Abbeel and Ng (2004), section 5.1.",
        coordinates=np.stack([column, row], axis=1).astype(np.float64),
    )
