"""Mixtures of intents: how often one taste is taken for two, two are found, and their weights hold.

    python reproductions/intents.py                  # reduced: 3 data sets of each design
    TELIC_FULL=1 python reproductions/intents.py     # 200

prints one JSON line. A data set has 20 trajectories of 20 decisions of soft experts in a random world of 6 states, 3
actions and 3 features. Designs: ``one`` taste; ``two``, 12 trajectories of one and 8 of another; ``near``, the same
with tastes that differ in one weight by 1. The number is chosen among 1 to 3 by five folds of trajectories. Counted
are data sets with the right number and, for ``two`` and ``near`` with two components, 95 % intervals (sandwich by
trajectory, Student's t with the number of trajectories of each) that hold the truth. Counts have exact intervals, 95 %.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

DATA_SETS = 200 if os.environ.get("TELIC_FULL") else 3
"""Of each design."""

KEY = 14_010_000
"""First key; chosen before the first run."""

STEPS = 20

TASTES = {
    "one": [(20, (1.0, -1.0, 0.5))],
    "two": [(12, (1.0, -1.0, 0.5)), (8, (-1.0, 1.0, 0.5))],
    "near": [(12, (1.0, -1.0, 0.5)), (8, (1.0, -1.0, -0.5))],
}
"""Trajectories and weights of each taste."""


def draw(design: str, key: int) -> tuple[Any, Any, Any]:
    """``(demonstrations, world, features)`` of one data set."""
    from telic.features import FeatureMap
    from telic.mdp.library import random_mdp
    from telic.planning import simulate, solve_soft
    from telic.trajectories import Demonstrations

    problem = random_mdp(6, 3, key=3, n_successors=3, discount=0.9, n_features=3)
    parts = []
    for i, (count, weights) in enumerate(TASTES[design]):
        policy = np.exp(solve_soft(problem.mdp, problem.features @ np.array(weights)).log_policy)
        parts.append(simulate(problem.mdp, policy, count, STEPS, key=10 * key + i))
    n = sum(count for count, _ in TASTES[design])
    demos = Demonstrations.from_arrays(
        np.concatenate([p.states for p in parts]),
        np.concatenate([p.actions for p in parts]),
        next_states=np.concatenate([p.next_states for p in parts]),
        offsets=np.arange(n + 1) * STEPS,
    )
    return demos, problem.mdp, FeatureMap(values=problem.features, names=problem.feature_names)


def rate(held: np.ndarray) -> dict[str, Any]:
    """How many hold, of how many, their share and its exact interval."""
    from scipy.special import betaincinv

    hits, of = int(held.sum()), held.size
    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "share": hits / of, "interval": [low, high]}


def measure(design: str, data_sets: int) -> dict[str, Any]:
    """How often the number is right, and how many intervals hold."""
    from telic.inference import MixtureSettings, choose_components, fit_mixture
    from telic.inference.critical import critical_value

    numbers, held = [], []
    settings = MixtureSettings(starts=3)
    for i in range(data_sets):
        demos, world, features = draw(design, KEY + i)
        numbers.append(choose_components(demos, world, features, most=3, settings=settings).n_components)
        if design == "one":
            continue
        fit = fit_mixture(demos, world, features, n_components=2, settings=settings)
        truth = np.array([weights for _, weights in TASTES[design]])
        if np.linalg.norm(fit.weights - truth) > np.linalg.norm(fit.weights[::-1] - truth):
            truth = truth[::-1]
        for j in (0, 1):
            part = fit.component(j)
            kind = "sandwich_clustered"
            ok = fit.outcome.ok and kind in part.covariances
            reach = critical_value(part, kind).value * part.standard_errors(kind) if ok else np.zeros(3)
            held.append(ok & (np.abs(part.weights - truth[j]) <= reach))
    answer = {"right_number": rate(np.array(numbers) == len(TASTES[design]))}
    if held:
        answer["holds"] = rate(np.array(held))
    return answer


def main() -> int:
    start = time.process_time()
    answer = {design: measure(design, DATA_SETS) for design in TASTES}
    print(json.dumps({"data_sets": DATA_SETS, **answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
