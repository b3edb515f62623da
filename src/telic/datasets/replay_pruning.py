"""Which trajectories a bounded store keeps: those that together show most, by what each decision is worth.

The worth of a set is ``f(S) = sum over pairs of sqrt(sum of the priorities of their decisions in S)``. The square root
makes the second decision of a kind worth less than the first, so that rare situations stay; priorities say what a
learner still gets out of a trajectory. The set is grown by the largest gain a decision, until nothing more fits; a
single trajectory that is worth more than all that was chosen is taken instead. As f is monotone and submodular, that is
at least (1 - 1/e) / 2 = .316 of the best there is (Lin and Bilmes 2010), and gains only fall, so that each is brought
up to date when its turn comes (Minoux 1978).
"""

from __future__ import annotations

import heapq

import numpy as np
from jaxtyping import Float, Int

from telic.typing import BoolArray, FloatArray

__all__ = ["kept_trajectories", "worth"]


def worth(sums: Float[np.ndarray, "P"]) -> float:
    """The worth, from the sums of priorities by pair.

    Args:
        sums: not negative.
    """
    return float(np.sum(np.sqrt(sums)))


def kept_trajectories(
    pairs: Int[np.ndarray, "n"],
    offsets: Int[np.ndarray, "N1"],
    priorities: Float[np.ndarray, "N"],
    capacity: int,
) -> BoolArray:
    """``(N,)`` whether each trajectory stays; together they have at most ``capacity`` decisions.

    Args:
        pairs: of each decision.
        offsets: of the trajectories.
        priorities: of each trajectory, above 0.
        capacity: decisions.
    """
    lengths = np.diff(offsets)
    n = len(lengths)
    kept = np.zeros(n, dtype=bool)
    if lengths.sum() <= capacity:
        return ~kept
    _, codes = np.unique(pairs, return_inverse=True)
    parts = [np.unique(codes[offsets[i] : offsets[i + 1]], return_counts=True) for i in range(n)]
    sums = np.zeros(int(codes.max()) + 1)

    def gain(i: int) -> float:
        where, counts = parts[i]
        return float(np.sum(np.sqrt(sums[where] + counts * priorities[i]) - np.sqrt(sums[where])))

    alone: FloatArray = np.array([gain(i) if lengths[i] <= capacity else 0.0 for i in range(n)])
    queue = [(-alone[i] / max(1, lengths[i]), i) for i in range(n) if 0 < lengths[i] <= capacity]
    heapq.heapify(queue)
    left = capacity
    while queue:
        stated, i = heapq.heappop(queue)
        if lengths[i] > left:
            continue
        now = -gain(i) / lengths[i]
        if now > stated + 1e-12 and queue and now > queue[0][0]:
            heapq.heappush(queue, (now, i))
            continue
        where, counts = parts[i]
        sums[where] += counts * priorities[i]
        kept[i] = True
        left -= int(lengths[i])
    if n and alone.max() > worth(sums):
        kept[:] = False
        kept[int(np.argmax(alone))] = True
    return kept
