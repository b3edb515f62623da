"""`infer --suspects` and `--over-time`: both fits side by side, evidence by pseudonym where the contract permits it,
and weights by block of time.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from keepers import NAMED, PEOPLE, SHARED, log_of_two_intents, log_with_adversaries
from machines import CONTRACT, keeper_log, write_project

from telic.reports import Outcome
from telic.workflows import InferSettings, Project, infer, ingest
from telic.workflows.group_page import about_the_group
from telic.workflows.over_time_words import over_time_items, over_time_of
from telic.workflows.page import build_page
from telic.workflows.suspects_words import suspects_items

PLAIN = InferSettings(with_profiles=False, with_dynamics_errors=False)
WEIGHED = replace(PLAIN, suspects=True)


def words_of(items) -> str:
    return " ".join(str(item.to_json()) if hasattr(item, "to_json") else str(item) for item in items)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Six keepers, one of whom acts by the opposite weights; tests only read it."""
    folder = write_project(
        tmp_path_factory.mktemp("suspects") / "machines", NAMED + PEOPLE, log_with_adversaries()
    )
    ingest(folder)
    return folder, infer(folder, settings=WEIGHED)


def test_one_who_acts_against_the_others_is_found_and_weighed_down(planted):
    told = planted[1].report.data["suspects"]
    assert (told["n_suspected"], told["n_demonstrators"]) == (1, 6)
    assert told["expected"]["adversarial"] == pytest.approx(1.0, abs=0.01)
    for name, true in zip(("wear", "repairs"), SHARED, strict=True):
        pair = told["weights"][name]
        assert abs(pair["weighed"]["weight"] - true) < 3 * pair["weighed"]["standard_error"]
        assert pair["weighed"]["standard_error"] < pair["believed"]["standard_error"]
    assert told["tests"]["same taste and rationality"]["p_value"] < 1e-4
    worth = told["tradeoffs"][0]
    assert worth["believed"]["interval"] is None
    assert worth["weighed"]["interval"][0] < 4.0 < worth["weighed"]["interval"][1]


def test_the_evidence_is_shown_by_pseudonym_and_is_no_ranking(planted):
    rows = planted[1].report.data["suspects"]["demonstrators"]
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
    (named,) = [row for row in rows if row["is_suspected"]]
    assert named["nats_against"] > planted[1].report.data["suspects"]["named_from"]
    assert named["probabilities"]["adversarial"] > 0.99
    text = " ".join(planted[1].report.to_text(width=100).split())
    assert "1 of 6 demonstrators is suspected of acting at random or against the others" in text
    assert "the chance of suspecting anybody in vain is at most 5 %" in text
    assert f"{named['name']} acts against the others" in text
    assert "no ranking and no judgement" in text
    assert "keeper" not in json.dumps(rows)


def test_the_page_draws_both_fits_and_the_one_to_hand_on_names_nobody(planted):
    section = next(s for s in build_page(planted[1].report.data).sections if s.anchor == "suspects")
    (figure,) = [item for item in section.items if hasattr(item, "svg")]
    assert figure.title == "One repair, in steps of wear, by both fits"
    assert [row["label"] for row in figure.data["rows"]] == ["everybody believed", "everybody weighed"]
    group = about_the_group(Project.open(planted[0]).contract, planted[1].report.data)
    assert group["suspects"]["demonstrators"] is None
    assert group["suspects"]["n_suspected"] == 1
    assert not [f for f in group["findings"] if f["code"] == "suspected-demonstrator"]
    assert "Who is suspected is not handed on." in suspects_items(group)


def test_without_a_people_block_nobody_is_named(tmp_path):
    folder = write_project(tmp_path / "machines", NAMED, log_with_adversaries())
    ingest(folder)
    data = infer(folder, settings=WEIGHED).report.data
    assert data["suspects"]["n_suspected"] == 1
    assert data["suspects"]["demonstrators"] is None
    assert not [f for f in data["findings"] if f["code"] == "suspected-demonstrator"]
    assert "demonstrator-" not in json.dumps(data["suspects"])
    assert "Who is suspected is not said: the contract has no `people` block." in suspects_items(data)


@pytest.mark.slow
def test_who_contradicts_whom_is_counted_and_named_where_it_is_permitted(tmp_path):
    folder = write_project(tmp_path / "machines", NAMED + PEOPLE, log_with_adversaries(8, 2))
    ingest(folder)
    data = infer(folder, settings=WEIGHED).report.data
    (found,) = [c for c in data["suspects"]["contradictions"] if c["feature"] == "repairs"]
    assert found["n_seek"] >= 1
    assert found["n_avoid"] >= 1
    assert "They contradict each other about repairs" in words_of(suspects_items(data))
    (named,) = [f for f in data["findings"] if f["code"] == "contradictory-demonstrators"]
    assert len(named["evidence"]["seek"]) == found["n_seek"]
    group = about_the_group(Project.open(folder).contract, data)
    assert not [f for f in group["findings"] if f["code"] == "contradictory-demonstrators"]
    assert "They contradict each other about repairs" in words_of(suspects_items(group))


