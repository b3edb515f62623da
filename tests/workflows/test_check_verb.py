"""`telic check`: verdict and exit status, quarantine beside the version, drift against the version before."""

import json

import numpy as np
import pytest
from machines import CONTRACT, keeper_log, write_project

from telic.workflows import Project, check, ingest, run


def poisoned_log():
    """In the machines m020 to m031 a flag is once 7.5 and a machine is repaired that has no wear."""
    g = np.random.default_rng(4)
    lines = keeper_log(60, 40).splitlines()
    rows = [[*line.split(","), f"{g.normal():.6f}"] for line in lines[1:]]
    for machine in range(20, 32):
        fresh = [r for r in rows if r[0] == f"m{machine:03d}" and r[2] == "0"]
        fresh[-1][3:] = ["repair", "7.5"]
    return "\n".join([lines[0] + ",flag", *(",".join(r) for r in rows)]) + "\n"


FLAGGED = CONTRACT.replace(
    "actions: {column", "  - {name: flag, column: flag, in_state: false}\nactions: {column"
)


@pytest.fixture
def poisoned(tmp_path):
    folder = write_project(tmp_path / "machines", FLAGGED, poisoned_log())
    ingest(folder)
    return folder


def suspects_of(folder):
    return {
        str(name) for name in Project.open(folder).store.quarantine(Project.open(folder).dataset()).reasons
    }


def test_planted_decisions_are_quarantined_and_left_out_only_when_asked(poisoned):
    result = check(poisoned)
    assert result.report.data["verdict"] == "warn"
    assert result.status == "ok"
    planted = {f"m{i:03d}" for i in range(20, 32)}
    assert suspects_of(poisoned) == planted
    assert set(result.report.data["quarantined"]) == planted
    store = Project.open(poisoned).store
    assert store.load().n_trajectories == 60
    kept = store.load(without_quarantined=True)
    assert kept.n_trajectories == 48
    assert planted & set(kept.trajectory_ids.tolist()) == set()
    listed = json.loads(next((poisoned / "data" / "quarantine").glob("*.json")).read_text())
    assert "exactly 7.5" in listed["trajectories"][0]["reasons"][0]
    assert "exactly 7.5" in result.page.read_text()


def test_a_refused_finding_fails_the_gate_and_stops_the_way(poisoned, telic):
    contract = poisoned / "contract.yaml"
    contract.write_text(contract.read_text() + "quality: {fail_on: [poisoning-suspected]}\n")
    told = telic("check", poisoned, "--json")
    assert told.status == 9
    data = json.loads(told.out)
    assert data["verdict"] == "fail"
    assert "poisoning-suspected" in data["rule"]
    stopped = run(poisoned)
    assert stopped.status == "quality"
    assert [step.verb for step in stopped.product] == ["ingest", "check"]
    assert not list((poisoned / "runs").glob("*/infer.json"))


def test_a_contract_may_keep_suspects_out_of_everything(poisoned):
    contract = poisoned / "contract.yaml"
    check(poisoned)
    before = Project.open(poisoned)
    assert before.demonstrations(before.dataset()).n_trajectories == 60
    contract.write_text(contract.read_text() + "quality: {quarantine: leave_out}\n")
    after = Project.open(poisoned)
    assert after.demonstrations(after.dataset()).n_trajectories == 48
    assert after.key_of(after.dataset()) != before.key_of(before.dataset())


def test_a_clean_version_leaves_no_quarantine_and_the_next_is_held_against_it(tmp_path):
    folder = write_project(tmp_path / "machines")
    ingest(folder)
    first = check(folder)
    assert first.report.data["against"] is None
    assert Project.open(folder).store.quarantine(Project.open(folder).dataset()) is None
    old = Project.open(folder).dataset()
    lazy = keeper_log(60, 40, key=12).splitlines()
    lines = [lazy[0], *(f"late-{line.rpartition(',')[0]},run" for line in lazy[1:])]
    (folder / "log.csv").write_text("\n".join(lines) + "\n")
    ingest(folder)
    second = check(folder)
    assert second.report.data["against"] == old.digest
    drift = next(f for f in second.product if f.code == "drift")
    assert "action" in {d["what"] for d in drift.evidence["drifts"] if d["p_value"] < 0.01}
    assert 'id="drift"' in second.page.read_text()
    assert check(folder, against=second.report.data["dataset"]).report.data["against"] is None
