"""`imitation` 1.0.1 on the grid: its tabular maximum causal entropy fit, library optimiser and thresholds.

One JSON line: states, iterations, CPU seconds of the fit, occupancy error, peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
warnings.simplefilter("ignore")

import gymnasium as gym  # noqa: E402
import numpy as np  # noqa: E402
import problems  # noqa: E402
import torch  # noqa: E402
from imitation.algorithms import mce_irl  # noqa: E402
from imitation.rewards import reward_nets  # noqa: E402
from imitation.util import logger as imitation_logger  # noqa: E402
from seals import base_envs  # noqa: E402


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=32)
    parser.add_argument("--max-iterations", type=int, default=1_000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    problem = problems.grid(args.n)
    env = base_envs.TabularModelPOMDP(
        transition_matrix=problem.dense(),
        observation_matrix=problem.features.astype(np.float32),
        reward_matrix=problem.features @ problem.weights,
        horizon=problems.HORIZON,
        initial_state_dist=np.full(problem.n_states, 1 / problem.n_states),
    )
    # Its occupancy counts the state after the last decision too, so the expert's comes from its own code.
    _, wanted = mce_irl.mce_occupancy_measures(env)
    space = gym.spaces.Box(-np.inf, np.inf, shape=(problem.features.shape[1],), dtype=np.float32)
    net = reward_nets.BasicRewardNet(
        space, gym.spaces.Discrete(5), hid_sizes=[], use_action=False, use_done=False, use_next_state=False
    )
    start_cpu, start = time.process_time(), time.perf_counter()
    fit = mce_irl.MCEIRL(
        wanted,
        env,
        net,
        np.random.default_rng(0),
        log_interval=None,
        custom_logger=imitation_logger.configure(folder=None, format_strs=[]),
    )
    counter = {"n": 0}
    step = fit._train_step

    def counted(*a: object, **k: object) -> object:
        counter["n"] += 1
        return step(*a, **k)

    fit._train_step = counted
    reached = fit.train(max_iter=args.max_iterations)
    cpu, wall = time.process_time() - start_cpu, time.perf_counter() - start
    print(
        json.dumps(
            {
                "peer": "imitation 1.0.1",
                "n_states": problem.n_states,
                "iterations": counter["n"],
                "cpu_seconds": cpu,
                "wall_seconds": wall,
                "occupancy_error": float(np.max(np.abs(reached - wanted))),
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
