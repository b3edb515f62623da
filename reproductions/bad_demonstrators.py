"""Planted bad demonstrators: do the intervals of the experts' weights hold, and who is named?

    python reproductions/bad_demonstrators.py                  # reduced: 10 data sets of each design
    TELIC_FULL=1 python reproductions/bad_demonstrators.py     # 200

prints one JSON line. A data set has 20 demonstrators of 5 trajectories with 20 decisions in a random world of 8 states,
3 actions and 3 features; the experts' weights are drawn for each data set (size .5 to 1.5, either sign). Designs:

- ``planted``: 14 experts, 4 who act at random (20 %), 2 who are experts for the opposite reward (10 %);
- ``clean``: 20 experts;
- ``short``: as ``planted``, with one trajectory each, so that there is less to tell them by;
- ``other``: 18 experts and 2 who are experts for another reward, which is none of the kinds that the fit knows.

Counted are 95 % intervals (clustered by demonstrator, Student's t) of each weight that hold the truth, for the fit
despite suspects and for the naive one; data sets in which an expert is named; bad demonstrators that are named.
Intervals of the counts are exact (Clopper-Pearson, 95 %); weights of one data set are not independent trials, so the
interval of a coverage is also given by data set (normal, of the mean share).
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

KEY = 14_030_000
"""First key; chosen before the first run."""

DEMONSTRATORS, STEPS = 20, 20

DESIGNS = {"planted": (4, 2, 0, 5), "clean": (0, 0, 0, 5), "short": (4, 2, 0, 1), "other": (0, 0, 2, 5)}
"""Demonstrators at random, adversarial, and with a taste of their own; trajectories of each."""


def draw(design: str, key: int) -> tuple[Any, Any, Any, np.ndarray, np.ndarray]:
    """``(demonstrations, world, features, weights, bad)`` of one data set."""
    from telic.features import FeatureMap
    from telic.mdp.library import random_mdp
    from telic.planning import simulate, solve_soft
    from telic.trajectories import Demonstrations

    problem = random_mdp(8, 3, key=7, n_successors=3, discount=0.9, n_features=3)
    features = FeatureMap(values=problem.features, names=problem.feature_names)
    rng = np.random.default_rng(key)
    weights = rng.uniform(0.5, 1.5, 3) * rng.choice([-1.0, 1.0], 3)
    own = rng.uniform(0.5, 1.5, 3) * rng.choice([-1.0, 1.0], 3)
    n_random, n_adversarial, n_other, each = DESIGNS[design]
    tables = {
        "expert": np.exp(solve_soft(problem.mdp, problem.features @ weights).log_policy),
        "adversarial": np.exp(solve_soft(problem.mdp, -problem.features @ weights).log_policy),
        "other": np.exp(solve_soft(problem.mdp, problem.features @ own).log_policy),
        "random": np.full((8, 3), 1 / 3),
    }
    kinds = ["random"] * n_random + ["adversarial"] * n_adversarial + ["other"] * n_other
    kinds += ["expert"] * (DEMONSTRATORS - len(kinds))
    parts = [
        simulate(problem.mdp, tables[kind], each, STEPS, key=1_000 * key + i) for i, kind in enumerate(kinds)
    ]
    demos = Demonstrations.from_arrays(
        np.concatenate([p.states for p in parts]),
        np.concatenate([p.actions for p in parts]),
        next_states=np.concatenate([p.next_states for p in parts]),
        offsets=np.arange(DEMONSTRATORS * each + 1) * STEPS,
        demonstrators=[f"d{i:02d}" for i in range(DEMONSTRATORS) for _ in range(each)],
    )
    return demos, problem.mdp, features, weights, np.array([k != "expert" for k in kinds])


def holds(fit: Any, weights: np.ndarray) -> np.ndarray:
    """``(K,)`` the 95 % interval of each weight holds the truth; missing ones do not."""
    from telic.inference.critical import critical_value

    kind = "sandwich_clustered"
    if not fit.outcome.ok or kind not in fit.covariances:
        return np.zeros(len(weights), dtype=bool)
    reach = critical_value(fit, kind).value * fit.standard_errors(kind)
    return np.abs(fit.weights - weights) <= reach


def rate(held: np.ndarray) -> dict[str, Any]:
    """How many hold, of how many, their share and its exact interval."""
    from scipy.special import betaincinv

    hits, of = int(held.sum()), held.size
    low = 0.0 if hits == 0 else float(betaincinv(hits, of - hits + 1, 0.025))
    high = 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 0.975))
    return {"hits": hits, "of": of, "share": hits / of, "interval": [low, high]}


def coverage(held: np.ndarray) -> dict[str, Any]:
    """The rate of ``(data sets, K)`` intervals, with the interval of the mean share by data set."""
    share = held.mean(axis=1)
    reach = 1.959964 * float(share.std(ddof=1)) / len(share) ** 0.5
    return {**rate(held), "by_data_set": [float(share.mean()) - reach, float(share.mean()) + reach]}


def measure(design: str, data_sets: int) -> dict[str, Any]:
    """Coverage, false alarms and power over the data sets of one design."""
    from telic.inference import fit_despite_suspects

    cleaned, naive, alarms, found, ok = [], [], [], [], []
    for i in range(data_sets):
        demos, world, features, weights, bad = draw(design, KEY + i)
        fit = fit_despite_suspects(demos, world, features)
        cleaned.append(holds(fit.estimate, weights))
        naive.append(holds(fit.naive, weights))
        alarms.append(bool(np.any(fit.suspected & ~bad)))
        found.append(fit.suspected[bad])
        ok.append(fit.outcome.ok)
    answer = {
        "cleaned": coverage(np.array(cleaned)),
        "naive": coverage(np.array(naive)),
        "an_expert_is_named": rate(np.array(alarms)),
        "answered": rate(np.array(ok)),
    }
    if found[0].size:
        answer["bad_ones_named"] = rate(np.array(found))
        n_random, n_adversarial, *_ = DESIGNS[design]
        if n_random:
            answer["random_named"] = rate(np.array(found)[:, :n_random])
            answer["adversarial_named"] = rate(np.array(found)[:, n_random : n_random + n_adversarial])
    return answer


def main() -> int:
    start = time.process_time()
    answer = {design: measure(design, DATA_SETS) for design in DESIGNS}
    print(json.dumps({"data_sets": DATA_SETS, **answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
