"""Decisions to do nothing: moments between acts at which somebody could have acted, by the rule that is stated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.contract import NoAction
from telic.errors import DataError
from telic.typing import FloatArray, LongArray

from .as_of import as_of

__all__ = ["MOST_MOMENTS", "moments_without_act"]

MOST_MOMENTS = 50_000_000
"""More than this many moments are a mistake in ``every_seconds`` rather than decisions."""


def moments_without_act(
    rule: NoAction, keys: NDArray[Any], times: FloatArray, begins: FloatArray, ends: FloatArray
) -> tuple[LongArray, FloatArray]:
    """Whom each moment is about, and its time in seconds, by whom and time.

    Moments lie where something was observed: from ``begins`` to ``ends`` of each, both included, never at an act.

    Args:
        rule: the contract's.
        keys: ``(n,)`` whom each act is about, 0 to K - 1.
        times: ``(n,)`` seconds of the acts.
        begins: ``(K,)`` seconds from which each was observed.
        ends: ``(K,)`` seconds until which.

    Raises:
        DataError: there are more than ``MOST_MOMENTS``.
    """
    every = rule.every_seconds
    if rule.policy == "grid":
        start, count = _multiples(begins, ends, every)
        about, nth = _counted(count)
        moments = start[about] + nth * every
    else:
        about, moments = _after_acts(keys, times, begins, ends, every)
    before = as_of(about, moments, keys, times, same_time=True)
    gap = (
        np.where(before >= 0, moments - times[np.maximum(before, 0)], np.inf)
        if len(times)
        else np.full(len(about), np.inf)
    )
    after = as_of(about, -moments, keys, -times, same_time=True)
    wait = np.where(after >= 0, times[np.maximum(after, 0)] - moments, np.inf) if len(times) else gap
    keep = (np.minimum(gap, wait) > rule.margin_seconds) & (gap > 0) & (wait > 0)
    return about[keep], moments[keep]


def _multiples(begins: FloatArray, ends: FloatArray, every: float) -> tuple[FloatArray, LongArray]:
    first = np.ceil(begins / every)
    count = np.maximum(np.floor(ends / every) - first + 1, 0)
    return first * every, _bounded(count)


def _after_acts(
    keys: NDArray[Any], times: FloatArray, begins: FloatArray, ends: FloatArray, every: float
) -> tuple[LongArray, FloatArray]:
    """``every`` seconds after each act (and after the beginning), again and again until the next one (or the end)."""
    order = np.lexsort((times, keys))
    who = np.concatenate([np.arange(len(begins)), keys[order]])
    start = np.concatenate([begins, times[order]])
    sorted_ = np.lexsort((start, who))
    who, start = who[sorted_], start[sorted_]
    until = np.append(start[1:], np.inf)
    last = np.append(who[1:] != who[:-1], True)
    until[last] = ends[who[last]]
    count = np.floor((until - start) / every)
    inside = ~last & (count >= 1) & (start + count * every >= until)  # the next act itself is not a moment
    count = np.maximum(count - inside, 0)
    which, nth = _counted(_bounded(count))
    return who[which], start[which] + (nth + 1) * every


def _bounded(count: FloatArray) -> LongArray:
    total = float(count.sum())
    if not total <= MOST_MOMENTS:
        raise DataError(
            f"`decisions.no_action` makes {total:,.0f} moments; at most {MOST_MOMENTS:,} are taken.",
            hint="Raise `every_seconds`; is the time of some row decades off?",
        )
    return count.astype(np.int64)


def _counted(count: LongArray) -> tuple[LongArray, LongArray]:
    """``(sum,)`` which one, and the how manieth of it from 0."""
    which = np.repeat(np.arange(len(count)), count)
    starts = np.cumsum(count) - count
    return which, np.arange(len(which)) - starts[which]
