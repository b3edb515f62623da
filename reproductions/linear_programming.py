"""Linear programming: the chain, and the 5 x 5 grid of Ng and Russell (2000).

    python reproductions/linear_programming.py

prints one JSON line. *Chain* (CERTIFICATION T8): the expert goes to state 1, R_max 1, lambda 0: R = (-1, 1),
objective 4.0. *Grid* (the world of section 5 of the paper): 5 x 5, reward 1 in one corner, moves fail to a
random direction with probability .3, the optimal policy given, price of reward 1.05. Reported: whether the
expert is optimal for the reward found (worst margin >= 0), and what share of the true value a planner gets
with it.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np


def chain() -> dict[str, object]:
    """T8."""
    from telic.features import FeatureMap
    from telic.inference import reward_of_optimal_policy
    from telic.mdp.library import chain as make

    states = FeatureMap(values=np.eye(2), names=("state 0", "state 1"), form="S")
    estimate = reward_of_optimal_policy(np.array([1, 0]), make().mdp, states)
    return {
        "reward": estimate.weights.round(6).tolist(),
        "reward_expected": [-1.0, 1.0],
        "objective": round(estimate.certificate["objective"], 6),
        "objective_expected": 4.0,
    }


def grid() -> dict[str, object]:
    """The grid world of the paper, discount .9."""
    from telic.features import FeatureMap
    from telic.inference import LinearProgrammingSettings, reward_of_optimal_policy
    from telic.mdp import TabularMDP
    from telic.planning import policy_value, solve_hard

    side, A = 5, 4
    S, moves = side * side, [(1, 0), (-1, 0), (0, 1), (0, -1)]
    P = np.zeros((S, A, S))
    for s in range(S):
        x, y = divmod(s, side)
        for a in range(A):
            for b in range(A):
                nx, ny = x + moves[b][0], y + moves[b][1]
                after = nx * side + ny if 0 <= nx < side and 0 <= ny < side else s
                P[s, a, after] += 0.7 * (a == b) + 0.3 / A
    world = TabularMDP.from_transition(P, discount=0.9)
    reward = np.repeat(np.eye(S)[S - 1][:, None], A, axis=1)
    expert = solve_hard(world, reward)
    cells = FeatureMap(values=np.eye(S), names=tuple(f"cell {i}" for i in range(S)), form="S")
    estimate = reward_of_optimal_policy(
        expert.greedy, world, cells, settings=LinearProgrammingSettings(sparsity=1.05)
    )
    found = np.repeat(estimate.weights[:, None], A, axis=1)
    again = solve_hard(world, found).policy
    worth = [policy_value(world, policy.table, reward).mean() for policy in (expert.policy, again)]
    return {
        "outcome": estimate.outcome.label,
        "worst_margin": estimate.certificate["worst_margin"],
        "objective": estimate.certificate["objective"],
        "cells_with_reward": int(np.count_nonzero(np.abs(estimate.weights) > 1e-6)),
        "share_of_true_value": float(worth[1] / worth[0]),
    }


def main() -> int:
    start = time.process_time()
    told = {"chain": chain(), "grid": grid()}
    print(json.dumps({**told, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
