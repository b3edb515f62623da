"""How often ``telic infer`` refuses a log: where actions were out of reach (power), and where all could be taken.

    python reproductions/infer_availability.py                  # reduced: 10 logs of each design
    TELIC_FULL=1 python reproductions/infer_availability.py     # 200

prints one JSON line (with ``--strict-options``). A log has 60 machines of 40 days; wear rises by one with probability
.6 up to 5, a repair brings it to 0, and keepers are soft-optimal at discount .9. Designs: ``clean``, one keeper of
all machines; ``tastes``, three keepers of 20 machines each who price a repair at 1, 2 and 4, all of them clean;
``third``, no spare parts on a third of the machines; ``spells``, spare parts run out on every machine for spells of
10 days on average, a third of the time. Decided is as in the verb: at level .01, shared among the keepers. Counts
have exact intervals, 95 %. Beside it stands how often the sign or the size of the price of a repair is off (more than
3 standard errors) where nobody refuses.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

LOGS = 200 if os.environ.get("TELIC_FULL") else 10
"""Of each design."""

KEY = 31_000_000
"""First key; chosen before the first run."""

MACHINES, DAYS, WEAR, DISCOUNT, GROWS = 60, 40, 6, 0.9, 0.6

CONTRACT = {
    "identity": {"task": "machines"},
    "observations": [
        {"name": "wear", "type": "integer", "low": 0, "high": 5, "affected_by_action": True},
    ],
    "actions": {"column": "action", "values": ["run", "repair"]},
    "timing": {"discount": DISCOUNT},
    "features": [
        {"name": "wear", "expression": "wear"},
        {"name": "repairs", "expression": "action == 'repair'"},
    ],
    "data": {"trajectory": ["machine"], "demonstrator": "keeper", "time": "day", "time_format": "seconds"},
}

PRICES = {"clean": (2.0,), "tastes": (1.0, 2.0, 4.0), "third": (2.0,), "spells": (2.0,)}
"""Of a repair, for each keeper; a step of wear costs .5 a day."""


def policy(price: float) -> np.ndarray:
    """``(WEAR, 2)`` choice probabilities of a keeper."""
    up = np.minimum(np.arange(WEAR) + 1, WEAR - 1)
    reward = -0.5 * np.arange(WEAR)[:, None] - price * np.array([0.0, 1.0])
    value = np.zeros(WEAR)
    for _ in range(2_000):
        q = reward + DISCOUNT * np.stack(
            [GROWS * value[up] + (1 - GROWS) * value, np.full(WEAR, value[0])], 1
        )
        value = np.logaddexp(q[:, 0], q[:, 1])
    return np.exp(q - value[:, None])


def log_of(design: str, key: int) -> str:
    """The log as CSV."""
    rng = np.random.default_rng(key)
    policies = [policy(price) for price in PRICES[design]]
    lines = ["machine,keeper,day,wear,action"]
    for machine in range(MACHINES):
        keeper = machine % len(policies)
        wear, out = 0, design == "third" and machine < MACHINES // 3
        for day in range(DAYS):
            if (
                design == "spells"
            ):  # stays out with .9, runs out with .05: a third of the time, 10 days on average
                out = rng.random() < (0.9 if out else 0.05)
            repair = not out and rng.random() < policies[keeper][wear, 1]
            lines.append(f"m{machine:02d},k{keeper},{86400 * day},{wear},{'repair' if repair else 'run'}")
            wear = 0 if repair else min(wear + int(rng.random() < GROWS), WEAR - 1)
    return "\n".join(lines) + "\n"


def rate(held: list[bool]) -> dict[str, Any]:
    """How many hold, of how many, their share and its exact interval."""
    from scipy.special import betaincinv

    hits, of = sum(held), len(held)
    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "share": hits / max(of, 1), "interval": [low, high]}


def measure(design: str, n_logs: int) -> dict[str, Any]:
    """How often the verb refuses, and how far off the answers are that it gives."""
    from telic.contract import TaskContract
    from telic.datasets import read_demonstrations
    from telic.reports import Outcome
    from telic.workflows.infer import EVERYBODY, InferSettings, fit_everyone
    from telic.workflows.options_check import with_availability
    from telic.workflows.problem import pose

    contract = TaskContract.from_mapping(CONTRACT)
    refused, off, believed_off = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "log.csv"
        for i in range(n_logs):
            place.write_text(log_of(design, KEY + i))
            problem = pose(contract, read_demonstrations(contract, place))
            before = fit_everyone(problem, InferSettings(with_dynamics_errors=False))
            after, _ = with_availability(problem, before, everybody=EVERYBODY, is_strict=True)
            no = after[EVERYBODY].outcome is Outcome.UNAVAILABLE_OPTIONS
            refused.append(no)
            estimate = before[EVERYBODY].estimate
            if estimate.outcome.ok and len(PRICES[design]) == 1:
                error = estimate.standard_errors("sandwich_clustered")[1]
                far = bool(abs(estimate.weights[1] + PRICES[design][0]) > 3 * error)
                believed_off.append(far)
                if not no:
                    off.append(far)
    told = {"refused": rate(refused)}
    if believed_off:
        told |= {"price_off_if_believed": rate(believed_off), "price_off_where_not_refused": rate(off)}
    return told


def main() -> int:
    start = time.process_time()
    answer = {design: measure(design, LOGS) for design in PRICES}
    print(json.dumps({"logs": LOGS, **answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
