"""How far one clock is ahead of another, from the events that both logs hold.

The same event is noted at ``t`` by the clock that counts as right and at ``t + offset + drift (t - t0) + e`` by the
other; ``t0`` is the median time and ``e`` what differs from event to event (queues, rounding). Drift is the median of
the slopes between the events of the first and of the second half, paired in order; offset is the median of what is
left. Both medians have distribution-free intervals from order statistics: they hold whatever the distribution of ``e``,
as long as its median is 0 and the events are independent. Half of the matches but one may be wrong without a great
error. What cannot be told: a delay that is the same for every event is part of the offset, unless it is stated.

Time stamps that were cut off to whole seconds (or milliseconds) are early by up to one of them, which no number of
events shows; the interval is widened by it.

References: Theil (1950), the incomplete method; Hettmansperger and McKean (2011), section 1.5 (median intervals);
Wald and Wolfowitz (1940), runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, ndtr

from telic.errors import DataError
from telic.typing import FloatArray

__all__ = ["LEAST_EVENTS", "LEVEL", "ClockEstimate", "estimate_clock"]

LEAST_EVENTS = 8
"""Shared events below which a median has no interval of the level asked for."""

LEAST_FOR_DRIFT = 32
"""Shared events below which drift is taken as 0: its interval would be wider than any clock drifts."""

LEVEL = 0.97
"""Joint level of offset and drift; each gets half of what may be missed. So a right clock is called wrong in at most
3 of 100 logs, up to what fitting the drift first adds."""

RESOLUTIONS = (60.0, 1.0, 0.1, 0.01, 1e-3, 1e-6)
"""Steps of time stamps, in seconds, the coarsest first."""

UNSTEADY = 1e-3
"""Level of the test that what is left changes sign as often as independent events do."""


@dataclass(frozen=True, kw_only=True)
class ClockEstimate:
    """How far a clock is ahead.

    Attributes:
        offset: seconds ahead at ``reference``.
        offset_interval: of ``offset``.
        drift: seconds gained per second.
        drift_interval: of ``drift``; ``(0, 0)`` where it was not estimated.
        reference: the moment (by the right clock) at which the offset holds, in seconds since 1970.
        n_events: shared events.
        spread: median distance of single events from the line, in seconds.
        unsteady_p: how likely so few changes of sign are if the clock runs steadily.
    """

    offset: float
    offset_interval: tuple[float, float]
    drift: float
    drift_interval: tuple[float, float]
    reference: float
    n_events: int
    spread: float
    unsteady_p: float

    @property
    def is_steady(self) -> bool:
        """False where the offset jumps or wanders, so that one line does not describe it."""
        return self.unsteady_p >= UNSTEADY

    @property
    def is_off(self) -> bool:
        """Whether the interval of the offset or that of the drift leaves out 0."""
        return any(low > 0 or high < 0 for low, high in (self.offset_interval, self.drift_interval))

    def corrected(self, times: FloatArray) -> FloatArray:
        """``(n,)`` times by the right clock of times by this one."""
        since = times - self.reference
        return np.asarray(times - (self.offset + self.drift * since) / (1.0 + self.drift))

    def bound(self, times: FloatArray) -> FloatArray:
        """``(n,)`` seconds by which ``corrected`` times may be wrong, at the joint level of the two intervals."""
        width = max(self.offset_interval[1] - self.offset, self.offset - self.offset_interval[0])
        slope = max(self.drift_interval[1] - self.drift, self.drift - self.drift_interval[0])
        return np.asarray(width + slope * np.abs(times - self.reference))


def estimate_clock(
    here: FloatArray, there: FloatArray, *, lag_seconds: float = 0.0, with_drift: bool = True
) -> ClockEstimate:
    """How far the clock of ``here`` is ahead of that of ``there``.

    Args:
        here: ``(n,)`` seconds at which this log notes each shared event.
        there: ``(n,)`` seconds at which the other log, whose clock is right, notes it.
        lag_seconds: by how much later this log notes an event by right.
        with_drift: whether the rate may be wrong too.

    Raises:
        DataError: there are fewer than ``LEAST_EVENTS`` events.
    """
    n = len(here)
    if n < LEAST_EVENTS:
        raise DataError(
            f"A clock needs at least {LEAST_EVENTS} events that both logs hold, got {n}.",
            hint="State `clock.offset_seconds`, or name a key that more events share.",
        )
    order = np.argsort(there, kind="stable")
    t, ahead = there[order], (here - there)[order] - lag_seconds
    reference = float(np.median(t))
    drift, drift_interval = 0.0, (0.0, 0.0)
    alpha = 1.0 - LEVEL
    if with_drift and n >= LEAST_FOR_DRIFT and t[-1] > t[0]:
        half = n // 2
        run = t[-half:] - t[:half]
        slopes = ((ahead[-half:] - ahead[:half])[run > 0]) / run[run > 0]
        if len(slopes) >= LEAST_EVENTS:
            drift, drift_interval = _median(slopes, alpha / 2)
            alpha /= 2
    left = ahead - drift * (t - reference)
    offset, (low, high) = _median(left, alpha)
    rest = left - offset
    return ClockEstimate(
        offset=offset,
        offset_interval=(low - _resolution(there), high + _resolution(here)),
        drift=drift,
        drift_interval=drift_interval,
        reference=reference,
        n_events=n,
        spread=float(np.median(np.abs(rest))),
        unsteady_p=_runs(rest),
    )


def _median(values: FloatArray, alpha: float) -> tuple[float, tuple[float, float]]:
    """Median and its interval between order statistics, which misses with probability at most ``alpha``."""
    n = len(values)
    ranked = np.sort(values)
    tails = 2.0 * bdtr(np.arange(n // 2, dtype=np.float64), n, 0.5)
    k = int(np.searchsorted(tails, alpha, side="right"))  # so many at each end may be left out
    return float(np.median(ranked)), (float(ranked[max(k - 1, 0)]), float(ranked[n - max(k, 1)]))


def _resolution(times: FloatArray) -> float:
    """Seconds to which the times were cut off: the coarsest step that all of them are multiples of, else 0."""
    for step in RESOLUTIONS:
        ticks = times / step
        if np.all(np.abs(ticks - np.round(ticks)) < 1e-6 * np.maximum(1.0, np.abs(ticks) * 1e-9)):
            return step
    return 0.0


def _runs(rest: FloatArray) -> float:
    """Probability of so few runs of one sign, in order of time, among independent signs."""
    signs = rest[rest != 0] > 0
    n, up = len(signs), int(signs.sum())
    down = n - up
    if min(up, down) < LEAST_EVENTS:
        return 1.0
    runs = 1 + int(np.sum(signs[1:] != signs[:-1]))
    mean = 1.0 + 2.0 * up * down / n
    variance = (mean - 1.0) * (mean - 2.0) / (n - 1)
    return float(ndtr((runs + 0.5 - mean) / np.sqrt(variance)))
