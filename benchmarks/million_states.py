"""A million states, five actions, three successors each, 25 weights, a million decisions: one full fit.

States lie on a ring; action a moves by about 3 (a - 2) places with noise over three neighbouring places. 25
dense smooth features of the state, weights drawn once; decisions are simulated from the soft-optimal policy
(10,000 trajectories of 100). One JSON line: CPU seconds of the fit with all standard errors, its score norm a
decision, largest error of a weight in standard errors, peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time

import numpy as np
import scipy.sparse as sp

from telic.features import FeatureMap
from telic.inference.driver import FitProgress
from telic.inference.methods.max_causal_entropy import MaxCausalEntropySettings, max_causal_entropy
from telic.mdp import TabularMDP
from telic.planning import solve_soft
from telic.planning.simulate import simulate

A, L, K = 5, 3, 25
DISCOUNT = 0.95
KEY = 7


def ring(n_states: int, A: int = A) -> TabularMDP:
    """``A`` moves along a ring, each landing on one of three neighbouring places."""
    rng = np.random.default_rng(KEY)
    s = np.arange(n_states)[:, None, None]
    a = np.arange(A)[None, :, None]
    landing = (s + 3 * (a - A // 2) + np.arange(L)[None, None, :] - 1) % n_states
    chance = rng.dirichlet(np.ones(L) * 2, size=(n_states, A))
    order = np.argsort(landing, axis=2)
    indices = np.take_along_axis(landing, order, 2).astype(np.int32).ravel()
    data = np.take_along_axis(chance, order, 2).ravel()
    indptr = np.arange(0, n_states * A * L + 1, L, dtype=np.int32)
    P = sp.csr_array((data, indices, indptr), shape=(n_states * A, n_states))
    return TabularMDP(transition=P, n_actions=A, discount=DISCOUNT)


def waves(n_states: int, K: int = K) -> FeatureMap:
    """``K`` sines of growing period and random phase."""
    rng = np.random.default_rng(KEY + 1)
    phase = rng.uniform(0, 2 * np.pi, K)
    period = np.geomspace(20, 400, K)
    values = np.sin(2 * np.pi * np.arange(n_states)[:, None] / period + phase)
    return FeatureMap(values=values, names=tuple(f"wave_{k}" for k in range(K)), units=("",) * K, form="S")


def told(at: FitProgress) -> None:
    """Progress on standard error."""
    print(f"  {at}", file=sys.stderr, flush=True)


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--states", type=int, default=1_000_000)
    parser.add_argument("--trajectories", type=int, default=10_000)
    options = parser.parse_args()
    world, features = ring(options.states), waves(options.states)
    truth = np.random.default_rng(KEY + 2).normal(scale=0.3, size=K)
    reward = np.repeat((features.values @ truth)[:, None], A, axis=1)
    start = time.process_time()
    solution = solve_soft(world, reward)
    solve_seconds = time.process_time() - start
    demos = simulate(
        world,
        solution.policy,
        options.trajectories,
        100,
        key=KEY + 3,
        starts=np.random.default_rng(KEY + 4)
        .integers(0, options.states, options.trajectories)
        .astype(np.int32),
    )
    before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start, wall = time.process_time(), time.perf_counter()
    estimate = max_causal_entropy(
        demos, world, features, settings=MaxCausalEntropySettings(tolerance=1e-7), progress=told
    )
    seconds, wall = time.process_time() - start, time.perf_counter() - wall
    errors = estimate.standard_errors("sandwich_clustered")
    print(
        json.dumps(
            {
                "n_states": options.states,
                "n_decisions": demos.n_decisions,
                "result": estimate.outcome.label,
                "soft_solve_cpu_seconds": solve_seconds,
                "soft_residual": solution.residual,
                "cpu_seconds": seconds,
                "wall_seconds": wall,
                "score_norm": estimate.certificate["score_norm"],
                "largest_error_in_standard_errors": float(np.abs((estimate.weights - truth) / errors).max()),
                "peak_mib_before_fit": before_mib,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
