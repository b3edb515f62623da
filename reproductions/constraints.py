"""Constraint inference: how often a planted constraint is found, and one where there is none.

    python reproductions/constraints.py                  # reduced: 10 data sets of each design
    TELIC_FULL=1 python reproductions/constraints.py     # 200

prints one JSON line. A data set has trajectories of 20 decisions of a soft expert in a random world of 8 states, 3
actions and 3 features, whose weights are drawn for each data set (size .5 to 1.5, either sign). Designs: ``clean``, 40
trajectories, nothing is forbidden; ``planted``, the pair of state and action that the expert would use most often is;
``few``, the same with 6 trajectories. Each with the reward known and with the reward estimated. There are 35 possible
constraints (24 pairs, 3 actions, 8 states); level 5 %.

``right`` counts data sets whose first constraint is the planted one; ``wrong`` those with any other, before or after
it. Intervals are exact (Clopper-Pearson), 95 %. ``weights_hold`` are 95 % intervals (clustered) of the weights in the
worlds with and without what was found.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np

DATA_SETS = 200 if os.environ.get("TELIC_FULL") else 10
"""Of each design."""

KEY = 14_050_000
"""First key; chosen before the first run."""

STEPS = 20

DESIGNS = {"clean": (False, 40), "planted": (True, 40), "few": (True, 6)}
"""Whether something is forbidden, and trajectories."""


def draw(
    planted: bool, trajectories: int, key: int
) -> tuple[Any, Any, Any, np.ndarray, tuple[int, int] | None]:
    """``(demonstrations, world, features, weights, forbidden pair)`` of one data set."""
    from telic.features import FeatureMap
    from telic.mdp.library import random_mdp
    from telic.planning import simulate, solve_soft, visitation

    problem = random_mdp(8, 3, key=7, n_successors=3, discount=0.9, n_features=3)
    features = FeatureMap(values=problem.features, names=problem.feature_names)
    rng = np.random.default_rng(key)
    weights = rng.uniform(0.5, 1.5, 3) * rng.choice([-1.0, 1.0], 3)
    world, pair = problem.mdp, None
    free = np.exp(solve_soft(world, problem.features @ weights).log_policy)
    if planted:
        s, a = divmod(int(np.argmax(visitation(world, free))), 3)
        allowed = np.ones((8, 3), dtype=bool)
        allowed[s, a] = False
        pair = (s, a)
        world = replace(world, available=allowed)
        free = np.exp(solve_soft(world, problem.features @ weights).log_policy)
    demos = simulate(world, free, trajectories, STEPS, key=key)
    return demos, problem.mdp, features, weights, pair


def rate(held: np.ndarray) -> dict[str, Any]:
    """How many hold, of how many, their share and its exact interval."""
    from scipy.special import betaincinv

    hits, of = int(held.sum()), held.size
    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "share": hits / of, "interval": [low, high]}


def holds(fit: Any, weights: np.ndarray) -> np.ndarray:
    """``(K,)`` the 95 % interval of each weight holds the truth."""
    from telic.inference.critical import critical_value

    kind = "sandwich_clustered"
    if not fit.outcome.ok or kind not in fit.covariances:
        return np.zeros(len(weights), dtype=bool)
    return np.abs(fit.weights - weights) <= critical_value(fit, kind).value * fit.standard_errors(kind)


def measure(design: str, known: bool, data_sets: int) -> dict[str, Any]:
    """False alarms, and power where a constraint was planted."""
    planted, trajectories = DESIGNS[design]
    from telic.inference import infer_constraints

    right, wrong, before, after, gains = [], [], [], [], []
    for i in range(data_sets):
        demos, world, features, weights, pair = draw(planted, trajectories, KEY + i)
        answer = infer_constraints(demos, world, features, weights=weights if known else None)
        pairs = [(c.constraint.state, c.constraint.action) for c in answer.found]
        right.append(bool(pairs) and pairs[0] == pair)
        wrong.append(any(p != pair for p in pairs))
        gains += [c.gain for c in answer.found[:1]]
        before.append(holds(answer.before, weights))
        after.append(holds(answer.after, weights))
    out: dict[str, Any] = {"wrong": rate(np.array(wrong))}
    if planted:
        out["right"] = rate(np.array(right))
        out["mean_gain_per_demonstration"] = float(np.mean(gains)) if gains else None
    if not known:
        out["weights_hold"] = {"without": rate(np.array(before)), "with": rate(np.array(after))}
    return out


def main() -> int:
    start = time.process_time()
    answer = {
        f"{design}, reward {'known' if known else 'estimated'}": measure(design, known, DATA_SETS)
        for design in DESIGNS
        for known in (True, False)
    }
    print(json.dumps({"data_sets": DATA_SETS, **answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
