"""``telic infer`` refuses to call a preference what was only possible: keepers of machines without spare parts."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from telic.cli import main
from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.reports import Outcome
from telic.workflows.infer import EVERYBODY, InferSettings, fit_everyone, infer
from telic.workflows.ingest import ingest
from telic.workflows.options_check import turning_shares, with_availability
from telic.workflows.page import build_page
from telic.workflows.problem import pose
from telic.workflows.train import train

QUICK = InferSettings(with_profiles=False, with_dynamics_errors=False)
NO_ANSWER = 7
"""Exit status of a verb whose fit is no answer."""


@pytest.fixture(scope="module")
def measured(project_root):
    """The reproduction: its designs and its way to count."""
    place = project_root / "reproductions" / "infer_availability.py"
    spec = importlib.util.spec_from_file_location("infer_availability", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def project(folder, measured, design):
    import yaml

    folder.mkdir()
    contract = {**measured.CONTRACT, "schema_version": 1}
    (folder / "contract.yaml").write_text(yaml.safe_dump(contract))
    (folder / "log.csv").write_text(measured.log_of(design, 5))
    ingest(folder)
    return folder


@pytest.mark.slow
def test_logs_are_refused_where_actions_were_out_of_reach_and_only_there(measured):
    """Reduced: 12 logs a design; 200 in `reproductions/infer_availability.py`."""
    assert measured.measure("clean", 12)["refused"]["hits"] == 0
    assert measured.measure("tastes", 12)["refused"]["hits"] == 0
    assert measured.measure("third", 12)["refused"]["hits"] >= 11


def test_the_verb_gives_no_answer_and_says_why(tmp_path, measured, capsys):
    folder = project(tmp_path / "third", measured, "third")
    assert main(["infer", str(folder), "--quick", "--strict-options"]) == NO_ANSWER
    said = " ".join(capsys.readouterr().out.split())
    assert "Options that were passed over are passed over again far more than their features say" in said
    data = infer(folder, settings=replace(QUICK, strict_options=True)).report.data
    assert data["result"] == Outcome.UNAVAILABLE_OPTIONS.label
    assert data["availability"]["p_value"] < 0.01
    assert data["tradeoffs"] == []
    assert "unavailable-options" in [f["code"] for f in data["findings"]]


def test_without_being_asked_to_refuse_it_warns_that_the_weights_are_no_preference(tmp_path, measured):
    result = infer(project(tmp_path / "third", measured, "third"), settings=QUICK)
    assert result.report.data["result"] == Outcome.SUCCESS.label
    [warning] = [f for f in result.report.data["findings"] if f["code"] == "unavailable-options"]
    assert warning["severity"] == "warning"
    assert "The weights are no preference." in warning["message"]
    assert "--strict-options" in warning["hint"]
    assert result.report.title == "What the choices look like (no preference): machines"
    assert result.report.headline.startswith("Not a preference: what was passed over is passed over again")
    assert any(said.startswith("No preference:") for said in result.report.data["cautions"])
    page = build_page(result.report.data)
    assert page.title == result.report.title and page.headline == result.report.headline


def test_the_policy_of_a_log_with_an_alarm_says_that_it_rests_on_no_preference(tmp_path, measured):
    folder = project(tmp_path / "third", measured, "third")
    infer(folder, settings=QUICK)
    assert any(said.startswith("No preference:") for said in train(folder).report.data["cautions"])


def test_the_share_of_options_that_turns_a_sign_is_told_and_does_turn_it(tmp_path, measured):
    contract = TaskContract.from_mapping(measured.CONTRACT)
    place = tmp_path / "log.csv"
    place.write_text(measured.log_of("clean", 5))
    problem = pose(contract, read_demonstrations(contract, place))
    pooled = fit_everyone(problem, QUICK)[EVERYBODY]
    flips = turning_shares(problem, pooled)
    assert [f.name for f in flips] == ["wear", "repairs"]
    for flip in flips:
        assert 0.0 < flip.share < 0.5
        assert np.sign(flip.weights[-1]) == -np.sign(flip.weight)


def test_the_table_of_shares_is_in_text_and_page(tmp_path, measured):
    folder = project(tmp_path / "clean", measured, "clean")
    result = infer(folder, settings=replace(QUICK, with_profiles=True))
    assert result.report.title == "What the experts value: machines"
    for report in (result.report, build_page(result.report.data)):
        [section] = [s for s in report.sections if s.anchor == "robustness"]
        [table] = [i for i in section.items if getattr(i, "title", "") == "If options were out of reach"]
        assert [row[0] for row in table.rows] == ["wear", "repairs"]


def test_a_log_in_which_everything_could_be_taken_says_that_it_was_tested(tmp_path, measured):
    data = infer(project(tmp_path / "tastes", measured, "tastes"), settings=QUICK).report.data
    assert data["result"] == Outcome.SUCCESS.label
    assert data["availability"]["n_tested"] == 3
    said = "could be taken whenever it was not. Tested on the choices of each of 3 demonstrators"
    assert said in " ".join(data["assumptions"])


def test_recorded_choice_sets_end_the_alarm_and_are_told(tmp_path, measured):
    contract = TaskContract.from_mapping(measured.CONTRACT)
    place = tmp_path / "log.csv"
    place.write_text(measured.log_of("third", 5))
    demos = read_demonstrations(contract, place)
    offered = np.ones((demos.n_decisions, 2), dtype=bool)
    without = [int(name[1:]) < measured.MACHINES // 3 for name in demos.trajectory_ids]
    offered[np.array(without)[demos.trajectory_index], 1] = False
    for recorded, alarm in ((None, True), (offered, False)):
        problem = pose(contract, replace(demos, offered=recorded))
        fits, found = with_availability(
            problem, fit_everyone(problem, QUICK), everybody=EVERYBODY, is_strict=True
        )
        assert (fits[EVERYBODY].outcome is Outcome.UNAVAILABLE_OPTIONS) is alarm
    assert found.n_restricted == int((~problem.train.offered[:, 1]).sum())
    assert found.findings == ()
    assert "choice-sets-fitted" in [f.code for f in problem.findings]
    assert found.is_fitted
    # A third of the machines never had spare parts; the price of a repair is the one that was planted.
    estimate = fits[EVERYBODY].estimate
    price = dict(zip(estimate.names, estimate.weights.tolist(), strict=True))["repairs"]
    assert abs(price + measured.PRICES["third"][0]) < 3 * estimate.standard_errors("sandwich_clustered")[1]


def test_where_nothing_can_be_tested_the_result_says_why(tmp_path, measured):
    folder = project(tmp_path / "clean", measured, "clean")
    data = infer(folder, settings=replace(QUICK, l2=1.0)).report.data
    assert data["availability"]["p_value"] is None
    said = "This was not tested: it is tested around a fit by max_causal_entropy without a penalty."
    assert said in " ".join(data["assumptions"])
