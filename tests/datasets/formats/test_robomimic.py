"""robomimic HDF5: files built from its layout with h5py; that robomimic reads such files is proved by
``scripts/conformance``.
"""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.event_format import event_columns
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

FORMAT = event_format("robomimic")
LENGTHS = {"demo_0": 3, "demo_2": 4, "demo_10": 2}
CONTRACT = TaskContract.from_mapping(
    {
        "identity": {"task": "lift"},
        "observations": [{"name": "height", "column": "obs.eef_pos.2"}],
        "actions": {"column": "actions.0", "type": "number", "values": [-1, 1], "tolerance": 0.1},
        "outcomes": {"terminated": "dones"},
        "data": {"format": "robomimic", "trajectory": ["demo"]},
    }
)


def write(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["total"] = sum(LENGTHS.values())
        data.attrs["env_args"] = json.dumps({"env_name": "Lift", "type": 1, "env_kwargs": {}})
        for k, (name, n) in enumerate(LENGTHS.items()):
            demo = data.create_group(name)
            demo.attrs["num_samples"] = n
            steps = np.arange(n)
            demo["actions"] = np.stack([(-1.0) ** steps, np.zeros(n)], axis=1)
            demo["states"] = steps[:, None].astype(float)
            demo["rewards"] = np.zeros(n)
            demo["dones"] = (steps == n - 1).astype(np.int64)
            demo["obs/eef_pos"] = np.stack([steps, steps, 10 * k + steps], axis=1).astype(np.float32)
            demo["obs/agentview_image"] = np.zeros((n, 84, 84, 3), np.uint8)
            demo["next_obs/eef_pos"] = demo["obs/eef_pos"][:] + 1
        file["mask/train"] = np.array([b"demo_0", b"demo_10"])
    return path


def rows(path: Path, *wanted: str) -> dict[str, list]:
    [table] = FORMAT.tables(source_file(path, "robomimic"), wanted)
    return {name: table[name].to_pylist() for name in wanted}


def test_demonstrations_become_trajectories_in_the_order_of_their_numbers(tmp_path):
    demos = read_demonstrations(CONTRACT, write(tmp_path / "low_dim.hdf5"))
    assert sorted(zip(demos.trajectory_ids, np.diff(demos.offsets), strict=True)) == sorted(LENGTHS.items())
    first = list(demos.trajectory_ids).index("demo_2")
    assert demos[first].observations["height"].tolist() == [10, 11, 12, 13]
    assert demos[first].actions.tolist() == [1, 0, 1, 0]
    assert demos.terminated.all()


def test_columns_are_flat_filters_are_marked_and_pictures_left_out(tmp_path):
    path = write(tmp_path / "low_dim.hdf5")
    present = event_columns(source_file(path, "robomimic"), FORMAT)
    assert {"states", "actions.1", "obs.eef_pos.0", "next_obs.eef_pos.2", "mask.train"} <= set(present)
    assert [name for name in present if "image" in name] == []
    told = rows(path, "demo", "step", "env_name", "mask.train", "next_obs.eef_pos.2")
    assert told["demo"] == ["demo_0"] * 3 + ["demo_2"] * 4 + ["demo_10"] * 2
    assert told["step"] == [0, 1, 2, 0, 1, 2, 3, 0, 1]
    assert told["env_name"] == ["Lift"] * 9
    assert told["mask.train"] == [True] * 3 + [False] * 4 + [True] * 2
    assert told["next_obs.eef_pos.2"] == [1, 2, 3, 11, 12, 13, 14, 21, 22]


def test_what_is_odd_is_named_by_demonstration_and_step(tmp_path):
    path = write(tmp_path / "low_dim.hdf5")
    assert list(FORMAT.notices(source_file(path, "robomimic"))) == []
    with h5py.File(path, "a") as file:
        file["data/demo_2/actions"][1, 0] = -2.5
        file["data/demo_10/obs/eef_pos"][1, 2] = np.nan
    told = {f.code: f.message for f in FORMAT.notices(source_file(path, "robomimic"))}
    assert set(told) == {"not-finite", "actions-beyond-one"}
    assert "`obs.eef_pos.2` in demo demo_10 step 1" in told["not-finite"]
    assert "up to 2.5, first `actions.0` in demo demo_2 step 1" in told["actions-beyond-one"]


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def not_hdf5(path: Path) -> None:
    path.write_bytes(b"data,demo\n" * 100)


def a_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"data": [1, 2, 3]}))


