"""A crowded week does not outvote quiet ones: weights by stretches of time, and what they do to an estimate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from telic.datasets.period_weights import even_over_time
from telic.errors import DataError, SettingsError
from telic.features import FeatureMap
from telic.inference import max_causal_entropy, temporal_weights
from telic.mdp import TabularMDP
from telic.trajectories import Demonstrations

WEEK = 604_800.0
QUIET, CROWDED = (8, 2), (90, 810)  # decisions to hold and to add, a week


def log(n_quiet=9):
    """Nine quiet weeks in which one of five decisions adds, and a last one, full of incidents: nine of ten do."""
    weeks = [QUIET] * n_quiet + [CROWDED]
    actions = np.concatenate([np.repeat([0, 1], w) for w in weeks])
    times = np.concatenate([i * WEEK + np.linspace(0, WEEK / 2, sum(w)) for i, w in enumerate(weeks)])
    n = len(actions)
    demos = Demonstrations.from_arrays(
        np.zeros(n, int), actions, offsets=np.arange(n + 1), action_labels=("hold", "add")
    )
    return replace(demos, times=times)


def log_odds(demos):
    """The estimate of one weight where nothing follows: the log-odds of adding."""
    world = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=0.0)
    features = FeatureMap(values=np.array([[[0.0], [1.0]]]), names=("adds",), units=("add",))
    return float(max_causal_entropy(demos, world, features).weights[0])


def test_the_estimate_is_that_of_the_mean_week_not_of_the_crowded_one():
    demos = log()
    share = (9 * 2 + 810) / (9 * 10 + 900)
    assert log_odds(demos) == pytest.approx(np.log(share / (1 - share)), abs=1e-6)  # 0.84: the crowded week
    even = (9 * 0.2 + 0.9) / 10
    assert log_odds(even_over_time(demos, period_seconds=WEEK)) == pytest.approx(
        np.log(even / (1 - even)), abs=1e-6
    )


def test_forgetting_moves_it_as_stated():
    """Half-life of a week, decisions at the beginning of theirs: week i counts 2^-(9-i) a decision."""
    demos = log()
    demos = replace(demos, times=np.floor(demos.times / WEEK) * WEEK)
    aged = 2.0 ** -np.arange(9, 0, -1)
    adds, holds = 2 * aged.sum() + 810, 8 * aged.sum() + 90
    assert log_odds(temporal_weights(demos, half_life=WEEK)) == pytest.approx(np.log(adds / holds), abs=1e-6)


def test_stretches_add_up_alike_and_all_to_the_number_of_decisions():
    demos = even_over_time(log(), period_seconds=WEEK)
    sums = np.bincount((demos.times // WEEK).astype(int), weights=demos.weights)
    np.testing.assert_allclose(sums, 99.0)
    assert demos.weights.sum() == pytest.approx(990.0)
    again = even_over_time(demos, period_seconds=WEEK)
    np.testing.assert_allclose(again.weights, demos.weights)


def test_a_lone_decision_may_be_kept_from_counting_for_a_week():
    lone = log(1).select(np.concatenate([[0], np.arange(10, 910)]))
    assert even_over_time(lone, period_seconds=WEEK).weights[0] == pytest.approx(450.5)
    assert even_over_time(lone, period_seconds=WEEK, most=5.0).weights.max() == 5.0


def test_mistakes_at_the_door():
    with pytest.raises(DataError, match="need decisions with times"):
        even_over_time(replace(log(), times=None), period_seconds=WEEK)
    for wrong in ({"period_seconds": 0.0}, {"period_seconds": WEEK, "most": 0.5}):
        with pytest.raises(SettingsError, match="must be above 0 and `most` at least 1"):
            even_over_time(log(), **wrong)
