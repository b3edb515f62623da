"""What stands beside the numbers of a result: assumptions, penalties, few trajectories, tests and their limits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from machines import CONTRACT, keeper_log, write_project

from telic.cli import main
from telic.reports import Report
from telic.workflows import InferSettings, infer, ingest
from telic.workflows.assumptions import held_words
from telic.workflows.page import build_page
from telic.workflows.page_parts import sentence_case

QUICK = InferSettings(with_profiles=False)
NEVER = (
    CONTRACT.replace(
        "tradeoffs: [[repairs, wear]]",
        "tradeoffs: [[repairs, wear], [swaps, wear]]",
    )
    .replace("values: [run, repair]", "values: [run, repair, swap]")
    .replace(
        "  - {name: repairs, expression",
        "  - {name: swaps, expression: \"action == 'swap'\", unit: swap}\n  - {name: repairs, expression",
    )
)
PEOPLE = CONTRACT.replace("data: {trajectory", "data: {demonstrator: keeper, trajectory") + (
    "people: {purpose: agreement, legal_basis: consent, informed_on: 2026-01-01, min_group: 2}\n"
)


def told(folder, settings=QUICK):
    ingest(folder)
    return infer(folder, settings=settings).report.data


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Four machines; three are fitted."""
    return told(write_project(tmp_path_factory.mktemp("few") / "p", log=keeper_log(4, 120)))


def log_of_two(second: float, days: int = 60) -> str:
    """Two keepers; the second one repairs at random with this probability."""
    rng, lines = np.random.default_rng(3), keeper_log(30, days).splitlines()
    rows = [line.split(",") for line in lines[1:]]
    out = [lines[0] + ",keeper"]
    wear = 0
    for i, (machine, day, state, action) in enumerate(rows):
        if i < len(rows) // 2:
            out.append(f"{machine},{day},{state},{action},ann")
            continue
        if int(day) == 0:
            wear = 0
        chosen = "repair" if rng.random() < second else "run"
        out.append(f"{machine},{day},{wear},{chosen},ben")
        wear = 0 if chosen == "repair" else min(wear + int(rng.random() < 0.6), 5)
    return "\n".join(out) + "\n"


def test_what_was_held_stands_in_the_first_line_and_beside_the_numbers(finished_folder):
    report = infer(finished_folder).report
    assert report.headline.endswith("Fixed by assumption: discount 0.9 and rationality 1.")
    note = next(s for s in report.sections if s.anchor == "tradeoffs").items[0].note
    assert "Fixed by assumption: discount 0.9 and rationality 1." in note
    assert "Each interval stands for itself." in note
    page = build_page(report.data)
    section = next(s for s in page.sections if s.anchor == "tradeoffs")
    assert any(isinstance(item, str) and item.startswith("Fixed by assumption:") for item in section.items)


def test_what_is_taken_for_granted_is_listed(finished_folder):
    data = infer(finished_folder).report.data
    words = " ".join(data["assumptions"])
    for part in (
        "choose softly",
        "0.9 times as much",
        "fixed by assumption, not estimated",
        "weighted sum of these features: wear and repairs",
        "the state (wear), cut into 6 cells",
        "each pair of state and action: 1)",
        "Trajectories are independent of each other",
        "not widened for being many",
    ):
        assert part in words, part
    page = build_page(data)
    assert list(next(s for s in page.sections if s.anchor == "assumptions").items) == data["assumptions"]


def test_intervals_say_how_they_were_made(finished_folder, tmp_path):
    data = infer(finished_folder).report.data
    assert data["interval_words"] == (
        "Fieller intervals of 95 %, sandwich clustered errors with the errors of the estimated dynamics, "
        "Student's t by the number of trajectories"
    )
    assert sentence_case("the errors of Student's t") == "The errors of Student's t"
    t = data["tradeoffs"][0]
    assert t["degrees_of_freedom"] == pytest.approx(data["n_effective_trajectories"] - 1)
    assert data["critical_value"] == t["critical_value"] > 1.96
    folder = write_project(tmp_path / "p")
    known = told(folder, InferSettings(with_profiles=False, with_dynamics_errors=False, level=0.999))
    assert "of 99.9 %" in known["interval_words"]
    assert "taking the estimated dynamics as known" in known["interval_words"]
    model = told(folder, InferSettings(with_profiles=False, errors="hessian"))
    assert "Student" not in model["interval_words"]
    assert model["tradeoffs"][0]["degrees_of_freedom"] is None
    assert "Decisions are independent of each other given their states" in " ".join(model["assumptions"])


def test_no_dependence_found_is_not_no_dependence(finished_folder):
    data = infer(finished_folder).report.data
    assert data["markov"]["findings"] == []
    assert data["markov"]["sentence"].startswith("No sign that")
    assert "a weak dependence can go unseen" in data["markov"]["sentence"]


def test_counterfactuals_say_what_stays_the_same(finished_folder):
    note = infer(finished_folder).report.data["counterfactuals"][0]["note"]
    assert "the same people" in note and "in the same world as estimated" in note
    assert "discounted by 0.9 each" in note and "for the weights alone" in note


