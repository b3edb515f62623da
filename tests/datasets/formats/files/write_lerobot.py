"""Writes ``lerobot_v30/`` with LeRobot 0.4.4: ``python write_lerobot.py``, in the environment of scripts/conformance.

Two episodes of 6 and 4 frames at 10 frames a second: a state of three named numbers, an action of one, two tasks.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from lerobot.datasets.lerobot_dataset import LeRobotDataset

HERE = Path(__file__).parent
FEATURES = {
    "observation.state": {"dtype": "float32", "shape": (3,), "names": ["cart", "speed", "angle"]},
    "observation.grip": {"dtype": "float32", "shape": (2,), "names": None},
    "action": {"dtype": "float32", "shape": (1,), "names": ["torque"]},
}


def main(root: Path = HERE / "lerobot_v30") -> None:
    shutil.rmtree(root, ignore_errors=True)
    data = LeRobotDataset.create(
        repo_id="telic/tiny", fps=10, features=FEATURES, root=root, robot_type="cart", use_videos=False
    )
    for episode, length in enumerate((6, 4)):
        for i in range(length):
            data.add_frame(
                {
                    "observation.state": np.array([i, 0.5 * i, -0.25 * episode], np.float32),
                    "observation.grip": np.array([episode, i % 2], np.float32),
                    "action": np.array([(-1) ** i], np.float32),
                    "task": ("lift", "lower")[episode],
                }
            )
        data.save_episode()
    data.finalize()


if __name__ == "__main__":
    main()