def test_without_a_majority_nobody_is_right_and_the_rest_stands(tmp_path):
    folder = write_project(tmp_path / "machines", NAMED + PEOPLE, log_with_adversaries(4, 2))
    ingest(folder)
    result = infer(folder, settings=WEIGHED)
    assert result.outcome is Outcome.NO_MAJORITY
    data = result.report.data
    assert data["result"] == "success"
    assert data["suspects"]["result"] == "no-majority"
    assert data["suspects"]["demonstrators"] is None
    assert data["suspects"]["weights"]["wear"]["weighed"] == {"weight": None, "standard_error": None}
    assert data["tradeoffs"][0]["value"] is not None
    text = words_of(suspects_items(data))
    assert "No answer despite suspects" in text
    assert "nobody is suspected" in text


@pytest.mark.parametrize(
    ("n_keepers", "said"), [(1, "needs at least 3; the log has 1"), (2, "needs at least 3; the log has 2")]
)
def test_too_few_demonstrators_are_refused_before_anything_is_fitted(telic, tmp_path, n_keepers, said):
    folder = write_project(tmp_path / "machines", NAMED + PEOPLE, log_with_adversaries(n_keepers, 0))
    ingest(folder)
    told = telic("infer", folder, "--quick", "--suspects")
    assert told.status == 4
    assert said in " ".join(told.err.split())
    assert not list(folder.glob("runs/*/infer.html"))


@pytest.fixture(scope="module")
def drifting(tmp_path_factory):
    """Trajectories whose intents change places over time."""
    folder = write_project(
        tmp_path_factory.mktemp("drift") / "machines", CONTRACT, log_of_two_intents(32, 20)[0]
    )
    ingest(folder)
    return infer(folder, settings=replace(PLAIN, over_time=True)).report.data


def test_weights_over_time_show_the_change(drifting):
    told = drifting["over_time"]
    assert told["changes"]
    assert told["p_value"] < 0.001
    first, last = (told["periods"][b]["weights"]["repairs"] for b in (0, -1))
    assert last["weight"] < first["weight"] - 0.5  # repairs become dearer
    text = words_of(over_time_items(drifting))
    assert "a smooth random walk explains them better than constant weights do" in text
    figures = [x for x in over_time_of(drifting) if hasattr(x, "svg")]
    assert [f.title for f in figures] == ["Weight of wear over time", "Weight of repairs over time"]
    assert len(figures[1].data["lines"]["weight"]) == len(told["periods"])
    assert any(s.anchor == "over-time" for s in build_page(drifting).sections)


def test_a_block_of_time_about_too_few_people_is_not_handed_on(planted, drifting):
    contract = Project.open(planted[0]).contract
    data = {**planted[1].report.data, "over_time": drifting["over_time"]}
    assert {p["n_people"] for p in drifting["over_time"]["periods"]} == {1}  # the contract names nobody
    told = about_the_group(contract, data)
    assert over_time_of(told) == ["Not handed on: fewer than 2 people decided in one of the blocks of time."]


@pytest.mark.slow
def test_a_constant_taste_is_told_once(tmp_path):
    folder = write_project(tmp_path / "machines", CONTRACT, keeper_log(20, 30))
    ingest(folder)
    data = infer(folder, settings=replace(PLAIN, over_time=True)).report.data
    assert not data["over_time"]["changes"]
    text = words_of(over_time_items(data))
    assert "Nothing says that the weights change over the" in text
    assert "All trajectories begin at the same time, so blocks are made by the order" in text
    assert "'columns'" not in text  # no table of the same numbers again and again


@pytest.mark.slow
def test_weights_over_time_of_three_trajectories_are_refused(telic, tmp_path):
    contract = CONTRACT.replace("held_out: 0.2", "held_out: 0.0")
    folder = write_project(tmp_path / "machines", contract, keeper_log(3, 100))
    ingest(folder)
    told = telic("infer", folder, "--quick", "--over-time")
    assert told.status == 4
    assert "Weights over time need at least 4 trajectories, got 3" in " ".join(told.err.split())


def test_what_was_not_asked_for_is_not_there(planted):
    data = planted[1].report.data
    assert planted[1].outcome is Outcome.SUCCESS
    assert (data["intents"], data["over_time"]) == (None, None)
    assert "Several intents" not in planted[1].report.to_text(width=100)
