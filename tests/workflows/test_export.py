"""The inferred reward goes back into the robot's dataset: the right number at the right frame, or none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lerobot_folders import write_folder

from telic.cli import main
from telic.cli.json_keys import COMMON_KEYS, JSON_KEYS
from telic.contract import TaskContract
from telic.datasets import save_contract
from telic.datasets.frame_rewards import FrameRewards
from telic.datasets.lerobot_writer import write_lerobot_rewards
from telic.errors import DataError, PermanentError, SettingsError, TemporaryError
from telic.workflows import InferSettings, export, infer, ingest

LENGTH, EPISODES, EDGE = 25, 40, 3
QUICK = InferSettings(with_profiles=False)
CONTRACT = {
    "identity": {"task": "hold-still", "domain": "robotics"},
    "observations": [
        {"name": "x", "column": "observation.state.x", "type": "integer", "low": -EDGE, "high": EDGE}
    ],
    "actions": {"column": "action", "type": "number", "values": [-1, 0, 1], "tolerance": 0.25},
    "timing": {"control_period_seconds": 0.1, "discount": 0.9},
    "features": [
        {"name": "off", "expression": "abs(x)", "unit": "m"},
        {"name": "effort", "expression": "action != 0", "unit": "push"},
    ],
    "data": {"format": "lerobot", "trajectory": ["episode_index"], "time": "timestamp"},
}


def walk(key: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and pushes of somebody who softly prefers to be near 0 and not to push; one push in ten slips."""
    rng = np.random.default_rng(key)
    x, done = np.empty((EPISODES, LENGTH)), np.empty((EPISODES, LENGTH))
    now = rng.integers(-EDGE, EDGE + 1, EPISODES)
    pushes = np.array([-1, 0, 1])
    for t in range(LENGTH):
        after = np.abs(np.clip(now[:, None] + pushes, -EDGE, EDGE))
        chance = np.exp(-0.9 * after - 0.4 * np.abs(pushes))
        chance /= chance.sum(axis=1, keepdims=True)
        act = pushes[(rng.random((EPISODES, 1)) > chance.cumsum(axis=1)).sum(axis=1)]
        x[:, t], done[:, t] = now, act
        now = np.clip(now + np.where(rng.random(EPISODES) < 0.9, act, 0), -EDGE, EDGE)
    return x.ravel(), done.ravel()


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("robot")
    x, act = walk(1)
    slightly = 0.2 * np.random.default_rng(5).uniform(-1, 1, len(act))
    write_folder(
        place / "still",
        (LENGTH,) * EPISODES,
        state=np.stack([x, x], axis=1),
        action=act + slightly,
        per_file=15,
        video=True,
    )
    save_contract(TaskContract.from_mapping(CONTRACT), place / "project" / "contract.yaml")
    ingest(place / "project", [place / "still"])
    infer(place / "project", settings=QUICK)
    return place


def frames(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(p) for p in sorted((folder / "data").glob("*/*.parquet"))])


def told(project: Path) -> dict:
    [path] = (project / "project" / "runs").glob("*/infer.json")
    return json.loads(path.read_text())


def test_every_frame_has_the_reward_of_its_state_and_alternative(project, tmp_path):
    done = export(project / "project", tmp_path / "out", lerobot=project / "still")
    assert done.product.n_known == done.product.n_with_deviation == LENGTH * EPISODES
    table, found = frames(tmp_path / "out"), told(project)
    x, act = walk(1)
    off, effort = found["weights"]["off"], found["weights"]["effort"]
    np.testing.assert_allclose(
        table["reward.inferred"].to_numpy(), off * abs(x) + effort * (act != 0), rtol=1e-6
    )
    std = table["reward.std"].to_numpy()
    errors = found["total_errors"]
    # Where only one feature is on, the deviation is that weight's error times the feature; where none is, nothing.
    np.testing.assert_allclose(std[(x == 2) & (act == 0)], 2 * errors["off"], rtol=1e-6)
    np.testing.assert_allclose(std[(x == 0) & (act != 0)], errors["effort"], rtol=1e-6)
    assert std[(x == 0) & (act == 0)].max() == 0.0
    assert 0.0 < errors["off"] < abs(off)


def test_the_rest_of_the_dataset_is_as_it_was(project, tmp_path):
    export(project / "project", tmp_path / "out", lerobot=project / "still")
    old, new = project / "still", tmp_path / "out"
    assert frames(new).drop_columns(["reward.inferred", "reward.std"]).equals(frames(old))
    kept = {p.relative_to(old) for p in old.rglob("*") if p.is_file()}
    made = {p.relative_to(new) for p in new.rglob("*") if p.is_file()}
    assert made - kept == {Path("meta/stats.json"), Path("meta/reward.json")}
    assert kept <= made
    for place in ("videos/observation.images.top/chunk-000/file-000.mp4", "meta/tasks.parquet"):
        assert (new / place).read_bytes() == (old / place).read_bytes()
    before, after = (json.loads((f / "meta/info.json").read_text()) for f in (old, new))
    assert after["features"].pop("reward.inferred") == {"dtype": "float32", "shape": [1], "names": None}
    assert after["features"].pop("reward.std")["dtype"] == "float32"
    assert after == before
    stats = json.loads((new / "meta/stats.json").read_text())
    rewards = frames(new)["reward.inferred"].to_numpy()
    assert stats["reward.inferred"]["count"] == [LENGTH * EPISODES]
    np.testing.assert_allclose(stats["reward.inferred"]["mean"], rewards.mean(dtype=np.float64), rtol=1e-6)
    assert json.loads((new / "meta/reward.json").read_text())["weights"] == told(project)["weights"]


