"""Scores of policies against closed forms: nothing here is expected by what the code itself says."""

from __future__ import annotations

import numpy as np
import pytest

from telic.policies.heads import GaussianHead
from telic.workflows.clone_scores import amount_scores, choice_scores, constant_policy, gain, repeats

TRAJECTORIES = np.repeat(np.arange(4), 2)
EVEN = np.ones(8)


def test_choices_by_hand() -> None:
    """Eight decisions in two situations; what each of the four knows is a logarithm one can write down."""
    seen = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    done = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    table = np.where(seen[:, None] == 0, [[0.6, 0.4]], [[0.1, 0.9]])
    scores = choice_scores(table, np.array([0, 0, 0, 1]), np.ones(4), done, seen)
    told = {s.name: s.told(TRAJECTORIES, EVEN, is_choice=True) for s in scores}
    assert told["policy"]["nats"] == pytest.approx((3 * np.log(0.6) + np.log(0.4) + 4 * np.log(0.9)) / 8)
    assert told["policy"]["agreement"] == pytest.approx(7 / 8)
    # Counts 3 and 1 with half of one each: 3.5 and 1.5 of 5.
    assert told["majority"]["nats"] == pytest.approx((3 * np.log(0.7) + 5 * np.log(0.3)) / 8)
    assert told["majority"]["agreement"] == pytest.approx(3 / 8)
    assert told["even shares"]["nats"] == pytest.approx(-np.log(2))
    assert told["even shares"]["agreement"] == pytest.approx(1 / 2)  # a tie is shared
    assert told["experts' own"]["nats"] == pytest.approx((3 * np.log(0.75) + np.log(0.25)) / 8)
    assert told["experts' own"]["agreement"] == pytest.approx(7 / 8)
    found = gain(scores[0], scores[1], TRAJECTORIES, EVEN)
    assert found["nats"] == pytest.approx(told["policy"]["nats"] - told["majority"]["nats"])
    assert found["interval"][0] < found["nats"] < found["interval"][1]


def test_the_experts_own_is_a_ceiling_and_is_not_told_where_nothing_is_seen_twice() -> None:
    rng = np.random.default_rng(0)
    seen, done = rng.integers(0, 5, size=200), rng.integers(0, 3, size=200)
    for _ in range(20):
        table = rng.dirichlet(np.ones(3), size=5)[seen]
        scores = {s.name: s for s in choice_scores(table, done, np.ones(200), done, seen)}
        assert scores["experts' own"].nats.mean() >= scores["policy"].nats.mean()
    alone = choice_scores(table, done, np.ones(200), done, np.arange(200))
    assert [s.name for s in alone] == ["policy", "majority", "even shares"]


def test_what_was_never_done_has_no_number() -> None:
    table = np.array([[1.0, 0.0]] * 8)
    scores = choice_scores(table, np.zeros(4, int), np.ones(4), np.ones(8, int), np.arange(8))
    told = scores[0].told(TRAJECTORIES, EVEN, is_choice=True)
    assert told["nats"] is None and told["agreement"] == 0.0
    assert gain(scores[0], scores[1], TRAJECTORIES, EVEN) is None


def test_amounts_are_off_by_half_ranges_and_experts_by_their_own_spread() -> None:
    """Experts who add noise of a known size: their spread is told without bias, from pairs alone."""
    rng = np.random.default_rng(1)
    head = GaussianHead(low=(-4.0,), high=(4.0,))
    seen = np.repeat(np.arange(20_000), 2)
    done = rng.normal(np.tile(0.5, 40_000), 0.4)[:, None].astype(np.float32)
    best = np.full((40_000, 1), 0.9, np.float32)
    scores = amount_scores({"policy": (np.zeros(40_000), best)}, head, done, seen)
    told = [s.told(seen, np.ones(40_000), is_choice=False) for s in scores]
    # Half a range is 4: a distance of .4 beside noise of .4 is sqrt(.32) / 4; four errors of a mean of squares.
    assert told[0]["distance"] == pytest.approx(np.sqrt(0.4**2 + 0.4**2) / 4, rel=0.02)
    assert told[1]["name"] == "experts' own" and told[1]["nats"] is None
    assert told[1]["distance"] == pytest.approx(0.4 / 4, rel=0.03)


def test_one_bell_has_the_mean_and_spread_of_what_was_done() -> None:
    done = np.array([[-1.0], [0.0], [1.0], [2.0]], np.float32)
    head = GaussianHead(low=(-4.0,), high=(4.0,))
    policy = constant_policy(done, np.ones(4), head, 3)
    assert policy.mode(np.zeros((1, 3), np.float32)).tolist() == [[0.5]]
    _, _, log_sd = head.parameters(policy.outputs(np.zeros((1, 3), np.float32)))
    assert 4 * float(np.exp(log_sd[0, 0, 0])) == pytest.approx(np.std(done), rel=1e-6)


def test_the_same_is_the_same_number() -> None:
    found = repeats(np.array([[1.0, 2.0], [1.0, 3.0], [1.0, 2.0]]))
    assert found[0] == found[2] != found[1]
