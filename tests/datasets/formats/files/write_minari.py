"""Writes ``minari_hdf5/`` and ``minari_arrow/`` with Minari 0.5.4, in the environment of scripts/conformance.

Three episodes of 4, 5 and 6 actions: observations are a dictionary of a vector and a number, actions one of three.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main(out: Path = HERE) -> None:
    with tempfile.TemporaryDirectory() as root:
        os.environ["MINARI_DATASETS_PATH"] = root
        import gymnasium as gym
        import minari
        import numpy as np
        from minari.data_collector import EpisodeBuffer

        space = gym.spaces.Dict(
            {"arm": gym.spaces.Box(-9, 9, (2,), np.float64), "goal": gym.spaces.Discrete(9)}
        )
        buffers = []
        for k, n in enumerate((4, 5, 6)):
            arm = np.stack([np.arange(n + 1), -np.arange(n + 1)], axis=1).astype(np.float64)
            buffers.append(
                EpisodeBuffer(
                    id=k,
                    seed=k,
                    observations={"arm": arm, "goal": np.full(n + 1, k)},
                    actions=np.arange(n) % 3,
                    rewards=np.arange(n) / 2.0,
                    terminations=np.arange(n) == (n - 1 if k != 1 else -1),
                    truncations=np.arange(n) == (n - 1 if k == 1 else -1),
                    infos={"load": np.arange(n + 1) * 1.5},
                )
            )
        for form in ("hdf5", "arrow"):
            name = f"telic/tiny-{form}-v0"
            minari.create_dataset_from_buffers(
                dataset_id=name,
                buffer=buffers,
                observation_space=space,
                action_space=gym.spaces.Discrete(3),
                algorithm_name="counting",
                data_format=form,
            )
            target = out / f"minari_{form}"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(Path(root) / name, target)


if __name__ == "__main__":
    main()
