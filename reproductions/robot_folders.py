"""Folders for ``robot_formats``: one that LeRobot writes itself, and one of v2.1 by its layout."""

from __future__ import annotations

import json
from pathlib import Path

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
