"""Each reading about single people is noted, refused to others, and its files are for their owner alone."""

from __future__ import annotations

import stat

import pytest
from machines import CONTRACT, keeper_log, write_project

from telic.errors import PermanentError, SettingsError
from telic.storage.ledger import login_name
from telic.workflows import InferSettings, Project, check, infer, ingest, report
from telic.workflows.readings import readings
from telic.workflows.reward_source import open_inferred

PEOPLE = "people: {purpose: agreement, legal_basis: consent, informed_on: 2026-01-01, min_group: 3READERS}\n"
NAMED = CONTRACT.replace("data: {trajectory", "data: {demonstrator: keeper, trajectory")
KEEPERS = ("ann", "ben", "eve")


def log_of_three() -> str:
    lines = keeper_log(27, 30).splitlines()
    rows = [f"{x},{KEEPERS[i // (9 * 30)]}" for i, x in enumerate(lines[1:])]
    return "\n".join([lines[0] + ",keeper", *rows]) + "\n"


def project_in(folder, people: str) -> Project:
    made = write_project(folder, NAMED + people, log_of_three())
    ingest(made)
    return Project.open(made)


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """A project with people, inferred, reported twice, handed on once; and what was noted after each."""
    project = project_in(tmp_path_factory.mktemp("read") / "p", PEOPLE.replace("READERS", ""))
    quick = InferSettings(with_dynamics_errors=False, with_profiles=False)
    noted = [readings(project)]
    for verb in (
        lambda: infer(project.folder, settings=quick),
        lambda: report(project.folder),
        lambda: report(project.folder),
        lambda: report(project.folder, group=True),
    ):
        verb()
        noted.append(readings(project))
    return project, noted


def test_every_reading_is_noted_with_who_when_and_what(read):
    project, noted = read
    assert [len(x) for x in noted] == [
        0,
        1,
        2,
        3,
        3,
    ]  # a page that was there is read again; a group's is nobody's
    last = noted[-1]
    assert [e["verb"] for e in last] == ["infer", "report", "report"]
    assert {e["who"] for e in last} == {login_name()}
    assert {tuple(e["people"]) for e in last} == {project.store.load().demonstrator_names}
    assert last[1]["files"] == ["infer.html", "infer.json", "report.html", "report.json"]
    assert all(len(e["when"]) == 20 for e in last)


def test_files_about_single_people_are_for_their_owner_alone(read):
    project, _ = read
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in project.find_run("infer").folder.iterdir()}
    for name in ("infer.html", "infer.json", "report.html", "report.json"):
        assert modes[name] == 0o600, name
    assert modes["group.html"] & 0o044
    assert stat.S_IMODE((project.folder / "runs" / "readings.jsonl").stat().st_mode) == 0o600


def test_the_reward_of_one_person_is_noted_when_it_is_taken_out(read, tmp_path):
    import shutil

    project, noted = read
    copy = tmp_path / "copy"
    shutil.copytree(project.folder, copy)
    name = project.store.load().demonstrator_names[1]
    assert open_inferred(copy, name).digest == project.find_run("infer").digest
    last = readings(Project.open(copy))
    assert len(last) == len(noted[-1]) + 1
    assert last[-1]["people"] == [name]


def test_a_note_that_was_changed_stops_the_next_reading(read, tmp_path):
    import shutil

    project, _ = read
    copy = tmp_path / "copy"
    shutil.copytree(project.folder, copy)
    notes = copy / "runs" / "readings.jsonl"
    notes.write_text("".join(notes.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(PermanentError, match="cannot be noted, so nothing is shown"):
        report(copy)


def test_others_are_refused_and_the_refusal_is_noted(read, tmp_path, monkeypatch):
    import shutil

    project, noted = read
    copy = tmp_path / "copy"
    shutil.copytree(project.folder, copy)
    (copy / "contract.yaml").write_text(NAMED + PEOPLE.replace("READERS", ", readers: [somebody-else]"))
    monkeypatch.setenv("TELIC_READER", "Auditor")
    with pytest.raises(SettingsError, match=r"people\.readers"):
        report(copy)
    last = readings(Project.open(copy))[-1]
    assert (last["what"], last["verb"], last["stated"]) == ("refused", "report", "Auditor")
    assert len(readings(Project.open(copy))) == len(noted[-1]) + 1
    assert report(copy, group=True).page.name == "group.html"


def test_without_the_block_no_result_names_anybody(tmp_path):
    project = project_in(tmp_path / "p", "")
    names = project.store.load().demonstrator_names
    assert len(names) == 3
    check(project.folder)
    infer(project.folder, settings=InferSettings(with_dynamics_errors=False, with_profiles=False))
    report(project.folder)
    pages = [p for p in (project.folder / "runs").rglob("*") if p.suffix in (".html", ".json")]
    assert len(pages) >= 8
    assert [(p.name, n) for p in pages for n in names if n in p.read_text()] == []
    assert readings(project) == ()
