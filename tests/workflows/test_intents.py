"""`infer --intents`: planted intents that change places over time are found, told and drawn; people stay unnamed where
the contract says nothing about them.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from keepers import INTENTS, NAMED, PEOPLE, log_of_two_intents
from machines import CONTRACT, keeper_log, write_project

from telic.cli.infer_options import InferOptions
from telic.errors import DataError, SettingsError
from telic.reports import Finding, Outcome, Severity
from telic.workflows import InferSettings, IntentSettings, Project, infer, ingest, report
from telic.workflows.group_page import about_the_group
from telic.workflows.intents import find_intents
from telic.workflows.intents_result import intents_json
from telic.workflows.intents_words import intents_items, intents_of
from telic.workflows.page import build_page

PLAIN = InferSettings(with_profiles=False, with_dynamics_errors=False)
FOUND = replace(PLAIN, intents=IntentSettings(most=2, starts=1))
LOG, WHICH = log_of_two_intents()


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A project of three keepers and two intents, with the number found; tests only read it."""
    folder = write_project(tmp_path_factory.mktemp("intents") / "machines", NAMED + PEOPLE, LOG)
    ingest(folder)
    return folder, infer(folder, settings=FOUND)


@pytest.fixture(scope="module")
def unnamed(tmp_path_factory):
    """The same without a word about people, in a log that names who decided."""
    folder = write_project(tmp_path_factory.mktemp("unnamed") / "machines", NAMED, LOG)
    ingest(folder)
    return folder, infer(folder, settings=replace(PLAIN, intents=IntentSettings(n_intents=2, starts=1)))


def fitted_intents(result):
    """The planted intent of each fitted machine, with the day on which it began: its number."""
    ids = [int(str(name)[1:]) for name in result.product.demos.trajectory_ids]
    return np.array(ids), WHICH[ids]


def words_of(items) -> str:
    return " ".join(str(item.to_json()) if hasattr(item, "to_json") else str(item) for item in items)


def test_the_planted_intents_are_found_with_their_shares(planted):
    told = planted[1].report.data["intents"]
    assert told["n_intents"] == 2
    assert told["is_chosen"]
    assert told["tried"][1]["gain_over_one"]["interval"][0] > 0
    days, which = fitted_intents(planted[1])
    for intent in told["intents"]:
        planted_as = 0 if intent["weights"]["repairs"] < -2 else 1
        for name, true in zip(("wear", "repairs"), INTENTS[planted_as], strict=True):
            assert abs(intent["weights"][name] - true) < 3.5 * intent["standard_errors"][name]
        low, high = intent["interval"]
        assert low < np.mean(which == planted_as) < high
        worth = INTENTS[planted_as][1] / INTENTS[planted_as][0]
        assert intent["tradeoffs"][0]["value"] == pytest.approx(worth, rel=0.3)
        assert intent["tradeoffs"][0]["interval"] is not None
    assert len(days) == told["n_units"]


def test_shares_over_time_follow_the_planted_change(planted):
    told = planted[1].report.data["intents"]
    over, (days, which) = told["over_time"], fitted_intents(planted[1])
    first = next(j for j, x in enumerate(told["intents"]) if x["weights"]["repairs"] < -2)
    assert over["by"] == "time"
    assert len(over["periods"]) >= 4
    assert over["periods"][0]["from"] == f"day {days.min()}"
    for p in over["periods"]:
        begin, end = p["begin"] / 86400, p["end"] / 86400
        is_last = p is over["periods"][-1]
        inside = (days >= begin) & ((days <= end) if is_last else (days < end))
        assert p["n_units"] == inside.sum()
        assert p["n_people"] == 3
        share = p["shares"][first]
        assert share["share"] == pytest.approx(np.mean(which[inside] == 0), abs=0.15)
        assert share["interval"][0] <= np.mean(which[inside] == 0) <= share["interval"][1]
    assert over["periods"][0]["shares"][first]["share"] < 0.35
    assert over["periods"][-1]["shares"][first]["share"] > 0.65
    assert over["p_value"] <= 0.01


