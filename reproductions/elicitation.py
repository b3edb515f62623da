"""How many comparisons it takes to know the weights 2 nats better: asked for information, for volume, at random.

    python reproductions/elicitation.py                  # reduced: 3 keys a task
    TELIC_FULL=1 python reproductions/elicitation.py     # 10
    python reproductions/elicitation.py 50               # as many as are named

prints one JSON line. Answers are drawn by Bradley and Terry at rationality 5 from weights drawn from the prior. The
three strategies of a key share weights, prior and pool (all pairs of 40 plans). Counted are the answers until the
entropy of the exact posterior, on a grid, is first 2 nats below that of the prior. Tasks:

- ``two-weightings`` (as T13): plans of (progress, smoothness) in the unit square, among them T13's expert (.9, .8) and
  shortcut (1, .2); weights (1 - t, t) with t uniform. The grid of 1,001 values of t is the belief that asks.
- ``grid``: walks of 20 steps in an 8 x 8 grid with slip .1 by experts of other tastes; features are the shares of the
  steps spent in mud (three cells in ten), with a view (two in ten), and at home (one cell); weights standard normal.
  1,000 draws, reweighted and moved, ask; the entropy is that of a grid of 41 points a weight out to 4.5.
- ``grid-sure``: the same at rationality 50, where answers are almost without noise; it is not part of the claim, and
  shows where the choice of questions matters less.

Strategies: ``information`` (expected information gain), ``volume-removal`` (Sadigh and others 2017), ``random`` (pairs
at random, no pair of a key asked twice before all were). ``times_fewer`` is the geometric mean over keys of the ratio
of counts, with its 95 % interval (Student's t of the log ratios). A count that reaches the limit of 4,000 is a lower
bound and is told under ``not_reached``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

KEYS = 10 if os.environ.get("TELIC_FULL") else 3
"""Of each task, where no number is named."""

KEY = 13_050_000
"""First key; chosen before the first run."""

RATIONALITY, SURE_RATIONALITY = 5.0, 50.0

NATS = 2.0

PLANS, STEPS, DRAWS, LIMIT = 40, 20, 1_000, 4_000

STRATEGIES = ("information", "volume-removal", "random")


def two_weightings(key: int) -> tuple[Any, Any, Any, np.ndarray]:
    """``(asking, judging, pool, weights)``: beliefs that choose and that measure, plans, truth."""
    from telic.inference.elicitation import PlanPool, WeightBelief

    names = ("progress", "smoothness")
    rng = np.random.default_rng(key)
    plans = np.concatenate([[[0.9, 0.8], [1.0, 0.2]], rng.uniform(size=(PLANS - 2, 2))])
    t = (np.arange(1_001) + 0.5) / 1_001
    grid = WeightBelief.on_grid(names, np.stack([1 - t, t], axis=1), np.zeros(1_001), cell_volume=1 / 1_001)
    true_t = rng.uniform()
    return grid, grid, PlanPool(amounts=plans, names=names), np.array([1 - true_t, true_t])


def grid(key: int) -> tuple[Any, Any, Any, np.ndarray]:
    """As ``two_weightings``, of walks in a grid."""
    from telic.features import FeatureMap, trajectory_features
    from telic.inference.elicitation import PlanPool, WeightBelief
    from telic.mdp.library import grid_world
    from telic.planning import simulate, solve_soft
    from telic.rewards import NormalPrior

    names = ("mud", "view", "home")
    rng = np.random.default_rng(key)
    world = grid_world(8, slip=0.1, discount=0.95, tiles=1).mdp
    order = rng.permutation(64)
    cells = np.zeros((64, 3))
    cells[order[:19], 0] = cells[order[19:32], 1] = cells[order[32], 2] = 1.0
    features = FeatureMap(values=cells, names=names, form="S")
    walks = []
    for i in range(PLANS):
        taste = cells @ rng.normal(size=3)
        policy = solve_soft(world, np.repeat(taste[:, None], 5, axis=1), rationality=RATIONALITY).policy
        walks.append(
            trajectory_features(features, simulate(world, policy, 1, STEPS, key=1_000 * key + i)) / STEPS
        )
    prior = NormalPrior.of(names, dict.fromkeys(names, 1.0))
    side = np.linspace(-4.5, 4.5, 41)
    points = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    judging = WeightBelief.on_grid(
        names, points, np.asarray(prior.log_density(points)), cell_volume=(side[1] - side[0]) ** 3
    )
    asking = WeightBelief.from_prior(prior, DRAWS, key=key)
    return asking, judging, PlanPool(amounts=np.concatenate(walks), names=names), rng.normal(size=3)


def count(strategy: str, task: Any, key: int, rationality: float) -> tuple[int, bool]:
    """Answers until the exact posterior is 2 nats below the prior, and whether that came before the limit."""
    from telic.inference.elicitation import ComparisonQuestion, rank_comparisons, update_belief

    asking, judging, pool, truth = task
    is_one = asking is judging
    rng = np.random.default_rng(key)
    first, second = np.triu_indices(len(pool), 1)
    at_random = np.concatenate([rng.permutation(len(first)) for _ in range(1 + LIMIT // len(first))])
    goal = judging.entropy - NATS
    for n in range(1, LIMIT + 1):
        if strategy == "random":
            i, j = int(first[at_random[n - 1]]), int(second[at_random[n - 1]])
            question = ComparisonQuestion(
                words=pool.question(i, j),
                gain=0.0,
                standard_error=0.0,
                first=i,
                second=j,
                difference=pool.amounts[i] - pool.amounts[j],
                rationality=rationality,
                probability_first=0.5,
                volume_removed=0.0,
            )
        else:
            ranked = rank_comparisons(asking, pool, rationality=rationality, top=1, criterion=strategy)
            best = ranked.best
            assert isinstance(best, ComparisonQuestion)
            question = best
        chance = 1.0 / (1.0 + np.exp(-rationality * float(question.difference @ truth)))
        reply = "first" if rng.random() < chance else "second"
        judging = update_belief(judging, question, reply, key=n)
        if strategy != "random":
            asking = judging if is_one else update_belief(asking, question, reply, key=1_000 * key + n)
        if judging.entropy <= goal:
            return n, True
    return LIMIT, False


def compare(ratio: np.ndarray) -> dict[str, Any]:
    """Geometric mean of ratios, its interval, and each of them."""
    from scipy.special import stdtrit

    logs = np.log(ratio)
    reach = float(stdtrit(len(ratio) - 1, 0.975)) * float(logs.std(ddof=1)) / len(ratio) ** 0.5
    mean = float(logs.mean())
    return {
        "times_fewer": float(np.exp(mean)),
        "interval": [float(np.exp(mean - reach)), float(np.exp(mean + reach))],
        "by_key": ratio.tolist(),
    }


def measure(make: Any, rationality: float, keys: int) -> dict[str, Any]:
    """Counts of every strategy, and how many times fewer the first one needs."""
    counts: dict[str, list[int]] = {s: [] for s in STRATEGIES}
    missed = dict.fromkeys(STRATEGIES, 0)
    for i in range(keys):
        task = make(KEY + i)
        for s, strategy in enumerate(STRATEGIES):
            n, reached = count(strategy, task, KEY + 100 * (s + 1) + i, rationality)
            counts[strategy].append(n)
            missed[strategy] += not reached
    found = {s: np.array(c, dtype=np.float64) for s, c in counts.items()}
    return {
        "rationality": rationality,
        "counts": counts,
        "median": {s: float(np.median(c)) for s, c in found.items()},
        "not_reached": missed,
        "random_over_information": compare(found["random"] / found["information"]),
        "random_over_volume_removal": compare(found["random"] / found["volume-removal"]),
        "volume_removal_over_information": compare(found["volume-removal"] / found["information"]),
    }


def main() -> int:
    start, keys = time.process_time(), int(sys.argv[1]) if len(sys.argv) > 1 else KEYS
    answer = {
        "two-weightings": measure(two_weightings, RATIONALITY, keys),
        "grid": measure(grid, RATIONALITY, keys),
        "grid-sure": measure(grid, SURE_RATIONALITY, keys),
    }
    print(json.dumps({"keys": keys, "nats": NATS, **answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
