"""How often a column of future values is named, and how often an honest one is.

    python reproductions/future_values.py                   # reduced: 10 planted and 10 clean logs a kind of state
    TELIC_FULL=1 python reproductions/future_values.py      # 50 and 50, so 200 and 200 in all

prints one JSON line. Logs of 200 decisions about three services, of four kinds of state: a load that always moves, a
queue that moves by a few, three phases, and a price that moves seldom, is polled, and is seen fresh when deciding. The
honest columns are the state just before, a fresh reading, a forecast that is right in 80 % of the changes (as much as
the check allows an honest one), and noise; a planted log adds the value of the next row of state, missing in 5 % of the
rows. A clean log counts as an alarm where any honest column is named. Intervals are exact (Clopper-Pearson), 95 %.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))


def main() -> int:
    started = time.perf_counter()
    told = measure(50 if os.environ.get("TELIC_FULL") == "1" else 10)
    print(json.dumps({**told, "seconds": time.perf_counter() - started}))
    return 0


def measure(n: int) -> dict[str, Any]:
    """Everything that is printed.

    Args:
        n: planted, and clean, logs a kind of state.
    """
    from leaky_logs import DESIGNS

    power = {d: sum("planted" in named(d, 1_000 + k, planted=True) for k in range(n)) for d in DESIGNS}
    alarms = {d: sum(bool(named(d, 500_000 + k, planted=False)) for k in range(n)) for d in DESIGNS}
    return {
        "power": {
            **{d: rate(h, n) for d, h in power.items()},
            "all": rate(sum(power.values()), n * len(power)),
        },
        "alarms": {
            **{d: rate(h, n) for d, h in alarms.items()},
            "all": rate(sum(alarms.values()), n * len(alarms)),
        },
    }


def named(design: str, key: int, *, planted: bool) -> set[str]:
    """Columns that the check names in one log."""
    from leaky_logs import leaky_log

    from telic.datasets.decisions import future_matches

    keys, times, columns, states = leaky_log(key, design, planted=planted)
    return {match.column for match in future_matches(keys, times, columns, states)}


def rate(hits: int, of: int) -> dict[str, Any]:
    """Hits, logs, and the exact interval of their ratio."""
    from scipy.special import betaincinv

    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": int(hits), "of": of, "interval": [low, high]}


if __name__ == "__main__":
    sys.exit(main())
