"""PPO on CartPole-v1: decisions a CPU second, and CPU seconds from the start of the process to a mean return of 475.

``--case solve``: the compiled world with 64 streams of 32 decisions, 4 passes in 4 parts, two networks of 64 x 64; the
mean of the last 100 training episodes; then the steady rate of the same learner, the best of 5 stretches of 60 updates,
beside what one core does of the products in it. ``--case warm``: the same in a process that finds its code compiled in
a folder. ``--case gymnasium``: 8 environments of Gymnasium with the settings of the peers: 32 decisions, 20 passes in
one part.

One JSON line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

ENOUGH = 475.0
EPISODES = 100
PEERS_SETTINGS = {
    "n_steps": 32,
    "n_epochs": 20,
    "n_minibatches": 1,
    "learning_rate": 1e-3,
    "n_updates": 781.0,
}
"""As in ``peers/stable_baselines_ppo.py``: the rate falls to 0 in 200,000 decisions."""


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", choices=("solve", "warm", "gymnasium"), default="solve")
    parser.add_argument("--key", type=int, default=0)
    parser.add_argument("--cache", help="folder of compiled code")
    options = parser.parse_args()
    told = {"solve": solve, "warm": warm, "gymnasium": gymnasium_envs}[options.case](
        options.key, options.cache
    )
    print(json.dumps({"case": options.case, **told}))


def solve(key: int, cache: str | None) -> dict[str, Any]:
    """The compiled world."""
    import jax

    from telic.neural.driver import step_options, train
    from telic.neural.simulators import cartpole
    from telic.planning.rl.ppo import Ppo

    if cache:
        from telic.neural.compile_cache import use_compile_cache

        use_compile_cache(cache)
    imported = time.process_time()
    learner = Ppo(simulator=cartpole())
    per_step = learner.n_envs * learner.n_steps
    found = train(learner, key, 300, stop=enough)
    seconds = time.process_time()
    if cache:
        return summary(found, per_step, seconds, imported)
    step = jax.jit(lambda learner, state: learner.step(state), compiler_options=step_options())
    state = found.state
    best = 0.0
    for _ in range(6):  # the first of them compiles
        began = time.process_time()
        for _ in range(60):
            state, _ = step(learner, state)
        jax.block_until_ready(state)
        best = max(best, 60 * per_step / (time.process_time() - began))
    return {
        **summary(found, per_step, seconds, imported),
        "steps_a_cpu_second": best,
        "gigaflops_of_products": products(),
    }


def warm(key: int, _: str | None) -> dict[str, Any]:
    """Two processes with one folder: what the second says."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, __file__, "--key", str(key), "--cache", folder],
                check=True, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def gymnasium_envs(key: int, _: str | None) -> dict[str, Any]:
    """Gymnasium's own environment."""
    import gymnasium
    import numpy as np

    from telic.neural.driver import train
    from telic.planning.rl.ppo_gymnasium import GymnasiumPpo

    imported = time.process_time()
    env = gymnasium.make_vec("CartPole-v1", num_envs=8, vectorization_mode="sync")
    learner = GymnasiumPpo.of(env, **PEERS_SETTINGS)
    clock: list[float] = []
    found = train(learner, key, 781, stop=enough, sink=lambda *_: clock.append(time.process_time()))
    seconds = time.process_time()
    rate = 256 * (len(clock) - 2) / (clock[-1] - clock[1])
    return {**summary(found, 256, seconds, imported), "steps_a_cpu_second": float(np.round(rate, 1))}


def enough(metrics: Any) -> bool:
    """Whether the mean of the last 100 episodes is reached."""
    return bool(metrics["mean_return"] >= ENOUGH and metrics["n_episodes"] >= EPISODES)


def summary(found: Any, per_step: int, seconds: float, imported: float) -> dict[str, Any]:
    """What is printed of a run."""
    return {
        "reached": bool(found.history["mean_return"][-1] >= ENOUGH),
        "n_steps_to_475": found.n_steps * per_step,
        "cpu_seconds_to_475": seconds,
        "cpu_seconds_import": imported,
        "cpu_seconds_until_first_update": found.compile_seconds,
    }


def products() -> float:
    """1e9 floating-point operations a second of products of 64 x 64 with 64 x 512 in compiled code."""
    import jax
    import jax.numpy as jnp

    w, x = jnp.full((64, 64), 0.01), jnp.ones((64, 512))
    run = jax.jit(lambda w, x: jax.lax.fori_loop(0, 1000, lambda _, x: w @ x, x))
    jax.block_until_ready(run(w, x))
    best = 0.0
    for _ in range(5):
        began = time.process_time()
        jax.block_until_ready(run(w, x))
        best = max(best, 1000 * 2 * 64 * 64 * 512 / (time.process_time() - began) / 1e9)
    return best


if __name__ == "__main__":
    main()
