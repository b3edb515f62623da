"""Folders for ``robot_formats`` (LeRobot writes one, one is v2.1 by its layout), and how numbers are compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

FPS = 10
LENGTHS = (12, 7, 20, 9)
"""Frames of the episodes that LeRobot writes."""

FEATURES = {
    "observation.state": {"dtype": "float32", "shape": (3,), "names": ["cart", "speed", "angle"]},
    "observation.grid": {"dtype": "float32", "shape": (2, 2), "names": None},
    "observation.count": {"dtype": "int64", "shape": (1,), "names": None},
    "action": {"dtype": "float32", "shape": (1,), "names": ["torque"]},
    "next.reward": {"dtype": "float32", "shape": (1,), "names": None},
    "next.done": {"dtype": "bool", "shape": (1,), "names": None},
}


def write_lerobot(root: Path) -> dict[str, np.ndarray]:
    """What was given to LeRobot's own writer, by feature, after it wrote it."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    rng = np.random.default_rng(0)
    n = sum(LENGTHS)
    given: dict[str, np.ndarray] = {
        "observation.state": rng.normal(size=(n, 3)).astype(np.float32),
        "observation.grid": rng.normal(size=(n, 2, 2)).astype(np.float32),
        "observation.count": rng.integers(0, 9, (n, 1)),
        "action": rng.uniform(-1, 1, (n, 1)).astype(np.float32),
        "next.reward": rng.normal(size=(n, 1)).astype(np.float32),
        "next.done": np.zeros((n, 1), dtype=bool),
    }
    data = LeRobotDataset.create(
        repo_id="telic/real", fps=FPS, features=FEATURES, root=root, robot_type="cart", use_videos=False
    )
    at = 0
    for episode, length in enumerate(LENGTHS):
        for _ in range(length):
            data.add_frame({**{k: v[at] for k, v in given.items()}, "task": f"task {episode % 2}"})
            at += 1
        data.save_episode()
    data.finalize()
    return given


def write_v21(root: Path) -> None:
    """A v2.1 folder of two episodes of four frames, by its layout."""
    import pyarrow.parquet as pq

    numbers = {
        n: {"dtype": "int64", "shape": [1], "names": None}
        for n in ("frame_index", "episode_index", "index", "task_index")
    }
    one = {"dtype": "float32", "shape": [1], "names": None}
    (root / "meta").mkdir(parents=True)
    (root / "data/chunk-000").mkdir(parents=True)
    stats = []
    for e in range(2):
        frame = np.arange(4)
        columns = {
            "action": (4 * e + frame).astype(np.float32),
            "timestamp": (frame / FPS).astype(np.float32),
            "frame_index": frame,
            "episode_index": np.full(4, e),
            "index": 4 * e + frame,
            "task_index": np.zeros(4, np.int64),
        }
        pq.write_table(pa.table(columns), root / f"data/chunk-000/episode_{e:06d}.parquet")
        told = {
            k: {
                "min": [float(v.min())],
                "max": [float(v.max())],
                "mean": [float(v.mean())],
                "std": [float(v.std())],
                "count": [4],
            }
            for k, v in columns.items()
        }
        stats.append({"episode_index": e, "stats": told})
    lines = {
        "tasks": [{"task_index": 0, "task": "push"}],
        "episodes": [{"episode_index": e, "tasks": ["push"], "length": 4} for e in range(2)],
        "episodes_stats": stats,
    }
    for name, rows in lines.items():
        (root / f"meta/{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    info = {
        "codebase_version": "v2.1",
        "robot_type": "cart",
        "total_episodes": 2,
        "total_frames": 8,
        "total_tasks": 1,
        "total_videos": 0,
        "total_chunks": 1,
        "chunks_size": 1000,
        "fps": FPS,
        "splits": {"train": "0:2"},
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": None,
        "features": {"action": one, "timestamp": one, **numbers},
    }
    (root / "meta/info.json").write_text(json.dumps(info))


def read(form: str, place: Path) -> pa.Table:
    """Every column of a source, by a format of telic."""
    import importlib

    from telic.datasets.sources.files import source_file

    found = importlib.import_module(f"telic.datasets.sources.formats.{form}").FORMAT
    tables = [t for t in found.tables(source_file(place, form), None) if t.num_rows]
    return pa.concat_tables(tables, promote_options="permissive")


def same(name: str, found: Any, wanted: dict[str, np.ndarray]) -> dict[str, Any]:
    """Every wanted column is there, with the same numbers at the same places (NaN where NaN is wanted)."""
    differ = []
    for column, values in wanted.items():
        got = np.asarray(
            found[column].to_numpy(zero_copy_only=False)
            if isinstance(found, pa.Table) and isinstance(found[column], pa.Array)
            else found[column]
        )
        if got.shape != values.shape or not np.array_equal(
            got.astype(np.float64), values.astype(np.float64), equal_nan=True
        ):
            differ.append(column)
    return check(
        name, not differ, n_rows=len(next(iter(wanted.values()))), n_columns=len(wanted), differ=differ
    )


def check(name: str, passed: Any, **more: Any) -> dict[str, Any]:
    return {"check": name, "passed": bool(passed), **more}