def test_the_text_says_it_in_words(planted):
    text = " ".join(planted[1].report.to_text(width=100).split())
    assert "2 intents among" in text
    assert "that the mixture had not seen, and no larger one is surely better" in text
    assert "The shares of the 2 intents" in text
    assert "change from period to period (permutation test over" in text
    assert "Shares of the intents over time" in text
    assert "the reward of all together is an average that nobody need hold" in text
    assert "Taken for granted: each trajectory keeps one intent" in text


def test_the_page_draws_gains_tradeoffs_and_shares_over_time(planted):
    data = planted[1].report.data
    section = next(s for s in build_page(data).sections if s.anchor == "intents")
    figures = {item.title: item for item in section.items if hasattr(item, "svg")}
    assert list(figures) == [
        "What more intents win over one, on what the mixture had not seen",
        "One repair, in steps of wear, by intent",
        "How common each intent is, over time",
    ]
    shares = figures["How common each intent is, over time"]
    drawn = shares.data["lines"]["intent 1"]
    periods = data["intents"]["over_time"]["periods"]
    assert [round(x["value"], 6) for x in drawn] == [round(100 * p["shares"][0]["share"], 6) for p in periods]
    assert "Bars are intervals of 95 %" in shares.caption
    assert "intent 1 goes from" in shares.alt
    again = json.loads(json.dumps(data))
    assert [type(x) for x in intents_of(again)] == [type(x) for x in section.items]
    page = report(planted[0]).page.read_text()
    assert "Several intents" in page
    assert "a set of weights that part of the log has in common" in page


def test_who_leans_where_is_told_by_pseudonym_and_only_with_a_people_block(planted, unnamed):
    rows = planted[1].report.data["intents"]["leaning"]
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
    assert all(row["name"].startswith("demonstrator-") for row in rows)
    assert all(sum(row["shares"]) == pytest.approx(1.0) for row in rows)
    assert sum(row["n_units"] for row in rows) == planted[1].report.data["intents"]["n_units"]
    hidden = unnamed[1].report.data["intents"]
    assert hidden["leaning"] is None
    assert hidden["n_people"] == 3
    for told in (hidden, {**planted[1].report.data["intents"], "leaning": None}):
        text = json.dumps(told)
        assert "demonstrator-" not in text
        assert "m00" not in text  # names of trajectories may say who was there
        assert "ana" not in text


def test_a_number_that_was_given_is_taken(unnamed):
    told = unnamed[1].report.data["intents"]
    assert (told["n_intents"], told["is_chosen"], told["tried"]) == (2, False, [])
    assert "a number that was given" in intents_items(unnamed[1].report.data)[0]


def test_a_page_to_hand_on_is_about_enough_people(planted):
    project = Project.open(planted[0])
    data = project.find_run("infer").read()
    own = about_the_group(project.contract, data)
    assert own["intents"]["leaning"] is None
    assert own["intents"]["over_time"] == data["intents"]["over_time"]
    few = json.loads(json.dumps(data))
    few["intents"]["over_time"]["periods"][2]["n_people"] = 1
    told = about_the_group(project.contract, few)
    assert told["intents"]["over_time"] is None
    assert "fewer than 2 people decided in one of the periods" in words_of(intents_items(told))
    few["intents"]["intents"][1]["n_people"] = 1
    told = about_the_group(project.contract, few)
    assert list(told["intents"]) == ["withheld"]
    assert intents_of(told) == [
        "Intents are not handed on: fewer than 2 people may stand behind one of them."
    ]


