"""Time as an argument: who needs the hour or a duration is given a clock that a test can hold still."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["SYSTEM_CLOCK", "Clock", "manual_clock"]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Three ways of asking for time.

    Attributes:
        now: seconds since the epoch, UTC; may jump when the machine's clock is set.
        monotonic: seconds since an unknown moment; never goes back. For durations.
        sleep: waits for a number of seconds.
    """

    now: Callable[[], float]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]

    def timestamp(self) -> str:
        """The hour as ISO 8601 in UTC, to the second: ``2026-03-04T05:06:07Z``."""
        return datetime.fromtimestamp(self.now(), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


SYSTEM_CLOCK = Clock(now=time.time, monotonic=time.monotonic, sleep=time.sleep)
"""The machine's clock."""


def manual_clock(start: float = 0.0) -> Clock:
    """A clock that only moves when someone sleeps on it.

    Args:
        start: seconds since the epoch at the beginning.
    """
    elapsed = [0.0]

    def sleep(seconds: float) -> None:
        elapsed[0] += seconds

    return Clock(now=lambda: start + elapsed[0], monotonic=lambda: elapsed[0], sleep=sleep)
