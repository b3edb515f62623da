"""What watching decisions tells: enumeration of every rollout, the two bounds, worlds that show what this one hides."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from telic.errors import DataError, FeatureError, SettingsError
from telic.features import FeatureMap
from telic.inference.elicitation import Environment, WeightBelief, rank_environments, rank_starts
from telic.inference.elicitation.rollouts import rollout_gain, soft_policies
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.rewards import NormalPrior

pytestmark = pytest.mark.slow

S, A = 4, 2
RNG = np.random.default_rng(3)
P = RNG.dirichlet(np.ones(S), size=(S, A))
WORLD = TabularMDP.from_transition(P, discount=0.9, initial=np.eye(S)[0])
PHI = FeatureMap(values=RNG.normal(size=(S, A, 2)), names=("a", "b"))
PRIOR = NormalPrior.of(("a", "b"), {"a": 2.0, "b": 2.0})


def enumerated(log_policies: np.ndarray, start: int, steps: int) -> float:
    """Mutual information of draw and rollout by going through every rollout."""

    def leaves(s: int, t: int, chance: np.ndarray) -> Iterator[np.ndarray]:
        if t == steps:
            yield chance
            return
        for a in range(A):
            for after in range(S):
                yield from leaves(after, t + 1, chance * np.exp(log_policies[:, s, a]) * P[s, a, after])

    n = len(log_policies)
    return sum(float(np.sum(c * np.log(c / c.mean()))) / n for c in leaves(start, 0, np.ones(n)))


def test_a_list_of_weights_gives_the_enumerated_information() -> None:
    """1 decision exactly; 2 and 3 without bias (mean of 300 keys, 4 standard errors)."""
    weights = np.random.default_rng(7).normal(size=(6, 2)) * 2
    log_policies, outcome = soft_policies(WORLD, PHI, weights, 1.0)
    assert outcome.ok
    listed = WeightBelief.on_grid(("a", "b"), weights, np.zeros(6))
    ranked = rank_starts(listed, WORLD, PHI, top=S)
    for q in ranked.questions:
        assert q.gain == pytest.approx(enumerated(log_policies, q.state, 1), abs=1e-12)
        assert q.standard_error == 0.0
    gains = [q.gain for q in ranked.questions]
    assert gains == sorted(gains, reverse=True)
    for steps in (2, 3):
        found = [
            rollout_gain(WORLD, log_policies, np.eye(S)[0], steps, key=k, is_exact=True).lower.mean()
            for k in range(300)
        ]
        assert abs(np.mean(found) - enumerated(log_policies, 0, steps)) < 4 * np.std(found) / np.sqrt(300)


def test_the_two_averages_enclose_the_information_of_many_draws() -> None:
    """40 sets of 50 of 1,000 draws; the enumerated information of all 1,000 stands for the belief."""
    weights = PRIOR.draw(1_000, key=1)
    log_policies, _ = soft_policies(WORLD, PHI, weights, 1.0)
    exact = enumerated(log_policies, 0, 3)
    lower, upper, errors = [], [], []
    for k in range(40):
        some = np.random.default_rng(k).choice(1_000, 50, replace=False)
        found = rollout_gain(WORLD, log_policies[some], np.eye(S)[0], 3, key=k)
        lower.append(found.lower.mean())
        upper.append(found.upper.mean())
        errors.append(found.lower.std(ddof=1) / np.sqrt(50))
    noise = np.std(lower) / np.sqrt(40)
    assert np.mean(lower) < exact + 2 * noise
    assert np.mean(upper) > exact - 2 * noise
    assert np.mean(upper) - np.mean(lower) < 0.1
    assert np.mean(errors) == pytest.approx(np.std(lower), rel=0.35)


def test_the_question_says_where_and_how_long() -> None:
    b = WeightBelief.from_prior(PRIOR, 300, key=0)
    found = rank_starts(b, WORLD, PHI, states=[2, 1], steps=3, n_draws=100)
    assert found.best.words.startswith("What would you do from state ")
    assert found.best.words.endswith("Please show your next 3 decisions.")
    assert found.best.gain <= found.best.highest_gain
    assert found.limit >= found.best.highest_gain
    json.dumps(found.to_json(), allow_nan=False)


def two_roads(shortcut: bool) -> Environment:
    """From the start, action 0 collects ``a``; action 1 collects ``b`` where there is a shortcut, else ``a`` too."""
    there = np.zeros((2, 2, 2))
    there[:, :, 0] = 1.0
    values = np.zeros((2, 2, 2))
    values[:, 0, 0] = 1.0
    values[:, 1, 1 if shortcut else 0] = 1.0
    return Environment(
        name="the town with the shortcut open" if shortcut else "the town as it is",
        mdp=TabularMDP.from_transition(there, discount=0.5, initial=np.array([1.0, 0.0])),
        features=FeatureMap(values=values, names=("a", "b")),
    )


def test_a_changed_world_shows_what_this_one_hides() -> None:
    b = WeightBelief.from_prior(PRIOR, 300, key=0)
    found = rank_environments(b, [two_roads(False), two_roads(True)], steps=2, n_draws=150)
    first, second = found.questions
    assert first.words == "Let us watch you in the town with the shortcut open, for 2 decisions."
    assert first.gain > 0.2
    assert second.gain == pytest.approx(0.0, abs=1e-12)
    only = rank_environments(b, [two_roads(False)], n_draws=150)
    assert not only.is_worth_asking
    assert only.headline == "No question in the pool would tell more than 0 nats."


def test_absorbing_states_end_a_rollout_and_unavailable_actions_tell_nothing() -> None:
    there = np.zeros((3, 2, 3))
    there[0, 0, 1] = there[0, 1, 2] = there[1, 0, 2] = 1.0
    there[2, :, 2] = 1.0
    world = TabularMDP.from_transition(
        there,
        discount=1.0,
        available=np.array([[True, True], [True, False], [True, True]]),
        absorbing=np.array([False, False, True]),
    )
    values = np.random.default_rng(0).normal(size=(3, 2, 2))
    features = FeatureMap(values=values, names=("a", "b"))
    b = WeightBelief.on_grid(("a", "b"), PRIOR.draw(50, key=2), np.zeros(50))
    found = rank_starts(b, world, features, steps=5, top=3)
    assert {q.state: q.gain > 1e-3 for q in found.questions} == {0: True, 1: False}
    one = rank_starts(b, world, features, steps=1, states=[0]).best
    assert next(q.gain for q in found.questions if q.state == 0) == pytest.approx(one.gain, abs=1e-12)
    with pytest.raises(DataError, match="Nothing is decided in state 2"):
        rank_starts(b, world, features, states=[2])


def test_a_world_without_a_soft_policy_is_named_and_left_out() -> None:
    there = np.zeros((2, 2, 2))
    there[0, 0, 0] = there[0, 1, 1] = 1.0
    there[1, :, 1] = 1.0
    endless = Environment(
        name="no end",
        mdp=TabularMDP.from_transition(there, discount=1.0, absorbing=np.array([False, True])),
        features=FeatureMap(values=np.ones((2, 2, 2)), names=("a", "b")),
        initial=np.array([1.0, 0.0]),
    )
    b = WeightBelief.from_prior(PRIOR, 100, key=0)
    found = rank_environments(b, [endless, two_roads(True)], steps=2)
    assert [q.environment for q in found.questions] == ["the town with the shortcut open"]
    note = next(f for f in found.findings if f.code == "forward-problem-unsolved")
    assert "'no end'" in note.message
    none = rank_environments(b, [endless])
    assert none.outcome is Outcome.SOFT_VALUE_DIVERGES
    assert none.questions == ()
    assert none.headline.startswith("No question could be ranked (soft-value-diverges)")
    json.dumps(none.to_json(), allow_nan=False)
    with pytest.raises(ArithmeticError, match="No question could be ranked"):
        _ = none.best


def test_watching_that_cannot_be_asked_for() -> None:
    b = WeightBelief.from_prior(PRIOR, 100, key=0)
    with pytest.raises(DataError, match="the pool is empty"):
        rank_starts(b, WORLD, PHI, states=[])
    with pytest.raises(DataError, match="Start state 7 does not exist; there are 4"):
        rank_starts(b, WORLD, PHI, states=[7])
    with pytest.raises(SettingsError, match="`steps` must be at least 1"):
        rank_starts(b, WORLD, PHI, steps=0)
    with pytest.raises(SettingsError, match="`rationality` must be a finite number above 0, got -2"):
        rank_starts(b, WORLD, PHI, rationality=-2.0)
    with pytest.raises(SettingsError, match="`n_draws` must be at least 2"):
        rank_starts(b, WORLD, PHI, n_draws=1)
    with pytest.raises(DataError, match="There are no environments to ask about"):
        rank_environments(b, [])
    nowhere = Environment(name="nowhere", mdp=TabularMDP.from_transition(P, discount=0.9), features=PHI)
    with pytest.raises(DataError, match="'nowhere' does not say where it starts"):
        rank_environments(b, [nowhere])
    wrong = Environment(name="half", mdp=WORLD, features=PHI, initial=np.full(S, 0.1))
    with pytest.raises(
        DataError, match=r"must be a distribution of its 4 states, got 4 numbers that sum to 0\.4"
    ):
        rank_environments(b, [wrong])
    other = FeatureMap(values=np.zeros((S, A, 2)), names=("a", "c"))
    with pytest.raises(FeatureError, match="'far' has the features a, c, the belief is over a, b"):
        rank_environments(b, [Environment(name="far", mdp=WORLD, features=other)])
