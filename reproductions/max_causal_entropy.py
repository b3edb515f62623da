"""Maximum causal entropy: the closed form of the chain, and the truth of random worlds inside its intervals.

    python reproductions/max_causal_entropy.py                  # reduced: 60 random worlds of each form
    TELIC_FULL=1 python reproductions/max_causal_entropy.py     # 1,000

prints one JSON line. *Chain* (CERTIFICATION T2): 711 of 1,000 decisions lead to state 1, so the weight is
logit(.711) / .9 = 1.000273046 with standard error 0.077512861. *Random worlds*: 20 states, 3 actions, 4
features, 400 trajectories of 10 decisions from the soft-optimal policy, in a discounted, a fixed-horizon
and a goal-conditioned form; the share of worlds whose second weight lies inside its 95 % interval (normal
quantile), by kind of standard error, with the exact 99.9 % binomial range at .95. *Exact policies*: largest
error of a weight inferred from the policy table of the truth.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

WORLDS = 1_000 if os.environ.get("TELIC_FULL") else 60
"""Random worlds of each form."""

KEY = 4_100
"""First key; chosen before the first run."""

S, A, K, HORIZON = 20, 3, 4, 10
TRAJECTORIES = 400
Z95 = 1.959963984540054


def chain() -> dict[str, float]:
    """The closed form, and what the fit gives."""
    from telic.features import FeatureMap
    from telic.inference import max_causal_entropy
    from telic.mdp import TabularMDP
    from telic.trajectories import Demonstrations

    world = TabularMDP.from_transition(np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]]), discount=0.9)
    in_one = FeatureMap(values=np.array([[0.0], [1.0]]), names=("in_one",), form="S")
    arrivals = (np.arange(1_000) < 711).astype(int)
    states = np.arange(1_000) % 2
    demos = Demonstrations.from_arrays(
        states, (arrivals != states).astype(int), next_states=arrivals, offsets=np.arange(1_001)
    )
    estimate = max_causal_entropy(demos, world, in_one)
    return {
        "weight": float(estimate.weights[0]),
        "weight_expected": 1.000273046,
        "standard_error": float(estimate.standard_errors("hessian")[0]),
        "standard_error_expected": 0.077512861,
    }


def fitted(form: str, key: int) -> tuple[Any, np.ndarray]:
    """``(estimate, truth)`` of one random world of the given form."""
    from telic.features import FeatureMap
    from telic.inference import max_causal_entropy
    from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
    from telic.planning import simulate, simulate_goals, solve_soft, solve_soft_finite, solve_soft_goals

    rng = np.random.default_rng(key)
    P = rng.dirichlet(np.full(S, 0.3), size=(S, A))
    phi = rng.normal(size=(S, A, K))
    truth = 0.5 * rng.normal(size=K)
    if form == "goals":
        phi[:, :, 0] = 1.0  # a cost of each step, high enough that arriving is worth more than wandering
        truth[0] = -3.0 - np.abs(phi[:, :, 1:] @ truth[1:]).max()
    features = FeatureMap(values=phi, names=tuple(f"f{k}" for k in range(K)))
    reward, start = phi @ truth, np.full(S, 1 / S)
    if form == "discounted":
        world: Any = TabularMDP.from_transition(P, discount=0.9, initial=start)
        demos = simulate(world, solve_soft(world, reward).policy, TRAJECTORIES, HORIZON, key=key)
    elif form == "horizon":
        world = FiniteHorizonMDP.from_transition(P, horizon=HORIZON, initial=start)
        demos = simulate(world, solve_soft_finite(world, reward).policy, TRAJECTORIES, key=key)
    else:
        goals = rng.choice(S, size=4, replace=False).astype(np.int32)
        transition = TabularMDP.from_transition(P, discount=0.5).transition
        world = GoalConditionedMDP(transition=transition, n_actions=A, goals=goals)
        ends = rng.choice(goals, TRAJECTORIES).astype(np.int32)
        starts = ((ends + rng.integers(1, S, TRAJECTORIES)) % S).astype(np.int32)
        demos = simulate_goals(world, solve_soft_goals(world, reward), starts, ends, key=key)
    return max_causal_entropy(demos, world, features), truth


def coverage(form: str) -> dict[str, Any]:
    """Share of worlds in which the interval of the second weight holds the truth, by kind."""
    from scipy.stats import binom

    from telic.rewards import KINDS

    inside = dict.fromkeys(KINDS, 0)
    for i in range(WORLDS):
        estimate, truth = fitted(form, KEY + i)
        if not estimate.outcome.ok:
            raise RuntimeError(f"{form}, key {KEY + i}: {estimate.outcome.label}")
        for kind in KINDS:  # one weight a world, so that the trials are independent
            inside[kind] += bool(
                abs(estimate.weights[1] - truth[1]) <= Z95 * estimate.standard_errors(kind)[1]
            )
    return {
        "worlds": WORLDS,
        "coverage": {kind: n / WORLDS for kind, n in inside.items()},
        "range_at_95": [float(binom.ppf(q, WORLDS, 0.95) / WORLDS) for q in (0.0005, 0.9995)],
    }


def exact_policies() -> float:
    """Largest error of a weight inferred from the exact policy of ten random worlds."""
    from telic.features import FeatureMap
    from telic.inference import fit_likelihood
    from telic.inference.likelihood import from_policy_table
    from telic.mdp import TabularMDP
    from telic.planning import solve_soft

    worst = 0.0
    for i in range(10):
        rng = np.random.default_rng(KEY + i)
        world = TabularMDP.from_transition(rng.dirichlet(np.full(S, 0.3), size=(S, A)), discount=0.95)
        phi, truth = rng.normal(size=(S, A, K)), rng.normal(size=K)
        table = solve_soft(world, phi @ truth).policy.table
        features = FeatureMap(values=phi, names=tuple(f"f{k}" for k in range(K)))
        estimate = fit_likelihood(from_policy_table(world, features, table))
        worst = max(worst, float(np.abs(estimate.weights - truth).max()))
    return worst


def main() -> int:
    start = time.process_time()
    told = {
        "chain": chain(),
        "exact_policy_error": exact_policies(),
        **{form: coverage(form) for form in ("discounted", "horizon", "goals")},
    }
    print(json.dumps({**told, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
