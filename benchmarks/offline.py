"""Learning from recorded transitions: gradient steps a CPU second of IQL, TD3+BC and CQL, by the public loop.

10,000 rows of 3 observations and 1 amount, batch 256, two layers of 256 units; CQL with 10 sampled amounts a row from
each of three sources (uniform, the actor here, the actor after). The process is held on one core where the system can.
What the compiler takes is counted apart. One JSON line.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any

import numpy as np

N_ROWS = 10_000
BATCH = 256
HIDDEN = (256, 256)
N_SAMPLES = 10
STEPS = {"iql": 400, "td3_bc": 400, "cql": 40}
"""Gradient steps that are timed."""


def main() -> None:
    """Train and print."""
    with contextlib.suppress(AttributeError):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from telic.neural.driver import train
    from telic.neural.transitions import Transitions
    from telic.planning.rl.cql import Cql
    from telic.planning.rl.iql import Iql
    from telic.planning.rl.td3_bc import Td3Bc
    from telic.policies.heads import GaussianHead

    data = Transitions.from_arrays(*recorded(), GaussianHead(low=(-1.0,), high=(1.0,)))
    shared: dict[str, Any] = {"rows": data.rows(), "head": data.head, "hidden": HIDDEN, "batch": BATCH}
    learners = {
        "iql": Iql(**shared, n_inner=100),
        "td3_bc": Td3Bc(**shared, n_inner=100),
        "cql": Cql(**shared, n_inner=10, n_samples=N_SAMPLES),
    }
    told = {}
    for name, learner in learners.items():
        begun = train(learner, 0, 1)
        n = 1 + STEPS[name] // learner.n_inner
        start = time.process_time()
        train(learner, 0, n, resume=(1, begun.answer())).answer()
        told[f"{name}_steps_a_cpu_second"] = STEPS[name] / (time.process_time() - start)
        told[f"{name}_compile_cpu_seconds"] = begun.compile_seconds
    print(json.dumps({"n_rows": N_ROWS, "batch": BATCH, "n_samples_each": N_SAMPLES, **told}))


def recorded() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Observations, amounts, rewards, observations after, and ends; the same for both sides."""
    rng = np.random.default_rng(20_261_122)
    x = rng.normal(size=(N_ROWS + 1, 3))
    a = rng.uniform(-1, 1, (N_ROWS, 1))
    ends = np.arange(1, N_ROWS + 1) % 100 == 0
    return x[:-1], a, -((a[:, 0] - 0.3 * x[:-1, 0]) ** 2), x[1:], ends


if __name__ == "__main__":
    main()
