"""Exact one-sided tests of many tables at once, counting only the tables that could show anything.

A hypergeometric table with few entries cannot give a small p-value whatever it holds; Tarone's method leaves such
tables out of the count of comparisons, so that thousands of nearly empty (group, state, action) cells cost nothing. A
sum of independent hypergeometric counts, one a stratum, is tested by the convolution of their laws.

References:
    Tarone (1990), A modified Bonferroni method for discrete data. Fisher's exact test is the case of one stratum.
"""

from __future__ import annotations

import numpy as np

from telic.typing import BoolArray, FloatArray, LongArray

__all__ = ["log_hypergeometric", "stratified_tail", "tarone", "upper_tails"]

MOST_TERMS = 4_000
"""Longest tail summed term by term; beyond it further terms are below every p-value that matters."""


def log_hypergeometric(k: LongArray, total: LongArray, marked: LongArray, drawn: LongArray) -> FloatArray:
    """Log probability that ``drawn`` of ``total`` hold exactly ``k`` of the ``marked`` ones; shapes broadcast."""
    chosen = _log_choose(marked, k) + _log_choose(total - marked, drawn - k)
    return np.asarray(chosen - _log_choose(total, drawn))


def _log_choose(n: LongArray, r: LongArray) -> FloatArray:
    from scipy.special import betaln

    return np.asarray(-np.log1p(n) - betaln(n - r + 1.0, r + 1.0))


def upper_tails(k: LongArray, total: LongArray, marked: LongArray, drawn: LongArray) -> FloatArray:
    """``(m,)`` probability of at least ``k`` marked ones among those drawn, for each table."""
    p = np.zeros(len(k))
    most = np.minimum(marked, drawn)
    for step in range(MOST_TERMS):
        at = k + step
        inside = np.flatnonzero(at <= most)
        if not len(inside):
            break
        p[inside] += np.exp(log_hypergeometric(at[inside], total[inside], marked[inside], drawn[inside]))
    return np.minimum(p, 1.0)


def tarone(least: FloatArray, level: float) -> tuple[BoolArray, float]:
    """``(testable, level of each)``: which tables count as comparisons, and the level that each is tested at.

    Args:
        least: ``(m,)`` smallest p-value that each table could have given, by its margins.
        level: of the family.
    """
    ordered = np.sort(least)
    m = len(ordered)
    # The smallest k for which no more than k tables can reach level / k.
    lowest, highest = 1, max(1, m)
    while lowest < highest:
        k = (lowest + highest) // 2
        if int(np.searchsorted(ordered, level / k, side="right")) <= k:
            highest = k
        else:
            lowest = k + 1
    return np.asarray(least <= level / lowest), level / lowest


def stratified_tail(
    observed: int, total: LongArray, marked: LongArray, drawn: LongArray
) -> tuple[float, float]:
    """``(p-value, smallest p-value possible)`` of a sum of independent hypergeometric counts.

    Args:
        observed: the sum.
        total: ``(strata,)`` records in each.
        marked: ``(strata,)`` those with the action.
        drawn: ``(strata,)`` those in the group.
    """
    law = np.ones(1)
    for N, K, n in zip(total.tolist(), marked.tolist(), drawn.tolist(), strict=True):
        low, high = max(0, n - (N - K)), min(n, K)
        k = np.arange(low, high + 1)
        part = np.zeros(high + 1)
        part[low:] = np.exp(log_hypergeometric(k, *(np.full(len(k), x) for x in (N, K, n))))
        law = np.convolve(law, part)
    return float(min(1.0, law[observed:].sum())), float(law[-1])
