"""`stable-baselines3` 2.9.2 or `sbx` 0.28.0: PPO on CartPole-v1 with 8 environments, until a mean return of 475.

``stable_baselines_ppo.py sb3|sbx [SEED]``. 32 decisions, 20 passes in one part, lambda .8, gamma .98, a rate of .001
that falls to 0 in 200,000 decisions, and the networks of 64 x 64 that both take by default. One JSON line: CPU seconds
from the start of the process, and decisions a CPU second after the first update.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env

warnings.simplefilter("ignore")

ENOUGH, MOST = 475.0, 200_000


class Clock(BaseCallback):
    """Stops where the mean of the last 100 episodes is enough, and keeps the time of every update."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[int, float]] = []
        self.is_reached = False

    def _on_step(self) -> bool:
        returns = [episode["r"] for episode in self.model.ep_info_buffer]
        self.is_reached = len(returns) == 100 and sum(returns) / 100 >= ENOUGH
        return not self.is_reached

    def _on_rollout_start(self) -> None:
        self.told.append((self.num_timesteps, time.process_time()))


def main() -> None:
    """Train and print."""
    which, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    torch.set_num_threads(1)
    if which == "sbx":
        from sbx import PPO
    else:
        from stable_baselines3 import PPO
    imported = time.process_time()
    model = PPO(
        "MlpPolicy", make_vec_env("CartPole-v1", n_envs=8, seed=seed), n_steps=32, batch_size=256, n_epochs=20,
        gae_lambda=0.8, gamma=0.98, ent_coef=0.0, learning_rate=lambda left: 1e-3 * left,
        clip_range=lambda _: 0.2, device="cpu", seed=seed,
    )  # fmt: skip
    clock = Clock()
    model.learn(MOST, callback=clock)
    seconds = time.process_time()
    (n_first, first), (n_last, last) = clock.told[1], clock.told[-1]
    print(
        json.dumps(
            {
                "peer": which,
                "reached": clock.is_reached,
                "n_steps_to_475": model.num_timesteps,
                "cpu_seconds_to_475": seconds,
                "cpu_seconds_import": imported,
                "cpu_seconds_until_first_update": first - imported,
                "steps_a_cpu_second": (n_last - n_first) / (last - first),
            }
        )
    )


if __name__ == "__main__":
    main()
