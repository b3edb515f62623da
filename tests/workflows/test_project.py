"""A project folder: found, or missed with a hint; runs are looked up by everything that went into them."""

from __future__ import annotations

import pytest

from telic.errors import ContractError, PermanentError
from telic.reports import Report
from telic.workflows.project import Project


def test_a_folder_with_a_contract_is_a_project(project_folder):
    project = Project.open(project_folder)
    assert project.contract.identity.task == "machines"
    assert [path.name for path in project.sources] == ["log.csv"]
    assert Project.open(project_folder / "contract.yaml").folder == project_folder


def test_a_missing_folder_offers_the_nearest_name(project_folder):
    with pytest.raises(PermanentError, match="Did you mean `machines`") as caught:
        Project.open(project_folder.parent / "machine")
    assert "telic init" in caught.value.hint


def test_a_folder_without_a_contract_says_how_to_get_one(tmp_path):
    with pytest.raises(PermanentError, match=r"no contract\.yaml") as caught:
        Project.open(tmp_path)
    assert "telic init" in caught.value.hint


def test_a_broken_contract_names_file_and_line(project_folder):
    path = project_folder / "contract.yaml"
    path.write_text(path.read_text().replace("discount: 0.9", "discount: 1.9"))
    with pytest.raises(ContractError, match=r"line \d+, timing\.discount"):
        _ = Project.open(project_folder).contract


def test_nothing_ingested_is_said_before_anything_else(project_folder):
    with pytest.raises(PermanentError, match="Nothing was ingested") as caught:
        Project.open(project_folder).dataset()
    assert caught.value.hint == f"Run: telic ingest {project_folder}"


def test_a_run_is_named_by_its_inputs_and_found_again(project_folder):
    project = Project.open(project_folder)
    run = project.run_of("check", {"dataset": "sha256:1"})
    assert run == project.run_of("check", {"dataset": "sha256:1"})
    assert run.digest != project.run_of("check", {"dataset": "sha256:2"}).digest
    assert run.digest != project.run_of("infer", {"dataset": "sha256:1"}).digest
    assert not run.is_done
    run.write(Report(title="t", headline="h", data={"verb": run.verb, "x": 1}))
    project.remember(run)
    assert project.find_run("check").read() == {"verb": "check", "x": 1}
    assert project.find_run("check", run.folder.name[:6]).folder == run.folder


def test_a_run_that_is_not_there_is_an_error_with_the_command(project_folder):
    with pytest.raises(PermanentError, match="no finished `infer`") as caught:
        Project.open(project_folder).find_run("infer")
    assert f"telic infer {project_folder}" in caught.value.hint
    with pytest.raises(PermanentError, match="0 runs of `infer` begin with 'abc'"):
        Project.open(project_folder).find_run("infer", "abc")


def test_a_damaged_result_is_named_and_not_used(project_folder):
    project = Project.open(project_folder)
    run = project.run_of("check", {})
    run.write(Report(title="t", headline="h", data={"verb": run.verb, "x": 1}))
    (run.folder / "check.json").write_text('{"x": ')
    with pytest.raises(PermanentError, match=r"check\.json cannot be read"):
        run.read()


def test_a_damaged_pointer_does_not_matter(project_folder):
    project = Project.open(project_folder)
    run = project.run_of("check", {})
    run.write(Report(title="t", headline="h"))
    (project_folder / "runs" / "latest.json").write_text("{")
    project.remember(run)
    assert project.find_run("check").digest == run.digest


def test_versions_are_found_by_the_beginning_of_their_digest(finished_folder):
    project = Project.open(finished_folder)
    newest = project.dataset()
    assert project.dataset(newest.digest[7:14]).digest == newest.digest
    assert project.dataset(newest.digest).digest == newest.digest
    with pytest.raises(PermanentError, match="0 dataset versions begin with 'zz'"):
        project.dataset("zz")
