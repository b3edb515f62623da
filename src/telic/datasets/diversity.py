"""How many different things a set of decisions shows.

A *pair* is a situation with the action taken in it. ``effective`` is the exponential of the entropy of the shares of
pairs: n pairs that are equally frequent count n, and a pair that is nearly all there is counts little more than one
(Hill 1973, Diversity and evenness, number of order 1).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Int

from telic.typing import LongArray

__all__ = ["Diversity", "diversity_of", "pairs_of"]


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """Of the decisions in hand.

    Attributes:
        distinct: pairs that occur.
        effective: between 1 and ``distinct``; 0 without decisions.
        share_of_commonest: in [0, 1].
    """

    distinct: int
    effective: float
    share_of_commonest: float

    def to_json(self) -> dict[str, float]:
        """Keys as the attributes."""
        return asdict(self)


def pairs_of(situations: Int[np.ndarray, "n"], actions: Int[np.ndarray, "n"], n_actions: int) -> LongArray:
    """``(n,)`` number of the pair of each decision.

    Args:
        situations: numbers from 0, usually states.
        actions: indices.
        n_actions: labels.
    """
    return np.asarray(situations.astype(np.int64) * n_actions + actions, dtype=np.int64)


def diversity_of(pairs: Int[np.ndarray, "n"]) -> Diversity:
    """The diversity of decisions.

    Args:
        pairs: of ``pairs_of``.
    """
    _, counts = np.unique(pairs, return_counts=True)
    if not len(counts):
        return Diversity(distinct=0, effective=0.0, share_of_commonest=0.0)
    p = counts / counts.sum()
    return Diversity(
        distinct=len(counts),
        effective=float(np.exp(-np.sum(p * np.log(p)))),
        share_of_commonest=float(p.max()),
    )
