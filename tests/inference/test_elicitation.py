"""Questions by what their answers tell: closed forms, brute force, grids, honest words, and input that is none."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import entr, expit
from scipy.stats import norm

from telic.errors import DataError, FeatureError, NumericalError, SettingsError
from telic.features import FeatureMap
from telic.inference.elicitation import (
    ComparisonQuestion,
    PlanPool,
    UpdateSettings,
    WeightBelief,
    rank_comparisons,
    update_belief,
)
from telic.inference.likelihood import DiscountedLikelihood, JointLikelihood
from telic.inference.posterior import NutsSettings, laplace_posterior, nuts_posterior
from telic.mdp import TabularMDP
from telic.reports import Outcome
from telic.rewards import NormalPrior
from telic.trajectories import Demonstrations

pytestmark = pytest.mark.slow

NAMES, UNITS = ("time", "cost"), ("min", "euro")
PRIOR = NormalPrior.of(NAMES, {"time": 1.0, "cost": 2.0})
AMOUNTS = np.random.default_rng(1).uniform(0, 3, (30, 2))


def pool(amounts: np.ndarray = AMOUNTS, labels: tuple[str, ...] = ()) -> PlanPool:
    return PlanPool(amounts=amounts, names=NAMES, units=UNITS, labels=labels)


def belief(n: int = 1_000, key: int = 0) -> WeightBelief:
    return WeightBelief.from_prior(PRIOR, n, key=key, units=UNITS)


def grid(n: int = 201) -> WeightBelief:
    side = [np.linspace(-5 * s, 5 * s, n) for s in PRIOR.standard_deviations]
    points = np.stack(np.meshgrid(*side, indexing="ij"), axis=-1).reshape(-1, 2)
    cell = float(np.prod([s[1] - s[0] for s in side]))
    log_density = np.asarray(PRIOR.log_density(points))
    return WeightBelief.on_grid(NAMES, points, log_density, cell_volume=cell, units=UNITS)


def asked(difference: list[float], rationality: float = 1.0) -> ComparisonQuestion:
    return ComparisonQuestion(
        words="",
        gain=0.0,
        standard_error=0.0,
        first=0,
        second=1,
        difference=np.array(difference),
        rationality=rationality,
        probability_first=0.5,
        volume_removed=0.0,
    )


def h(p: np.ndarray | float) -> np.ndarray:
    return np.asarray(entr(p) + entr(1 - p))


def test_two_opposite_draws_tell_ln_two_less_the_noise() -> None:
    theta = np.array([[1.0, 0.5], [-1.0, -0.5]])
    both = WeightBelief.on_grid(NAMES, theta, np.zeros(2))
    found = rank_comparisons(both, pool(np.array([[1.0, 1.0], [0.0, 0.0]])), rationality=2.0).best
    p = expit(2.0 * 1.5)
    assert found.gain == pytest.approx(np.log(2) - h(p), abs=1e-14)
    assert found.standard_error == 0.0
    # Sadigh: each answer removes 1 - exp(-3) of the half that speaks against it.
    assert isinstance(found, ComparisonQuestion)
    assert found.volume_removed == pytest.approx(0.5 * (1 - np.exp(-3.0)), abs=1e-14)


def test_the_gain_is_the_integral_and_its_standard_error_that_of_repeated_draws() -> None:
    """200 beliefs of 500 draws against quadrature of a normal weight; keys 0 to 199."""
    z_sd, d = 1.3, 1.0
    mean = quad(lambda x: norm.pdf(x) * expit(0.4 + z_sd * x), -12, 12)[0]
    noise = quad(lambda x: norm.pdf(x) * h(expit(0.4 + z_sd * x)), -12, 12)[0]
    exact = float(h(mean) - noise)
    prior = NormalPrior(names=("a",), means=np.array([0.4]), standard_deviations=np.array([z_sd]))
    one = PlanPool(amounts=np.array([[d], [0.0]]), names=("a",))
    found = [rank_comparisons(WeightBelief.from_prior(prior, 500, key=k), one).best for k in range(200)]
    gains = np.array([q.gain for q in found])
    errors = np.array([q.standard_error for q in found])
    assert abs(gains.mean() - exact) < 4 * gains.std() / np.sqrt(200) + exact / 500
    assert errors.mean() == pytest.approx(gains.std(ddof=1), rel=0.2)
    missed = np.count_nonzero(np.abs(gains - exact) > 1.96 * errors)
    assert missed <= 24  # binomial(200, .05): P(> 24) < .0001


def test_blocks_do_not_matter_and_all_pairs_are_those_of_brute_force() -> None:
    b = belief(200)
    p = expit(2.0 * (AMOUNTS @ b.weights.T)[:, None] - 2.0 * (AMOUNTS @ b.weights.T)[None])
    brute = {
        (i, j): float(h(p[i, j].mean()) - h(p[i, j]).mean()) for i, j in itertools.combinations(range(30), 2)
    }
    order = sorted(brute, key=lambda pair: -brute[pair])[:5]
    for block in (1, 200, 7_000, 10**6):
        found = rank_comparisons(b, pool(), rationality=2.0, block=block)
        assert [(q.first, q.second) for q in found.questions] == order
        assert [q.gain for q in found.questions] == pytest.approx([brute[pair] for pair in order], abs=1e-12)
        assert found.n_candidates == 435
    some = np.array([*order[3:], (5, 2)])
    assert rank_comparisons(b, pool(), rationality=2.0, pairs=some).best.first == order[3][0]


def test_volume_removal_orders_by_what_either_answer_removes() -> None:
    b = belief(300)
    z = 3.0 * (AMOUNTS @ b.weights.T)
    removed = {
        (i, j): min(float(np.mean(1 - np.minimum(1, np.exp(s * (z[i] - z[j]))))) for s in (1.0, -1.0))
        for i, j in itertools.combinations(range(30), 2)
    }
    best = max(removed, key=lambda pair: removed[pair])
    found = rank_comparisons(b, pool(), rationality=3.0, criterion="volume-removal").best
    assert isinstance(found, ComparisonQuestion)
    assert (found.first, found.second) == best
    assert found.volume_removed == pytest.approx(removed[best], abs=1e-12)


def test_a_person_can_read_the_question() -> None:
    two = pool(np.array([[12.0, 3.0], [15.0, 2.0]]), labels=("the motorway", "the old road"))
    found = rank_comparisons(belief(), two)
    assert found.best.words == (
        "Which would you prefer: the motorway (12 min, 3 euro) or the old road (15 min, 2 euro)?"
    )
    assert found.best.words in found.summary().to_text(width=200)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["questions"][0]["kind"] == "comparison"
    alike = PlanPool(
        amounts=np.array([[1.0, 2.0, 7.0], [3.0, 1.0, 7.0]]),
        names=("up", "down", "far"),
        units=("m", "m", ""),
    )
    assert (
        alike.question(0, 1)
        == "Which would you prefer: plan 0 (up 1 m, down 2 m) or plan 1 (up 3 m, down 1 m)?"
    )


def test_ties_are_said_and_so_is_that_nothing_would_tell() -> None:
    same_trade = pool(np.array([[0.0, 1.0], [1.0, 0.0], [5.0, 1.0], [6.0, 0.0], [5.1, 1.0]]))
    found = rank_comparisons(belief(), same_trade, pairs=np.array([[2, 4], [0, 1], [2, 3]]), top=3)
    assert found.n_tied == 2
    assert {q.first for q in found.questions[:2]} == {0, 2}
    assert "tied-questions" in {f.code for f in found.findings}
    known = WeightBelief.from_density(
        NAMES, np.random.default_rng(0).normal([1.0, 2.0], 1e-3, (500, 2)), lambda w: np.zeros(len(w))
    )
    nothing = rank_comparisons(known, pool())
    assert not nothing.is_worth_asking
    note = next(f for f in nothing.findings if f.code == "no-question-tells")
    assert note.message == nothing.headline
    assert nothing.headline.startswith("No question in the pool would tell more than ")
    assert nothing.limit < 1e-4
    few = rank_comparisons(belief(30), pool())
    assert "few-draws" in {f.code for f in few.findings}
    doubled = rank_comparisons(belief(), pool(np.concatenate([AMOUNTS, AMOUNTS])))
    assert doubled.n_candidates == 435
    assert "30 of 60 plans collect the same as another one" in doubled.findings[0].message


@pytest.mark.parametrize("key", [0, 1, 2])
def test_moved_draws_are_the_exact_posterior(key: int) -> None:
    """60 answers on 1,000 draws against the grid: means within 4 standard errors, spreads within 15 %."""
    truth = np.array([0.6, -1.1])
    rng = np.random.default_rng(key)
    b, g = belief(key=key), grid()
    assert g.entropy == pytest.approx(np.log(2 * np.pi * np.e) + np.log(2.0), abs=1e-4)
    for m in range(60):
        i, j = rng.choice(30, 2, replace=False)
        question = asked((AMOUNTS[i] - AMOUNTS[j]).tolist(), 5.0)
        # A sixth of the answers are wrong on purpose: they leave few draws alive.
        says = rng.random() < expit(5.0 * question.difference @ truth)
        reply = "first" if says != (m % 6 == 5) else "second"
        b, g = update_belief(b, question, reply, key=m), update_belief(g, question, reply, key=m)
        assert b.outcome.ok
    sd = np.sqrt(np.diag(g.covariance))
    assert np.all(np.abs(b.mean - g.mean) < 4 * sd / np.sqrt(b.effective_draws))
    np.testing.assert_allclose(np.sqrt(np.diag(b.covariance)), sd, rtol=0.15)
    assert b.effective_draws >= 500
    assert g.n_answers == b.n_answers == 60


def test_one_surprising_answer_moves_all_draws() -> None:
    b, g = belief(2_000), grid(401)
    for m, reply in enumerate(("first", "first", "first", "second", "second")):
        question = asked([4.0, 1.0] if m < 3 else [3.0, 1.2], 3.0)
        b, g = update_belief(b, question, reply, key=m), update_belief(g, question, reply, key=m)
    sd = np.sqrt(np.diag(g.covariance))
    assert np.all(np.abs(b.mean - g.mean) < 4 * sd / np.sqrt(b.effective_draws))
    np.testing.assert_allclose(np.sqrt(np.diag(b.covariance)), sd, rtol=0.1)


def test_cannot_say_is_half_an_answer_of_each_side() -> None:
    g = grid(41)
    question = asked([1.0, -0.5], 2.0)
    z = g.weights @ (2.0 * question.difference)
    wanted = g.log_probabilities + 0.5 * np.log(expit(z)) + 0.5 * np.log(expit(-z))
    found = update_belief(g, question, "cannot say", key=0)
    np.testing.assert_allclose(found.probabilities, np.exp(wanted) / np.exp(wanted).sum(), atol=1e-14)


S, A = 4, 3
WORLD = TabularMDP.from_transition(np.random.default_rng(0).dirichlet(np.ones(S), size=(S, A)), discount=0.9)
PHI = FeatureMap(values=np.random.default_rng(1).normal(size=(S, A, 2)), names=NAMES, units=UNITS)


def decisions(n: int = 40) -> DiscountedLikelihood:
    rng = np.random.default_rng(2)
    demos = Demonstrations.from_arrays(
        rng.integers(0, S, n),
        rng.integers(0, A, n),
        next_states=np.full(n, -1),
        offsets=np.arange(0, n + 1, 10),
    )
    return DiscountedLikelihood(WORLD, PHI, demos)


def test_a_posterior_goes_on_with_answers_and_is_sampled_again_when_used_up() -> None:
    """Draws of decisions and answers until they are used up, then both ways on: moved, and sampled jointly."""
    L = decisions()
    posterior = laplace_posterior(L, PRIOR, n_draws=400)
    fixed = WeightBelief.from_posterior(posterior)
    movable = WeightBelief.from_posterior(laplace_posterior(L, PRIOR, n_draws=150), L)
    strict = UpdateSettings(least_effective=150)
    rng = np.random.default_rng(5)
    truth = fixed.mean + 2.5 * np.sqrt(np.diag(fixed.covariance)) * [1, -1]
    g = grid(51)
    exact = WeightBelief.on_grid(
        NAMES,
        g.weights,
        np.asarray(PRIOR.log_density(g.weights)) + [L.evaluate(w).value for w in g.weights],
        units=UNITS,
    )
    m = 0
    while fixed.outcome.ok:
        i, j = rng.choice(30, 2, replace=False)
        question = asked((AMOUNTS[i] - AMOUNTS[j]).tolist(), 5.0)
        reply = "first" if rng.random() < expit(5.0 * question.difference @ truth) else "second"
        fixed = update_belief(fixed, question, reply, key=m, settings=strict)
        exact = update_belief(exact, question, reply, key=m)
        movable = update_belief(movable, question, reply, key=m)
        m += 1
    sd = np.sqrt(np.diag(exact.covariance))
    assert np.all(np.abs(movable.mean - exact.mean) < 5 * sd / np.sqrt(movable.effective_draws))
    assert fixed.findings[-1].code == "draws-used-up"
    with pytest.raises(
        NumericalError, match=rf"no longer a belief.*{m} answers left [\d.]+ of 400 effective"
    ):
        rank_comparisons(fixed, pool())
    joint = JointLikelihood((L, fixed.preferences(rationality=L.rationality)))
    again = nuts_posterior(joint, PRIOR, settings=NutsSettings(n_chains=2, n_draws=250, n_tune=80), key=1)
    fresh = WeightBelief.from_posterior(again)
    assert np.all(np.abs(fresh.mean - exact.mean) < 4 * sd / np.sqrt(fresh.effective_draws))
    assert 0 < fresh.efficiency <= 1


def test_draws_that_are_no_answer_are_refused() -> None:
    posterior = dataclasses.replace(
        laplace_posterior(decisions(), PRIOR, n_draws=100), outcome=Outcome.NOT_MIXED
    )
    with pytest.raises(NumericalError, match=r"draws are not an answer \(not-mixed\)"):
        WeightBelief.from_posterior(posterior)


def test_moves_that_do_not_get_anywhere_are_told() -> None:
    b = belief(200)
    for m in range(20):
        b = update_belief(b, asked([3.0, 0.1], 5.0), "first", key=m, settings=UpdateSettings(max_sweeps=6))
        if not b.outcome.ok:
            break
    assert b.findings[-1].code == "moves-stuck"
    with pytest.raises(NumericalError, match="no longer a belief"):
        update_belief(b, asked([1.0, 0.0]), "first", key=0)


@pytest.mark.parametrize(
    ("amounts", "error", "message"),
    [
        (np.zeros((0, 2)), DataError, "the pool is empty"),
        (np.ones((1, 2)), DataError, r"one plan \(plan 0\), and one plan cannot be compared with anything"),
        (np.ones((4, 2)), FeatureError, r"All 4 plans collect the same \(1 min, 1 euro\)"),
        (
            np.array([[1.0, 2.0], [np.nan, 1.0]]),
            FeatureError,
            "plan 1 collects nan of 'time'; amounts must be finite",
        ),
        (np.array([[1.0, 2.0], [1.0, np.inf]]), FeatureError, "plan 1 collects inf of 'cost'"),
        (np.ones((2, 3)), FeatureError, "Plans of 3 features need 3 names"),
    ],
)
def test_pools_that_cannot_be_asked_about(amounts: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as told:
        pool(amounts)
    assert told.value.hint


@pytest.mark.parametrize("rationality", [0.0, -1.0, np.nan, np.inf])
def test_a_rationality_that_is_none(rationality: float) -> None:
    with pytest.raises(SettingsError, match="`rationality` must be a finite number above 0"):
        rank_comparisons(belief(), pool(), rationality=rationality)


def test_questions_that_cannot_be_asked() -> None:
    b = belief()
    doubled = pool(np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 3.0]]))
    with pytest.raises(DataError, match="Pair 1 compares plans that collect the same: plan 0 and plan 1"):
        rank_comparisons(b, doubled, pairs=np.array([[0, 2], [0, 1]]))
    with pytest.raises(DataError, match="Pairs name plans 0 to 9, but there are 3"):
        rank_comparisons(b, doubled, pairs=np.array([[0, 9]]))
    with pytest.raises(DataError, match="no pairs"):
        rank_comparisons(b, doubled, pairs=np.zeros((0, 2), dtype=np.int64))
    with pytest.raises(
        FeatureError, match="The plans are described by cost, time, the weights are of time, cost"
    ):
        rank_comparisons(b, PlanPool(amounts=AMOUNTS, names=NAMES[::-1]))
    with pytest.raises(SettingsError, match="must be one of information, volume-removal"):
        rank_comparisons(b, pool(), criterion="entropy")
    with pytest.raises(SettingsError, match="`top`"):
        rank_comparisons(b, pool(), top=0)
    with pytest.raises(
        DataError, match="A reply must be one of 'first', 'second', 'cannot say', got 'maybe'"
    ):
        update_belief(b, asked([1.0, 0.0]), "maybe", key=0)
    with pytest.raises(DataError, match="The question compares 3 features, the belief has 2"):
        update_belief(b, asked([1.0, 0.0, 1.0]), "first", key=0)


def test_beliefs_that_are_none() -> None:
    with pytest.raises(SettingsError, match="at least 2 draws, got 1"):
        WeightBelief.from_density(NAMES, np.zeros((1, 2)), lambda w: np.zeros(len(w)))
    with pytest.raises(FeatureError, match="Draw 1 has nan as weight of 'cost'"):
        WeightBelief.from_density(NAMES, np.array([[0.0, 1.0], [0.0, np.nan]]), lambda w: np.zeros(len(w)))
    with pytest.raises(SettingsError, match="points of probability above 0"):
        WeightBelief.on_grid(NAMES, np.zeros((3, 2)), np.full(3, -np.inf))
    with pytest.raises(SettingsError, match="entropy of weighted draws is not known"):
        _ = belief().entropy
    with pytest.raises(SettingsError, match="No question was answered yet"):
        belief().preferences()
    posterior = laplace_posterior(decisions(), PRIOR, n_draws=100)
    foreign = dataclasses.replace(decisions(), features=dataclasses.replace(PHI, names=("a", "b")))
    with pytest.raises(FeatureError, match="The posterior is of time, cost, the likelihood of a, b"):
        WeightBelief.from_posterior(posterior, foreign)
    with pytest.raises(SettingsError, match="`move_below` in"):
        UpdateSettings(move_below=1.0)
