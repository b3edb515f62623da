"""Rewards from comparisons: derivatives, brute force, gauges, and the joint fit with decisions."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binom

from telic.errors import SettingsError
from telic.features import FeatureMap, MeasuredFeatureMap
from telic.inference import FitSettings, fit_likelihood
from telic.inference.likelihood import (
    ChoiceLikelihood,
    ClusteredLikelihood,
    DiscountedLikelihood,
    JointLikelihood,
)
from telic.inference.posterior import laplace_posterior
from telic.inference.preferences import (
    AnnotatorLikelihood,
    BradleyTerrySettings,
    PreferenceLikelihood,
    bradley_terry,
    fit_preferences,
)
from telic.mdp import TabularMDP
from telic.planning import simulate, solve_soft
from telic.rewards import KINDS, MeasuredReward, NormalPrior
from telic.trajectories import Comparisons, Demonstrations

NAMES = ("speed", "comfort", "cost")
TRUTH = np.array([1.0, -0.5, 0.3])
SHARP = np.array([1.0, 2.0, 0.5, 1.2])
TIE = 0.5
N, K, J = 25, 3, 4


def features(values: np.ndarray) -> FeatureMap:
    return FeatureMap(values=values, names=NAMES, units=("km/h", "", "EUR"), form="S")


def chances(z: np.ndarray, tie: float) -> np.ndarray:
    """Davidson's probabilities of first, second, tie, as his equation has them."""
    worth = np.stack([np.exp(z / 2), np.exp(-z / 2), np.full_like(z, tie)], axis=1)
    return worth / worth.sum(axis=1, keepdims=True)


def drawn(
    key: int,
    M: int = 400,
    *,
    tie: float = TIE,
    sharp: np.ndarray = SHARP,
    theta: np.ndarray = TRUTH,
    cluster_by: str = "comparison",
) -> PreferenceLikelihood:
    rng = np.random.default_rng(key)
    F = rng.normal(size=(N, K))
    first = rng.integers(N, size=M)
    second = (first + 1 + rng.integers(N - 1, size=M)) % N
    who = rng.integers(len(sharp), size=M)
    p = chances(sharp[who] * ((F[first] - F[second]) @ theta), tie)
    u = rng.random(M)
    preferred = np.where(u < p[:, 0], 1.0, np.where(u < p[:, 0] + p[:, 1], 0.0, 0.5))
    c = Comparisons.from_arrays(first, second, preferred, annotators=[f"person {j}" for j in who])
    return PreferenceLikelihood(alternatives=F, comparisons=c, features=features(F), cluster_by=cluster_by)


def everything(likelihood: PreferenceLikelihood, **change) -> AnnotatorLikelihood:
    people = likelihood.comparisons.annotator_names
    given = {
        "preferences": replace(likelihood, tie_strength=TIE),
        "decisions": None,
        "groups": np.arange(len(people)),
        "group_names": people,
        "free_groups": np.arange(1, len(people)),
        "spread": 0.8,
        "frees_ties": True,
    }
    return AnnotatorLikelihood(**{**given, **change})


def world() -> tuple[TabularMDP, FeatureMap, Demonstrations]:
    rng = np.random.default_rng(5)
    mdp = TabularMDP.from_transition(
        rng.dirichlet(np.full(6, 0.5), size=(6, 3)), discount=0.9, initial=np.full(6, 1 / 6)
    )
    phi = FeatureMap(values=rng.normal(size=(6, 3, K)), names=NAMES, units=("km/h", "", "EUR"))
    expert = solve_soft(mdp, phi.values @ TRUTH).policy
    return mdp, phi, simulate(mdp, expert, 30, 12, key=8)


def judged(demos: Demonstrations, phi: FeatureMap, M: int, key: int, sharp: float = 0.5) -> Comparisons:
    """Answers about pairs of trajectories, by sums of features taken row by row."""
    rng = np.random.default_rng(key)
    sums = np.array([sum(phi.values[s, a] for s, a in zip(t.states, t.actions, strict=True)) for t in demos])
    first = rng.integers(len(demos), size=M)
    second = (first + 1 + rng.integers(len(demos) - 1, size=M)) % len(demos)
    p = 1 / (1 + np.exp(-sharp * ((sums[first] - sums[second]) @ TRUTH)))
    return Comparisons.from_arrays(first, second, (rng.random(M) < p).astype(float), dataset=demos.digest)


