"""Reward distances and transfer: the certified numbers, and how much a distance says of what a reward costs.

    python reproductions/reward_distances.py                  # reduced: 40 pairs, 20 worlds
    TELIC_FULL=1 python reproductions/reward_distances.py     # 400 pairs, 200 worlds

prints one JSON line.

*Certified* (CERTIFICATION T10): EPIC of (0, 1, 0) and (0, 0, 1), and of (1, -1, 0) and (1, 1, -2).

*Regret*: random worlds (20 states, 4 actions, rows Dirichlet(.1), discount .95) and pairs of rewards, the second the
first plus noise of a random size, then shaped, redistributed over successors (by random amounts) and scaled, so that
only the noise should count. Regret: what is lost by acting best for the second where the first counts, as a share of
best minus worst. Reported: rank correlation of each distance with it over the pairs, with a bootstrap interval of 95 %.

*Relations*: of every pair, the second reward without noise must be found related to the first (``here``, for it is
redistributed), and with noise not: misses and false alarms with exact intervals.

*Transfer* (T12): 16 states, 4 actions, reward 1 in one state, rows Dirichlet(.3), discount .9, expert soft-optimal at
reward scale 5; the true reward and the expert's advantage planned with under new dynamics, 0 uniform and 1 best.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

FULL = bool(os.environ.get("TELIC_FULL"))
PAIRS, WORLDS = (400, 200) if FULL else (40, 20)
KEY = 310_000
"""First key; chosen before the first run."""

S, A, GAMMA = 20, 4, 0.95


def certified() -> dict[str, Any]:
    """T10."""
    from telic.evaluation import epic_distance
    from telic.mdp.library import random_mdp

    mdp = random_mdp(3, 2, key=KEY).mdp
    pairs = {"apart": ((0, 1, 0), (0, 0, 1)), "unrelated": ((1, -1, 0), (1, 1, -2))}
    return {
        name: round(epic_distance(np.array(a, dtype=float), np.array(b, dtype=float), mdp).value, 6)
        for name, (a, b) in pairs.items()
    }


def regret(mdp: Any, acted_on: np.ndarray, counts: np.ndarray) -> float:
    """Share of best minus worst that is lost."""
    from telic.planning import policy_value, solve_hard

    worth = []
    for reward in (counts, acted_on, -counts):
        plan = solve_hard(mdp, reward).policy
        worth.append(float(mdp.initial @ policy_value(mdp, plan.table, counts)))
    return (worth[0] - worth[1]) / (worth[0] - worth[2])


def pair(key: int) -> dict[str, Any]:
    """Distances, regret and relations of one pair."""
    from telic.evaluation import dard_distance, epic_distance, reward_relation, starc_distance
    from telic.mdp import TabularMDP

    rng = np.random.default_rng(key)
    P = rng.dirichlet(np.full(S, 0.1), size=(S, A))
    mdp = TabularMDP.from_transition(P, discount=GAMMA, initial=np.full(S, 1 / S))
    one = np.repeat(rng.normal(size=(S, A))[:, :, None], S, axis=2)
    phi, moved = rng.normal(size=S), rng.normal(size=(S, A, S))
    moved -= (P * moved).sum(axis=2, keepdims=True)
    much = rng.uniform(0.0, 3.0, 2)
    disguise = much[0] * (GAMMA * phi[None, None, :] - phi[:, None, None]) + much[1] * moved
    scale, noise = rng.uniform(0.2, 5.0), rng.uniform(0.05, 3.0) * rng.normal(size=(S, A))[:, :, None]
    two = scale * (one + noise + disguise)
    found = {
        kind: distance(one, two, mdp).value
        for kind, distance in (("starc", starc_distance), ("epic", epic_distance), ("dard", dard_distance))
    }
    return {
        **found,
        "regret": regret(mdp, (P * two).sum(axis=2), one[:, :, 0]),
        "clean": reward_relation(one, scale * (one + disguise), mdp).relation.name,
        "noisy": reward_relation(one, two, mdp).relation.name,
    }


def rank_correlation(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """Spearman's, with a bootstrap interval."""
    from scipy.stats import spearmanr

    draws = [
        spearmanr(x[rows], y[rows]).statistic
        for rows in (rng.integers(0, len(x), len(x)) for _ in range(500))
    ]
    return {
        "value": float(spearmanr(x, y).statistic),
        "interval": np.quantile(draws, [0.025, 0.975]).tolist(),
    }


def rate(hits: int, of: int) -> dict[str, Any]:
    """A count with its exact interval."""
    from scipy.stats import binomtest

    ends = binomtest(hits, of).proportion_ci(0.95, method="exact")
    return {"count": hits, "of": of, "interval": [float(ends.low), float(ends.high)]}


def transfer() -> dict[str, Any]:
    """T12, over more worlds."""
    from telic.evaluation import transfer_value
    from telic.mdp import TabularMDP
    from telic.planning import solve_soft

    told: dict[str, list[float]] = {"state_only": [], "advantage": []}
    for i in range(WORLDS):
        rng = np.random.default_rng(KEY + 1_000_000 + i)
        start = np.full(16, 1 / 16)
        home, away = (
            TabularMDP.from_transition(P, discount=0.9, initial=start)
            for P in rng.dirichlet(np.full(16, 0.3), size=(2, 16, 4))
        )
        r = np.eye(16)[rng.integers(16)]
        expert = solve_soft(home, 5.0 * np.repeat(r[:, None], 4, axis=1))
        told["state_only"].append(transfer_value(r, away, r, learned_in=home).scaled)
        told["advantage"].append(transfer_value(expert.log_policy, away, r, learned_in=home).scaled)
    values = np.array(told["advantage"])
    error = 1.959964 * float(values.std(ddof=1)) / WORLDS**0.5
    return {
        "worlds": WORLDS,
        "state_only_smallest": min(told["state_only"]),
        "advantage_mean": float(values.mean()),
        "advantage_interval": [float(values.mean()) - error, float(values.mean()) + error],
        "advantage_harms": rate(int((values < 0).sum()), WORLDS),
    }


def main() -> int:
    start, rng = time.process_time(), np.random.default_rng(KEY - 1)
    pairs = [pair(KEY + i) for i in range(PAIRS)]
    lost = np.array([p["regret"] for p in pairs])
    answer = {
        "certified": certified(),
        "pairs": PAIRS,
        "rank_correlation_with_regret": {
            kind: rank_correlation(np.array([p[kind] for p in pairs]), lost, rng)
            for kind in ("starc", "epic", "dard")
        },
        "related_and_missed": rate(sum(p["clean"] != "HERE" for p in pairs), PAIRS),
        "unrelated_and_called_related": rate(sum(p["noisy"] != "DIFFERENT" for p in pairs), PAIRS),
        "transfer": transfer(),
    }
    print(json.dumps({**answer, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
