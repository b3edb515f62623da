"""`telic diff` and `telic lineage`: what was planted between two versions is said in words, and nothing else."""

import json

import pytest
from machines import CONTRACT, keeper_log, write_project

from telic.datasets.version_diff import diff_versions
from telic.errors import DataError
from telic.workflows import InferSettings, Project, check, diff, infer, ingest, lineage, train

CONTRACT_WITH_PEOPLE = CONTRACT.replace("time: day", "demonstrator: who, time: day")


def log(*, machines=("m000", "m001", "m002"), late="dee"):
    """Three machines of ten days: one of ada, one of bob, one of whom ``late`` says."""
    kept = dict(zip(("m000", "m001", "m002"), ("ada", "bob", late), strict=True))
    rows = [line.split(",") for line in keeper_log(3, 10).splitlines()[1:]]
    lines = [",".join([*r, kept[r[0]]]) for r in rows if r[0] in machines]
    return "machine,day,wear,action,who\n" + "\n".join(lines) + "\n"


@pytest.fixture
def two(tmp_path):
    folder = write_project(tmp_path / "p", CONTRACT_WITH_PEOPLE, log(machines=("m000", "m001")))
    ingest(folder)
    changed = log(machines=("m001", "m002")).splitlines()
    # The first day of m001: another action; its last day is not there any more.
    first = next(i for i, line in enumerate(changed) if line.startswith("m001"))
    other = {"run": "repair", "repair": "run"}
    cells = changed[first].split(",")
    changed[first] = ",".join([*cells[:3], other[cells[3]], cells[4]])
    last = max(i for i, line in enumerate(changed) if line.startswith("m001"))
    del changed[last]
    (folder / "log.csv").write_text("\n".join(changed) + "\n")
    ingest(folder)
    return folder


def test_what_was_changed_is_said_and_nothing_else(two):
    result = diff(two)
    found = result.product
    assert found.trajectories_added == ("m002",)
    assert found.trajectories_removed == ("m000",)
    assert found.trajectories_changed == ("m001",)
    assert (found.decisions_added, found.decisions_removed, found.decisions_changed) == (10, 11, 1)
    assert found.columns_changed == {}
    assert len(found.demonstrators_added) == len(found.demonstrators_removed) == 1
    text = result.report.to_text()
    assert "1 trajectory added: m002." in text
    assert "10 decisions added, 11 decisions removed, 1 decision changed (20 before, 19 now)." in text
    assert "1 demonstrator added." in text
    assert "demonstrator-" not in text + json.dumps(result.report.data)
    assert result.page.is_file()


def test_a_version_against_itself_and_the_first_one(two):
    newest = Project.open(two).dataset()
    same = diff(two, newest.digest, newest.digest)
    assert same.report.data["words"] == ["Nothing changed: both versions hold the same decisions."]
    oldest = Project.open(two).store.versions()[0]
    with pytest.raises(DataError, match="is the first"):
        diff(two, new=oldest.digest)


def test_renumbered_labels_are_no_change(two):
    demos = Project.open(two).store.load()
    values = {f: getattr(demos, f) for f in demos.__dataclass_fields__}
    turned = type(demos)(
        **{**values, "action_labels": demos.action_labels[::-1], "actions": 1 - demos.actions}
    )
    assert diff_versions(demos, turned).decisions_changed == 0
    moved = dict(demos.observations)
    moved["wear"] = moved["wear"].copy()
    moved["wear"][:3] += 1
    found = diff_versions(demos, type(demos)(**{**values, "observations": moved}))
    assert found.columns_changed == {"wear": 3}
    assert found.decisions_changed == 3


def test_lineage_lists_what_goes_back_to_a_version_and_only_that(tmp_path, telic):
    folder = write_project(tmp_path / "p")
    ingest(folder)
    first = Project.open(folder).dataset()
    check(folder)
    infer(folder, settings=InferSettings(with_profiles=False, with_dynamics_errors=False))
    train(folder)
    (folder / "log.csv").write_text(keeper_log(60, 40, key=5))
    ingest(folder)
    second = Project.open(folder).dataset()
    made = {d.verb: d for d in lineage(folder, first.digest).product}
    assert set(made) == {"ingest", "check", "infer", "train"}
    told = json.loads(telic("lineage", folder, "--json").out)
    assert told["dataset"] == second.digest
    assert [r["verb"] for r in told["results"]] == ["ingest"]
    assert told["contract_is_current"] is True
    assert list(told["sources"].values()) == list(second.sources.values())
