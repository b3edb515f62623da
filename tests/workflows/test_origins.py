"""A learner never trains on itself unknowingly, and nobody trains on an attacker."""

from __future__ import annotations

import numpy as np
import pytest
from machines import CONTRACT, keeper_log, write_project

import telic
from telic.errors import DataError, SettingsError
from telic.trajectories import ORIGINS
from telic.workflows import InferSettings, Project, infer, ingest, train
from telic.workflows.problem import pose

QUICK = InferSettings(with_profiles=False, with_dynamics_errors=False)


def quick(*origins):
    return InferSettings(with_profiles=False, with_dynamics_errors=False, origins=origins or None)


def mixed_log() -> str:
    """60 machines: of the keeper, but ten of a policy that always repairs and five of somebody who never does."""
    rows = keeper_log().splitlines()
    lines = [rows[0] + ",by"]
    for row in rows[1:]:
        machine, day, wear, action = row.split(",")
        number = int(machine[1:])
        by = "policy" if number < 10 else "adversary" if number < 15 else "human"
        lines.append(
            f"{machine},{day},{wear},{ {'policy': 'repair', 'adversary': 'run'}.get(by, action) },{by}"
        )
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed") / "machines"
    contract = CONTRACT.replace("held_out: 0.2", "origin: mixed, origin_column: by, held_out: 0.2")
    write_project(folder, contract, mixed_log())
    ingest(folder)
    infer(folder, settings=QUICK)
    return folder


def read(folder):
    return Project.open(folder).find_run("infer").read()


def test_those_of_a_policy_and_an_attacker_are_left_out(mixed, tmp_path):
    data = read(mixed)
    [told] = [f for f in data["findings"] if f["code"] == "origins-left-out"]
    assert told["evidence"]["left_out"] == {"policy": 10, "adversary": 5}
    people = write_project(
        tmp_path / "people",
        CONTRACT,
        "\n".join(r for r in keeper_log().splitlines() if r[:4] not in LEFT_OUT) + "\n",
    )
    ingest(people)
    posed = [pose(Project.open(f).contract, Project.open(f).store.load()) for f in (mixed, people)]
    assert posed[0].train.actions.tolist() == posed[1].train.actions.tolist()
    assert (posed[0].world.transition != posed[1].world.transition).nnz == 0
    assert data["n_decisions"] == posed[1].train.n_decisions


LEFT_OUT = {f"m{i:03d}" for i in range(15)}


def test_load_leaves_them_out_too(mixed):
    contract = Project.open(mixed).contract
    demos = telic.load(mixed / "log.csv", contract=contract)
    assert {ORIGINS[o] for o in np.unique(demos.origins)} == {"human"}
    assert demos.n_trajectories == 45
    assert any(f.code == "origins-left-out" for f in demos.findings)
    everything = telic.load(mixed / "log.csv", contract=contract, origins=ORIGINS)
    assert everything.n_trajectories == 60
    assert {f.code for f in everything.findings} >= {"origin-policy", "origin-adversary"}


def test_an_attacker_is_described_and_never_trained_from(mixed):
    described = infer(mixed, settings=quick("adversary", "human"))
    data = described.report.data
    assert any("not an attribution" in c for c in data["cautions"])
    with pytest.raises(SettingsError, match="Nothing that acts is made from an attacker's decisions"):
        train(mixed, run=data["digest"])


def test_a_policys_own_decisions_need_a_word(tmp_path):
    folder = write_project(tmp_path / "own", CONTRACT.replace("held_out", "origin: policy, held_out"))
    ingest(folder)
    with pytest.raises(SettingsError, match=r"those of a learned policy.*\n?.*--origins policy"):
        infer(folder, settings=QUICK)
    with pytest.raises(SettingsError, match="those of a learned policy"):
        telic.load(folder / "log.csv", contract=folder / "contract.yaml")
    assert infer(folder, settings=quick("policy")).outcome.ok


def test_nothing_left_is_said(mixed):
    with pytest.raises(DataError, match=r"all 60 trajectories are left out"):
        infer(mixed, settings=quick("rule"))


def test_an_origin_that_is_none_is_refused():
    with pytest.raises(SettingsError, match=r"got 'humans'\. Did you mean `human`"):
        InferSettings(origins=("humans",))