def test_few_trajectories_are_wide_and_say_so(few):
    assert few["n_trajectories"] == 3
    assert few["tradeoffs"][0]["degrees_of_freedom"] == pytest.approx(2.0)
    assert "wide and rough" in few["caution"]
    assert "take decisions as independent" in few["caution"]
    assert "3 trajectories" in few["caution"]
    beside = few["caution"].split("[")[1].split("]")[0].split(",")
    low, high = few["tradeoffs"][0]["interval"]
    assert float(beside[1]) - float(beside[0]) < high - low
    assert "for repairs in wear" in few["caution"]


def test_one_trajectory_uses_errors_of_decisions_and_says_so(tmp_path):
    data = told(write_project(tmp_path / "p", log=keeper_log(1, 400)))
    assert "sandwich_clustered" not in data["standard_errors"]
    assert data["tradeoffs"][0]["kind"] == "sandwich"
    assert "taking the estimated dynamics as known" in data["interval_words"]
    assert any(f["code"] == "one-trajectory" for f in data["findings"])
    assert "also those of one trajectory" in " ".join(data["assumptions"])


def test_a_penalty_is_said_wherever_its_numbers_stand(tmp_path):
    report_data = told(write_project(tmp_path / "p"), InferSettings(with_profiles=False, l2=3.0))
    assert "of penalised weights, without the bias of the penalty" in report_data["interval_words"]
    assert "penalised (l2 = 3)" in report_data["standard_errors_note"]
    assert "shrunk by a penalty (l2 = 3)" in report_data["headline"]
    assert "squared penalty 3" in report_data["headline"]
    assert "pulled towards zero (squared penalty 3)" in report_data["assumptions"][-1]
    assert "shrunk by its penalty" in report_data["counterfactuals"][0]["note"]
    assert held_words({"l2": 3.0, "discount": 0.9999}) == "squared penalty 3 and discount 0.9999"


def test_separation_in_words_and_json_and_what_a_penalty_can_not_cure(tmp_path, capsys):
    folder = write_project(tmp_path / "p", NEVER)
    ingest(folder)
    status = main(["infer", str(folder), "--quick", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert status != 0
    assert data["result"] == "separation"
    assert data["headline"].startswith("Not an answer (separation).")
    assert data["tradeoffs"] == [] and data["standard_errors"] == {} and data["held_out"] is None
    assert "swaps (down) runs to infinity" in data["findings"][0]["message"]
    status = main(["infer", str(folder), "--quick", "--json", "--l2", "0.5"])
    data = json.loads(capsys.readouterr().out)
    assert (status, data["result"], data["held_by_penalty"]) == (0, "success", ["swaps"])
    assert "What swaps is worth cannot be told." in data["headline"]
    assert all(errors["swaps"] is None for errors in data["standard_errors"].values())
    assert data["total_errors"]["swaps"] is None
    swaps = data["tradeoffs"][1]
    assert (swaps["value"], swaps["interval"], swaps["bounded"]) == (None, None, False)
    assert "only the penalty keeps swaps finite" in swaps["sentence"]


def test_the_test_that_people_differ_says_what_it_assumes(tmp_path):
    data = told(write_project(tmp_path / "p", PEOPLE, log_of_two(0.4)))
    said = data["difference"]["sentence"]
    assert "differ in what they value" in said
    assert "likelihood-ratio test" in said and "decisions as independent given their states" in said
    shrunk = told(tmp_path / "p", InferSettings(with_profiles=False, l2=1.0))
    assert shrunk["difference"] is None
    pseudo = told(tmp_path / "p", InferSettings(with_profiles=False, method="conditional_choice_transitions"))
    assert pseudo["difference"] is None


def test_what_only_one_person_has_is_told_with_the_name(tmp_path):
    lines = log_of_two(0.4).splitlines()
    kept = [lines[0], *(x for x in lines[1:] if x.endswith("ann") or int(x.split(",")[0][1:]) < 16)]
    data = told(write_project(tmp_path / "p", PEOPLE, "\n".join(kept) + "\n"))
    (lonely,) = (who for who, fit in data["people"].items() if fit["n_trajectories"] == 1)
    found = [f["message"] for f in data["findings"] if f["code"] == "one-trajectory"]
    assert len(found) == 1
    assert found[0].startswith(f"{lonely}: There is one trajectory")


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (
            0.5,
            "; for {ben} the data cannot tell. Fixed by assumption",
        ),  # repairs at random: wear may weigh nothing
        (0.0, "; for {ben} there is no answer (separation). Fixed by assumption"),  # never repairs
    ],
)
def test_nobody_is_left_out_of_the_headline(tmp_path, second, said):
    data = told(write_project(tmp_path / "p", PEOPLE, log_of_two(second)))
    names = [d["name"] for d in data["dataset"]["demonstrators"]]
    value = {who: fit["tradeoffs"][0]["interval"] for who, fit in data["people"].items() if fit["tradeoffs"]}
    (ben,) = [who for who in names if value.get(who) is None]
    (ann,) = [who for who in names if who != ben]
    assert f"] to {ann}; for {ben} " in data["headline"]
    assert said.format(ben=ben) in data["headline"]
    heading = (
        Report(title="t", headline=data["headline"]).to_html().partition("<h1>")[2].partition("</h1>")[0]
    )
    assert ann in heading and ben in heading  # the first sentence has all of them
