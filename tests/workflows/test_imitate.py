"""``imitate``: the policy, its score, its page; the same settings give the same bits, and what is wrong is said."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import re
import sys

import numpy as np
import pytest
import yaml
from machines import CONTRACT, keeper_log, keeper_policy, write_project

from telic.errors import TemporaryError
from telic.policies import TabularPolicy
from telic.policies.ensemble import EnsemblePolicy
from telic.workflows import imitate
from telic.workflows.clone_scores import probabilities
from telic.workflows.policy_files import read_policy
from telic.workflows.stopped import Stopped

ARM = """
schema_version: 1
identity: {task: arm, owner: workshop, domain: robotics}
observations:
  - {name: angle, unit: rad, low: -3.2, high: 3.2, bins: 4}
  - {name: torque, unit: N m, low: -2, high: 2, in_state: false}
actions: {column: side, type: category, values: [left, right]}
data: {trajectory: [run], time: t, time_format: seconds, held_out: 0.25, key: 0}
"""
TINY = {"method": "cloning", "settings": {"hidden": [8], "n_updates": 300, "every": 100, "patience": 5}}


def arm_log(n_runs: int = 12, n: int = 30) -> str:
    rng = np.random.default_rng(2)
    lines = ["run,t,angle,torque,side"]
    for run in range(n_runs):
        for t in range(n):
            angle = rng.uniform(-3, 3)
            torque = float(np.clip(0.6 * angle + 0.05 * rng.normal(), -2, 2))
            lines.append(f"r{run},{t},{angle:.6f},{torque:.6f},{'right' if torque > 0 else 'left'}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def arm(tmp_path_factory):
    """A file of amounts with its contract."""
    folder = tmp_path_factory.mktemp("arm")
    (folder / "contract.yaml").write_text(ARM)
    (folder / "log.csv").write_text(arm_log())
    return folder


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """A project of choices in counted states, with its decisions taken in."""
    from telic.workflows import ingest

    folder = write_project(tmp_path_factory.mktemp("imitate") / "machines")
    ingest(folder)
    return folder


@pytest.fixture(scope="module")
def cloned(arm, tmp_path_factory):
    """A network of amounts, with its result."""
    pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
    out = tmp_path_factory.mktemp("cloned") / "run"
    settings = {**TINY, "amounts": ["torque"]}
    onnx = importlib.util.find_spec("onnxruntime") is not None
    return imitate(arm / "log.csv", contract=arm / "contract.yaml", settings=settings, out=out, onnx=onnx)


def test_counts_come_to_what_the_keeper_does(telic, machines) -> None:
    told = telic("imitate", machines, "--json")
    assert told.status == 0, told.err
    found = json.loads(told.out)
    assert found["method"] == "counts"  # whole numbers, each a state of its own
    folder = machines / "runs" / found["digest"].removeprefix("sha256:")[:12]
    policy = read_policy(folder / "policy.npz")
    assert isinstance(policy, TabularPolicy) and policy.digest == found["policy_digest"]
    wear = [int(row.split(",")[2]) for row in keeper_log().splitlines()[1:]]
    # Four fifths of the decisions are learned from; shares of each state that was seen are within four of their largest
    # possible errors, and the half of a decision that every action is given beforehand.
    n = 0.8 * np.bincount(wear, minlength=6)
    off = np.abs(policy.table - keeper_policy()).max(axis=1)
    assert np.all(off[n > 0] < 4 * 0.5 / np.sqrt(n[n > 0]) + 0.5 / n[n > 0])
    scores = {s["name"]: s for s in found["held_out"]["scores"]}
    assert scores["majority"]["nats"] < scores["policy"]["nats"] <= scores["experts' own"]["nats"]
    assert found["held_out"]["gain"]["interval"][0] > 0
    page = (folder / "imitate.html").read_text()
    assert "prefers-color-scheme" in page and "<svg" in page
    again = telic("imitate", machines)
    assert "nothing was done again" in again.err
    other = telic(
        "imitate", "--settings", folder / "settings.yaml", "--out", machines.parent / "again", "--json"
    )
    assert json.loads(other.out)["policy_digest"] == found["policy_digest"]


def test_a_network_of_amounts_is_scored_and_runs_again_to_the_same_bits(telic, cloned, tmp_path) -> None:
    found = cloned.report.data
    first, second, *_ = found["held_out"]["scores"]
    # Torque is .6 of the angle with noise of .05, in half ranges of 2; the mean amount is off by its whole spread.
    assert first["distance"] < second["distance"] / 2
    assert second["distance"] == pytest.approx(0.6 * np.sqrt(3) / 2, rel=0.15)
    assert found["actions"] == ["torque"] and found["columns"] == ["angle"]
    assert set(found["calibration"]["coverage"]) == {"0.5", "0.9"}
    settings = cloned.page.parent / "settings.yaml"
    told = yaml.safe_load(settings.read_text())
    assert told["settings"]["hidden"] == [8] and told["settings"]["learning_rate"] == 0.001
    assert told["dataset"]["digest"] == found["dataset"] and "jax" in told["versions"]
    again = telic("imitate", "--settings", settings, "--out", tmp_path / "again", "--json")
    assert again.status == 0, again.err
    assert json.loads(again.out)["policy_digest"] == found["policy_digest"]
    told["key"] = 1
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(told))
    other = telic("imitate", "--settings", tmp_path / "other.yaml", "--out", tmp_path / "other", "--json")
    assert json.loads(other.out)["policy_digest"] != found["policy_digest"]
    assert "training" in {s["anchor"] for s in cloned.report.to_json()["sections"]}


def test_onnx_is_written_where_it_is_equal(cloned) -> None:
    pytest.importorskip("onnxruntime", reason="NOT RUN: the extra `onnx` is not installed")
    found = cloned.report.data["onnx"]
    assert (cloned.page.parent / found["file"]).stat().st_size > 0
    assert found["largest_difference"] <= 1e-5 and found["other_actions"] == 0 and found["n_compared"] == 90


@pytest.mark.slow
def test_two_networks_of_choices_know_more_than_the_majority(telic, arm, tmp_path) -> None:
    pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
    settings = {**TINY, "settings": {**TINY["settings"], "n_members": 2}}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(settings))
    words = ("imitate", arm / "log.csv", "--contract", arm / "contract.yaml", "--out", tmp_path / "run")
    told = telic(*words, "--settings", tmp_path / "s.yaml", "--json")
    assert told.status == 0, told.err
    found = json.loads(told.out)
    assert found["actions"] == ["left", "right"] and found["held_out"]["is_choice"]
    assert found["held_out"]["gain"]["interval"][0] > 0  # the side is that of the angle
    assert found["calibration"]["bins"]
    policy = read_policy(tmp_path / "run" / "policy.npz")
    assert isinstance(policy, EnsemblePolicy) and policy.digest == found["policy_digest"]
    x = np.array([[-2.0], [0.1], [2.0]], np.float32)
    by_hand = np.exp(np.stack([policy.log_prob(x, np.full(3, a)) for a in range(2)], axis=1))
    np.testing.assert_allclose(probabilities(policy, x), by_hand, rtol=1e-5)


def test_stopped_by_the_keyboard_it_says_how_to_go_on_and_comes_to_the_same(
    telic, arm, cloned, tmp_path, monkeypatch
) -> None:
    def stopping(stage: str, done: float, total: float | None, note: str = "") -> None:
        if stage == "training" and done == 2:
            raise KeyboardInterrupt

    words = {"settings": {**TINY, "amounts": {"torque": [-2, 2]}}, "out": tmp_path / "run"}
    with pytest.raises(Stopped) as stop:
        imitate(arm / "log.csv", contract=arm / "contract.yaml", **words, progress=stopping)
    assert f"telic imitate --resume {tmp_path / 'run'}" in stop.value.hint
    assert not (tmp_path / "run" / "policy.npz").exists()
    with monkeypatch.context() as patch:  # by the command line it ends like any other verb that is stopped
        patch.setattr(sys.modules["telic.workflows.imitate"], "learn", raising)
        told = telic("imitate", "--resume", tmp_path / "run")
        assert told.status == 130 and "hint: Go on: telic imitate --resume" in told.err
    told = telic("imitate", "--resume", tmp_path / "run", "--json")
    assert told.status == 0, told.err
    found = json.loads(told.out)
    assert found["policy_digest"] == cloned.report.data["policy_digest"]
    assert found["curve"]["first_look"] == [3]  # two looks were not done again
    assert not (tmp_path / "run" / "checkpoints").exists()
    told = telic("imitate", "--resume", tmp_path / "run")
    assert told.status == 2 and "no run to go on from" in told.err


def raising(*_args: object, **_words: object) -> None:
    raise KeyboardInterrupt


WRONG = {
    "setting": ({"settings": {"hiden": [8]}}, "Did you mean `hidden`?"),
    "top": ({"metod": "cloning"}, "Did you mean `method`?"),
    "method": ({"method": "clonning"}, "Did you mean `cloning`?"),
    "type": ({"settings": {"n_updates": "many"}}, "must be a number"),
    "whole": ({"settings": {"n_updates": 10.5}}, "whole number"),
    "range": ({"settings": {"held_out": 1.0}}, r"must lie in \[0, 1\)"),
    "negative": ({"settings": {"learning_rate": -1}}, r"must lie in \(0, 1\)"),
    "version": ({"schema_version": 7}, "form 7"),
    "verb": ({"verb": "train"}, "for `telic train`"),
    "digest": ({"dataset": {"digest": "sha256:00"}}, "of digest sha256:00"),
    "amount": ({"amounts": ["tork"]}, "Did you mean `torque`?"),
    "bounds": ({"amounts": {"torque": [-1, 1]}}, "lie beyond"),
    "no bounds": ({"amounts": {"torque": "much"}}, "lowest and highest"),
    "column": ({"observations": ["angel"]}, "Did you mean `angle`?"),
    "both": ({"amounts": ["torque"], "observations": ["torque"]}, "both seen and done"),
    "key": ({"key": -1}, "whole number of at least 0"),
    "counts": ({"method": "counts", "amounts": ["torque"]}, "Counts are of choices"),
    "origins": ({"origins": ["adversary"]}, "attacker"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_settings_that_are_wrong_are_said(telic, arm, tmp_path, case) -> None:
    pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
    given, message = WRONG[case]
    given = {"method": "cloning", **given} if "metod" not in given else given
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(given))
    words = ("imitate", arm / "log.csv", "--contract", arm / "contract.yaml")
    told = telic(*words, "--settings", tmp_path / "s.yaml", "--out", tmp_path / "run")
    assert told.status in (2, 4), told.err
    assert re.search(message, told.err), told.err
    assert "\n\nhint: " in told.err and told.out == ""
    assert not (tmp_path / "run" / "policy.npz").exists()


def test_what_is_no_settings_file_and_what_is_no_data(telic, arm, machines, tmp_path) -> None:
    words = (
        "imitate",
        arm / "log.csv",
        "--contract",
        arm / "contract.yaml",
        "--out",
        tmp_path / "run",
        "--settings",
    )
    for text, message in (
        ("a: [", "no YAML"),
        ("- 1", "by name"),
        ("key: 1\nkey: 2", "twice"),
        ("", "by name"),
    ):
        (tmp_path / "s.yaml").write_text(text)
        told = telic(*words, tmp_path / "s.yaml")
        assert told.status == 2 and message in told.err, told.err
    assert telic(*words, tmp_path / "none.yaml").status == 74
    told = telic("imitate", arm / "log.csv", "--contract", machines / "contract.yaml")  # of another dataset
    assert told.status in (3, 4) and "wear" in told.err
    told = telic("imitate", arm / "log.csv")
    assert told.status == 2 and "--contract" in told.err
    told = telic("imitate")
    assert told.status == 2 and "nothing to imitate" in told.err
    assert telic("imitate", tmp_path / "no-such").status == 74
    told = telic("imitate", "--resume", tmp_path)
    assert told.status == 2 and "no run to go on from" in told.err


def test_nothing_is_written_over(telic, machines, cloned, tmp_path) -> None:
    before = {p.name: p.read_bytes() for p in cloned.page.parent.iterdir() if p.is_file()}
    told = telic("imitate", machines, "--out", cloned.page.parent)
    assert told.status == 2 and "another run" in told.err
    assert {p.name: p.read_bytes() for p in cloned.page.parent.iterdir() if p.is_file()} == before
    (tmp_path / "mine.txt").write_text("mine")
    told = telic("imitate", machines, "--out", tmp_path)
    assert told.status == 2 and "other things (mine.txt)" in told.err


def test_a_full_disk_loses_nothing(arm, machines, tmp_path, monkeypatch) -> None:
    def full(*_args: object, **_words: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(TemporaryError, match="the disk is full"):
            imitate(machines, out=tmp_path / "run")
    assert not (tmp_path / "run" / "policy.npz").exists()
    assert imitate(machines, out=tmp_path / "run").outcome.ok


def test_other_versions_are_noticed(machines, tmp_path) -> None:
    found = imitate(machines, settings={"versions": {"telic": "0.0.1"}}, out=tmp_path / "run")
    noticed = [f for f in found.report.data["findings"] if f["code"] == "other-versions"]
    assert noticed[0]["evidence"]["telic"][0] == "0.0.1"


def test_one_trajectory_gives_a_policy_without_a_score(tmp_path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "contract.yaml").write_text(CONTRACT.replace("held_out: 0.2", "held_out: 0"))
    (folder / "log.csv").write_text(keeper_log(2, 10))
    found = imitate(folder / "log.csv", contract=folder / "contract.yaml", out=tmp_path / "run")
    assert found.report.data["held_out"] is None
    assert "no-score" in {f["code"] for f in found.report.data["findings"]}


def test_no_policy_of_an_attacker(tmp_path) -> None:
    contract = CONTRACT.replace("held_out: 0.2", "held_out: 0.2, origin: adversary")
    folder = write_project(tmp_path / "p", contract)
    with pytest.raises(ValueError, match="attacker"):
        imitate(folder / "log.csv", contract=folder / "contract.yaml", out=tmp_path / "run")
