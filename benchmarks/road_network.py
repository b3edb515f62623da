"""A road-network-like graph of about 7,000 junctions with 400 destinations: one evaluation, and a full fit.

One JSON line: CPU seconds of one evaluation of the likelihood with score and Hessian (all destinations), of the full
fit of 4 weights with standard errors, and the peer figure's counterpart: one sparse factorisation and solve for all
destinations by scipy alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from telic.features import FeatureMap
from telic.inference.likelihood import GoalLikelihood
from telic.inference.methods.max_causal_entropy import max_causal_entropy
from telic.mdp import GoalConditionedMDP
from telic.mdp.library import road_network
from telic.planning import solve_soft_goals
from telic.planning.simulate import simulate_goals

KEY = 11


def plain_factorisation(world: GoalConditionedMDP, reward: np.ndarray) -> float:
    """CPU seconds of scipy's own sparse LU of ``I - M`` and one solve for each destination."""
    S, A = world.n_states, world.n_actions
    successor = world.transition.tocoo()
    weight = np.exp(reward.ravel()[successor.row])
    M = sp.csc_array((weight, (successor.row // A, successor.col)), shape=(S, S))
    start = time.process_time()
    factor = splu(sp.csc_array(sp.eye_array(S, format="csc") - M))
    unit = np.zeros((S, len(world.goals)))
    unit[world.goals, np.arange(len(world.goals))] = 1.0
    factor.solve(unit)
    return time.process_time() - start


def main() -> None:
    """Evaluate, fit and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=84)
    parser.add_argument("--goals", type=int, default=400)
    parser.add_argument("--trajectories", type=int, default=2_000)
    options = parser.parse_args()
    problem = road_network(options.rows, options.rows, n_goals=options.goals, key=KEY)
    world = problem.mdp
    assert isinstance(world, GoalConditionedMDP)
    features = FeatureMap(
        values=problem.features, names=problem.feature_names, units=problem.units, form=problem.form
    )
    solution = solve_soft_goals(world, problem.reward)
    rng = np.random.default_rng(KEY)
    demos = simulate_goals(
        world,
        solution,
        rng.integers(0, world.n_states, options.trajectories).astype(np.int32),
        rng.choice(world.goals, options.trajectories).astype(np.int32),
        key=KEY,
    )
    likelihood = GoalLikelihood(world, features, demos)
    start = time.process_time()
    likelihood.evaluate(problem.weights, order=0)
    value_seconds = time.process_time() - start
    start = time.process_time()
    likelihood.evaluate(problem.weights * 1.001, order=2)
    derivative_seconds = time.process_time() - start
    start = time.process_time()
    estimate = max_causal_entropy(demos, world, features)
    fit_seconds = time.process_time() - start
    errors = estimate.standard_errors("sandwich_clustered")
    print(
        json.dumps(
            {
                "n_states": world.n_states,
                "n_goals": len(world.goals),
                "n_decisions": demos.n_decisions,
                "result": estimate.outcome.label,
                "cpu_seconds_plain_factorisation": plain_factorisation(world, problem.reward),
                "cpu_seconds_evaluation": value_seconds,
                "cpu_seconds_evaluation_with_hessian": derivative_seconds,
                "cpu_seconds_fit": fit_seconds,
                "score_norm": estimate.certificate["score_norm"],
                "largest_error_in_standard_errors": float(
                    np.abs((estimate.weights - problem.weights) / errors).max()
                ),
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
