"""D4RL HDF5: files built from its layout with h5py (no file of D4RL itself is small enough to keep)."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import telic.datasets.sources.formats.d4rl as module
from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.files import source_file
from telic.errors import DataError

CONTRACT = TaskContract.from_mapping(
    {
        "identity": {"task": "hopper"},
        "observations": [{"name": "x", "column": "observations.0"}],
        "actions": {"column": "actions", "type": "number", "values": [0, 1]},
        "outcomes": {"terminated": "terminals"},
        "data": {"format": "d4rl", "trajectory": ["episode"]},
    }
)
TERMINAL, TIMEOUT = (2, 8), (5,)
N = 11


def write(path: Path, **change: np.ndarray | None) -> Path:
    steps = np.arange(N)
    arrays = {
        "observations": np.stack([steps, -steps], axis=1).astype(np.float32),
        "actions": (steps % 2)[:, None].astype(np.float32),
        "rewards": steps.astype(np.float32),
        "terminals": np.isin(steps, TERMINAL),
        "timeouts": np.isin(steps, TIMEOUT),
        "infos/qpos": np.stack([steps, steps], axis=1).astype(float),
        "metadata/algorithm": np.bytes_(b"SAC"),
        **change,
    }
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            if values is not None:
                file[name] = values
    return path


def columns(path: Path, *wanted: str) -> dict[str, list]:
    found: dict[str, list] = {name: [] for name in wanted}
    for table in module.FORMAT.tables(source_file(path, "d4rl"), wanted):
        for name in wanted:
            found[name] += table[name].to_pylist()
    return found


@pytest.mark.parametrize("piece", [1, 3, 4, 1000])
def test_episodes_end_at_terminals_and_at_timeouts_however_the_file_is_cut(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(module, "PIECE_ROWS", piece)
    told = columns(write(tmp_path / "d.hdf5"), "episode", "step", "infos.qpos.1")
    assert told["episode"] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3]
    assert told["step"] == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]
    assert told["infos.qpos.1"] == list(range(N))


def test_a_timeout_is_no_end_of_the_task(tmp_path):
    demos = read_demonstrations(CONTRACT, write(tmp_path / "d.hdf5"))
    assert np.diff(demos.offsets).tolist() == [3, 3, 3, 2]
    assert demos.terminated.tolist() == [True, False, True, False]
    assert demos.truncated.tolist() == [False, True, False, True]


def test_a_file_without_timeouts_says_what_that_hides(tmp_path):
    path = write(tmp_path / "d.hdf5", timeouts=None)
    demos = read_demonstrations(CONTRACT, path)
    assert np.diff(demos.offsets).tolist() == [3, 6, 2]
    assert "no-timeouts" in [f.code for f in demos.findings]


def test_odd_rows_are_named(tmp_path):
    assert list(module.FORMAT.notices(source_file(write(tmp_path / "a.hdf5"), "d4rl"))) == []
    steps = np.arange(N)
    rewards = np.where(steps == 4, np.inf, 0.0)
    path = write(tmp_path / "b.hdf5", timeouts=steps == 8, rewards=rewards)
    told = {f.code: f.message for f in module.FORMAT.notices(source_file(path, "d4rl"))}
    assert set(told) == {"terminal-and-timeout", "not-finite"}
    assert "first episode 1 step 5" in told["terminal-and-timeout"]
    assert "`rewards` in episode 1 step 1" in told["not-finite"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"terminals": None}, r"lacks `terminals`, so it is no D4RL dataset"),
        ({"actions": np.zeros((N - 1, 1))}, r"has 11 `terminals` and 10 `actions`"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        read_demonstrations(CONTRACT, write(tmp_path / "d.hdf5", **change))


def test_a_link_to_another_file_is_refused(tmp_path):
    path = write(tmp_path / "d.hdf5", rewards=None)
    write(tmp_path / "other.hdf5")
    with h5py.File(path, "a") as file:
        file["rewards"] = h5py.ExternalLink("other.hdf5", "/rewards")
    with pytest.raises(DataError, match=r"`/rewards` of d\.hdf5 is a link"):
        read_demonstrations(CONTRACT, path)
