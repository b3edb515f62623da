"""PPO on three standard tasks: returns of the policies that are served, on 5 keys each.

    python reproductions/ppo.py               # reduced: 1 key a task, a quarter of the updates
    TELIC_FULL=1 python reproductions/ppo.py  # 5 keys; CartPole-v1 10 keys

prints one JSON line. Each policy acts by its most probable action in 100 episodes of the compiled world, which equals
the environment of that name step by step (tests/neural/test_simulators.py), from the same beginnings. Interquartile
means over keys, with 95 % percentile intervals of 10,000 bootstrap samples of keys (Agarwal, Schwarzer, Castro,
Courville and Bellemare 2021, Deep reinforcement learning at the edge of the statistical precipice). On CartPole-v1 also
how many decisions it took until the last 100 training episodes had a mean return of 475.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

EPISODES = 100
ENOUGH = 475.0
BOOTSTRAPS = 10_000
KEY = 20_261_122
"""Of the beginnings of the episodes that are judged by, and of the bootstrap."""

SETTINGS: dict[str, dict[str, Any]] = {
    "CartPole-v1": {"n_updates": 150.0},
    "Acrobot-v1": {
        "n_envs": 16, "n_steps": 128, "discount": 0.99, "gae": 0.94, "learning_rate": 1e-3, "n_updates": 150.0,
        "entropy": 0.01, "scales_observations": True, "scales_rewards": True,
    },
    "Pendulum-v1": {
        "n_envs": 16, "n_steps": 128, "n_epochs": 10, "discount": 0.9, "gae": 0.95, "learning_rate": 1e-3,
        "n_updates": 200.0, "log_sd": -0.7, "scales_observations": True, "scales_rewards": True,
    },
}  # fmt: skip


def main() -> int:
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    told = {name: measure(name, full=full) for name in SETTINGS}
    print(json.dumps({"tasks": told, "seconds": time.perf_counter() - started}))
    return 0


def measure(name: str, *, full: bool) -> dict[str, Any]:
    """One task.

    Args:
        name: of the environment.
        full: all keys and updates.
    """
    import jax

    from telic.neural.driver import train
    from telic.neural.simulators import acrobot, cartpole, pendulum
    from telic.planning.rl.ppo import Ppo

    simulator = {"CartPole-v1": cartpole, "Acrobot-v1": acrobot, "Pendulum-v1": pendulum}[name]()
    learner = Ppo(simulator=simulator, **SETTINGS[name])
    per_update = learner.n_envs * learner.n_steps
    n_updates = int(learner.n_updates) // (1 if full else 4)
    keys = range((10 if name == "CartPole-v1" else 5) if full else 1)
    served, training, reached, cpu = [], [], [], []
    judge = jax.jit(lambda params, shift, scale: judged(learner, params, shift, scale))
    for key in keys:
        found = train(learner, key, n_updates)
        policy = learner.policy(found.answer())
        returns = judge(found.state.actor, policy.shift, policy.scale)
        served.append(float(np.mean(returns)))
        means, counts = found.history["mean_return"], found.history["n_episodes"]
        training.append(float(means[-1]))
        enough = np.flatnonzero((means >= ENOUGH) & (counts >= EPISODES))
        reached.append(int(enough[0] + 1) * per_update if len(enough) else None)
        cpu.append(found.seconds)
    told = {
        "n_keys": len(served),
        "n_decisions": n_updates * per_update,
        "settings": SETTINGS[name],
        "returns": served,
        **interquartile(np.array(served)),
        "training_returns": training,
        "cpu_seconds": cpu,
    }
    if name == "CartPole-v1":
        known = [n for n in reached if n is not None]
        told |= {"n_keys_that_reached_475": len(known), "decisions_to_475": reached}
    return told


def judged(learner: Any, actor: Any, shift: Any, scale: Any) -> Any:
    """``(EPISODES,)`` returns of the most probable action."""
    import jax
    import jax.numpy as jnp

    from telic.neural.rollout import advance, begin

    world = learner.simulator
    cut = learner.most_observed if learner.scales_observations else jnp.inf

    def one(carry: Any, _: Any) -> tuple[Any, Any]:
        running, total, is_going = carry
        x = jnp.clip((running.observation - shift) / scale, -cut, cut)
        action = _most_probable(learner, actor, x)
        keys = jax.random.split(
            jax.random.key(0), EPISODES
        )  # no world here draws anything after its beginning
        running, made = jax.vmap(lambda r, a, k: advance(world, r, a, k))(running, action, keys)
        total = total + jnp.where(is_going, made.reward, 0.0)
        return (running, total, is_going & ~(made.terminated | made.truncated)), None

    running = jax.vmap(lambda k: begin(world, k))(jax.random.split(jax.random.key(KEY), EPISODES))
    carry = (running, jnp.zeros(EPISODES), jnp.ones(EPISODES, bool))
    (_, total, _), _ = jax.lax.scan(one, carry, None, length=world.horizon)
    return total


def _most_probable(learner: Any, actor: Any, x: Any) -> Any:
    import jax.numpy as jnp

    from telic.neural.networks import apply

    out, head = apply(actor, x, "tanh"), learner.head
    if head.is_discrete:
        return head.mode(out, jnp)
    return head.middle + head.half * jnp.clip(out, -1.0, 1.0)


def interquartile(values: np.ndarray) -> dict[str, Any]:
    """Mean of what is left without the lowest and highest quarter (rounded down), and its interval over keys."""
    from scipy.stats import trim_mean

    rng = np.random.default_rng(KEY)
    drawn = rng.choice(values, (BOOTSTRAPS, len(values)))
    low, high = np.quantile(trim_mean(drawn, 0.25, axis=1), [0.025, 0.975])
    return {"interquartile_mean": float(trim_mean(values, 0.25)), "interval": [float(low), float(high)]}


if __name__ == "__main__":
    sys.exit(main())