def test_frames_of_states_that_were_never_fitted_have_none(project, tmp_path):
    x, act = walk(2)
    bins = [{**CONTRACT["observations"][0], "bins": [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]}]
    folder = tmp_path / "p"
    save_contract(TaskContract.from_mapping({**CONTRACT, "observations": bins}), folder / "contract.yaml")
    calm = np.abs(x.reshape(EPISODES, LENGTH)).max(axis=1) < EDGE  # never at the edge
    rows = np.repeat(calm, LENGTH)
    state = np.stack([x, x], axis=1)
    n = int(calm.sum())
    assert n > 5
    write_folder(tmp_path / "calm", (LENGTH,) * n, state=state[rows], action=act[rows])
    ingest(folder, [tmp_path / "calm"])
    infer(folder, settings=QUICK)
    write_folder(tmp_path / "all", (LENGTH,) * EPISODES, state=state, action=act)
    done = export(folder, tmp_path / "out", lerobot=tmp_path / "all")
    rewards = frames(tmp_path / "out")["reward.inferred"].to_numpy()
    assert np.array_equal(np.isnan(rewards), np.abs(x) == EDGE)
    codes = {f["code"]: f for f in done.report.data["findings"]}
    assert codes["frames-in-unfitted-states"]["evidence"]["count"] == int((np.abs(x) == EDGE).sum())
    i = int(np.flatnonzero(np.abs(x) == EDGE)[0])
    assert f"first episode {i // LENGTH} frame {i % LENGTH}" in codes["frames-without-reward"]["message"]


def test_what_would_be_wrong_is_refused(project, tmp_path):
    out = tmp_path / "out"
    export(project / "project", out, lerobot=project / "still")
    with pytest.raises(PermanentError, match="is there already"):
        export(project / "project", out, lerobot=project / "still")
    with pytest.raises(DataError, match=r"has `reward\.inferred` and `reward\.std` already"):
        export(project / "project", tmp_path / "again", lerobot=out)
    with pytest.raises(PermanentError, match="lies inside the dataset"):
        export(project / "project", project / "still" / "out", lerobot=project / "still")
    folder = tmp_path / "attacker"
    data = {**CONTRACT["data"], "origin": "adversary"}
    save_contract(TaskContract.from_mapping({**CONTRACT, "data": data}), folder / "contract.yaml")
    with pytest.raises(SettingsError, match="attacker"):
        export(folder, tmp_path / "x", lerobot=project / "still")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["attacker", "out"]


def rewards_of(n: int, deviation: float = 0.5) -> FrameRewards:
    return FrameRewards(index=np.arange(n), rewards=np.linspace(0, 1, n), deviations=np.full(n, deviation))


def test_a_failure_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "d", per_file=1)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("telic.datasets.lerobot_writer.pq.write_table", full)
    with pytest.raises(TemporaryError, match="the disk is full"):
        write_lerobot_rewards(folder, tmp_path / "out", rewards_of(10), about={})
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_statistics_of_episodes_and_types_of_columns_follow(tmp_path):
    real = Path(__file__).parent.parent / "datasets" / "formats" / "files" / "lerobot_v30"
    some = FrameRewards(index=np.arange(6), rewards=np.arange(6.0), deviations=np.full(6, np.nan))
    written = write_lerobot_rewards(real, tmp_path / "out", some, about={})
    assert written.columns == ("reward.inferred",)
    assert written.without == ((1, 0), (1, 1), (1, 2), (1, 3))
    told = pq.read_table(tmp_path / "out/meta/episodes/chunk-000/file-000.parquet").to_pydict()
    assert told["stats/reward.inferred/max"] == [[5.0], None]
    assert told["stats/reward.inferred/count"] == [[6], [0]]
    kept = json.loads(
        pq.read_schema(tmp_path / "out/data/chunk-000/file-000.parquet").metadata[b"huggingface"]
    )
    assert kept["info"]["features"]["reward.inferred"] == {"dtype": "float32", "_type": "Value"}


def test_no_frame_with_a_reward_is_an_error(tmp_path):
    folder = write_folder(tmp_path / "d")
    none = FrameRewards(index=np.arange(10) + 99, rewards=np.zeros(10), deviations=np.zeros(10))
    with pytest.raises(DataError, match="None of the 10 frames"):
        write_lerobot_rewards(folder, tmp_path / "out", none, about={})
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_the_command_line_writes_it_and_says_so_in_json(project, tmp_path, capsys):
    words = ["export", project / "project", "--lerobot", project / "still", tmp_path / "out", "--json"]
    assert main([str(word) for word in words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [key for key in {**COMMON_KEYS, **JSON_KEYS["export"]} if key not in told] == []
    assert told["n_known"] == LENGTH * EPISODES
    assert (tmp_path / "out" / "meta" / "reward.json").is_file()
