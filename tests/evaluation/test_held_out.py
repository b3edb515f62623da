"""Held-out likelihood: hand counts, clustered intervals, baselines, impossible decisions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

from telic.errors import DataError
from telic.evaluation import clustered_mean, decision_log_probs, held_out
from telic.policies import HistoryPolicy, TabularPolicy
from telic.trajectories import Demonstrations

TRAIN = Demonstrations.from_arrays([0, 0, 0, 1], [0, 0, 1, 1])
TEST = Demonstrations.from_arrays([0, 1, 0, 0], [0, 0, 1, 0], offsets=[0, 2, 3, 4], action_labels=["l", "r"])


def test_scores_by_hand() -> None:
    table = TabularPolicy(table=np.array([[0.9, 0.1], [0.2, 0.8]]))
    got = held_out({"mine": table}, TEST, train=TRAIN, n_states=2)
    assert [s.name for s in got.scores] == ["mine", "uniform", "behavioural_cloning"]
    assert got["mine"].nats_per_decision == pytest.approx(np.log([0.9, 0.2, 0.1, 0.9]).mean())
    assert got["mine"].bits_per_decision == pytest.approx(np.log2([0.9, 0.2, 0.1, 0.9]).mean())
    assert got["uniform"].nats_per_decision == pytest.approx(np.log(0.5))
    clone = np.log([2.5 / 4, 0.5 / 2, 1.5 / 4, 2.5 / 4])
    assert got["behavioural_cloning"].nats_per_decision == pytest.approx(clone.mean())
    gain = got["mine"].over["behavioural_cloning"]
    assert gain.value == pytest.approx((np.log([0.9, 0.2, 0.1, 0.9]) - clone).mean())
    assert got.to_json()["baselines"] == {
        "uniform": pytest.approx(np.log(0.5)),
        "behavioural_cloning": pytest.approx(clone.mean()),
    }


def test_available_actions_change_both_baselines() -> None:
    only = np.array([[True, True], [True, False]])
    train = Demonstrations.from_arrays([0, 1], [0, 0])
    got = held_out({}, TEST, train=train, n_states=2, available=only)
    assert got["uniform"].nats_per_decision == pytest.approx(np.log([0.5, 1.0, 0.5, 0.5]).mean())
    assert got["behavioural_cloning"].nats_per_decision == pytest.approx(np.log([0.75, 1, 0.25, 0.75]).mean())


def test_clustered_interval_is_that_of_trajectory_means_where_they_are_equally_long() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 5)) + rng.normal(size=(12, 1))
    got = clustered_mean(x.ravel(), np.repeat(np.arange(12), 5), level=0.9)
    means = x.mean(axis=1)
    assert got.standard_error == pytest.approx(means.std(ddof=1) / np.sqrt(12))
    low, high = st.t.interval(0.9, 11, means.mean(), means.std(ddof=1) / np.sqrt(12))
    assert got.interval == pytest.approx((low, high))


def test_unequal_trajectories_leave_one_out_and_count_as_fewer() -> None:
    rng = np.random.default_rng(1)
    lengths = np.array([3, 40, 8, 1, 22])
    who, w = np.repeat(np.arange(5), lengths), rng.uniform(0.5, 2.0, lengths.sum())
    x = rng.normal(size=len(who))
    got = clustered_mean(x, who, w, level=0.9)
    without = np.array([np.average(x[who != i], weights=w[who != i]) for i in range(5)])
    error = np.sqrt(4 / 5 * ((without - got.value) ** 2).sum())
    assert got.standard_error == pytest.approx(error)
    sizes = np.bincount(who, weights=w)
    df = sizes.sum() ** 2 / (sizes**2).sum() - 1
    assert got.interval == pytest.approx(st.t.interval(0.9, df, got.value, error))


def test_intervals_over_unequal_trajectories_cover_the_mean() -> None:
    """Lengths from a geometric law of mean 30, an effect of each trajectory, 8 of them; 1,500 sets, gate .001."""
    rng, hits = np.random.default_rng(80_401), 0
    for _ in range(1_500):
        who = np.repeat(np.arange(8), rng.geometric(1 / 30, 8))
        x = rng.exponential(1.0, len(who)) + rng.normal(0, 0.5, 8)[who]
        low, high = clustered_mean(x, who).interval or (0.0, 0.0)
        hits += low <= 1.0 <= high
    assert hits >= st.binom.ppf(0.0005, 1_500, 0.95)


def test_one_trajectory_has_no_interval_and_few_have_a_finding() -> None:
    one = held_out({}, TEST.select([0]), train=TRAIN, n_states=2)
    assert one["uniform"].nats.interval is None
    assert [f.code for f in one.findings] == ["few-held-out-trajectories"]


def test_impossible_decisions_are_counted_and_named() -> None:
    never = TabularPolicy(table=np.array([[1.0, 0.0], [0.5, 0.5]]))
    got = held_out({"never": never}, TEST, train=TRAIN, n_states=2)
    assert got["never"].nats_per_decision == -np.inf and got["never"].n_impossible == 1
    assert got.to_json()["nats_per_decision"] is None
    assert got.findings[0].evidence["rows"] == [2]


def test_every_kind_of_policy_is_scored() -> None:
    table = np.array([[0.9, 0.1], [0.2, 0.8]])
    wanted = np.log([0.9, 0.2, 0.1, 0.9])
    memory = HistoryPolicy(
        previous=np.array([-1], dtype=np.int32),
        current=np.array([0], dtype=np.int32),
        table=np.array([[0.3, 0.7]]),
        unseen=table,
    )
    assert decision_log_probs(np.log(table), TEST) == pytest.approx(wanted)
    assert decision_log_probs(memory, TEST) == pytest.approx(np.log([0.3, 0.2, 0.7, 0.3]))
    timed = TabularPolicy(table=np.stack([table, table[::-1]]))
    assert decision_log_probs(timed, TEST) == pytest.approx(np.log([0.9, 0.9, 0.1, 0.9]))


def test_refusals() -> None:
    with pytest.raises(DataError, match="no held-out decisions"):
        held_out({}, TEST.select([]), train=TRAIN, n_states=2)
    with pytest.raises(DataError, match="A policy of 1 states and 2 actions does not cover"):
        held_out({"small": TabularPolicy(table=np.array([[0.5, 0.5]]))}, TEST, train=TRAIN, n_states=2)


def test_the_truth_is_not_beaten_beyond_noise() -> None:
    """On 4,000 held-out decisions the cloned table of 2,000 gains at most 3 standard errors over the
    truth.
    """
    rng = np.random.default_rng(11)
    truth = rng.dirichlet(np.ones(3), 10)
    states = rng.integers(0, 10, 6000)
    actions = (rng.random((6000, 1)) > truth[states].cumsum(axis=1)).sum(axis=1)
    labels = ["0", "1", "2"]
    train = Demonstrations.from_arrays(states[:2000], actions[:2000], action_labels=labels)
    test = Demonstrations.from_arrays(
        states[2000:], actions[2000:], offsets=np.arange(41) * 100, action_labels=labels
    )
    got = held_out({"truth": TabularPolicy(table=truth)}, test, train=train, n_states=10)
    gain = got["truth"].over["behavioural_cloning"]
    assert gain.value > -3 * gain.standard_error
