"""Weights over time: false alarms of a constant taste, power and coverage for tastes that drift or jump.

    python reproductions/time_varying.py                  # reduced: 10 data sets of each design
    TELIC_FULL=1 python reproductions/time_varying.py     # 200

prints one JSON line. A data set has 40 trajectories of 20 decisions of a soft expert in a random world of 6 states, 3
actions and 3 features, in 8 blocks. Designs: ``constant``; ``drift``, the first weight rises from 1 to 2.75; ``slow``,
from 1 to 1.7; ``jump``, it turns from 1 to -1 after half of the time. ``changes`` counts answers that the taste
changes; ``holds`` the 95 % intervals of all weights of all blocks that hold the truth (of one data set they are not
independent; its interval is normal, of the mean share by data set). Counts have exact intervals, 95 %.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

DATA_SETS = 200 if os.environ.get("TELIC_FULL") else 10
"""Of each design."""

KEY = 14_070_000
"""First key; chosen before the first run."""

BLOCKS, TRAJECTORIES, STEPS = 8, 5, 20
"""Blocks, and trajectories and decisions in each of them."""

FIRST = np.array([1.0, -1.0, 0.5])

MOVES = {
    "constant": np.zeros(BLOCKS),
    "drift": np.arange(BLOCKS) / 4,
    "slow": np.arange(BLOCKS) / 10,
    "jump": np.where(np.arange(BLOCKS) < BLOCKS // 2, 0.0, -2.0),
}
"""What is added to the first weight."""


def draw(design: str, key: int) -> tuple[Any, Any, Any, np.ndarray]:
    """``(demonstrations, world, features, (B, K) weights)`` of one data set."""
    from telic.features import FeatureMap
    from telic.mdp.library import random_mdp
    from telic.planning import simulate, solve_soft
    from telic.trajectories import Demonstrations

    problem = random_mdp(6, 3, key=3, n_successors=3, discount=0.9, n_features=3)
    features = FeatureMap(values=problem.features, names=problem.feature_names)
    weights = np.tile(FIRST, (BLOCKS, 1))
    weights[:, 0] += MOVES[design]
    parts = []
    for b in range(BLOCKS):
        policy = np.exp(solve_soft(problem.mdp, problem.features @ weights[b]).log_policy)
        parts.append(simulate(problem.mdp, policy, TRAJECTORIES, STEPS, key=100 * key + b))
    demos = Demonstrations.from_arrays(
        np.concatenate([p.states for p in parts]),
        np.concatenate([p.actions for p in parts]),
        next_states=np.concatenate([p.next_states for p in parts]),
        offsets=np.arange(BLOCKS * TRAJECTORIES + 1) * STEPS,
    )
    return demos, problem.mdp, features, weights


def rate(held: np.ndarray) -> dict[str, Any]:
    """How many hold, of how many, their share and its exact interval."""
    from scipy.special import betaincinv

    hits, of = int(held.sum()), held.size
    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "share": hits / of, "interval": [low, high]}


def measure(design: str, data_sets: int) -> dict[str, Any]:
    """How often a change is told, and how many intervals hold."""
    from telic.inference import fit_time_varying

    changes, share = [], []
    for i in range(data_sets):
        demos, world, features, weights = draw(design, KEY + i)
        fit = fit_time_varying(demos, world, features)
        low, high = fit.intervals()
        changes.append(fit.changes)
        share.append(float(np.mean((low <= weights) & (weights <= high))))
    mean, reach = float(np.mean(share)), 1.959964 * float(np.std(share, ddof=1)) / data_sets**0.5
    return {
        "changes": rate(np.array(changes)),
        "holds": {"share": mean, "interval": [mean - reach, mean + reach]},
    }


def main() -> int:
    start = time.process_time()
    answer = {design: measure(design, DATA_SETS) for design in MOVES}
    print(json.dumps({"data_sets": DATA_SETS, **answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
