"""The page to hand on: the figures of all together, no single person in it, and a refusal where too few decided."""

from __future__ import annotations

import json

import pytest
from machines import CONTRACT, keeper_log, write_project

from telic.errors import SettingsError
from telic.workflows import InferSettings, Project, infer, ingest, report
from telic.workflows.group_page import about_the_group

PEOPLE = "people: {purpose: agreement, legal_basis: consent, informed_on: 2026-01-01, min_group: 3}\n"
NAMED = CONTRACT.replace("data: {trajectory", "data: {demonstrator: keeper, trajectory")


def log_of_three():
    """Nine machines each; few enough to be cautioned about, and with resolutions and discounts profiled."""
    lines = keeper_log(27, 40).splitlines()
    keepers = ("ann", "ben", "eve")
    return "\n".join(
        [lines[0] + ",keeper", *(f"{x},{keepers[i // (9 * 40)]}" for i, x in enumerate(lines[1:]))]
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = write_project(tmp_path_factory.mktemp("group") / "p", NAMED + PEOPLE, log_of_three() + "\n")
    ingest(made)
    infer(made, settings=InferSettings(with_dynamics_errors=False))
    return made


def test_the_page_of_the_group_names_nobody(folder):
    own = Project.open(folder).find_run("infer").read()
    names = [d["name"] for d in own["dataset"]["demonstrators"]]
    assert len(names) == 3
    assert own["caution"].count(":") == 3  # each of them has fewer than ten trajectories
    assert any(name in own["headline"] for name in names)
    page = report(folder, group=True).page
    assert page.name == "group.html"
    twin = json.loads(page.with_suffix(".json").read_text())
    for text in (page.read_text(), json.dumps(twin)):
        assert [name for name in names if name in text] == []
        assert "about 3 people together" in text
    data = twin["data"]
    for key in ("weights", "standard_errors", "tradeoffs", "held_out", "difference"):
        assert data[key] == own[key]
    assert data["headline"].startswith(own["tradeoffs"][0]["sentence"])
    assert data["caution"] == ""
    assert data["group"] == {"n_people": 3, "min_group": 3}
    curves = [c["who"] for pair in (*data["profiles"], *data["resolution"]) for c in pair["curves"]]
    assert len(curves) == 2
    assert set(curves) == {"all together"}


def test_too_few_people_are_no_group(folder):
    project = Project.open(folder)
    data = project.find_run("infer").read()
    people = project.contract.people.model_copy(update={"min_group": 4})
    with pytest.raises(SettingsError, match=r"at least 4 people together .*; 3 decided") as caught:
        about_the_group(project.contract.model_copy(update={"people": people}), data)
    assert caught.value.data == {"n_people": 3, "min_group": 4}


def test_a_contract_must_say_what_makes_a_group(folder):
    project = Project.open(folder)
    data = project.find_run("infer").read()
    with pytest.raises(SettingsError, match="no `people` block"):
        about_the_group(project.contract.model_copy(update={"people": None}), data)
