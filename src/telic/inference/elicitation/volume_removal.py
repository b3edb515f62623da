"""The baseline of Sadigh and others: the question that removes most of the draws, whatever the answer.

With ``f(z) = min(1, exp z)`` in place of the probability of an answer, the score of a question is

    min( sum_i omega_i (1 - f(z_i)),  sum_i omega_i (1 - f(-z_i)) ).

It likes questions that split the draws in halves with large differences, and does not ask whether the answer will be
noise. Ours is the probability of the answer by Bradley and Terry in every update; only the choice of the question is
theirs.

Reference: Sadigh, Dragan, Sastry and Seshia (2017), Active preference-based learning of reward functions, RSS,
equations 4 and 9.
"""

from __future__ import annotations

import numpy as np

from .information import AnyFloats

__all__ = ["volume_removed"]


def volume_removed(z: AnyFloats, probabilities: AnyFloats) -> AnyFloats:
    """``(m,)`` share of the draws removed at least, of ``(m, n)`` log-odds at n draws."""
    removed = -np.expm1(-np.abs(z))  # 1 - exp(-|z|): of the answer that the draw speaks against
    first = np.where(z < 0, removed, 0.0) @ probabilities
    second = np.where(z > 0, removed, 0.0) @ probabilities
    return np.asarray(np.minimum(first, second))