def no_data(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["data"]


def half_written(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["data/demo_2/actions"]
        file["data/demo_2/actions"] = np.zeros((2, 2))


def external_link(path: Path) -> None:
    write(path.parent / "other.hdf5")
    with h5py.File(path, "a") as file:
        del file["data/demo_2"]
        file["data/demo_2"] = h5py.ExternalLink("other.hdf5", "/data/demo_2")


def link_that_climbs_out(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["data/demo_2/obs"]
        file["data/demo_2/obs"] = h5py.ExternalLink("../../../etc/passwd", "/")


def soft_link(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["data/demo_2/states"]
        file["data/demo_2/states"] = h5py.SoftLink("/data/demo_0/states")


def bytes_elsewhere(path: Path) -> None:
    (path.parent / "secret").write_bytes(bytes(64))
    with h5py.File(path, "a") as file:
        del file["data/demo_2/states"]
        file["data/demo_2"].create_dataset(
            "states", shape=(4, 1), dtype="f8", external=[(os.fspath(path.parent / "secret"), 0, 32)]
        )


def virtual(path: Path) -> None:
    write(path.parent / "other.hdf5")
    layout = h5py.VirtualLayout(shape=(4, 1), dtype="f8")
    layout[:] = h5py.VirtualSource("other.hdf5", "data/demo_2/states", shape=(4, 1))
    with h5py.File(path, "a") as file:
        del file["data/demo_2/states"]
        file["data/demo_2"].create_virtual_dataset("states", layout)


def bomb(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["data/demo_2"].create_dataset("huge", shape=(1 << 40,), dtype="f8", chunks=(1 << 20,))


def loop(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["data/demo_2/obs/again"] = file["data/demo_2/obs"]


def bad_json(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["data"].attrs["env_args"] = "{"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated, r"low_dim\.hdf5 is not a whole HDF5 file"),
        (not_hdf5, r"low_dim\.hdf5 is not a whole HDF5 file"),
        (a_pickle, r"low_dim\.hdf5 is not a whole HDF5 file"),
        (no_data, r"has no demonstrations.*it has mask"),
        (half_written, r"/data/demo_2 of low_dim\.hdf5 has 2 actions and 4"),
        (external_link, r"`/data/demo_2` of low_dim\.hdf5 is a link to elsewhere"),
        (link_that_climbs_out, r"`/data/demo_2/obs` of low_dim\.hdf5 is a link to elsewhere"),
        (soft_link, r"`/data/demo_2/states` of low_dim\.hdf5 is a link to elsewhere"),
        (bytes_elsewhere, r"values of `/data/demo_2/states` of low_dim\.hdf5 lie in other files"),
        (virtual, r"values of `/data/demo_2/states` of low_dim\.hdf5 lie in other files"),
        (bomb, r"`/data/demo_2/huge` of low_dim\.hdf5 claims 8,388,608 MiB"),
        (loop, r"nested more than 16 deep"),
        (bad_json, r"`env_args` of low_dim\.hdf5 is not JSON"),
    ],
)
def test_a_damaged_or_harmful_file_is_refused(tmp_path, damage, message):
    path = write(tmp_path / "low_dim.hdf5")
    damage(path)
    with pytest.raises(DataError, match=message):
        read_demonstrations(CONTRACT, path)


def test_without_h5py_the_extra_is_named(tmp_path, monkeypatch):
    from telic.errors import PermanentError

    path = write(tmp_path / "low_dim.hdf5")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(PermanentError) as caught:
        read_demonstrations(CONTRACT, path)
    assert "telic[robots]" in caught.value.hint
