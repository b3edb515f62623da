"""Comparisons that cannot say what is asked of them: what is told, and what to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from telic.errors import DataError, FeatureError, SettingsError
from telic.features import FeatureMap, trajectory_features
from telic.inference import FitSettings, fit_likelihood
from telic.inference.likelihood import DiscountedLikelihood
from telic.inference.preferences import (
    BradleyTerrySettings,
    PreferenceEstimate,
    PreferenceLikelihood,
    bradley_terry,
    fit_preferences,
    item_abilities,
)
from telic.mdp import TabularMDP
from telic.planning import simulate, solve_soft
from telic.reports import Finding, Outcome, Severity
from telic.trajectories import Comparisons, Demonstrations

ITEMS = ("ann", "bob", "cid", "dee")
EACH = BradleyTerrySettings(annotators="each")
EACH_ALONE = BradleyTerrySettings(annotators="each", spread=None)


def games(*rows: tuple[int, int, float], people: list[str] | None = None) -> Comparisons:
    first, second, preferred = np.array(rows, dtype=float).T
    return Comparisons.from_arrays(first, second, preferred, annotators=people)


def finding(found: PreferenceEstimate, code: str) -> Finding:
    told = [f for f in found.findings if f.code == code]
    assert len(told) == 1, [f.code for f in found.findings]
    assert told[0].hint
    return told[0]


def test_a_circle_is_fitted_and_told():
    found = item_abilities(games((0, 1, 1), (1, 2, 1), (2, 0, 1)), ITEMS[:3])
    assert found.outcome.ok
    np.testing.assert_allclose(found.reward.weights, 0.0, atol=1e-9)
    assert np.isfinite(found.reward.standard_errors("hessian")).all()
    told = finding(found, "circle")
    assert "(ann over bob, bob over cid, cid over ann): no reward agrees with all of them" in told.message
    assert told.evidence["circle"] == ["ann", "bob", "cid"]
    assert told.severity is Severity.NOTICE
    orderly = item_abilities(games((0, 1, 1), (1, 2, 1), (0, 2, 1), (1, 0, 1), (2, 1, 1)), ITEMS[:3])
    assert "circle" not in [f.code for f in orderly.findings]


def test_an_item_that_wins_everything_has_no_value_and_is_named():
    rows = games((0, 1, 1), (0, 2, 1), (1, 2, 1), (2, 1, 1))
    found = item_abilities(rows, ITEMS[:3], reference="bob")
    assert found.outcome is Outcome.SEPARATION
    assert found.summary().headline.startswith("Not an answer (separation).")
    told = finding(found, "always-won")
    assert "ann won every comparison: no finite value is best" in told.message
    assert "FitSettings(l2=...)" in told.hint
    assert "bob and cid lost every comparison with the others" in finding(found, "always-lost").message
    held = item_abilities(
        rows, ITEMS[:3], reference="bob", settings=BradleyTerrySettings(fit=FitSettings(l2=0.5))
    )
    assert held.outcome.ok
    assert held.reward.weights[0] > 0
    told = finding(held, "always-won")
    assert told.message.endswith("only the penalty holds it.")
    assert told.severity is Severity.WARNING


def test_a_feature_that_decides_every_answer_runs_away_and_is_named():
    F = np.array([[1.0, 0.3], [0.0, 0.5], [0.0, -0.2], [1.0, 0.1]])
    likelihood = PreferenceLikelihood(
        alternatives=F,
        comparisons=games((0, 1, 1), (2, 3, 0), (0, 2, 1), (1, 2, 1), (2, 1, 1)),
        features=FeatureMap(values=F, names=("on time", "noise"), form="S"),
    )
    found = fit_preferences(likelihood)
    assert found.outcome is Outcome.SEPARATION
    assert "on time (up)" in finding(found, "separation").message


def test_groups_that_were_never_compared_are_told():
    found = item_abilities(games((0, 1, 1), (1, 0, 1), (2, 3, 1), (3, 2, 1)), (*ITEMS, "eve"))
    assert found.outcome.ok
    told = finding(found, "not-connected")
    assert "2 groups that were never compared with each other: ann and bob; cid and dee" in told.message
    assert "at least one item of each group" in told.hint
    assert "eve was never compared" in finding(found, "never-compared").message
    assert found.reward.nullity == 2
    errors = found.reward.standard_errors("hessian")
    assert np.isfinite(errors[:2]).all()
    assert np.isinf(errors[2:]).all()


def test_an_annotator_with_a_single_comparison():
    rng = np.random.default_rng(1)
    rows = [(0, 1, float(rng.random() < 0.7)) for _ in range(40)]
    people = ["meg"] * 20 + ["ned"] * 19 + ["once"]
    found = item_abilities(games(*rows, people=people), ITEMS[:2], settings=EACH)
    assert found.outcome.ok
    assert "once answered a single comparison" in finding(found, "one-comparison").message
    told = finding(found, "rationality-by-spread")
    assert "The rationality of once comes mostly from `spread` = 1" in told.message
    assert found.annotator("once").spread_share > 0.5 > found.annotator("meg").spread_share
    alone = item_abilities(games(*rows, people=people), ITEMS[:2], settings=EACH_ALONE)
    assert alone.outcome is Outcome.SEPARATION
    told = finding(alone, "rationality-runs-away")
    assert "The rationality of once has no finite best value" in told.message
    assert told.hint.startswith("Ask more, give `spread`")


def test_an_annotator_who_always_chose_one_side():
    rng = np.random.default_rng(2)
    rows = [(i % 2, 1 - i % 2, float(rng.random() < 0.5)) for i in range(30)]
    rows += [(i % 2, 1 - i % 2, 1.0) for i in range(12)]
    found = item_abilities(games(*rows, people=["meg"] * 30 + ["hasty"] * 12), ITEMS[:2])
    told = finding(found, "one-answer")
    assert "hasty answered 'first' in all 12 comparisons; with the sides shuffled" in told.message
    assert "0.0005" in told.message
    assert told.severity is Severity.WARNING


def test_winners_written_first_are_no_bias():
    found = item_abilities(games((0, 1, 1), (1, 0, 1), (0, 1, 1), (0, 1, 1), (1, 0, 1), (0, 1, 1)), ITEMS[:2])
    told = finding(found, "one-side")
    assert "either winners are written down first, or everybody chose a side" in told.message
    assert told.severity is Severity.NOTICE


def test_a_rationality_that_runs_away_is_named_with_its_way():
    """Kim never errs on pairs that others find hard; Lou answers against them."""
    rng = np.random.default_rng(3)
    F = rng.normal(size=(30, 2))
    features = FeatureMap(values=F, names=("pace", "price"), form="S")
    first, second = rng.integers(15, size=150), 15 + rng.integers(15, size=150)
    gap = (F[first] - F[second]) @ np.array([1.0, -1.0])
    p = 1 / (1 + np.exp(-gap))
    y = (rng.random(150) < p).astype(float)
    who = np.array(["meg", "ned", "kim"])[np.arange(150) % 3]
    base = PreferenceLikelihood(
        alternatives=F,
        comparisons=Comparisons.from_arrays(first, second, y, annotators=list(who)),
        features=features,
        cluster_by="comparison",
    )
    weights = fit_preferences(base).reward.weights
    sure = (F[first] - F[second]) @ weights
    perfect = np.where(who == "kim", sure > 0, y).astype(float)
    kim = replace(base, comparisons=Comparisons.from_arrays(first, second, perfect, annotators=list(who)))
    found = fit_preferences(kim, settings=EACH)
    assert found.outcome.ok
    kept = found.annotator("kim")
    assert kept.rationality > 2.0 * found.annotator("meg").rationality
    # Kim is the one whose rationality is held at 1, so it is the weights that run off: it is kim all the same.
    alone = fit_preferences(kim, settings=EACH_ALONE)
    assert alone.outcome is Outcome.SEPARATION
    told = finding(alone, "rationality-runs-away")
    assert "kim always agreed with the others" in told.message
    assert told.evidence == {"up": ["kim"], "down": []}
    contrary = np.where(who == "kim", sure < 0, y).astype(float)
    lou = replace(base, comparisons=Comparisons.from_arrays(first, second, contrary, annotators=list(who)))
    alone = fit_preferences(lou, settings=EACH_ALONE)
    assert alone.outcome is Outcome.SEPARATION
    told = finding(alone, "rationality-runs-away")
    assert "kim agreed with the others no more than a coin" in told.message
    assert told.evidence == {"up": [], "down": ["kim"]}
    held = fit_preferences(lou, settings=EACH)
    assert held.outcome.ok
    told = finding(held, "against-the-others")
    assert told.evidence["annotator"] == "kim"
    assert "fit this annotator apart" in told.hint


def test_answers_that_never_go_against_the_decisions_have_no_finite_sharpness():
    """Decisions fix the weights; four answers that agree with them leave the sharpness of answers open."""
    rng = np.random.default_rng(4)
    mdp = TabularMDP.from_transition(
        rng.dirichlet(np.ones(4), size=(4, 2)), discount=0.8, initial=np.full(4, 0.25)
    )
    phi = FeatureMap(values=rng.normal(size=(4, 2, 2)), names=("pace", "price"))
    demos = simulate(mdp, solve_soft(mdp, phi.values @ np.array([1.0, -1.0])).policy, 40, 10, key=5)
    choices = DiscountedLikelihood(mdp, phi, demos)
    sums = trajectory_features(phi, demos) @ fit_likelihood(choices).weights
    order = np.argsort(sums)
    rows = games(*[(int(order[-1 - i]), int(order[i]), 1.0) for i in range(4)])
    found = bradley_terry(rows, demos, phi, decisions=choices)
    assert found.outcome is Outcome.SEPARATION
    told = finding(found, "rationality-runs-away")
    assert "The rationality of all has no finite best value" in told.message
    assert "same_rationality=True" in told.hint
    held = bradley_terry(
        rows, demos, phi, decisions=choices, settings=BradleyTerrySettings(same_rationality=True)
    )
    assert held.outcome.ok
    other = FeatureMap(values=phi.values, names=("pace", "cost"))
    with pytest.raises(FeatureError, match="must have the same features in the same order"):
        bradley_terry(rows, demos, other, decisions=choices)


def test_few_preferences_among_many_ties():
    rng = np.random.default_rng(6)
    F = rng.normal(size=(12, 2))
    first, second = rng.integers(6, size=60), 6 + rng.integers(6, size=60)
    answers = np.full(60, 0.5)
    answers[[3, 17, 40]] = 1.0, 0.0, 1.0
    likelihood = PreferenceLikelihood(
        alternatives=F,
        comparisons=Comparisons.from_arrays(first, second, answers),
        features=FeatureMap(values=F, names=("pace", "price"), form="S"),
    )
    told = finding(fit_preferences(likelihood), "few-preferences")
    assert told.message.startswith("3 of 60 answers prefer a side, for 2 weights")
    assert "hessian" in told.hint
    many = replace(
        likelihood, comparisons=Comparisons.from_arrays(first, second, (rng.random(60) < 0.5).astype(float))
    )
    assert "few-preferences" not in [f.code for f in fit_preferences(many).findings]


def test_ties_only():
    rows = games((0, 1, 0.5), (1, 2, 0.5))
    with pytest.raises(DataError, match="All 2 answers are ties: they are called so readily") as error:
        item_abilities(rows, ITEMS[:3])
    assert "`ties='half'` takes ties as proof" in error.value.hint
    found = item_abilities(rows, ITEMS[:3], settings=BradleyTerrySettings(ties="half"))
    assert found.outcome.ok
    assert "they say that all alternatives are worth the same" in finding(found, "only-ties").message


def test_no_comparisons():
    none = games((0, 1, 1)).select([])
    with pytest.raises(DataError, match="There are no comparisons to learn from"):
        item_abilities(none, ITEMS)


def test_comparisons_of_something_else():
    with pytest.raises(DataError, match=r"name alternative 7, but there are 4 \(numbered from 0\)"):
        item_abilities(games((0, 7, 1)), ITEMS)
    demos = Demonstrations.from_arrays([0, 1, 0], [0, 0, 0], offsets=[0, 2, 3])
    phi = FeatureMap(values=np.eye(2), names=("x", "y"), form="S")
    other = replace(games((0, 1, 1)), dataset="sha256:" + "0" * 64)
    with pytest.raises(
        DataError, match=r"The comparisons are of the dataset sha256:000000000000\.\.\."
    ) as error:
        bradley_terry(other, demos, phi)
    assert "Give the demonstrations that were shown" in error.value.hint
    with pytest.raises(SettingsError, match=r"`discount` must lie in \[0, 1\], got 1.5"):
        bradley_terry(games((0, 1, 1)), demos, phi, discount=1.5)


def test_items_without_names_of_their_own():
    with pytest.raises(DataError, match="two or more distinct names"):
        item_abilities(games((0, 1, 1)), ["a", "a"])
    with pytest.raises(SettingsError, match="`reference` 'zed' is not among the items ann, bob, cid, dee"):
        item_abilities(games((0, 1, 1)), ITEMS, reference="zed")


def test_alternatives_and_weights_that_are_no_numbers():
    features = FeatureMap(values=np.eye(2), names=("x", "y"), form="S")
    hole = np.array([[1.0, 0.0], [0.0, np.nan]])
    with pytest.raises(FeatureError, match="Alternative 1 collects nan of 'y'"):
        PreferenceLikelihood(alternatives=hole, comparisons=games((0, 1, 1)), features=features)
    for bad in (np.array([-1.0]), np.array([0.0]), np.array([1.0, 1.0])):
        with pytest.raises(
            DataError, match="`weights` must hold 1 finite numbers, none negative and not all 0"
        ):
            item_abilities(games((0, 1, 1)), ITEMS, weights=bad)


def test_one_annotator_has_no_errors_between_annotators():
    found = item_abilities(games((0, 1, 1), (1, 0, 1), (0, 1, 1)), ITEMS[:2])
    assert "sandwich_clustered" not in found.reward.covariances
    assert "One annotator answered" in finding(found, "one-annotator").message
    apart = item_abilities(games((0, 1, 1), (1, 0, 1), (0, 1, 1)), ITEMS[:2], cluster_by="comparison")
    assert "sandwich_clustered" in apart.reward.covariances
