"""The likelihood-ratio test: calibrated on the chain, refused where it means nothing.

Calibration: with the switch cost truly 0, p-values of leaving it out are uniform. 200 data sets of 300
decisions; Kolmogorov-Smirnov at level .0005 and the count below .05 inside the central 99.95 % of its
binomial (two gates of .001 / 2). The key was fixed before the first run.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, chi2, kstest

from telic.errors import DataError, FeatureError, NumericalError, SettingsError
from telic.features import FeatureMap
from telic.inference import FitSettings, fit_likelihood, max_causal_entropy
from telic.inference.likelihood import Counts, DiscountedLikelihood
from telic.inference.likelihood_ratio import likelihood_ratio_test
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.rewards import RewardEstimate
from telic.trajectories import Demonstrations

KEY = 7_301
CHAIN = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
WORLD = TabularMDP.from_transition(CHAIN, discount=0.9)
ON = np.array([[0.0, 0.0], [1.0, 1.0]])
SWITCH = np.array([[0.0, 1.0], [0.0, 1.0]])
FULL = FeatureMap(values=np.stack([ON, SWITCH], axis=-1), names=("on", "switch"))
LESS = FeatureMap(values=ON[..., None], names=("on",))
P_ON = 1 / (1 + np.exp(-0.9))  # T1: chance of being in state 1 next, weight 1, no switch cost


def counted(states: np.ndarray, actions: np.ndarray) -> Counts:
    totals = np.bincount(states * 2 + actions, minlength=4).astype(float)
    return Counts(by_cluster=None, totals=totals, squares=totals, n_decisions=len(states))


def drawn(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    states = rng.integers(0, 2, n)
    to_one = rng.random(n) < P_ON
    return states, np.where(states == 1, ~to_one, to_one).astype(int)


def fits(n: int = 300, key: int = 1) -> tuple[RewardEstimate, RewardEstimate]:
    states, actions = drawn(np.random.default_rng(key), n)
    demos = Demonstrations.from_arrays(states, actions, next_states=np.full(n, -1), action_labels=["0", "1"])
    return max_causal_entropy(demos, WORLD, LESS), max_causal_entropy(demos, WORLD, FULL)


@pytest.mark.slow
def test_p_values_are_uniform_when_the_restriction_holds() -> None:
    rng = np.random.default_rng(KEY)
    settings = FitSettings(standard_errors=False)
    found = []
    for _ in range(200):
        counts = counted(*drawn(rng, 300))
        less = fit_likelihood(DiscountedLikelihood(WORLD, LESS, counts), settings)
        full = fit_likelihood(DiscountedLikelihood(WORLD, FULL, counts), settings)
        found.append(likelihood_ratio_test(less, full).p_value)
    assert kstest(found, "uniform").pvalue > 0.0005
    low, high = binom.ppf([0.00025, 0.99975], 200, 0.05)
    assert low <= np.sum(np.array(found) < 0.05) <= high


def test_statistic_and_p_value_by_hand() -> None:
    less, full = fits()
    found = likelihood_ratio_test(less, full)
    by_hand = 2 * (full.choice_log_likelihood - less.choice_log_likelihood)
    assert found.statistic == pytest.approx(by_hand)
    assert found.p_value == pytest.approx(chi2.sf(by_hand, 1), rel=1e-10)
    assert (found.degrees_of_freedom, found.left_out) == (1, ("switch",))
    # The saturated chain has one free chance a state, so the full likelihood is that of two binomials.
    demos_states, demos_actions = drawn(np.random.default_rng(1), 300)
    counts = np.bincount(demos_states * 2 + demos_actions, minlength=4).reshape(2, 2)
    best = (counts * np.log(counts / counts.sum(axis=1, keepdims=True))).sum()
    assert found.full_log_likelihood == pytest.approx(best, abs=1e-8)
    assert "Leaving out switch costs" in found.sentence
    assert found.summary().headline == found.sentence
    assert found.to_json()["left_out"] == ["switch"]


def test_a_null_direction_counts_for_nothing() -> None:
    values = np.stack([ON, SWITCH, np.ones((2, 2))], axis=-1)
    states, actions = drawn(np.random.default_rng(1), 300)
    demos = Demonstrations.from_arrays(
        states, actions, next_states=np.full(300, -1), action_labels=["0", "1"]
    )
    wide = max_causal_entropy(demos, WORLD, FeatureMap(values=values, names=("on", "switch", "one")))
    less, full = fits()
    assert likelihood_ratio_test(less, wide).degrees_of_freedom == 1
    with pytest.raises(FeatureError, match="adds no direction"):
        likelihood_ratio_test(full, wide)


def test_it_is_refused_where_it_means_nothing() -> None:
    less, full = fits()
    with pytest.raises(FeatureError, match="both have the same"):
        likelihood_ratio_test(full, full)
    with pytest.raises(FeatureError, match="has switch of its own"):
        likelihood_ratio_test(full, less)
    with pytest.raises(NumericalError, match="did not converge"):
        likelihood_ratio_test(less, replace(full, outcome=Outcome.MAX_ITERATIONS))
    with pytest.raises(DataError, match="same decisions"):
        likelihood_ratio_test(fits(key=2)[0], full)
    with pytest.raises(SettingsError, match="different assumptions: discount"):
        likelihood_ratio_test(less, replace(full, fixed_by_assumption={"discount": 0.8, "rationality": 1.0}))
    with pytest.raises(SettingsError, match="penalised"):
        likelihood_ratio_test(
            less, replace(full, fixed_by_assumption={**full.fixed_by_assumption, "l2": 1.0})
        )
    with pytest.raises(NumericalError, match="less likely than its restriction"):
        likelihood_ratio_test(less, replace(full, choice_log_likelihood=less.choice_log_likelihood - 1.0))


def test_features_of_one_name_must_be_one_feature() -> None:
    less, _ = fits()
    states, actions = drawn(np.random.default_rng(1), 300)
    demos = Demonstrations.from_arrays(
        states, actions, next_states=np.full(300, -1), action_labels=["0", "1"]
    )
    doubled = FeatureMap(values=np.stack([2 * ON, SWITCH], axis=-1), names=("on", "switch"))
    with pytest.raises(FeatureError, match="Features of one name"):
        likelihood_ratio_test(less, max_causal_entropy(demos, WORLD, doubled))


def test_weighted_decisions_have_no_likelihood_ratio_and_say_so() -> None:
    """Ten times the weight is no more evidence: the sandwich is the same, the gain ten times as large."""
    states, actions = drawn(np.random.default_rng(1), 300)
    demos = Demonstrations.from_arrays(
        states,
        actions,
        next_states=np.full(300, -1),
        offsets=np.arange(0, 301, 10),
        action_labels=["0", "1"],
    )
    heavy = replace(demos, weights=np.full(300, 10.0))
    less, full = (max_causal_entropy(heavy, WORLD, features) for features in (LESS, FULL))
    with pytest.raises(DataError, match="Decisions carry weights"):
        likelihood_ratio_test(less, full)
    plain = max_causal_entropy(demos, WORLD, FULL)
    for kind in ("sandwich", "sandwich_clustered"):
        assert full.standard_errors(kind) == pytest.approx(plain.standard_errors(kind), rel=1e-6)
    (finding,) = [f for f in full.findings if f.code == "weighted-decisions"]
    assert "weights from 10 to 10" in finding.message
    assert not [f for f in plain.findings if f.code == "weighted-decisions"]