def slopes(f, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return np.stack([(f(x + h * d) - f(x - h * d)) / (2 * h) for d in np.eye(len(x))])


@pytest.mark.parametrize("tie", [None, 0.7])
@pytest.mark.parametrize("cluster_by", ["annotator", "comparison"])
def test_the_laws_of_a_likelihood(tie, cluster_by):
    plain = drawn(1, cluster_by=cluster_by)
    rng = np.random.default_rng(2)
    likelihood = replace(
        plain,
        tie_strength=tie,
        weights=rng.random(400) + 0.5,
        annotator_rationality=SHARP,
        rationality=1.3,
    )
    assert isinstance(likelihood, ChoiceLikelihood)
    w = rng.normal(size=K)
    e = likelihood.evaluate(w, order=2)
    np.testing.assert_allclose(slopes(lambda v: likelihood.evaluate(v).value, w), e.score, rtol=1e-6)
    np.testing.assert_allclose(
        slopes(lambda v: likelihood.evaluate(v, order=1).score, w), e.hessian, rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(-e.hessian, e.information)
    np.testing.assert_allclose(likelihood.cluster_scores(w).sum(axis=0), e.score)
    assert isinstance(likelihood, ClusteredLikelihood)
    assert likelihood.cluster_log_likelihoods(w).sum() == pytest.approx(e.value)
    counted = rng.random(likelihood.n_clusters)
    again = likelihood.reweighted(counted).evaluate(w, order=1)
    assert again.value == pytest.approx(counted @ likelihood.cluster_log_likelihoods(w))
    np.testing.assert_allclose(again.score, counted @ likelihood.cluster_scores(w))
    d = rng.normal(size=K)
    np.testing.assert_allclose(likelihood.hessian_vector(w, d), e.hessian @ d)
    total = np.zeros((K, K))
    for m in range(400):
        own = replace(
            likelihood, comparisons=likelihood.comparisons.select([m]), weights=likelihood.weights[[m]]
        )
        s = own.evaluate(w, order=1).score
        total += np.outer(s, s)
    np.testing.assert_allclose(likelihood.outer_product(w), total)
    assert likelihood.n_clusters == (J if cluster_by == "annotator" else 400)
    assert likelihood.cluster_sizes.sum() == pytest.approx(likelihood.total_weight)


@pytest.mark.parametrize("spread", [None, 0.8])
@pytest.mark.parametrize("cluster_by", ["annotator", "comparison"])
def test_the_laws_hold_with_rationalities_and_ties(spread, cluster_by):
    likelihood = everything(drawn(1, cluster_by=cluster_by), spread=spread)
    rng = np.random.default_rng(3)
    w = np.concatenate([rng.normal(size=K), 0.4 * rng.normal(size=J - 1), [-0.3]])
    e = likelihood.evaluate(w, order=2)
    np.testing.assert_allclose(
        slopes(lambda v: likelihood.evaluate(v).value, w), e.score, rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(
        slopes(lambda v: likelihood.evaluate(v, order=1).score, w), e.hessian, rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(likelihood.cluster_scores(w).sum(axis=0), e.score)
    assert np.linalg.eigvalsh(e.information)[0] > 0


def test_the_expected_information_is_the_mean_outer_product_of_scores():
    """Over all answers at their own probabilities; no sample."""
    likelihood = everything(drawn(4, M=30), spread=None)
    w = np.array([0.5, -0.2, 0.4, 0.3, -0.4, 0.1, -0.5])
    theta, logs, _ = likelihood.split(w)
    c = likelihood.preferences.comparisons
    z = np.exp(logs)[c.annotators] * (likelihood.preferences.differences @ theta)
    p = chances(z, np.exp(-0.5))
    total = np.zeros((7, 7))
    for answer, column in ((1.0, 0), (0.0, 1), (0.5, 2)):
        for m in range(30):
            one = replace(c.select([m]), preferred=np.array([answer]))
            s = (
                replace(likelihood, preferences=replace(likelihood.preferences, comparisons=one))
                .evaluate(w, order=1)
                .score
            )
            total += p[m, column] * np.outer(s, s)
    np.testing.assert_allclose(likelihood.evaluate(w, order=2).information, total, atol=1e-10)


def test_the_fit_is_that_of_brute_force_with_everything_free():
    likelihood = drawn(6)
    found = fit_preferences(
        likelihood, settings=BradleyTerrySettings(annotators="each", reference="person 0", spread=None)
    )
    c = likelihood.comparisons
    D = likelihood.alternatives[c.first] - likelihood.alternatives[c.second]
    column = np.where(c.preferred == 1, 0, np.where(c.preferred == 0, 1, 2))

    def loss(x: np.ndarray) -> float:
        logs = np.concatenate([[0.0], x[3:6]])
        p = chances(np.exp(logs)[c.annotators] * (D @ x[:3]), np.exp(x[6]))
        return -float(np.log(p[np.arange(len(c)), column]).sum())

    best = minimize(loss, np.zeros(7) + 0.1, method="BFGS", options={"gtol": 1e-7})
    assert found.outcome.ok
    np.testing.assert_allclose(found.reward.weights, best.x[:3], atol=1e-5)
    np.testing.assert_allclose([a.rationality for a in found.annotators[1:]], np.exp(best.x[3:6]), rtol=1e-5)
    assert found.tie_strength == pytest.approx(np.exp(best.x[6]), rel=1e-5)
    assert found.preference_log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    bend = slopes(lambda x: slopes(loss, x, 1e-4), best.x, 1e-4)
    errors = np.sqrt(np.diag(np.linalg.inv(bend)))
    np.testing.assert_allclose(found.reward.standard_errors("hessian"), errors[:3], rtol=1e-3)
    np.testing.assert_allclose(
        [a.log_standard_errors["hessian"] for a in found.annotators[1:]], errors[3:6], rtol=1e-3
    )
    assert found.log_tie_errors["hessian"] == pytest.approx(errors[6], rel=1e-3)
    assert found.annotator("person 0").log_standard_errors == {}


def test_gauges_say_the_same_in_other_scales():
    """A reference, another reference, and the mean: weights in one proportion, the same probabilities."""
    likelihood = drawn(7)
    fits = [
        fit_preferences(likelihood, settings=BradleyTerrySettings(annotators="each", reference=who))
        for who in ("person 0", "person 2", None)
    ]
    products = [np.outer([a.rationality for a in f.annotators], f.reward.weights) for f in fits]
    for other in products[1:]:
        np.testing.assert_allclose(other, products[0], rtol=1e-6)
    mean = fits[2]
    assert np.prod([a.rationality for a in mean.annotators]) == pytest.approx(1.0)
    assert mean.reward.gauge.kind == "mean-annotator"
    assert "geometric mean" in mean.reward.gauge.description
    assert "person 2, whose rationality is 1" in fits[1].reward.gauge.description
    # The ratio of two weights does not depend on the gauge, and neither does its error (delta method).
    for kind in KINDS:
        errors = []
        for f in fits:
            w, V = f.reward.weights, f.reward.covariances[kind]
            g = np.array([1 / w[1], -w[0] / w[1] ** 2, 0.0])
            errors.append(np.sqrt(g @ V @ g))
        np.testing.assert_allclose(errors, errors[0], rtol=1e-6)


def test_sides_carry_no_meaning():
    likelihood = drawn(8)
    flip = np.random.default_rng(1).random(400) < 0.5
    c, s = likelihood.comparisons, likelihood.comparisons.swapped()
    mixed = replace(
        c,
        first=np.where(flip, s.first, c.first),
        second=np.where(flip, s.second, c.second),
        preferred=np.where(flip, s.preferred, c.preferred),
    )
    settings = BradleyTerrySettings(annotators="each")
    one, other = (fit_preferences(replace(likelihood, comparisons=x), settings=settings) for x in (c, mixed))
    np.testing.assert_allclose(other.reward.weights, one.reward.weights, rtol=1e-9)
    for kind in KINDS:
        np.testing.assert_allclose(other.reward.covariances[kind], one.reward.covariances[kind], rtol=1e-7)
    assert other.tie_strength == pytest.approx(one.tie_strength)


def test_a_tie_as_half_a_win_is_half_of_each_answer():
    likelihood = drawn(9)
    c = likelihood.comparisons
    tie = c.preferred == 0.5
    rows = np.concatenate([np.arange(400), np.flatnonzero(tie)])
    doubled = replace(
        c.select(rows), preferred=np.concatenate([np.where(tie, 1.0, c.preferred), np.zeros(tie.sum())])
    )
    weights = np.where(tie[rows], 0.5, 1.0)
    halves = fit_preferences(likelihood, settings=BradleyTerrySettings(ties="half"))
    apart = fit_preferences(replace(likelihood, comparisons=doubled, weights=weights))
    np.testing.assert_allclose(halves.reward.weights, apart.reward.weights, rtol=1e-8)
    np.testing.assert_allclose(
        halves.reward.covariances["hessian"], apart.reward.covariances["hessian"], rtol=1e-6
    )
    assert halves.tie_strength is None
    assert halves.n_ties == tie.sum()
    assert halves.reward.fixed_by_assumption["ties"] == "half a win of each side"


def test_comparisons_and_decisions_share_their_weights():
    mdp, phi, demos = world()
    comparisons = judged(demos, phi, 200, key=1)
    choices = DiscountedLikelihood(mdp, phi, demos)
    answers = PreferenceLikelihood.of_trajectories(demos, comparisons, phi, cluster_by="comparison")
    alone = [fit_likelihood(part, FitSettings()) for part in (choices, answers)]
    joint = fit_likelihood(JointLikelihood((choices, answers)), FitSettings())
    assert joint.outcome.ok
    best = minimize(
        lambda x: -choices.evaluate(x).value - answers.evaluate(x).value,
        np.zeros(K),
        jac=lambda x: -choices.evaluate(x, order=1).score - answers.evaluate(x, order=1).score,
        method="BFGS",
        options={"gtol": 1e-8},
    )
    np.testing.assert_allclose(joint.weights, best.x, atol=1e-6)
    inverse = [np.linalg.inv(-part.evaluate(joint.weights, order=2).hessian) for part in (choices, answers)]
    together = np.linalg.inv(sum(np.linalg.inv(V) for V in inverse))
    np.testing.assert_allclose(joint.covariances["hessian"], together, rtol=1e-8)
    for part in alone:
        assert np.all(joint.standard_errors("hessian") < 1.05 * part.standard_errors("hessian"))
    same = bradley_terry(
        comparisons,
        demos,
        phi,
        decisions=choices,
        cluster_by="comparison",
        settings=BradleyTerrySettings(same_rationality=True),
    )
    np.testing.assert_allclose(same.reward.weights, joint.weights, atol=1e-7)
    assert same.reward.fixed_by_assumption["rationality of answers over that of decisions"] == 1.0


def test_decisions_give_the_unit_in_which_answers_are_sharp_or_not():
    """Answers at half the rationality of the decisions; by default that is estimated, and found."""
    mdp, phi, demos = world()
    comparisons = judged(demos, phi, 600, key=2, sharp=0.3)
    choices = DiscountedLikelihood(mdp, phi, demos)
    found = bradley_terry(comparisons, demos, phi, decisions=choices, cluster_by="comparison")
    (all_alike,) = found.annotators
    low, high = all_alike.interval("hessian")
    assert low < 0.3 < high
    assert found.n_decisions == demos.n_decisions
    assert found.n_comparisons == 600
    assert "unit of rationality is that of the decisions" in found.reward.gauge.description
    decisions_alone = fit_likelihood(choices, FitSettings())
    assert np.all(found.reward.standard_errors("hessian") < decisions_alone.standard_errors("hessian"))
    total = choices.evaluate(found.reward.weights).value + found.preference_log_likelihood
    assert found.reward.choice_log_likelihood == pytest.approx(total)
    json.dumps(found.to_json(), allow_nan=False)
    assert "600 comparisons and 360 decisions" in found.summary().headline


def test_a_posterior_takes_comparisons():
    """With a wide prior the normal approximation is that of the fit."""
    likelihood = drawn(14, M=300, tie=1e-9)
    fit = fit_preferences(likelihood).reward
    prior = NormalPrior.of(NAMES, dict.fromkeys(NAMES, 100.0))
    posterior = laplace_posterior(likelihood, prior, n_draws=4_000, key=1)
    draws = posterior.draws.reshape(-1, K)
    errors = fit.standard_errors("hessian")
    np.testing.assert_allclose(draws.mean(axis=0), fit.weights, atol=4 * errors.max() / np.sqrt(4_000) + 1e-3)
    np.testing.assert_allclose(draws.std(axis=0), errors, rtol=0.06)


def test_features_of_measurements_give_a_measured_reward():
    mdp, phi, demos = world()
    measured = replace(demos, observations={"place": demos.require_states()[0].astype(float)})
    table = phi.values

    def rows(columns, actions):
        return table[columns["place"].astype(int), actions]

    shown = MeasuredFeatureMap(names=NAMES, function=rows, n_actions=3, units=("km/h", "", "EUR"))
    comparisons = replace(judged(demos, phi, 200, key=1), dataset="")
    one = bradley_terry(comparisons, measured, shown)
    other = bradley_terry(comparisons, demos, phi)
    assert isinstance(one.reward.reward, MeasuredReward)
    np.testing.assert_allclose(one.reward.weights, other.reward.weights, rtol=1e-9)
    assert mdp.n_states == 6


def test_a_feature_that_never_differs_is_told_in_its_own_words():
    likelihood = drawn(10, tie=1e-9)
    F = likelihood.alternatives.copy()
    F[:, 1] = 4.0
    F[:, 2] = 2.0 * F[:, 0]
    found = fit_preferences(replace(likelihood, alternatives=F, features=features(F)))
    assert found.outcome.ok
    assert found.reward.nullity == 2
    codes = {f.code: f.message for f in found.findings}
    assert "comfort makes no difference" in codes["feature-without-effect"]
    assert "cost" in codes["collinear-features"]
    assert np.isinf(found.reward.standard_errors("hessian")).all()


def test_a_rationality_each_leaves_no_errors_between_annotators():
    """With a number for each annotator the scores of an annotator say nothing: errors made of them held .74 of 95 %."""
    people = drawn(13, cluster_by="annotator")
    each = fit_preferences(people, settings=BradleyTerrySettings(annotators="each"))
    assert "sandwich_clustered" not in each.reward.covariances
    (told,) = [f for f in each.findings if f.code == "no-errors-by-annotator"]
    assert "a rationality of their own" in told.message
    assert "annotators='alike'" in told.hint
    assert "sandwich_clustered" in fit_preferences(people).reward.covariances
    apart = fit_preferences(drawn(13), settings=BradleyTerrySettings(annotators="each"))
    assert "sandwich_clustered" in apart.reward.covariances


def test_a_fixed_weight_can_be_the_unit():
    likelihood = drawn(11)
    unit = BradleyTerrySettings(annotators="each", fit=FitSettings(fixed_weights={"speed": 2.0}))
    one, other = (
        fit_preferences(likelihood, settings=s) for s in (unit, BradleyTerrySettings(annotators="each"))
    )
    assert one.reward.weights[0] == 2.0
    np.testing.assert_allclose(
        np.outer([a.rationality for a in one.annotators], one.reward.weights),
        np.outer([a.rationality for a in other.annotators], other.reward.weights),
        rtol=1e-6,
    )
    assert all(a.log_standard_errors for a in one.annotators)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ties": "never"}, "`ties` must be 'davidson' or 'half'"),
        ({"spread": 0.0}, "`spread` must be a finite number above 0"),
        ({"reference": "person 0"}, "needs `annotators='each'`"),
        ({"annotators": "each", "same_rationality": True}, "holds all annotators at the rationality"),
    ],
)
def test_settings_are_checked(change, words):
    with pytest.raises(SettingsError, match=words):
        BradleyTerrySettings(**change)


def test_settings_that_do_not_fit_the_comparisons():
    likelihood = drawn(12)
    with pytest.raises(SettingsError, match="'nobody' answered nothing; those who did are person 0"):
        fit_preferences(likelihood, settings=BradleyTerrySettings(annotators="each", reference="nobody"))
    with pytest.raises(SettingsError, match="absolute penalty cannot be combined"):
        fit_preferences(likelihood, settings=BradleyTerrySettings(fit=FitSettings(l1=0.1)))
    with pytest.raises(SettingsError, match="`cluster_by` must be one of annotator, comparison"):
        replace(likelihood, cluster_by="day")


COVERAGE_SETS = 60
"""Data sets here; 1,000 in ``reproductions/bradley_terry.py``. Key fixed before the first run."""


def test_intervals_cover_in_a_small_simulation():
    """95 % intervals of three weights with rationality of four annotators and ties estimated, by two kinds."""
    held = {kind: np.zeros(K, dtype=int) for kind in ("hessian", "sandwich")}
    sharp = SHARP / np.exp(np.log(SHARP).mean())  # the gauge: geometric mean 1
    for i in range(COVERAGE_SETS):
        found = fit_preferences(
            drawn(90_000 + i, M=200, sharp=sharp), settings=BradleyTerrySettings(annotators="each")
        )
        for kind, hits in held.items():
            hits += np.abs(found.reward.weights - TRUTH) < 1.959964 * found.reward.standard_errors(kind)
    least = binom.ppf(0.001 / 6 / 2, COVERAGE_SETS, 0.95)
    assert all((hits >= least).all() for hits in held.values()), held
