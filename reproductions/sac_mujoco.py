"""What soft actor-critic reaches on three tasks of MuJoCo in some ten thousand decisions: 5 keys, intervals.

    python reproductions/sac_mujoco.py                # reduced: one task, 1 key of its own, a third
    TELIC_FULL=1 python reproductions/sac_mujoco.py   # 5 keys

prints one JSON line a task, as soon as it is known. Environments are those of Gymnasium (`pip install
gymnasium[mujoco]`), one stream, one update a decision, 2 x 256 units, batches of 256. A key trains one policy from
nothing; its score is the mean return of 10 episodes by its most probable action, from the same starts for all. What
decisions by chance collect is told beside it. Published curves run over a million decisions: this is their beginning,
as far as some minutes of one core go.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from sac_dqn import KEYS, KEYS_REDUCED, middle

DECISIONS = {"InvertedPendulum-v5": 9_000, "Hopper-v5": 18_000, "HalfCheetah-v5": 18_000}
"""Of each key, beside the first 1,000 by chance."""

PIECE = 1_000
EPISODES = 10
FIRST_SEED = 1_000
"""Of the episodes that are judged by."""


def main() -> int:
    if importlib.util.find_spec("mujoco") is None:
        print("NOT RUN: MuJoCo is not installed (gymnasium[mujoco])", file=sys.stderr)
        return 1
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    tasks = tuple(DECISIONS) if full else ("InvertedPendulum-v5",)
    for part in measure(tasks, KEYS if full else KEYS_REDUCED, 1.0 if full else 1 / 3):
        print(json.dumps({**part, "seconds": time.perf_counter() - started}), flush=True)
    return 0


def measure(tasks: tuple[str, ...], keys: tuple[int, ...], share: float) -> Iterator[dict[str, Any]]:
    """Everything that is printed, a task at a time.

    Args:
        tasks: names of environments.
        keys: of the runs.
        share: of the decisions of a full run.
    """
    import gymnasium

    from telic.neural.driver import train
    from telic.planning.rl.sac_gymnasium import GymnasiumSac

    for name in tasks:
        scores, seconds, n = [], [], max(1, round(share * DECISIONS[name] / PIECE))
        for key in keys:
            env = gymnasium.make_vec(name, num_envs=1)
            learner = GymnasiumSac.of(env, n_steps=PIECE, n_random=1_000, learning_rate=1e-3)
            run = train(learner, key, n)
            seconds.append(run.seconds)
            scores.append(float(np.mean(returns(name, learner.policy(run.answer()).mode))))
            env.close()
        space = gymnasium.make(name).action_space
        rng = np.random.default_rng(0)
        chance = returns(name, lambda x, s=space: rng.uniform(s.low, s.high, (len(x), *s.shape)))  # noqa: B023
        yield {
            "task": name,
            "keys": list(keys),
            "decisions": 1_000 + n * PIECE,
            "returns": scores,
            **middle(np.array(scores)),
            "by_chance": float(np.mean(chance)),
            "cpu_seconds": float(np.median(seconds)),
        }


def returns(name: str, act: Any) -> np.ndarray:
    """Of episodes with fixed seeds."""
    import gymnasium

    env, found = gymnasium.make(name), []
    for i in range(EPISODES):
        x, total, over = env.reset(seed=FIRST_SEED + i)[0], 0.0, False
        while not over:
            x, reward, terminated, truncated, _ = env.step(act(x[None].astype(np.float32))[0])
            total, over = total + float(reward), terminated or truncated
        found.append(total)
    env.close()
    return np.array(found)


if __name__ == "__main__":
    sys.exit(main())
