"""Small LeRobotDataset v3.0 folders, built from the layout by pyarrow and json (files of LeRobot itself lie beside
the tests of the format)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FEATURES = {
    "observation.state": {"dtype": "float32", "shape": [2], "names": ["x", "v"]},
    "action": {"dtype": "float32", "shape": [1], "names": ["force"]},
}
NUMBERS = ("frame_index", "episode_index", "index", "task_index")
FRAME = {n: {"dtype": "int64", "shape": [1], "names": None} for n in NUMBERS}
FRAME["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
CAMERA = "observation.images.top"


def write_folder(
    root: Path,
    lengths: tuple[int, ...] = (6, 4),
    *,
    state: np.ndarray | None = None,
    action: np.ndarray | None = None,
    timestamp: np.ndarray | None = None,
    per_file: int = 1,
    video: bool = False,
    fps: int = 10,
) -> Path:
    """A folder of so many episodes, ``per_file`` of them a data file; its camera's files hold no video."""
    n = sum(lengths)
    episode = np.repeat(np.arange(len(lengths)), lengths)
    frame = np.concatenate([np.arange(length) for length in lengths])
    state = np.stack([np.arange(n), -np.arange(n)], axis=1) if state is None else state
    action = np.where(np.arange(n) % 2, 1.0, -1.0) if action is None else action
    timestamp = frame / fps if timestamp is None else timestamp
    table = pa.table(
        {
            "observation.state": pa.FixedSizeListArray.from_arrays(pa.array(state.ravel(), pa.float32()), 2),
            "action": pa.array(action, pa.float32()),
            "timestamp": pa.array(timestamp, pa.float32()),
            "frame_index": frame,
            "episode_index": episode,
            "index": np.arange(n),
            "task_index": episode % 2,
        }
    )
    files = np.arange(len(lengths)) // per_file
    for i in range(int(files.max()) + 1):
        path = root / f"data/chunk-000/file-{i:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.filter(pa.array(files[episode] == i)), path)
    ends = np.cumsum(lengths)
    told = {
        "episode_index": np.arange(len(lengths)),
        "tasks": [[("lift", "lower")[i % 2]] for i in range(len(lengths))],
        "length": np.array(lengths),
        "data/chunk_index": np.zeros(len(lengths), np.int64),
        "data/file_index": files,
        "dataset_from_index": ends - np.array(lengths),
        "dataset_to_index": ends,
    }
    features = {**FEATURES, **FRAME}
    if video:
        features[CAMERA] = {"dtype": "video", "shape": [4, 4, 3], "names": ["height", "width", "channels"]}
        told |= {
            f"videos/{CAMERA}/chunk_index": np.zeros(len(lengths), np.int64),
            f"videos/{CAMERA}/file_index": np.zeros(len(lengths), np.int64),
            f"videos/{CAMERA}/from_timestamp": (ends - np.array(lengths)) / fps,
            f"videos/{CAMERA}/to_timestamp": ends / fps,
        }
        path = root / f"videos/{CAMERA}/chunk-000/file-000.mp4"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no video")
    (root / "meta/episodes/chunk-000").mkdir(parents=True)
    pq.write_table(pa.table(told), root / "meta/episodes/chunk-000/file-000.parquet")
    pq.write_table(
        pa.table({"task_index": [0, 1], "__index_level_0__": ["lift", "lower"]}), root / "meta/tasks.parquet"
    )
    info = {
        "codebase_version": "v3.0",
        "robot_type": "cart",
        "total_episodes": len(lengths),
        "total_frames": n,
        "total_tasks": 2,
        "chunks_size": 1000,
        "fps": fps,
        "splits": {"train": f"0:{len(lengths)}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
        if video
        else None,
        "features": features,
    }
    change_info(root, **info)
    return root


def change_info(root: Path, **change: object) -> None:
    """``meta/info.json`` with some keys set."""
    path = root / "meta/info.json"
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.is_file() else {}), **change}))
