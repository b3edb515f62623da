"""T2: the inverse of chain C has a closed form.

States {0, 1}, action 0 stays, 1 switches, reward theta in state 1, discount .9: the chance of being in 1
next is sigmoid(.9 theta) from both states, so with k of N decisions leading to 1, theta = logit(k/N) / .9
and its standard error is 1 / (.9 sqrt(N p (1 - p))). N = 1000, k = 711: 1.000273046 and 0.077512861
(CERTIFICATION.md, tolerance 1e-6). The true coverage of the 95 % Wald interval there is .956; over 1,000
simulated sets it must lie inside the central 99.9 % binomial interval of that. The key of the simulation is
fixed and was chosen before the first run.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from telic.features import FeatureMap
from telic.inference import FitSettings, fit_likelihood, max_causal_entropy
from telic.inference.likelihood import DiscountedLikelihood
from telic.mdp import TabularMDP
from telic.trajectories import Demonstrations

COVERAGE_KEY = 20260101
N, N_SETS = 1_000, 1_000


def chain() -> tuple[TabularMDP, FeatureMap]:
    world = TabularMDP.from_transition(np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]]), discount=0.9)
    return world, FeatureMap(values=np.array([[0.0], [1.0]]), names=("in_one",), form="S")


def decisions(arrivals: np.ndarray, states: np.ndarray) -> Demonstrations:
    """Decisions that lead to the given next states, each its own trajectory."""
    return Demonstrations.from_arrays(
        states,
        (arrivals != states).astype(int),
        next_states=arrivals,
        offsets=np.arange(len(states) + 1),
        action_labels=("stay", "switch"),
    )


def test_estimate_and_standard_error() -> None:
    world, features = chain()
    arrivals = np.zeros(N, dtype=int)
    arrivals[:711] = 1
    states = np.arange(N) % 2
    estimate = max_causal_entropy(decisions(arrivals, states), world, features)
    assert estimate.outcome.ok
    assert estimate.weights[0] == pytest.approx(1.000273046, abs=1e-6)
    for kind in ("hessian", "outer_product", "sandwich", "sandwich_clustered"):
        # One weight and a binomial sample: information, outer product and sandwich coincide.
        assert estimate.standard_errors(kind)[0] == pytest.approx(0.077512861, abs=1e-6)
    p = 0.711
    assert estimate.choice_log_likelihood == pytest.approx(
        N * (p * math.log(p) + (1 - p) * math.log(1 - p)), abs=1e-8
    )
    assert estimate.certificate["score_norm"] <= 1e-6


def test_the_whole_path_for_every_count() -> None:
    """The closed form over the range of k, both signs of theta included."""
    world, features = chain()
    for k in (1, 50, 200, 500, 800, 990):
        arrivals = np.zeros(N, dtype=int)
        arrivals[:k] = 1
        estimate = max_causal_entropy(decisions(arrivals, np.arange(N) % 2), world, features)
        assert estimate.weights[0] == pytest.approx(math.log(k / (N - k)) / 0.9, abs=1e-6)


@pytest.mark.slow
def test_coverage_of_wald_intervals() -> None:
    from scipy.stats import binom

    world, features = chain()
    rng = np.random.default_rng(COVERAGE_KEY)
    p = 1 / (1 + math.exp(-0.9))
    covered, by_count = 0, {}
    for _ in range(N_SETS):
        arrivals = (rng.random(N) < p).astype(int)
        k = int(arrivals.sum())
        if (
            k not in by_count
        ):  # the chance of arriving is the same from both states, so sets differ in k alone
            demos = decisions(arrivals, np.arange(N) % 2)
            estimate = fit_likelihood(DiscountedLikelihood(world, features, demos), FitSettings())
            half = 1.959963984540054 * estimate.standard_errors("hessian")[0]
            by_count[k] = abs(estimate.weights[0] - 1.0) <= half
        covered += by_count[k]
    low, high = binom.ppf(0.0005, N_SETS, 0.956), binom.ppf(0.9995, N_SETS, 0.956)
    assert low <= covered <= high, covered
