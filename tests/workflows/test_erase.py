"""``telic erase``: one thing at a time, the proof named, and what still counts the rows listed."""

from __future__ import annotations

import json

import pytest
from machines import CONTRACT, keeper_log, write_project

from telic._core.clock import manual_clock
from telic.errors import SettingsError
from telic.workflows import Project, erase, ingest

pytest.importorskip("cryptography", reason="the extra `privacy` is not installed")

SEALED = CONTRACT.replace("data: {trajectory", "data: {demonstrator: keeper, trajectory") + (
    "privacy: {key: erase-test, encrypt: true, retention_days: 10}\n"
)
KEEPERS = ("ann", "ben", "eve")


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("TELIC_PRIVATE", str(tmp_path / "private"))
    lines = keeper_log(6, 10).splitlines()
    rows = [f"{x},{KEEPERS[i // 20]}" for i, x in enumerate(lines[1:])]
    folder = write_project(tmp_path / "p", SEALED, "\n".join([lines[0] + ",keeper", *rows]) + "\n")
    ingest(folder)
    return Project.open(folder)


def test_a_person_is_erased_by_name_and_the_results_that_count_them_are_listed(project):
    before = project.dataset().digest
    result = erase(project.folder, person="ben")
    data = result.report.data
    assert data["headline"] == "20 rows of one person in 1 version are gone; the proof is in erasures.jsonl."
    assert data["versions"] == [before]
    assert [(b["verb"], b["through"]) for b in data["built_from"]] == [("ingest", "")]
    assert data["remaining"] == project.store.latest.digest
    assert "ben" not in json.dumps(data)
    assert [f["code"] for f in data["findings"]] == ["built-from-erased", "not-reached"]
    assert project.store.load().n_decisions == 40


def test_what_is_past_its_time_is_removed_and_nothing_else(project):
    published = (project.dataset().folder / "manifest.json").stat().st_mtime
    young = erase(project.folder, expired=True, clock=manual_clock(published + 9 * 86_400))
    assert young.report.headline == "No version is past its time; nothing was erased."
    old = erase(project.folder, expired=True, clock=manual_clock(published + 11 * 86_400))
    assert old.report.data["n_rows"] == 60
    assert project.store.versions() == ()


def test_exactly_one_thing_is_erased(project):
    for asked in ({}, {"person": "ben", "expired": True}):
        with pytest.raises(SettingsError, match="one thing to erase"):
            erase(project.folder, **asked)
    digest = project.dataset().digest
    assert erase(project.folder, version=digest[:16]).report.data["versions"] == [digest]
