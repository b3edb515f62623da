"""What soft actor-critic and deep Q-learning reach on four standard tasks: 5 keys, middle means, intervals.

    python reproductions/sac_dqn.py                     # reduced: 1 key of its own, a third of the decisions
    TELIC_FULL=1 python reproductions/sac_dqn.py        # 5 keys

prints one JSON line a learner, as soon as it is known. A key trains one policy from nothing; its score is the mean
return of 100 episodes that it acts alone, by its most probable action, from starts that are the same for all. The
middle mean leaves out the best and worst quarter of the keys; its 95 % interval is from 2,000 bootstrap samples of
keys. The worlds are the compiled ones, which tests hold against the environments of those names. On MountainCar-v0
every decision costs 1 until the goal, which decisions by chance hardly ever reach; what is told is whether it was
found.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

KEYS = (101, 102, 103, 104, 105)
"""Fixed before the first run."""

KEYS_REDUCED = (1,)

EPISODES = 100


def main() -> int:
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    for part in measure(keys=KEYS if full else KEYS_REDUCED, share=1.0 if full else 1 / 3):
        print(json.dumps({**part, "seconds": time.perf_counter() - started}), flush=True)
    return 0


def measure(*, keys: tuple[int, ...], share: float) -> Iterator[dict[str, Any]]:
    """Everything that is printed, a learner at a time.

    Args:
        keys: of the runs.
        share: of the decisions of a full run.
    """
    from telic.neural.driver import train

    for name, (learner, n_steps) in learners().items():
        n = max(1, round(share * n_steps))
        scores, seconds = [], []
        for key in keys:
            run = train(learner, key, n)
            seconds.append(run.seconds)
            scores.append(score(learner, run.answer().learned))
        yield {
            "learner": name,
            "keys": list(keys),
            "episodes": EPISODES,
            "decisions": n * learner.n_steps * learner.n_envs,
            "returns": scores,
            **middle(np.array(scores)),
            "cpu_seconds": float(np.median(seconds)),
        }


def learners() -> dict[str, tuple[Any, int]]:
    """Each learner and the steps of its loop."""
    from telic.neural.simulators import acrobot, cartpole, mountain_car, pendulum
    from telic.planning.rl.dqn import Dqn
    from telic.planning.rl.sac import Sac

    whole = Dqn(simulator=cartpole())
    climbing = Dqn(
        simulator=mountain_car(), n_envs=16, n_updates=8, batch=128, learning_rate=4e-3, discount=0.98, capacity=16_000,
        share=1.0, target_every=600, explore_steps=1_500.0, explore_end=0.07, is_prioritised=False,
    )  # fmt: skip
    plain = Dqn(simulator=cartpole(), is_double=False, is_duelling=False, is_prioritised=False)
    return {
        "sac Pendulum-v1": (Sac(simulator=pendulum(), learning_rate=1e-3, temperature_rate=1e-3), 20),
        "dqn CartPole-v1, double, duelling, prioritised": (whole, 40),
        "dqn CartPole-v1, none of them": (plain, 40),
        "dqn Acrobot-v1": (Dqn(simulator=acrobot()), 40),
        "dqn MountainCar-v0": (climbing, 15),
    }


def score(learner: Any, learned: Any) -> float:
    """Mean return of 100 episodes by the most probable action."""
    import jax
    import jax.numpy as jnp

    from telic.neural.duelling import action_values
    from telic.neural.networks import apply
    from telic.planning.rl.sac import Sac

    simulator, head = learner.simulator, learner.head

    def episode(key: Any) -> Any:
        key_start, key_steps = jax.random.split(key)
        state, observation = simulator.reset(key_start)

        def one(carry: Any, key: Any) -> tuple[Any, Any]:
            state, observation, is_on = carry
            if isinstance(learner, Sac):
                outputs = apply(learned.actor, observation, "relu")
            else:
                outputs = action_values(learned.online, observation)
            made = simulator.step(state, head.mode(outputs, jnp), key)
            return (made.state, made.observation, is_on & ~made.terminated), jnp.where(
                is_on, made.reward, 0.0
            )

        keys = jax.random.split(key_steps, simulator.horizon)
        return jnp.sum(jax.lax.scan(one, (state, observation, jnp.bool_(True)), keys)[1])

    return float(jnp.mean(jax.jit(jax.vmap(episode))(jax.random.split(jax.random.key(7), EPISODES))))


def middle(scores: np.ndarray) -> dict[str, Any]:
    """Interquartile mean over keys, with its bootstrap interval."""
    rng = np.random.default_rng(0)
    again = scores[rng.integers(0, len(scores), (2_000, len(scores)))]
    means = np.array([interquartile_mean(row) for row in again])
    low, high = np.quantile(means, [0.025, 0.975])
    return {"interquartile_mean": interquartile_mean(scores), "interval": [float(low), float(high)]}


def interquartile_mean(scores: np.ndarray) -> float:
    """Mean of the middle half; of what lies partly within it, that part."""
    n = len(scores)
    edges = np.arange(n + 1) / n
    weight = np.clip(np.minimum(edges[1:], 0.75) - np.maximum(edges[:-1], 0.25), 0.0, None)
    return float(np.sort(scores) @ weight / weight.sum())


if __name__ == "__main__":
    sys.exit(main())
