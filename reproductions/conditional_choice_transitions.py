"""Rewards from transitions alone: the truth inside the intervals, next to the tabular answer on a fine grid.

    python reproductions/conditional_choice_transitions.py                  # reduced: 20 sets
    TELIC_FULL=1 python reproductions/conditional_choice_transitions.py     # 200

prints one JSON line. A scaler keeps 0 to 10 pods against a load that moves on its own between 0 and 10;
the log has the two measurements and the change of pods. To simulate it and to have an exact answer the
load is put on a grid of 40 values: 440 states, whose table the method never sees. 200 days of 50
decisions; discount .9; weights 1 (a request over capacity), .3 (a pod), .7 (a change). Reported with and
without saying that the load moves on its own: mean error in standard errors, coverage of 95 % intervals,
standard errors relative to those of the exact likelihood with the dynamics known, and how many estimates
lie within 2 standard errors of the tabular one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np

SETS = 200 if os.environ.get("TELIC_FULL") else 20
"""Simulated logs."""

KEY = 7_000
"""First key; chosen before the first run."""

LOADS, PODS, GAMMA = 40, 11, 0.9
DAYS, DECISIONS = 200, 50
TRUTH = np.array([1.0, 0.3, 0.7])
NAMES = ("overload", "pods", "changes")


def problem() -> tuple[Any, Any, Any, np.ndarray, np.ndarray]:
    """``(world, features of the table, features of measurements, pods, load)``."""
    from telic.features import FeatureMap, MeasuredFeatureMap
    from telic.mdp import TabularMDP

    grid = np.linspace(0, 10, LOADS)
    kernel = np.exp(-0.5 * ((grid[None] - (5 + 0.8 * (grid[:, None] - 5))) / 1.2) ** 2)
    kernel /= kernel.sum(axis=1, keepdims=True)
    S = LOADS * PODS
    P = np.zeros((S, 3, S))
    for pods in range(PODS):
        for action in range(3):
            after = min(max(pods + action - 1, 0), PODS - 1)
            P[pods * LOADS : (pods + 1) * LOADS, action, after * LOADS : (after + 1) * LOADS] = kernel
    pods, load = np.repeat(np.arange(PODS), LOADS).astype(float), np.tile(grid, PODS)
    phi = np.zeros((S, 3, 3))
    phi[:, :, 0] = -np.maximum(0, load - pods)[:, None]
    phi[:, :, 1] = -pods[:, None]
    phi[:, :, 2] = -np.abs(np.arange(3) - 1)
    measured = MeasuredFeatureMap.from_expressions(
        {"overload": "-max(0, load - pods)", "pods": "-pods", "changes": "-abs(action)"},
        action_values=[-1, 0, 1],
    )
    world = TabularMDP.from_transition(P, discount=GAMMA, initial=np.full(S, 1 / S))
    return world, FeatureMap(values=phi, names=NAMES), measured, pods, load


def main() -> int:
    from telic.inference import conditional_choice_transitions, max_causal_entropy
    from telic.planning import simulate, solve_soft

    start = time.process_time()
    world, table, measured, pods, load = problem()
    policy = solve_soft(world, table.values @ TRUTH).policy
    rows: dict[str, list[Any]] = {"exogenous": [], "nothing_said": []}
    seconds, refused = [], dict.fromkeys(rows, 0)
    for i in range(SETS):
        demos = simulate(world, policy, DAYS, DECISIONS, key=KEY + i)
        states, after = demos.require_states()
        log = replace(
            demos,
            observations={"pods": pods[states], "load": load[states]},
            next_observations={"pods": pods[after], "load": load[after]},
            next_known=np.ones(len(states), dtype=bool),
        )
        exact = max_causal_entropy(demos, world, table)
        for told, names in (("exogenous", ("load",)), ("nothing_said", ())):
            estimate = conditional_choice_transitions(log, measured, discount=GAMMA, exogenous=names)
            if not estimate.outcome.ok:
                refused[told] += 1
                continue
            error = estimate.standard_errors("sandwich_clustered")
            rows[told].append(
                (estimate.weights, error, exact.weights, exact.standard_errors("sandwich_clustered"))
            )
            seconds.append(estimate.seconds)
    answer: dict[str, Any] = {"sets": SETS, "refused": refused, "seconds_median": float(np.median(seconds))}
    for told, results in rows.items():
        weights, error, exact_weights, exact_error = (np.stack(x) for x in zip(*results, strict=True))
        answer[told] = {
            "mean": weights.mean(axis=0).round(4).tolist(),
            "bias_in_standard_errors": ((weights - TRUTH) / error).mean(axis=0).round(2).tolist(),
            "coverage_at_95": (np.abs(weights - TRUTH) < 1.959964 * error).mean(axis=0).round(3).tolist(),
            "within_2_of_tabular": (np.abs(weights - exact_weights) < 2 * error)
            .mean(axis=0)
            .round(3)
            .tolist(),
            "error_over_exact": np.median(error / exact_error, axis=0).round(2).tolist(),
        }
    print(json.dumps({**answer, "truth": TRUTH.tolist(), "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
