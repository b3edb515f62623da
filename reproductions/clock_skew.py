"""How often the estimate of a clock keeps its bound, and how often its findings are wrong.

    python reproductions/clock_skew.py                      # reduced: 40 logs a design
    TELIC_FULL=1 python reproductions/clock_skew.py         # 200

prints one JSON line. Logs of 200 events over a day. ``bound``: an offset (sd 30 s) and a drift (sd 50 parts in a
million) are injected; a log counts where the corrected time is within the stated bound everywhere (97 % is promised).
``alarms``: a right clock is called wrong (at most 3 %), or unsteady (at most 1 in 1,000). ``jumps``: the clock jumps
by so many times the noise at a time drawn from the middle half of the day. Noise is normal, exponential with median 0
(queues), or normal with both stamps cut off to whole seconds. Intervals are exact (Clopper-Pearson), 95 %.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

DAY, START, N, NOISE = 86_400.0, 1.7e9, 200, 0.2
"""Seconds of a log, its beginning, events, and the size of what differs from event to event, in seconds."""

KINDS = ("normal", "exponential", "whole seconds")
JUMPS = (3.0, 10.0)
"""Of a clock, in multiples of the noise."""


def main() -> int:
    started = time.perf_counter()
    told = measure(200 if os.environ.get("TELIC_FULL") == "1" else 40)
    print(json.dumps({**told, "seconds": time.perf_counter() - started}))
    return 0


def measure(n: int) -> dict[str, Any]:
    """Everything that is printed.

    Args:
        n: logs a design.
    """
    from telic.datasets.decisions import estimate_clock

    found: dict[str, Any] = {"bound": {}, "alarms": {}, "unsteady": {}, "jumps": {}}
    for i, kind in enumerate(KINDS):
        found["bound"][kind] = rate(sum(kept(kind, 10_000 * i + k) for k in range(n)), n)
        right = [estimate_clock(*log(kind, 50_000 + 10_000 * i + k)) for k in range(n)]
        found["alarms"][kind] = rate(sum(e.is_off for e in right), n)
        found["unsteady"][kind] = rate(sum(not e.is_steady for e in right), n)
    for jump in JUMPS:
        hits = 0
        for k in range(n):
            here, there = log("normal", 90_000 + k)
            at = START + DAY * np.random.default_rng(95_000 + k).uniform(0.25, 0.75)
            hits += not estimate_clock(here + jump * NOISE * (there > at), there).is_steady
        found["jumps"][f"{jump:g}"] = rate(hits, n)
    return found


def kept(kind: str, key: int) -> bool:
    """Whether a clock with a drawn offset and drift is corrected within its bound at every hour."""
    from telic.datasets.decisions import estimate_clock

    offset, drift = np.random.default_rng([1, key]).normal(0, [30.0, 5e-5])
    here, there = log(kind, key, offset, drift)
    estimate = estimate_clock(here, there)
    hours = START + np.linspace(0, DAY, 25)
    shown = hours + offset + drift * (hours - START - DAY / 2)
    return bool(np.all(np.abs(estimate.corrected(shown) - hours) <= estimate.bound(hours)))


def log(kind: str, key: int, offset: float = 0.0, drift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Stamps of the same events by the clock in question and by the right one."""
    rng = np.random.default_rng([2, key])
    there = np.sort(START + rng.uniform(0, DAY, N))
    noise = (
        rng.exponential(NOISE, N) - NOISE * np.log(2) if kind == "exponential" else rng.normal(0, NOISE, N)
    )
    here = there + offset + drift * (there - START - DAY / 2) + noise
    return (np.floor(here), np.floor(there)) if kind == "whole seconds" else (here, there)


def rate(hits: int, of: int) -> dict[str, Any]:
    """Hits, logs, and the exact interval of their ratio."""
    from scipy.special import betaincinv

    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": int(hits), "of": of, "interval": [low, high]}


if __name__ == "__main__":
    sys.exit(main())
