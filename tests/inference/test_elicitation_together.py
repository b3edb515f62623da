"""Comparisons asked together, at random, and what their answers settle: against closed forms and enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from telic.errors import DataError, FeatureError, SettingsError
from telic.features import FeatureMap
from telic.inference.elicitation import (
    AtStake,
    ComparisonQuestion,
    PlanPool,
    WeightBelief,
    ask_together,
    gain_together,
    random_comparison,
    random_set,
    rank_starts,
)
from telic.inference.elicitation.together import answer_patterns
from telic.mdp import TabularMDP


def sigma(z):
    return 1.0 / (1.0 + np.exp(-np.asarray(z, dtype=float)))


def entropy(p):
    p = np.asarray(p, dtype=float)
    return float(-np.sum(p[p > 0] * np.log(p[p > 0])))


def told(z, omega):
    """Nats of answers with log-odds ``z`` (m, n): all patterns one by one."""
    m = len(z)
    mean, noise = [], 0.0
    for pattern in itertools.product([0, 1], repeat=m):
        p = np.prod([sigma(row if yes else -row) for row, yes in zip(z, pattern, strict=True)], axis=0)
        mean.append(float(p @ omega))
    for row in z:
        p = sigma(row)
        noise += float(omega @ [entropy([x, 1 - x]) for x in p])
    return entropy(mean) - noise


def question(difference, rationality=1.0):
    return ComparisonQuestion(
        words="?", gain=0.0, standard_error=0.0, first=0, second=1, difference=np.array(difference, dtype=float),
        rationality=rationality, probability_first=0.5, volume_removed=0.0,
    )  # fmt: skip


def square():
    """Both weights are 1 or -1, independently."""
    points = np.array([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
    return WeightBelief.on_grid(("time", "money"), points, np.zeros(4))


def test_a_set_is_grown_by_what_is_new_not_by_what_tells_most_alone():
    belief = square()
    asked = [question([4.0, 0.0]), question([3.9, 0.0]), question([0.0, 3.0])]
    alone = [told(np.array([q.difference @ belief.weights.T]), belief.probabilities) for q in asked]
    assert alone[0] > alone[1] > alone[2]
    found = ask_together(belief, asked, 2)
    assert found.chosen == (0, 2)
    # The weights are independent, so that the second adds what it tells alone.
    np.testing.assert_allclose(found.added, [alone[0], alone[2]], rtol=1e-12)
    assert found.gain == pytest.approx(alone[0] + alone[2], rel=1e-12)
    assert found.standard_error == 0.0


def test_what_a_set_tells_is_that_of_all_patterns_of_answers():
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(50, 2))
    belief = WeightBelief.from_density(("time", "money"), weights, lambda w: np.zeros(len(w)))
    differences = rng.normal(size=(4, 2))
    expected = told(differences @ weights.T, np.full(50, 0.02))
    gain, error = gain_together(belief, differences)
    assert gain == pytest.approx(expected, rel=1e-10)
    assert error > 0
    found = ask_together(belief, [question(d) for d in differences], 4)
    assert sorted(found.chosen) == [0, 1, 2, 3]
    assert found.gain == pytest.approx(expected, rel=1e-10)
    assert float(found.added.sum()) == pytest.approx(expected, rel=1e-10)
    patterns = answer_patterns(belief, differences)
    assert patterns.shape == (16, 50)
    np.testing.assert_allclose(patterns.sum(axis=0), 1.0)


def test_the_error_of_a_set_is_the_spread_between_fresh_draws():
    rng = np.random.default_rng(0)
    differences = np.array([[1.0, 0.5], [0.2, -1.0]])
    gains, errors = [], []
    for _ in range(60):
        draws = rng.normal(size=(400, 2))
        belief = WeightBelief.from_density(("time", "money"), draws, lambda w: np.zeros(len(w)))
        gain, error = gain_together(belief, differences)
        gains.append(gain)
        errors.append(error)
    # The spread of 60 numbers is known to a tenth; three times that is allowed.
    assert np.mean(errors) == pytest.approx(np.std(gains, ddof=1), rel=0.3)


def test_what_a_comparison_at_random_tells_is_the_mean_over_pairs():
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(80, 2))
    belief = WeightBelief.from_density(("time", "money"), weights, lambda w: np.zeros(len(w)))
    amounts = np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 1.0], [2.0, 0.0]])  # the last is the second again
    pool = PlanPool(amounts=amounts, names=("time", "money"))
    gains = [
        told(np.array([2.0 * (amounts[i] - amounts[j]) @ weights.T]), np.full(80, 1 / 80))
        for i, j in itertools.combinations(range(3), 2)
    ]
    found = random_comparison(belief, pool, rationality=2.0)
    assert found.mean == pytest.approx(np.mean(gains), rel=1e-10)
    assert found.low == pytest.approx(np.quantile(gains, 0.1), rel=1e-10)
    assert found.standard_error > 0
    some = random_comparison(belief, pool, rationality=2.0, n_pairs=1, key=4)
    assert min(abs(some.mean - g) for g in gains) < 1e-12
    sets = random_set(belief, pool, 1, rationality=2.0, n_sets=400)
    assert sets.mean == pytest.approx(np.mean(gains), abs=4 * sets.standard_error)
    assert sets.low <= sets.mean <= sets.high


@pytest.mark.parametrize(("count", "said"), [(0, "got 0"), (11, "got 11")])
def test_no_set_of_none_or_of_too_many(count, said):
    with pytest.raises(SettingsError, match=said):
        ask_together(square(), [question([1.0, 0.0])], count)


def test_sets_that_cannot_be_are_refused():
    with pytest.raises(DataError, match="no questions to choose from"):
        ask_together(square(), [], 1)
    with pytest.raises(SettingsError, match="At most 10 questions"):
        gain_together(square(), np.ones((11, 2)))
    with pytest.raises(SettingsError, match="at least 2"):
        random_set(square(), PlanPool(amounts=np.eye(2), names=("time", "money")), 1, n_sets=1)


def stake(level=0.9):
    return AtStake(
        claims=("time is wanted",),
        claim_coefficients=np.array([[1.0, 0.0]]),
        tradeoffs=("time for money",),
        tradeoff_coefficients=np.array([[1.0, 0.0]]),
        level=level,
    )


@pytest.mark.parametrize("z", [0.5, 2.0, 2.3, 6.0])
def test_an_answer_settles_and_narrows_as_bayes_says(z):
    """With weight +-1 and log-odds +-z: the claim has sigma(z) after an answer, the weight the variance sech(z/2)^2."""
    belief = square()
    patterns = answer_patterns(belief, np.array([[z, 0.0]]))
    found = stake().effect_of_answers(belief, patterns)
    assert found.settles["time is wanted"] == (1.0 if sigma(z) >= 0.9 else 0.0)
    assert found.narrows["time for money"] == pytest.approx(1 - 1 / np.cosh(z / 2), rel=1e-9)
    nats = np.log(2) - entropy([sigma(z), sigma(-z)])
    assert found.tells["time is wanted"] == pytest.approx(nats, rel=1e-9)
    first = sigma(belief.weights @ np.array([[z, 0.0], [0.0, z]]).T).T
    np.testing.assert_allclose(
        stake().told_by_comparisons(belief, first), [[nats], [0.0]], rtol=1e-9, atol=1e-15
    )


def test_a_claim_that_is_settled_already_is_not_settled_again():
    belief = WeightBelief.on_grid(("time", "money"), np.array([[1.0, 0.0], [2.0, 1.0]]), np.zeros(2))
    assert stake().now(belief).tolist() == [1.0]
    assert stake().effect_of_answers(belief, np.ones((1, 2))).settles == {}


def test_claims_need_their_coefficients_and_a_level():
    with pytest.raises(FeatureError, match="need as many rows"):
        AtStake(
            claims=(),
            claim_coefficients=np.ones((1, 2)),
            tradeoffs=(),
            tradeoff_coefficients=np.zeros((0, 2)),
        )
    with pytest.raises(SettingsError, match=r"strictly between 0\.5 and 1, got 0\.5"):
        stake(level=0.5)


@pytest.mark.parametrize(("size", "settled"), [(30.0, 1.0), (0.01, 0.0)])
def test_a_decision_settles_what_it_shows(size, settled):
    """One state, two actions, one of which has the feature: at weight +-30 the choice shows the sign, at +-0.01 not."""
    world = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=0.5, initial=np.ones(1))
    features = FeatureMap(values=np.array([[[1.0, 0.0], [0.0, 0.0]]]), names=("time", "money"), form="SA")
    draws = np.array([[size, 0.0], [-size, 0.0]] * 20)
    belief = WeightBelief.from_density(("time", "money"), draws, lambda w: np.zeros(len(w)))
    found = rank_starts(belief, world, features, steps=1, at_stake=stake())
    assert found.best.settles == {"time is wanted": settled}
    assert found.best.narrows["time for money"] == pytest.approx(settled, abs=0.01)


@pytest.mark.parametrize("key", range(5))
def test_decisions_that_tell_nothing_narrow_nothing_whichever_draws_are_looked_at(key):
    """Both actions have the feature: choices are at random under every weight, so all that moves is the sample."""
    world = TabularMDP.from_transition(np.ones((1, 2, 1)), discount=0.5, initial=np.ones(1))
    features = FeatureMap(values=np.array([[[1.0, 0.0], [1.0, 0.0]]]), names=("time", "money"), form="SA")
    draws = np.random.default_rng(17).normal(size=(2_000, 2))
    belief = WeightBelief.from_density(("time", "money"), draws, lambda w: -0.5 * (w**2).sum(axis=1))
    found = rank_starts(belief, world, features, steps=3, n_draws=50, key=key, at_stake=stake())
    question = found.questions[0]
    assert question.narrows["time for money"] < 1e-3
    assert question.tells["time is wanted"] < 1e-3
