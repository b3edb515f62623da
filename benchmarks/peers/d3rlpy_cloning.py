"""Gradient steps a CPU second of d3rlpy 2.8.1's behavioural cloning: batches of 256, two layers of 256 units.

Its own buffer, batches and optimiser, as its ``update`` takes them; 10,000 random transitions. One JSON line.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    began = time.process_time()
    import d3rlpy
    import torch

    torch.set_num_threads(1)
    imported = time.process_time() - began
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10_000, 3)).astype(np.float32)
    terminals = np.zeros(10_000, np.float32)
    terminals[199::200] = 1
    data = d3rlpy.dataset.MDPDataset(x, np.tanh(x[:, :1]), np.zeros(10_000, np.float32), terminals)
    learner = d3rlpy.algos.BCConfig(batch_size=256).create(device="cpu:0")
    learner.build_with_dataset(data)
    for _ in range(20):
        learner.update(data.sample_transition_batch(256))
    start = time.process_time()
    for _ in range(options.steps):
        told = learner.update(data.sample_transition_batch(256))
    seconds = time.process_time() - start
    print(
        json.dumps(
            {
                "peer": f"d3rlpy {d3rlpy.__version__}",
                "n_steps": options.steps,
                "cpu_seconds": seconds,
                "steps_a_second": options.steps / seconds,
                "import_cpu_seconds": imported,
                "loss": float(told["loss"]),
            }
        )
    )


if __name__ == "__main__":
    main()
