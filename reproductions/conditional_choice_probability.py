"""Conditional choice probabilities: the chain in closed form, Rust's problem in shape, and agreement with the
exact likelihood.

    python reproductions/conditional_choice_probability.py                  # reduced: 20 worlds
    TELIC_FULL=1 python reproductions/conditional_choice_probability.py     # 200

prints one JSON line. *Chain* (CERTIFICATION T4): inversion of the exact choice probabilities returns (1.0,
0.5) and 500 observations a state give standard errors (.07148, .07644) with correlation -.2771. *Agreement*:
random worlds with 40 states; largest distance of the nested pseudo-likelihood from the maximum of the exact
likelihood, and of the two-step estimate in standard errors.
"""

from __future__ import annotations

import json
import os
import sys
import time

import numpy as np

WORLDS = 200 if os.environ.get("TELIC_FULL") else 20
"""Random worlds."""

KEY = 4_400
"""First key; chosen before the first run."""

S, A, K = 40, 3, 4


def chain() -> dict[str, object]:
    """T4."""
    from telic.features import FeatureMap
    from telic.inference import invert_choice_probabilities
    from telic.mdp.library import chain as make

    problem = make(switch_cost=0.5)
    features = FeatureMap(values=problem.features, names=problem.feature_names)
    switch = np.array([0.65161056, 0.16436173])
    policy = np.stack([1 - switch, switch], axis=1)
    estimate = invert_choice_probabilities(policy, problem.mdp, features, state_weights=np.full(2, 500.0))
    C = estimate.covariance("hessian")
    return {
        "weights": estimate.weights.round(6).tolist(),
        "weights_expected": [1.0, 0.5],
        "standard_errors": estimate.standard_errors("hessian").round(5).tolist(),
        "standard_errors_expected": [0.07148, 0.07644],
        "correlation": round(float(C[0, 1] / np.sqrt(C[0, 0] * C[1, 1])), 4),
        "correlation_expected": -0.2771,
    }


def agreement() -> dict[str, float]:
    """Nested pseudo-likelihood and two steps against the exact likelihood on simulated data."""
    from telic.features import FeatureMap
    from telic.inference import (
        ConditionalChoiceProbabilitySettings,
        conditional_choice_probability,
        max_causal_entropy,
    )
    from telic.mdp import TabularMDP
    from telic.planning import simulate, solve_soft

    nested_gap, two_step_gap, policies = 0.0, [], []
    for i in range(WORLDS):
        rng = np.random.default_rng(KEY + i)
        world = TabularMDP.from_transition(
            rng.dirichlet(np.full(S, 0.3), size=(S, A)), discount=0.95, initial=np.full(S, 1 / S)
        )
        phi, truth = rng.normal(size=(S, A, K)), 0.5 * rng.normal(size=K)
        features = FeatureMap(values=phi, names=tuple(f"f{k}" for k in range(K)))
        demos = simulate(world, solve_soft(world, phi @ truth).policy, 300, 20, key=KEY + i)
        exact = max_causal_entropy(demos, world, features)
        nested = conditional_choice_probability(demos, world, features)
        settings = ConditionalChoiceProbabilitySettings(n_iterations=1)
        two_steps = conditional_choice_probability(demos, world, features, settings=settings)
        nested_gap = max(nested_gap, float(np.abs(nested.weights - exact.weights).max()))
        errors = exact.standard_errors("hessian")
        two_step_gap.append(float(np.abs((two_steps.weights - exact.weights) / errors).max()))
        policies.append(nested.certificate["n_policies"])
    return {
        "worlds": WORLDS,
        "nested_largest_gap": nested_gap,
        "nested_policies_median": float(np.median(policies)),
        "two_step_gap_in_standard_errors_median": float(np.median(two_step_gap)),
        "two_step_gap_in_standard_errors_largest": max(two_step_gap),
    }


def main() -> int:
    start = time.process_time()
    told = {"chain": chain(), "agreement": agreement()}
    print(json.dumps({**told, "seconds": time.process_time() - start}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
