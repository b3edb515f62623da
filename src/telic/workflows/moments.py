"""Moments in words: dates where times are dates, a clock's seconds or days where they began at zero."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from telic.typing import FloatArray

__all__ = ["DAY_SECONDS", "is_clock", "moment_label", "moment_labels"]

DAY_SECONDS = 86_400.0

CLOCK_DAYS = 365.0
"""Times that all lie within as many days of 1970 are a clock that began at zero, and no dates."""

WHOLE_DAYS = 4.0
"""Days between the first and the last moment from which the day alone tells them apart."""


def is_clock(times: FloatArray) -> bool:
    """True where times count from a beginning of their own.

    Args:
        times: seconds since 1970, or since a beginning of their own; at least one.
    """
    return bool(times.min() >= 0.0 and times.max() < CLOCK_DAYS * DAY_SECONDS)


def moment_label(times: FloatArray, row: int) -> str:
    """When a decision was taken: date and time, or seconds of the log's own clock.

    Args:
        times: of all decisions, seconds.
        row: of the decision.
    """
    return f"{times[row]:,.0f} s" if is_clock(times) else str(np.datetime64(int(times[row]), "s"))


def moment_labels(moments: Float[np.ndarray, "n"]) -> list[str]:
    """Each moment as shortly as the span of all allows: the day, or the time of the day with it.

    Args:
        moments: seconds, in rising order; at least one.
    """
    is_long = float(moments[-1] - moments[0]) >= WHOLE_DAYS * DAY_SECONDS
    if is_clock(moments):
        return [f"day {t / DAY_SECONDS:.0f}" if is_long else f"{t:,.0f} s" for t in moments.tolist()]
    unit = "D" if is_long else "m"
    return [str(np.datetime64(int(t), "s").astype(f"datetime64[{unit}]")) for t in moments.tolist()]
