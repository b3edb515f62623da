"""Options that could not be taken: beliefs, subsets and shares against brute force; designs in reduced numbers."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from telic.errors import DataError, FeatureError, SettingsError
from telic.inference import (
    OptionsSettings,
    check_options,
    fit_random_subsets,
    flip_share,
    listed_choices,
    listed_rows,
    max_causal_entropy,
    refuse_preference,
)
from telic.inference.listed import ListedChoices, Spells
from telic.inference.random_subsets import subset_log_likelihood
from telic.reports import Outcome, Severity
from telic.trajectories import ChoiceSets

pytestmark = pytest.mark.slow

QUICK = OptionsSettings(redraws=0, flips=())


@pytest.fixture(scope="module")
def proof(project_root: Path):
    """The reproduction, whose designs are used here in reduced numbers."""
    spec = importlib.util.spec_from_file_location(
        "unavailable_options", project_root / "reproductions" / "unavailable_options.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["unavailable_options"] = module
    spec.loader.exec_module(module)
    return module


def lists(seed: int, sizes: list[int], n_features: int = 2) -> ChoiceSets:
    """Random features and choices."""
    rng = np.random.default_rng(seed)
    return ChoiceSets.from_arrays(
        rng.normal(size=(sum(sizes), n_features)), sizes, [int(rng.integers(k)) for k in sizes]
    )


def pairs(n_flagged_taken: int, n_other_taken: int) -> ChoiceSets:
    """A flagged option against another, so often taken each."""
    n = n_flagged_taken + n_other_taken
    return ChoiceSets.from_arrays(
        np.tile([1.0, 0.0], n), [2] * n, [0] * n_flagged_taken + [1] * n_other_taken, names=["flag"]
    )


def by_subsets(sets: ChoiceSets, weights: np.ndarray, available: np.ndarray) -> float:
    """The log-likelihood as a sum over all subsets that hold something."""
    total = 0.0
    for d, taken in enumerate(sets.chosen):
        rows = np.arange(sets.offsets[d], sets.offsets[d + 1])
        v, a = np.exp(sets.features[rows] @ weights), available[rows]
        chosen = possible = 0.0
        for held in itertools.product([False, True], repeat=len(rows)):
            there = np.array(held)
            if there.any():
                chance = float(np.prod(np.where(there, a, 1 - a)))
                possible += chance
                i = int(taken - rows[0])
                chosen += chance * (v[i] / v[there].sum() if there[i] else 0.0)
        total += float(np.log(chosen / possible))
    return total


def test_the_race_equals_the_sum_over_subsets() -> None:
    sets = lists(0, [3, 4, 2, 5, 1])
    weights = np.array([1.5, -2.0])
    available = np.random.default_rng(1).uniform(0.2, 1.0, sets.n_listed)
    value, slope = subset_log_likelihood(ListedChoices(sets), weights, available)
    assert value == pytest.approx(by_subsets(sets, weights, available), abs=1e-6)
    for k in range(2):
        step = 1e-4 * np.eye(2)[k]
        rise = by_subsets(sets, weights + step, available) - by_subsets(sets, weights - step, available)
        assert slope[k] == pytest.approx(rise / 2e-4, abs=1e-5)


def test_with_everything_available_it_is_the_logit() -> None:
    sets = lists(3, [3] * 80)
    plain = ListedChoices(sets).logit().fit()
    fit = fit_random_subsets(sets, np.ones(sets.n_listed))
    assert fit.outcome is Outcome.SUCCESS
    assert np.allclose(fit.weights, plain.weights, atol=1e-4)
    assert fit.value == pytest.approx(plain.value, abs=1e-5)


@pytest.mark.parametrize("switching", [0.0, 0.2])
def test_beliefs_are_bayes_over_every_hidden_history(switching: float) -> None:
    """One option listed 6 times, taken the 4th time; its hidden reach is enumerated."""
    p = np.array([0.3, 0.6, 0.1, 0.5, 0.4, 0.2])
    taken = np.array([False, False, False, True, False, False])
    share = 0.35
    spells = Spells(np.zeros(6, dtype=np.int64), np.arange(6))
    found = spells.beliefs(p, taken, share, switching)
    for t in range(6):
        weight = {True: 0.0, False: 0.0}
        for reach in itertools.product([False, True], repeat=t + 1):
            chance = 1 - share if reach[0] else share
            for i in range(t):
                chance *= (p[i] if taken[i] else 1 - p[i]) if reach[i] else float(not taken[i])
                fresh = 1 - share if reach[i + 1] else share
                chance *= (1 - switching) * (reach[i] == reach[i + 1]) + switching * fresh
            weight[reach[t]] += chance
        assert found[t] == pytest.approx(weight[True] / (weight[True] + weight[False]), abs=1e-9)


def test_spells_keep_options_and_orders_apart() -> None:
    both = Spells(np.array([1, 0, 0, 1]), np.array([0, 0, 1, 1]))
    p, taken = np.array([0.5, 0.2, 0.3, 0.4]), np.zeros(4, dtype=bool)
    found = both.beliefs(p, taken, 0.5, 0.0)
    assert found.tolist() == pytest.approx([0.5, 0.5, 0.5 * 0.8 / 0.9, 0.5 * 0.5 / 0.75])
    assert both.n_repeated == 2


def test_shares_that_turn_a_sign_in_closed_form() -> None:
    """Flagged taken 70 of 100: with q = 2 P - 1 of the others out of reach the flag says nothing."""
    sets = pairs(70, 30)
    random = flip_share(sets, "flag")
    assert random.share == pytest.approx((2 * 0.7 - 1) / 2, abs=1e-3)
    worst = flip_share(sets, "flag", pattern="worst")
    assert worst.share == pytest.approx(40 / 200, abs=1 / 200)
    assert random.weight == pytest.approx(np.log(7 / 3), abs=1e-6)
    assert (
        random.words
        == "If more than 20.0 % of the listed options were unavailable (those low in flag for their list, "
        "at random), the sign of flag flips."
    )
    assert "(the rows that matter most)" in worst.words
    assert random.shares[0] == 0
    assert random.weights[0] == random.weight
    assert np.all(np.diff(random.weights) < 0)
    turned = flip_share(pairs(30, 70), "flag")
    assert turned.share == pytest.approx(0.2, abs=1e-3)
    assert "those high in flag" in turned.words


def test_the_weight_at_a_share_has_a_closed_form() -> None:
    """Given availability a of the others, P = 1 - a + a s(w); so s(w) = (P - 1 + a) / a."""
    sets = pairs(70, 30)
    fit = fit_random_subsets(sets, np.tile([1.0, 0.8], 100))
    s = (0.7 - 0.2) / 0.8
    assert fit.weights[0] == pytest.approx(np.log(s / (1 - s)), abs=1e-4)


@pytest.mark.parametrize("seed", [3, 5, 10])
def test_the_worst_rows_are_as_few_as_brute_force_finds(seed: int) -> None:
    sets = lists(seed, [3] * 8)
    found = flip_share(sets, "feature 0", pattern="worst")
    fewest = fewest_rows(sets, float(np.sign(found.weight)))
    assert fewest >= 2
    assert found.share == fewest / 24


def fewest_rows(sets: ChoiceSets, side: float) -> int:
    """The smallest number of rows not taken whose removal turns the sign of the first weight."""
    listed = ListedChoices(sets)
    free = np.argwhere(listed.allowed & (listed.taken == 0))
    for n in range(1, 5):
        for gone in itertools.combinations(free, n):
            allowed = listed.allowed.copy()
            allowed[tuple(np.transpose(gone))] = False
            fit = listed.logit(allowed=allowed).fit()
            if fit.outcome.ok and side * fit.weights[0] <= 0:
                return n
    return 0


def test_a_weight_without_a_sign_says_so() -> None:
    same = ChoiceSets.from_arrays(
        [[1.0, 0.3], [1.0, 0.1]] * 10, [2] * 10, [0, 1, 0] * 3 + [1], names=["same", "x"]
    )
    found = flip_share(same, "same")
    assert found.share is None
    assert "has no sign that could turn: the choices do not tell it" in found.words
    separated = flip_share(pairs(10, 0), "flag")
    assert separated.share is None
    assert "separation" in separated.words


def test_a_planted_queue_is_refused(proof) -> None:
    check = check_options(proof.draw("queue", 6), settings=QUICK)
    assert check.weights[0] < -3 * check.standard_errors()[0]  # experts prefer old jobs: +0.5
    assert check.outcome is Outcome.UNAVAILABLE_OPTIONS
    assert check.alarm
    first = check.findings[0]
    assert first.severity is Severity.ERROR
    assert "passed over again far more than their features say" in first.message
    assert "The weights are no preference." in first.message
    assert "Allowing for it turns the sign of age" in first.message
    assert first.hint.startswith("Record which options could be taken at each decision")
    assert "Not a preference (unavailable-options)" in check.summary().to_text().replace("\n", " ")
    told = check.to_json()
    assert told["result"] == "unavailable-options"
    assert told["weights_allowing"]["age"] > 0


def test_the_clean_twin_is_a_preference(proof) -> None:
    check = check_options(proof.draw("queue", 5, clean=True), settings=OptionsSettings(redraws=5, flips=()))
    assert check.outcome is Outcome.SUCCESS
    assert not check.findings
    assert check.power == 1.0
    assert np.all(np.abs(check.weights - [0.5, 1.0, -0.5]) < 4 * check.standard_errors())
    assert "Nothing shows that listed options could not be taken" in check.summary().headline


def test_a_log_that_cannot_show_it_says_so_and_gives_the_share(proof) -> None:
    sets = proof.draw("silent", 5)
    check = check_options(sets, settings=OptionsSettings(flips=["flag"]))
    assert check.outcome is Outcome.SUCCESS
    assert check.p_value is None
    assert check.weights[0] < 0  # the flag is liked
    assert [f.code for f in check.findings] == ["availability-not-shown", "sign-flips-at"]
    assert "no option is known to be listed twice" in check.findings[0].message
    shares = [f.share for f in check.flips]
    assert all(share is not None and share < proof.SILENT_SHARE for share in shares)
    assert "The log cannot show" in check.summary().headline
    # Known availability gives the preference back.
    known = np.where(sets.features[:, 0] > 0, 0.4, 1.0)
    assert fit_random_subsets(sets, known).weights[0] == pytest.approx(0.5, abs=0.4)


def test_little_to_see_is_said(proof) -> None:
    rng = np.random.default_rng(2)
    few = ChoiceSets.from_arrays(
        rng.normal(size=60),
        [3] * 20,
        rng.integers(3, size=20),
        options=np.tile([0, 1, 2], 20),
        units=range(20),
    )
    once = check_options(few, settings=OptionsSettings(redraws=5, flips=()))
    assert [t.over for t in once.tests] == ["log", "log"]  # in a unit nothing is listed twice
    weak = ChoiceSets.from_arrays(
        rng.normal(size=24),
        [2] * 12,
        [0, 1] * 6,
        options=np.arange(24) // 4 * 2 + np.tile([0, 1], 12),
        units=[0] * 12,
    )
    check = check_options(weak, settings=OptionsSettings(redraws=5, flips=()))
    assert check.power is not None
    assert check.power < 0.8
    assert check.findings[0].code == "availability-hardly-shown"
    assert "the log would hardly show it" in check.findings[0].message


def test_in_a_tabular_world(proof) -> None:
    demos, world, features = proof.draw("permission", 8)
    estimate = max_causal_entropy(demos, world, features)
    sets = listed_choices(demos, world, features, estimate)
    check = check_options(sets, settings=QUICK)
    # The fit is the maximum of these choices too.
    assert np.allclose(check.weights, estimate.weights, atol=1e-5)
    errors = estimate.standard_errors("hessian")
    assert check.outcome is Outcome.UNAVAILABLE_OPTIONS
    assert check.weights[0] < -3 * errors[0]  # restart is liked
    refused = refuse_preference(estimate, check)
    assert refused.outcome is Outcome.UNAVAILABLE_OPTIONS
    assert refused.findings[0].code == "unavailable-options"
    counted = np.ones((world.n_states, world.n_actions))
    counted[:, 2] = 0.4  # share of visits with the permission
    known = fit_random_subsets(sets, listed_rows(demos, world, counted))
    assert known.weights[0] == pytest.approx(0.5, abs=0.4)


def test_a_clean_tabular_fit_stays_an_answer(proof) -> None:
    drawn = proof.draw("permission", 7, clean=True)
    estimate = max_causal_entropy(*drawn)
    check = check_options(listed_choices(*drawn, estimate, identity="state-action"), settings=QUICK)
    assert refuse_preference(estimate, check).outcome is Outcome.SUCCESS


def test_units_of_features_do_not_matter(proof) -> None:
    sets = proof.draw("faint", 3)
    scaled = ChoiceSets.from_arrays(
        sets.features * [1e3, 1.0, 1e-3],
        sets.sizes,
        sets.chosen - sets.offsets[:-1],
        names=sets.names,
        options=sets.options,
        units=sets.units,
    )
    one, other = check_options(sets, settings=QUICK), check_options(scaled, settings=QUICK)
    assert one.p_value == pytest.approx(other.p_value, rel=1e-6)
    a, b = flip_share(sets, "age"), flip_share(scaled, "age")
    assert a.share == pytest.approx(b.share, abs=1e-4)


def test_the_figures_are_in_the_report_and_its_json() -> None:
    check = check_options(pairs(70, 30))
    told = check.to_json()["flips"]
    assert [f["pattern"] for f in told] == ["random", "worst"]
    assert told[0]["curve"]["share"][0] == 0
    assert check.findings[-1].message == " ".join(f.words for f in check.flips)
    assert "share at random" in check.summary().to_text()


def test_separated_choices_are_no_answer() -> None:
    check = check_options(pairs(10, 0), settings=QUICK)
    assert check.outcome is Outcome.SEPARATION
    assert np.all(np.isnan(check.weights))
    assert "Not an answer (separation)" in check.summary().headline


def test_mistakes_at_the_door(proof) -> None:
    sets = pairs(7, 3)
    with pytest.raises(FeatureError, match="There is no feature 'age'") as told:
        flip_share(sets, "age")
    assert told.value.hint == "There are: flag."
    with pytest.raises(SettingsError, match="`pattern` must be one of random, worst, got 'best'"):
        flip_share(sets, "flag", pattern="best")
    with pytest.raises(SettingsError, match=r"`available` must be 20 chances in \(0, 1\].* from 0 to 1"):
        fit_random_subsets(sets, np.tile([0.0, 1.0], 10))
    with pytest.raises(SettingsError, match=r"`level` must lie in \(0, 1\), got 0"):
        OptionsSettings(level=0.0)
    with pytest.raises(SettingsError, match="`redraws` must not be negative, got -1"):
        OptionsSettings(redraws=-1)
    with pytest.raises(SettingsError, match="There is no standard error of kind 'best'"):
        check_options(sets, settings=QUICK).standard_errors("best")
    demos, world, features = proof.draw("permission", 7)
    estimate = max_causal_entropy(demos, world, features)
    with pytest.raises(SettingsError, match="`identity` must be one of action, state-action"):
        listed_choices(demos, world, features, estimate, identity="name")
    with pytest.raises(DataError, match=r"`table` must be \(states, actions\) = \(6, 3\), got \(3, 6\)"):
        listed_rows(demos, world, np.ones((3, 6)))


@pytest.mark.parametrize("design", ["queue", "permission", "sensor", "stock"])
def test_designs_in_reduced_numbers(proof, design: str) -> None:
    """Reduced: 10 data sets of each design and of its clean twin (the reproduction has 200)."""
    found = proof.measure(design, 10)
    assert found["planted"]["alarm"]["hits"] >= 8
    assert found["planted"]["wrong_sign_with_tight_errors"]["hits"] >= 8
    assert found["clean"]["alarm"]["hits"] <= 1  # at .05 two or more of 10 have chance 9 %
    assert found["clean"]["wrong_sign_with_tight_errors"]["hits"] == 0
