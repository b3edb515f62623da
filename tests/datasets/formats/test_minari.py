"""Minari datasets that Minari 0.5.4 wrote (``files/write_minari.py``), as HDF5 and as Arrow; faults made in copies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pytest

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.event_format import event_columns
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.errors import DataError

HERE = Path(__file__).parent / "files"
FORMAT = event_format("minari")
CONTRACT = TaskContract.from_mapping(
    {
        "identity": {"task": "reach"},
        "observations": [
            {"name": "arm", "column": "observations.arm.0"},
            {"name": "goal", "column": "observations.goal", "type": "integer"},
        ],
        "actions": {"column": "actions", "type": "integer", "values": [0, 1, 2]},
        "outcomes": {"terminated": "terminations"},
        "data": {"format": "minari", "trajectory": ["episode"]},
    }
)
BOTH = pytest.mark.parametrize("form", ["hdf5", "arrow"])


def columns(folder: Path, *wanted: str) -> dict[str, list]:
    [table] = FORMAT.tables(source_file(folder, "minari"), wanted)
    return {name: table[name].to_pylist() for name in wanted}


@BOTH
def test_what_minari_wrote_becomes_its_episodes(form):
    demos = read_demonstrations(CONTRACT, HERE / f"minari_{form}")
    assert np.diff(demos.offsets).tolist() == [4, 5, 6]
    assert demos.actions.tolist() == [0, 1, 2, 0, 0, 1, 2, 0, 1, 0, 1, 2, 0, 1, 2]
    assert demos.observations["goal"].tolist() == [0] * 4 + [1] * 5 + [2] * 6
    assert demos.observations["arm"].tolist() == [*range(4), *range(5), *range(6)]
    assert demos.terminated.tolist() == [True, False, True]
    assert [f.code for f in demos.findings] == ["extra-columns"]


def test_both_layouts_hold_the_same_data():
    digests = {read_demonstrations(CONTRACT, HERE / f"minari_{form}").digest for form in ("hdf5", "arrow")}
    assert len(digests) == 1


@BOTH
def test_a_row_has_the_observation_before_and_the_one_after(form):
    told = columns(
        HERE / f"minari_{form}", "episode", "step", "observations.arm.1", "next_observations.arm.1", "rewards"
    )
    assert told["episode"] == [0] * 4 + [1] * 5 + [2] * 6
    assert told["step"] == [*range(4), *range(5), *range(6)]
    assert told["next_observations.arm.1"] == [x - 1 for x in told["observations.arm.1"]]
    assert told["rewards"] == [s / 2 for s in told["step"]]


def test_infos_of_either_length_are_columns():
    present = event_columns(source_file(HERE / "minari_hdf5", "minari"), FORMAT)
    assert {"infos.load", "observations.arm.0", "next_observations.goal", "truncations"} <= set(present)


@pytest.fixture
def copied(tmp_path):
    return lambda form: Path(shutil.copytree(HERE / f"minari_{form}", tmp_path / "d"))


def change_metadata(folder: Path, **change: object) -> None:
    path = folder / "data" / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def cut_off(folder: Path) -> None:
    path = next(p for p in sorted(folder.rglob("*")) if p.suffix in (".hdf5", ".arrow"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def half_written(folder: Path) -> None:
    with h5py.File(folder / "data/main_data.hdf5", "a") as file:
        del file["episode_1/rewards"]
        file["episode_1/rewards"] = np.zeros(3)


def without_rewards(folder: Path) -> None:
    path = folder / "data/1/part-0.arrow"
    with pa.OSFile(str(path)) as file:
        table = pa.ipc.open_file(file).read_all().drop_columns(["rewards"])
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


@pytest.mark.parametrize(
    ("form", "damage", "message"),
    [
        ("hdf5", cut_off, r"d/data/main_data\.hdf5 is not a whole HDF5 file"),
        ("arrow", cut_off, r"d/data/0/part-0\.arrow is not a whole Arrow file"),
        ("hdf5", half_written, r"episode_1 of d/data/main_data\.hdf5 has 5 `actions` for 3 rewards"),
        ("arrow", without_rewards, r"d/data/1 has no rewards"),
        ("arrow", lambda f: shutil.rmtree(f / "data/1"), r"d has 2 episodes, 3 by its metadata\.json"),
        ("hdf5", lambda f: (f / "data/main_data.hdf5").unlink(), r"main_data\.hdf5 is missing"),
        ("hdf5", lambda f: (f / "data/metadata.json").unlink(), r"has no data/metadata\.json"),
        ("hdf5", lambda f: change_metadata(f, minari_version="1.2.0"), r"is of Minari 1\.2\.0"),
        ("hdf5", lambda f: change_metadata(f, data_format="pickle"), r"`data_format` 'pickle'"),
        ("hdf5", lambda f: (f / "data/metadata.json").write_text("[" * 10**5), r"metadata\.json is not JSON"),
    ],
)
def test_a_damaged_folder_is_refused_by_file(copied, form, damage, message):
    folder = copied(form)
    damage(folder)
    with pytest.raises(DataError, match=message):
        read_demonstrations(CONTRACT, folder)
