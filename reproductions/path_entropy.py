"""The path model of 2008 on RiskyPath: the risk it takes, and the bias of its weights beside causal entropy.

    python reproductions/path_entropy.py                  # reduced: 5,000 paths
    TELIC_FULL=1 python reproductions/path_entropy.py     # 100,000

prints one JSON line. *Risk* (CERTIFICATION T6): chance of the risky action at the start. *Bias*: paths of a
causal-entropy expert on RiskyPath (H = 3, goal 1, trap -2, half of the time starting on the detour), and the
weights that each method finds in them.
"""

from __future__ import annotations

import json
import os
import sys
import time

import numpy as np

PATHS = 100_000 if os.environ.get("TELIC_FULL") else 5_000
"""Simulated paths."""

KEY = 606
"""Chosen before the first run."""


def risk() -> dict[str, object]:
    """T6."""
    from telic.inference.path_model import solve_paths
    from telic.mdp.library import risky_path
    from telic.planning import solve_soft_finite

    told = {}
    for trap, horizon, expected in [
        (-100.0, 3, 0.665241),
        (-100.0, 5, 0.688434),
        (-2.0, 3, 0.665792),
        (-2.0, 5, 0.688435),
    ]:
        problem = risky_path(horizon=horizon, trap=trap)
        told[f"trap {trap:g}, H {horizon}"] = {
            "path_model": round(
                float(np.exp(solve_paths(problem.mdp, problem.reward).log_policy[0, 0, 1])), 6
            ),
            "path_model_expected": expected,
            "causal_entropy": float(solve_soft_finite(problem.mdp, problem.reward).policy.table[0, 0, 1]),
        }
    return told


def bias() -> dict[str, object]:
    """Weights from the paths of a causal-entropy expert."""
    from telic.features import FeatureMap
    from telic.inference import max_causal_entropy, path_entropy
    from telic.mdp.library import risky_path
    from telic.planning import simulate, solve_soft_finite

    problem = risky_path(horizon=3, trap=-2.0)
    features = FeatureMap(values=problem.features, names=problem.feature_names, form=problem.form)
    policy = solve_soft_finite(problem.mdp, problem.reward).policy
    starts = np.arange(PATHS) % 2
    demos = simulate(problem.mdp, policy, PATHS, key=KEY, starts=starts)
    path, causal = (
        path_entropy(demos, problem.mdp, features),
        max_causal_entropy(demos, problem.mdp, features),
    )
    return {
        "truth": problem.weights.tolist(),
        "path_model": path.weights.round(4).tolist(),
        "causal_entropy": causal.weights.round(4).tolist(),
        "causal_entropy_errors": causal.standard_errors("hessian").round(4).tolist(),
        "path_model_warns": any(f.code == "stochastic-dynamics" for f in path.findings),
    }


def main() -> int:
    start = time.process_time()
    told = {"risk": risk(), "bias": bias()}
    print(json.dumps({**told, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
