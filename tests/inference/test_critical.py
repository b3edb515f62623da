"""How far intervals reach: normal for independent decisions, Student's t for few trajectories.

Expected values: the table of Student's t (12.706, 3.182, 2.262, 2.069 at 1, 3, 9, 23 degrees of freedom) and
the factor sqrt(N / (N - 1)); coverage is measured on clustered coin tosses whose truth is known.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from telic.features import FeatureMap
from telic.inference import max_causal_entropy
from telic.inference.critical import critical_value
from telic.inference.tradeoffs import TradeoffStatus, preferred_kind, tradeoff
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.rewards import Gauge, LinearReward, RewardEstimate
from telic.trajectories import Demonstrations

KINDS = ("hessian", "sandwich", "sandwich_clustered")


def made(n_trajectories: int, K: int = 2, **changes: Any) -> RewardEstimate:
    names = ("n", "d", "e", "f")[:K]
    features = FeatureMap(values=np.zeros((2, 2, K)), names=names, units=("minute", "pod-hour", "", "")[:K])
    weights = np.array([2.0, 1.0, 1.0, 1.0])[:K]
    given: dict[str, Any] = {
        "method": "by_hand",
        "outcome": Outcome.SUCCESS,
        "reward": LinearReward(features=features, weights=weights),
        "names": names,
        "units": features.units,
        "weights": weights,
        "covariances": {kind: np.diag([0.09, 0.01, 0.01, 0.01])[:K, :K] for kind in KINDS},
        "gauge": Gauge(kind="minimum-norm", description="By hand.", rationality=1.0, discount=0.9),
        "null_directions": np.zeros((0, K)),
        "n_decisions": 100,
        "n_trajectories": n_trajectories,
        "choice_log_likelihood": -1.0,
        "transition_log_likelihood": None,
        "certificate": {},
        "fixed_by_assumption": {"discount": 0.9, "rationality": 1.0},
        "seconds": 0.0,
    }
    return RewardEstimate(**{**given, **changes})


@pytest.mark.parametrize(("N", "t"), [(2, 12.7062), (4, 3.18245), (10, 2.26216), (24, 2.06866)])
def test_clustered_errors_use_students_t(N: int, t: float) -> None:
    reach = critical_value(made(N), "sandwich_clustered")
    assert reach.degrees_of_freedom == N - 1
    assert reach.value == pytest.approx(t * math.sqrt(N / (N - 1)), abs=1e-4)
    assert f"Student's t with {N - 1} degrees of freedom" in reach.words


@pytest.mark.parametrize("kind", ["hessian", "sandwich", "outer_product", ""])
def test_other_errors_use_the_normal_quantile(kind: str) -> None:
    reach = critical_value(made(4), kind, level=0.9)
    assert reach.value == pytest.approx(1.644854, abs=1e-6)
    assert reach.degrees_of_freedom is None
    assert "normal" in reach.words


def test_the_interval_says_how_far_it_reaches() -> None:
    few, many = (tradeoff(made(N), "n", "d", kind="sandwich_clustered") for N in (6, 10_000))
    assert few.interval is not None and many.interval is not None
    assert few.interval[1] - few.interval[0] > 1.3 * (many.interval[1] - many.interval[0])
    assert few.to_json()["degrees_of_freedom"] == 5
    assert few.to_json()["critical_value"] == pytest.approx(2.570582 * math.sqrt(6 / 5), abs=1e-5)
    assert tradeoff(made(6), "n", "d", kind="hessian").to_json()["degrees_of_freedom"] is None


def test_errors_of_one_trajectory_are_none() -> None:
    found = tradeoff(made(1), "n", "d", kind="sandwich_clustered")
    assert (found.status, found.interval, found.value) == (TradeoffStatus.NO_ERRORS, None, 2.0)
    assert "one trajectory" in found.sentence
    assert found.to_json()["critical_value"] is None


def test_no_more_trajectories_than_weights_are_not_clustered_by_unasked() -> None:
    assert preferred_kind(made(2)) == "sandwich"
    assert preferred_kind(made(3)) == "sandwich_clustered"
    assert preferred_kind(made(2), "sandwich_clustered") == "sandwich_clustered"
    # One direction of four that the data cannot tell leaves three weights.
    one_null = np.array([[0.0, 0.0, 0.0, 1.0]])
    assert preferred_kind(made(4, K=4)) == "sandwich"
    assert preferred_kind(made(4, K=4, null_directions=one_null)) == "sandwich_clustered"
    # A fixed weight needs no telling; an estimated rationality does.
    held = {"discount": 0.9, "rationality": 1.0, "weight of d": 1.0}
    assert preferred_kind(made(2, fixed_by_assumption=held)) == "sandwich_clustered"
    free = {"discount": 0.9, "weight of d": 1.0}
    assert preferred_kind(made(2, fixed_by_assumption=free)) == "sandwich"
    only = {"sandwich_clustered": np.eye(2)}
    assert preferred_kind(made(2, covariances=only)) == "sandwich_clustered"
    assert preferred_kind(made(5, n_effective_trajectories=1.9)) == "sandwich"


@pytest.mark.parametrize("N", [4, 6, 24])
def test_intervals_of_few_trajectories_cover_the_truth(N: int) -> None:
    """Chain C (two states, reward 1 in state 1, discount .9), 2,000 logs of N trajectories of 40 decisions.

    On C everything is known: the weight is logit(k / n) / .9 and the score of a trajectory .9 (k_i - 40 k / n),
    so the fit need not be run (one is, below). Gate: .001 / 3 for each N, keys fixed before the first run.
    """
    p, sets, length = 1 / (1 + math.exp(-0.9)), 2_000, 40
    k = np.random.default_rng(60_317 + N).binomial(length, p, (sets, N))
    share = k.mean(axis=1) / length
    miss = np.abs(np.log(share / (1 - share)) / 0.9 - 1.0)
    score = 0.9 * (k - length * share[:, None])
    error = np.sqrt((score**2).sum(axis=1)) / (0.81 * N * length * share * (1 - share))
    low, high = binom.interval(1 - 0.001 / 3, sets, 0.95)
    reach = critical_value(made(N), "sandwich_clustered").value
    assert low <= np.sum(miss <= reach * error) <= high
    if N < 10:
        assert np.sum(miss <= 1.959964 * error) < low, "the reason for Student's t has gone"


@pytest.mark.parametrize("N", [6, 10])
def test_trajectories_of_unequal_length_count_as_fewer(N: int) -> None:
    """As above with lengths from a geometric law of mean 40; gate .001 / 2, on the low side.

    A sum of squares over trajectories of such lengths rests on about half of them, so the interval may cover
    more than 95 %, but must not cover less; by the plain number of trajectories it does.
    """
    p, sets = 1 / (1 + math.exp(-0.9)), 2_000
    rng = np.random.default_rng(60_400 + N)
    hits = {"effective": 0, "plain": 0}
    for _ in range(sets):
        lengths = rng.geometric(1 / 40, N)
        k = rng.binomial(lengths, p)
        n, share = lengths.sum(), k.sum() / lengths.sum()
        score = 0.9 * (k - lengths * share)
        error = math.sqrt((score**2).sum()) / (0.81 * n * share * (1 - share))
        miss = abs(math.log(share / (1 - share)) / 0.9 - 1.0)
        worth = float(n**2 / (lengths.astype(float) ** 2).sum())
        for name, fit in (("effective", made(N, n_effective_trajectories=worth)), ("plain", made(N))):
            hits[name] += miss <= critical_value(fit, "sandwich_clustered").value * error
    low, _ = binom.interval(1 - 0.001, sets, 0.95)
    assert hits["plain"] < low <= hits["effective"], hits


def test_the_closed_form_above_is_the_fit() -> None:
    P = np.zeros((2, 2, 2))
    P[0, 0, 0] = P[0, 1, 1] = P[1, 0, 1] = P[1, 1, 0] = 1.0
    N, length = 6, 40
    to_one = np.random.default_rng(1).random((N, length)) < 0.7
    states = np.concatenate([np.zeros((N, 1), int), to_one[:, :-1].astype(int)], axis=1)
    fit = max_causal_entropy(
        Demonstrations.from_arrays(
            states.ravel(),
            (to_one != states.astype(bool)).astype(int).ravel(),
            next_states=to_one.astype(int).ravel(),
            offsets=np.arange(0, N * length + 1, length),
        ),
        TabularMDP.from_transition(P, discount=0.9),
        FeatureMap(values=np.array([[0.0], [1.0]]), names=("in_one",), form="S"),
    )
    share = to_one.mean()
    assert fit.weights[0] == pytest.approx(math.log(share / (1 - share)) / 0.9, abs=1e-7)
    score = 0.9 * (to_one.sum(axis=1) - length * share)
    error = math.sqrt((score**2).sum()) / (0.81 * N * length * share * (1 - share))
    assert fit.standard_errors("sandwich_clustered")[0] == pytest.approx(error, rel=1e-6)
    assert (fit.n_trajectories, fit.effective_trajectories) == (N, pytest.approx(N))
