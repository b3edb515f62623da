"""Inverse LQR: the exact cases, and how often intervals hold and wrong structures are found.

    python reproductions/inverse_lqr.py                  # reduced: 100 logs
    TELIC_FULL=1 python reproductions/inverse_lqr.py     # 1,000

prints one JSON line. *Exact* (CERTIFICATION T9): the scalar problem and the 2-D gain, with the weights behind it.

*Logs*: 500 steps of the soft policy of that cost (rationality 2) with noise of .1 in both states. Counted: 95 %
intervals that hold each weight and the rationality, by kind of error; clean logs in which the one-weight structure
``w diag(1, .1)``, which holds, is doubted (p < .05) or refused (p < .001); and logs of other costs,
``diag(1, .1 f)``, in which the same structure is refused. Intervals of counts are exact, 95 %.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

LOGS = 1_000 if os.environ.get("TELIC_FULL") else 100
KEY = 320_000
"""Chosen before the first run."""

A, B, R = np.array([[1.0, 0.1], [0.0, 1.0]]), np.array([[0.005], [0.1]]), np.array([[0.01]])
TRUTH, RATIONALITY, LENGTH = np.array([1.0, 0.1]), 2.0, 500
FACTORS = (2.0, 4.0)


def exact() -> dict[str, Any]:
    """T9."""
    from telic.inference.inverse_lqr import inverse_lqr
    from telic.planning import solve_lqr

    one = solve_lqr(1.0, 1.0, 1.0, 1.0)
    plan = solve_lqr(A, B, np.diag(TRUTH), R)
    full = inverse_lqr(A, B, plan.gain, R, structure="full")
    return {
        "scalar": [one.value.item(), one.gain.item(), one.policy_covariance.item()],
        "gain": plan.gain[0].tolist(),
        "diagonal": inverse_lqr(A, B, plan.gain, R).weights.tolist(),
        "nullity_of_full": full.nullity,
    }


def logs(weights: np.ndarray, key: int) -> tuple[np.ndarray, np.ndarray]:
    """States and controls of every log."""
    from telic.planning import solve_lqr

    plan = solve_lqr(A, B, np.diag(weights), R, rationality=RATIONALITY, throw=True)
    rng, sd = np.random.default_rng(key), float(np.sqrt(plan.policy_covariance[0, 0]))
    x = np.zeros((LOGS, 2))
    states, controls = np.empty((LOGS, LENGTH, 2)), np.empty((LOGS, LENGTH, 1))
    for t in range(-200, LENGTH):
        u = -x @ plan.gain.T + sd * rng.normal(size=(LOGS, 1))
        if t >= 0:
            states[:, t], controls[:, t] = x, u
        x = x @ A.T + u @ B.T + 0.1 * rng.normal(size=(LOGS, 2))
    return states, controls


def rate(hits: int) -> dict[str, Any]:
    """A count with its exact interval."""
    from scipy.stats import binomtest

    ends = binomtest(hits, LOGS).proportion_ci(0.95, method="exact")
    return {"share": hits / LOGS, "of": LOGS, "interval": [float(ends.low), float(ends.high)]}


def main() -> int:
    from telic.inference.inverse_lqr import inverse_lqr_from_data

    start = time.process_time()
    held = dict.fromkeys(("place", "speed", "place_sandwich", "speed_sandwich", "rationality"), 0)
    doubted, refused = 0, 0
    one_weight = {"both": np.diag(TRUTH)}
    for x, u in zip(*logs(TRUTH, KEY), strict=True):
        found = inverse_lqr_from_data(A, B, R, x, u)
        for kind, end in (("hessian", ""), ("sandwich", "_sandwich")):
            inside = np.abs(found.weights - TRUTH) < 1.959964 * found.standard_errors(kind)
            held["place" + end] += int(inside[0])
            held["speed" + end] += int(inside[1])
        beta, error = found.rationality or (np.nan, np.nan)
        held["rationality"] += int(abs(beta - RATIONALITY) < 1.959964 * error)
        restricted = inverse_lqr_from_data(A, B, R, x, u, structure=one_weight)
        doubted += int((restricted.misfit_p or 0.0) < 0.05)
        refused += int(not restricted.outcome.ok)
    power = {}
    for i, factor in enumerate(FACTORS):
        others = zip(*logs(TRUTH * [1.0, factor], KEY + 1 + i), strict=True)
        caught = [inverse_lqr_from_data(A, B, R, x, u, structure=one_weight) for x, u in others]
        power[f"{factor:g}"] = rate(sum(not f.outcome.ok for f in caught))
    answer = {
        "exact": exact(),
        "coverage": {name: rate(count) for name, count in held.items()},
        "clean_doubted": rate(doubted),
        "clean_refused": rate(refused),
        "wrong_structure_refused": power,
    }
    print(json.dumps({**answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
