"""LeRobotDataset v3.0: a folder that LeRobot 0.4.4 wrote (``files/write_lerobot.py``), and built ones with faults.

That LeRobot itself reads what we write is proved by ``scripts/conformance``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lerobot_folders import CAMERA, change_info, write_folder

from telic.contract import TaskContract
from telic.datasets import read_demonstrations
from telic.datasets.sources.event_format import event_columns
from telic.datasets.sources.files import source_file
from telic.datasets.sources.formats import event_format
from telic.datasets.sources.pieces import whole_table
from telic.errors import DataError

REAL = Path(__file__).parent / "files" / "lerobot_v30"
FORMAT = event_format("lerobot")


def contract(state: str, low: float = -1.0, missing: str = "error") -> TaskContract:
    return TaskContract.from_mapping(
        {
            "identity": {"task": "cart"},
            "observations": [{"name": "x", "column": state, "missing": missing}],
            "actions": {"column": "action", "type": "number", "values": [low, 1], "tolerance": 0.25},
            "data": {"format": "lerobot", "trajectory": ["episode_index"], "time": "timestamp"},
        }
    )


def columns(folder: Path, *wanted: str) -> dict[str, list]:
    table = pa.concat_tables(
        [t for t in FORMAT.tables(source_file(folder, "lerobot"), wanted) if t.num_rows],
        promote_options="default",
    )
    return table.select(wanted).to_pydict()


def findings(folder: Path) -> dict[str, str]:
    return {f.code: f.message for f in FORMAT.notices(source_file(folder, "lerobot"))}


def test_what_lerobot_wrote_becomes_its_episodes():
    demos = read_demonstrations(contract("observation.state.speed"), REAL)
    assert np.diff(demos.offsets).tolist() == [6, 4]
    assert demos.observations["x"].tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 0, 0.5, 1, 1.5]
    assert demos.actions.tolist() == [1, 0] * 5
    np.testing.assert_allclose(demos.times[:6], np.arange(6) / 10, atol=1e-7)
    assert [f.code for f in demos.findings] == ["extra-columns"]


def test_vectors_are_columns_by_name_or_by_number_and_tasks_are_text():
    present = event_columns(source_file(REAL, "lerobot"), FORMAT)
    assert {"observation.state.cart", "observation.grip.0", "observation.grip.1", "action"} <= set(present)
    told = columns(REAL, "observation.grip.0", "observation.state.angle", "task", "index")
    assert told["observation.grip.0"] == [0] * 6 + [1] * 4
    assert told["observation.state.angle"] == [0] * 6 + [-0.25] * 4
    assert told["task"] == ["lift"] * 6 + ["lower"] * 4
    assert told["index"] == list(range(10))


def test_a_video_is_a_path_and_two_times(tmp_path):
    folder = write_folder(tmp_path / "d", video=True)
    told = columns(folder, f"{CAMERA}.path", f"{CAMERA}.from_timestamp", f"{CAMERA}.to_timestamp")
    assert set(told[f"{CAMERA}.path"]) == {f"videos/{CAMERA}/chunk-000/file-000.mp4"}
    assert told[f"{CAMERA}.from_timestamp"] == [0.0] * 6 + [0.6] * 4
    assert told[f"{CAMERA}.to_timestamp"] == [0.6] * 6 + [1.0] * 4
    assert findings(folder) == {}
    shutil.rmtree(folder / "videos")
    assert f"videos/{CAMERA}/chunk-000/file-000.mp4" in findings(folder)["missing-videos"]


def test_one_and_many_episodes_a_file_are_the_same_data(tmp_path):
    one, two = (write_folder(tmp_path / str(n), (5, 3, 4), per_file=n) for n in (1, 2))
    digests = {read_demonstrations(contract("observation.state.x"), f).digest for f in (one, two)}
    assert len(digests) == 1


def test_a_scalar_kept_as_a_list_of_one_is_the_same(tmp_path):
    folder = write_folder(tmp_path / "d")
    path = folder / "data/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    place = table.column_names.index("action")
    listed = pa.FixedSizeListArray.from_arrays(table["action"].combine_chunks(), 1)
    pq.write_table(table.set_column(place, "action", listed), path)
    assert columns(folder, "action") == {"action": [-1.0, 1.0] * 5}


def test_an_old_version_says_how_to_convert_it(tmp_path):
    folder = write_folder(tmp_path / "pusht")
    change_info(folder, codebase_version="v2.1")
    with pytest.raises(DataError, match=r"is LeRobotDataset v2\.1; v3\.0 is read") as caught:
        read_demonstrations(contract("observation.state.x"), folder)
    assert "convert_dataset_v21_to_v30 --repo-id=pusht" in caught.value.hint
    change_info(folder, codebase_version="v4.0")
    with pytest.raises(DataError, match=r"v4\.0") as caught:
        read_demonstrations(contract("observation.state.x"), folder)
    assert "convert" not in caught.value.hint


def test_gaps_and_times_that_fall_name_the_frame(tmp_path):
    steps = np.arange(6) / 10
    times = np.concatenate([steps, np.arange(4) / 10])
    late = times.copy()
    late[3:6] += 0.2
    told = findings(write_folder(tmp_path / "gap", timestamp=late))
    assert set(told) == {"frame-gap"}
    assert "first episode 0 frame 3" in told["frame-gap"]
    assert "0.3 s at most" in told["frame-gap"]
    back = times.copy()
    back[8] = 0.1
    told = findings(write_folder(tmp_path / "back", timestamp=back, per_file=2))
    assert "first episode 1 frame 2" in told["time-backwards"]
    rough = times + np.array([0, 0.003] * 5)
    told = findings(write_folder(tmp_path / "rough", timestamp=rough))
    assert set(told) == {"uneven-frames"}


def test_a_frame_cut_out_is_seen_in_numbers_and_lengths(tmp_path):
    folder = write_folder(tmp_path / "d")
    path = folder / "data/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.concat_tables([table.slice(0, 2), table.slice(3)]), path)
    told = findings(folder)
    assert set(told) == {"frame-gap", "frame-numbers", "episode-lengths"}
    assert "first episode 0 frame 3" in told["frame-numbers"]
    assert "5 frames, 6 by the metadata" in told["episode-lengths"]


def test_a_nan_is_named_and_is_a_missing_value(tmp_path):
    state = np.zeros((10, 2))
    state[7, 0] = np.nan
    folder = write_folder(tmp_path / "d", state=state)
    assert "first `observation.state.x` in episode 1 frame 1" in findings(folder)["not-finite"]
    with pytest.raises(DataError, match=r"missing \(or NaN\) in 1 of 10 rows: d row 8"):
        read_demonstrations(contract("observation.state.x"), folder)
    demos = read_demonstrations(contract("observation.state.x", missing="carry"), folder)
    assert demos.observations["x"].tolist() == [0.0] * 10


def no_data(folder: Path) -> None:
    shutil.rmtree(folder / "data")


def truncated(folder: Path) -> None:
    path = folder / "data/chunk-000/file-001.parquet"
    path.write_bytes(path.read_bytes()[:-30])


def no_episodes(folder: Path) -> None:
    shutil.rmtree(folder / "meta/episodes")


def empty_info(folder: Path) -> None:
    (folder / "meta/info.json").write_text("")


def not_utf8(folder: Path) -> None:
    (folder / "meta/info.json").write_bytes(b'{"codebase_version": "\xff"}')


def bomb(folder: Path) -> None:
    (folder / "meta/info.json").write_text('{"a":' * 100_000)


def climbs(folder: Path) -> None:
    change_info(folder, data_path="../{chunk_index:03d}/{file_index:03d}.parquet")


def reaches(folder: Path) -> None:
    change_info(folder, data_path="data/{chunk_index.__class__}")


def ragged(folder: Path) -> None:
    path = folder / "data/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    lists = table["observation.state"].to_pylist()
    lists[4] = [1.0]
    pq.write_table(table.set_column(0, "observation.state", pa.array(lists, pa.list_(pa.float32()))), path)


def rows_of_nothing(folder: Path) -> None:
    table = pa.table({"episode_index": pa.repeat(pa.scalar(0), 3_000_000)})
    pq.write_table(table, folder / "meta/episodes/chunk-000/file-000.parquet", compression="zstd")


def replaced(place: str, column: str, values: pa.Array) -> Callable[[Path], None]:
    """A column of one file has other values."""

    def damage(folder: Path) -> None:
        table = pq.read_table(folder / place)
        i = table.column_names.index(column)
        pq.write_table(table.set_column(i, column, values[: table.num_rows]), folder / place)

    return damage


EPISODES, FRAMES = "meta/episodes/chunk-000/file-000.parquet", "data/chunk-000/file-000.parquet"


def name_is_no_text(folder: Path) -> None:
    path = folder / "meta/tasks.parquet"
    path.write_bytes(path.read_bytes().replace(b"task_index", b"task_\xff\xff\xff\xff\xff"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_data, r"lacks 2 of the 2 data files.*file-000\.parquet.*holds videos alone"),
        (truncated, r"d/data/chunk-000/file-001\.parquet is not a whole Parquet file"),
        (no_episodes, r"has no meta/episodes"),
        (empty_info, r"d/meta/info\.json is not JSON"),
        (not_utf8, r"d/meta/info\.json line 1 is not UTF-8"),
        (bomb, r"d/meta/info\.json is not JSON"),
        (climbs, r"places files at .* not in the folder"),
        (reaches, r"places files at .* not in the folder"),
        (rows_of_nothing, r"file-000\.parquet claims 3,000,000 rows in"),
        (
            replaced(EPISODES, "data/file_index", pa.array([None, 0])),
            r"`data/file_index` of meta/episodes of d must hold a whole number .* got int64 with 1 missing",
        ),
        (
            replaced(EPISODES, "length", pa.array(["x"] * 2)),
            r"`length` of meta/episodes of d must hold a whole number .* got string",
        ),
        (
            replaced(FRAMES, "timestamp", pa.array([{"a": 1}] * 6)),
            r"`timestamp` of d/data/chunk-000/file-000\.parquet holds struct<a: int64>, where .* says float32",
        ),
        (
            replaced(FRAMES, "episode_index", pa.array([0, None, 0, 0, 0, 0])),
            r"`episode_index` of d/data/chunk-000/file-000\.parquet must hold a whole number",
        ),
        (name_is_no_text, r"d/meta/tasks\.parquet is not a whole Parquet file"),
        (ragged, r"has 1 values in row 5 where its shape \(2,\) wants 2"),
    ],
)
def test_a_damaged_folder_is_refused_by_file(tmp_path, damage, message):
    folder = write_folder(tmp_path / "d", video=True)
    damage(folder)
    with pytest.raises(DataError, match=message):
        read_demonstrations(contract("observation.state.x"), folder)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    folder = write_folder(tmp_path / "d")
    path = folder / "data/chunk-000/file-000.parquet"
    shutil.move(path, tmp_path / "elsewhere.parquet")
    path.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(DataError, match="leads out of the folder"):
        read_demonstrations(contract("observation.state.x"), folder)


def test_a_file_is_no_folder(tmp_path):
    path = tmp_path / "info.json"
    path.write_text(json.dumps({}))
    with pytest.raises(DataError, match="is a file; a LeRobotDataset is a folder"):
        read_demonstrations(contract("observation.state.x"), path)


def test_only_the_columns_asked_for_are_decoded(tmp_path):
    folder = write_folder(tmp_path / "d")
    source = source_file(folder, "lerobot")
    assert whole_table(FORMAT.tables(source, ["timestamp"])).column_names == ["timestamp"]
