"""Decisions to do nothing: moments between acts at which somebody could have acted, by the rule that is stated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.contract import NoAction
from telic.errors import DataError
from telic.typing import FloatArray, LongArray

from .as_of import as_of

__all__ = ["MOST_MOMENTS", "Planned", "moments_without_act", "planned_moments", "too_many"]

MOST_MOMENTS = 50_000_000
"""More than this many moments are a mistake in ``every_seconds`` rather than decisions."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """Moments that are not yet made.

    Attributes:
        who: ``(k,)`` whom each row of them is about.
        start: ``(k,)`` seconds from which they are counted.
        first: how manieth of them is the first.
        count: ``(k,)`` how many there are.
    """

    who: LongArray
    start: FloatArray
    first: int
    count: FloatArray

    @property
    def total(self) -> float:
        """How many there are in all, those next to acts among them."""
        return float(self.count.sum())


def planned_moments(
    rule: NoAction, keys: NDArray[Any], times: FloatArray, begins: FloatArray, ends: FloatArray
) -> Planned:
    """Where moments would lie, before those next to acts are left out; arguments as ``moments_without_act``."""
    if rule.policy == "grid":
        return _multiples(begins, ends, rule.every_seconds)
    return _after_acts(keys, times, begins, ends, rule.every_seconds)


def moments_without_act(
    rule: NoAction, plan: Planned, keys: NDArray[Any], times: FloatArray
) -> tuple[LongArray, FloatArray]:
    """Whom each moment is about, and its time in seconds, by whom and time.

    Moments lie where something was observed: from ``begins`` to ``ends`` of each, both included, never at an act.

    Args:
        rule: the contract's.
        plan: of ``planned_moments``, whose ``begins`` and ``ends`` say since and until when each was observed.
        keys: ``(n,)`` whom each act is about, 0 to K - 1.
        times: ``(n,)`` seconds of the acts.
    """
    which, nth = _counted(plan.count.astype(np.int64))
    about, moments = plan.who[which], plan.start[which] + (nth + plan.first) * rule.every_seconds
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


def too_many(total: float) -> DataError | None:
    """The error of so many moments, where they are more than ``MOST_MOMENTS``.

    Args:
        total: of the plans.
    """
    if total <= MOST_MOMENTS:
        return None
    return DataError(
        f"`decisions.no_action` makes {total:,.0f} moments; at most {MOST_MOMENTS:,} are taken.",
        hint="Raise `every_seconds`; is the time of some row decades off?",
    )


def _multiples(begins: FloatArray, ends: FloatArray, every: float) -> Planned:
    first = np.ceil(begins / every)
    count = np.maximum(np.floor(ends / every) - first + 1, 0)
    return Planned(who=np.arange(len(begins)), start=first * every, first=0, count=count)


def _after_acts(
    keys: NDArray[Any], times: FloatArray, begins: FloatArray, ends: FloatArray, every: float
) -> Planned:
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
    return Planned(who=who, start=start, first=1, count=count)


def _counted(count: LongArray) -> tuple[LongArray, LongArray]:
    """``(sum,)`` which one, and the how manieth of it from 0."""
    which = np.repeat(np.arange(len(count)), count)
    starts = np.cumsum(count) - count
    return which, np.arange(len(which)) - starts[which]