@pytest.mark.slow
def test_demonstrators_as_units_keep_one_intent_each(planted):
    settings = replace(PLAIN, intents=IntentSettings(n_intents=2, unit="demonstrator", starts=1))
    result = infer(planted[0], settings=settings)
    told = result.report.data["intents"]
    assert told["n_units"] == 3
    text = words_of(intents_items(result.report.data))
    assert "Each demonstrator keeps one intent, so what moves over time is who decided." in text
    assert all(s["interval"] is None for p in told["over_time"]["periods"] for s in p["shares"])
    project = Project.open(planted[0])
    assert list(about_the_group(project.contract, result.report.data)["intents"]) == ["withheld"]


@pytest.mark.parametrize(
    ("contract", "reason"),
    [
        (CONTRACT, "All trajectories begin at the same time"),
        pytest.param(
            CONTRACT.replace("time: day, time_format: seconds, ", ""),
            "The log has no times",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_without_times_shares_go_by_the_order_of_trajectories(tmp_path, contract, reason):
    folder = write_project(tmp_path / "machines", contract, log_of_two_intents(20, 30, days_apart=0)[0])
    ingest(folder)
    result = infer(folder, settings=replace(PLAIN, intents=IntentSettings(n_intents=2, starts=1)))
    over = result.report.data["intents"]["over_time"]
    assert (over["by"], over["reason"]) == ("order", reason)
    assert over["periods"][0]["from"] == "no. 1"
    assert f"{reason}, so shares are shown by the order" in words_of(intents_items(result.report.data))
    titles = [x.title for x in intents_of(result.report.data) if hasattr(x, "svg")]
    assert "How common each intent is, along the log" in titles


def test_an_intent_that_nobody_has_keeps_its_share_and_has_no_numbers(planted):
    fit = planted[1].product
    gone = Finding(
        code="component-vanished",
        severity=Severity.ERROR,
        message="Component 2 of 2 has vanished.",
        evidence={"component": 2, "expected_units": 0.1},
    )
    mixture = replace(fit.intents.mixture, findings=(gone,))
    told = intents_json(replace(fit, intents=replace(fit.intents, mixture=mixture)))
    assert told["intents"][1]["is_vanished"]
    assert told["intents"][1]["weights"] == {"wear": None, "repairs": None}
    assert told["intents"][1]["share"] > 0
    assert told["intents"][0]["weights"]["wear"] < 0
    data = {**planted[1].report.data, "intents": told}
    text = words_of(intents_of(data))
    assert "Component 2 of 2 has vanished." in text
    assert "Intent 2 has no weights: nobody has it." in text


def test_an_intent_that_vanishes_in_a_fit_is_no_answer_and_the_rest_stands(tmp_path):
    contract = CONTRACT.replace("held_out: 0.2", "held_out: 0.0")
    folder = write_project(tmp_path / "machines", contract, keeper_log(3, 120))
    ingest(folder)
    result = infer(folder, settings=replace(PLAIN, intents=IntentSettings(n_intents=2)))
    data = result.report.data
    assert result.outcome is Outcome.MAX_ITERATIONS
    assert data["result"] == "success"
    assert data["tradeoffs"][0]["value"] is not None
    assert [f["code"] for f in data["intents"]["findings"] if f["severity"] == "error"] == [
        "component-vanished"
    ]
    assert data["intents"]["intents"][0]["weights"]["wear"] is None
    text = words_of(intents_items(data))
    assert "fewer than one trajectory is expected to have it" in text
    assert "No intents: what was found is no answer. Ask for fewer" in text


@pytest.mark.slow
def test_two_trajectories_are_too_few_to_try_another_number(tmp_path):
    contract = CONTRACT.replace("held_out: 0.2", "held_out: 0.0")
    folder = write_project(tmp_path / "machines", contract, keeper_log(2, 60))
    ingest(folder)
    data = infer(folder, settings=FOUND).report.data
    assert (
        intents_items(data)[0]
        == "One intent among 2 trajectories: 2 trajectories are too few to try another number."
    )
    assert data["intents"]["over_time"] is None


def test_where_nearly_all_begin_together_there_are_no_periods(planted):
    demos = planted[1].product.demos
    times = demos.times.copy()
    times[: demos.offsets[-2]] = 0.0
    fit = replace(planted[1].product, demos=replace(demos, times=times))
    found = find_intents(fit, IntentSettings(n_intents=2, starts=1))
    assert found.over_time is None
    assert "Nearly all trajectories begin at the same time" in found.not_over_time


def test_a_mixture_without_an_answer_costs_nothing_else(planted):
    fit = planted[1].product
    mixture = replace(fit.intents.mixture, outcome=Outcome.SEPARATION)
    told = intents_json(replace(fit, intents=replace(fit.intents, mixture=mixture, choice=None)))
    data = {**planted[1].report.data, "intents": told}
    assert told["intents"][0]["weights"]["wear"] is None
    assert "No intents: A weight runs to infinity" in words_of(intents_items(data))
    assert "intent 1" not in words_of(intents_of(data))
    section = next(s for s in build_page(data).sections if s.anchor == "tradeoffs")
    assert section.items


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--intents", "0"], 2, "The number of intents (`n_intents`) must be at least 1, got 0"),
        (["--intents", "99"], 4, "99 intents need at least as many trajectories; 38 are fitted"),
        (["--intents", "many"], 2, "many"),
        (["--intents", "2", "--intents-by", "demonstrator"], 2, "the contract has no `people` block"),
        (["--intents-by", "team"], 2, "team"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_before_anything_is_fitted(telic, unnamed, words, status, said):
    before = sorted(unnamed[0].glob("runs/*"))
    told = telic("infer", unnamed[0], "--quick", *words)
    assert told.status == status
    assert said in " ".join(told.err.split())
    assert [run for run in sorted(unnamed[0].glob("runs/*")) if list(run.glob("*.json"))] == [
        run for run in before if list(run.glob("*.json"))
    ]


def test_the_options_of_the_shell_become_settings(unnamed):
    assert InferOptions(intents=True).settings.intents == IntentSettings()
    assert InferOptions(intents="auto").settings.intents == IntentSettings()
    asked = InferOptions(intents=3, intents_by="demonstrator", suspects=True, over_time=True).settings
    assert asked.intents == IntentSettings(n_intents=3, unit="demonstrator")
    assert (asked.suspects, asked.over_time) == (True, True)
    assert InferOptions(intents_by="demonstrator").settings.intents == IntentSettings(unit="demonstrator")
    assert InferOptions().settings.intents is None
    assert unnamed[1].report.data["settings"]["intents"]["n_intents"] == 2
    assert unnamed[1].report.data["made_from"]["intents"] == "2, by trajectory, 1 starts"


def test_one_trajectory_has_no_number_of_intents(telic, tmp_path):
    folder = write_project(
        tmp_path / "machines", CONTRACT.replace("held_out: 0.2", "held_out: 0.0"), keeper_log(1, 300)
    )
    ingest(folder)
    told = telic("infer", folder, "--quick", "--intents")
    assert told.status == 4
    assert "The number of intents cannot be found from one trajectory." in " ".join(told.err.split())


@pytest.mark.slow
def test_nouns_in_hand_take_the_same_settings(planted):
    fit = planted[1].product
    settings = replace(PLAIN, intents=IntentSettings(n_intents=2, starts=1))
    again = infer(fit.demos, fit.world, fit.features, settings=settings)
    assert again.intents.mixture.n_components == 2
    assert again.to_json()["intents"]["leaning"] is None
    with pytest.raises(DataError, match="500 intents need at least as many trajectories"):
        infer(
            fit.demos, fit.world, fit.features, settings=replace(PLAIN, intents=IntentSettings(n_intents=500))
        )
    with pytest.raises(SettingsError, match="must be one of trajectory, demonstrator, got 'team'"):
        IntentSettings(unit="team")
