"""Gradient steps a CPU second of behavioural cloning: batches of 256, two layers of 256 units, 10,000 decisions.

Three measurements and one amount, drawn at random: the speed does not depend on them. One bell with a spread, its
tails at the bounds, Adam, a running mean of the weights, and a look at 1,000 held-out decisions every 500 steps are
all in the time; compilation is told apart. ``peers/d3rlpy_cloning.py`` is the other side.

One JSON line.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--looks", type=int, default=4, help="of 500 gradient steps each, after a first one")
    options = parser.parse_args()
    began = time.process_time()
    import jax

    from telic.imitation.cloning_learner import Cloning, Rows
    from telic.policies.heads import GaussianHead

    imported = time.process_time() - began
    rng = np.random.default_rng(0)

    def rows(n: int) -> Rows:
        x = rng.normal(size=(n, 3)).astype(np.float32)
        action = np.tanh(x[:, :1]).astype(np.float32)
        return Rows(x=x, action=action, weight=np.ones(n, np.float32), n=np.int32(n))

    learner = Cloning(
        rows=rows(10_000),
        held_out=rows(1_000),
        head=GaussianHead(low=(-1.0,), high=(1.0,)),
        hidden=(256, 256),
        activation="relu",
        batch=256,
        n_gradients=500,
    )
    learner = jax.device_put(learner)
    step = jax.jit(lambda learner, state: learner.step(state))
    state, _ = step(learner, jax.jit(lambda learner, key: learner.init(key))(learner, jax.random.key(0)))
    jax.block_until_ready(state)
    compiled = time.process_time() - began - imported
    start = time.process_time()
    for _ in range(options.looks):
        state, told = step(learner, state)
    loss = float(told["loss"])
    seconds = time.process_time() - start
    print(
        json.dumps(
            {
                "peer": "telic",
                "n_steps": options.looks * 500,
                "cpu_seconds": seconds,
                "steps_a_second": options.looks * 500 / seconds,
                "import_cpu_seconds": imported,
                "first_look_cpu_seconds": compiled,
                "loss": loss,
            }
        )
    )


if __name__ == "__main__":
    main()
