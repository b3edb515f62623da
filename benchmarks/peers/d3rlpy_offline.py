"""`d3rlpy` 2.8.1 on recorded transitions: gradient steps a CPU second of IQL, TD3+BC and CQL, by its own ``fit``.

Batch 256, two layers of 256 units, CQL with 10 sampled amounts from each of three sources and a fixed penalty, all else
as the library has it. One JSON line.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import structlog  # noqa: E402
import torch  # noqa: E402

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

import d3rlpy  # noqa: E402
from offline import BATCH, HIDDEN, N_SAMPLES, STEPS, recorded  # noqa: E402


def main() -> None:
    """Fit and print."""
    torch.set_num_threads(1)
    x, a, r, _, ends = recorded()
    data = d3rlpy.dataset.MDPDataset(
        x.astype("f4"), a.astype("f4"), r.astype("f4"), ends.astype("f4"),
        timeouts=np.zeros(len(r), "f4"), action_space=d3rlpy.ActionSpace.CONTINUOUS,
    )  # fmt: skip
    units = d3rlpy.models.VectorEncoderFactory(list(HIDDEN))
    both = {"actor_encoder_factory": units, "critic_encoder_factory": units, "batch_size": BATCH}
    settings = {
        "iql": d3rlpy.algos.IQLConfig(value_encoder_factory=units, **both),
        "td3_bc": d3rlpy.algos.TD3PlusBCConfig(**both),
        "cql": d3rlpy.algos.CQLConfig(n_action_samples=N_SAMPLES, alpha_learning_rate=0.0, **both),
    }
    told = {}
    for name, config in settings.items():
        learner = config.create(device="cpu:0")
        learner.build_with_dataset(data)
        run(learner, data, 4)
        seconds = run(learner, data, STEPS[name])
        told[f"{name}_steps_a_cpu_second"] = STEPS[name] / seconds
    print(json.dumps({"peer": "d3rlpy 2.8.1", **told}))


def run(learner: d3rlpy.algos.QLearningAlgoBase, data: d3rlpy.dataset.MDPDataset, n: int) -> float:
    """CPU seconds of ``n`` gradient steps by the public loop, which writes nothing."""
    start = time.process_time()
    learner.fit(
        data,
        n_steps=n,
        n_steps_per_epoch=n,
        show_progress=False,
        logger_adapter=d3rlpy.logging.NoopAdapterFactory(),
    )
    return time.process_time() - start


if __name__ == "__main__":
    main()
