"""PPO on three standard tasks: returns of the policies that are served, on 5 keys each.

    python reproductions/ppo.py               # reduced: 1 key a task, a quarter of the updates
    TELIC_FULL=1 python reproductions/ppo.py  # 5 keys; CartPole-v1 10 keys

prints one JSON line. Each policy acts by its most probable action in 100 episodes of the compiled world, which equals
the environment of that name step by step (tests/neural/test_simulators.py), from the same beginnings. Interquartile
means over keys, with 95 % percentile intervals of 10,000 bootstrap samples of keys (Agarwal, Schwarzer, Castro,
Courville and Bellemare 2021, Deep reinforcement learning at the edge of the statistical precipice). On CartPole-v1 also
how many decisions it took until the last 100 training episodes had a mean return of 475.

Beside them, on 5 keys each, what a setting does where it is meant to, with it and without it under as many decisions:

- ``memory`` on CartPole-v1 of which only place and angle are seen, not the speeds;
- ``randomised`` pole lengths: returns at five lengths, trained at one or over the range;
- ``curriculum`` on MountainCar-v0, from an engine that climbs at once to the one that must swing up;
- ``leash`` on CartPole-v1: from a policy that holds the pole for a while, within a budget of divergence from it.
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
KEYS = (201, 202, 203, 204, 205)
"""Of the comparisons; fixed before their first run."""

STEADY: dict[str, Any] = {"discount": 0.99, "gae": 0.95, "learning_rate": 1e-3, "n_updates": 300.0}
"""Of the comparisons on CartPole-v1: what lies far ahead counts, such as the end of the track."""

HALVES = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Metres, half of a pole; that of CartPole-v1 is .5."""

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
    compared = {name: compare(full=full) for name, compare in COMPARED.items()}
    print(json.dumps({"tasks": told, "compared": compared, "seconds": time.perf_counter() - started}))
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
    judge = jax.jit(lambda state: judged(learner, state))
    for key in keys:
        found = train(learner, key, n_updates)
        returns = judge(found.answer())
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


def judged(learner: Any, state: Any, world: Any = None) -> Any:
    """``(EPISODES,)`` returns of the most probable action, in the world that was learned in or in another."""
    import jax
    import jax.numpy as jnp

    from telic.neural.networks import apply_columns
    from telic.neural.recurrent import Recurrent, one_look
    from telic.neural.rollout import advance, begin

    world, actor, head = world or learner.simulator, state.actor, learner.head

    def one(carry: Any, key: Any) -> tuple[Any, Any]:
        running, memory, total, is_going = carry
        x = learner.seen(state, running.observation).T
        if isinstance(actor, Recurrent):
            memory = one_look(actor, memory, x)
            out = apply_columns(actor.layers, memory, "tanh").T
        else:
            out = apply_columns(actor, x, "tanh").T
        action = (
            head.mode(out, jnp) if head.is_discrete else head.middle + head.half * jnp.clip(out, -1.0, 1.0)
        )
        running, made = jax.vmap(lambda r, a, k: advance(world, r, a, k))(
            running, action, jax.random.split(key, EPISODES)
        )
        total = total + jnp.where(is_going, made.reward, 0.0)
        return (running, memory, total, is_going & ~(made.terminated | made.truncated)), None

    running = jax.vmap(lambda k: begin(world, k))(jax.random.split(jax.random.key(KEY), EPISODES))
    memory = jnp.zeros((learner.memory, EPISODES))
    carry = (running, memory, jnp.zeros(EPISODES), jnp.ones(EPISODES, bool))
    keys = jax.random.split(
        jax.random.key(0), world.horizon
    )  # no world here draws anything after its beginning
    (_, _, total, _), _ = jax.lax.scan(one, carry, keys)
    return total


def trained(learner: Any, *, full: bool, world: Any = None) -> dict[str, Any]:
    """Mean returns of the policies that are served, a key each.

    Args:
        learner: settings.
        full: all keys and updates.
        world: to judge in; None: as it was learned in.
    """
    (found,) = trained_once(learner, (world,), full=full)
    return found


def trained_once(learner: Any, worlds: Any, *, full: bool) -> list[dict[str, Any]]:
    """The same policies judged in each of some worlds."""
    import jax

    from telic.neural.driver import train

    n_updates = int(learner.n_updates) // (1 if full else 4)
    runs = [train(learner, key, n_updates) for key in (KEYS if full else KEYS[:1])]
    found = []
    for world in worlds:
        judge = jax.jit(lambda state, world=world: judged(learner, state, world))
        returns = [float(np.mean(judge(run.answer()))) for run in runs]
        told = {"n_decisions": n_updates * learner.n_envs * learner.n_steps, "returns": returns}
        found.append({**told, **interquartile(np.array(returns))})
    for name in ("level", "divergence"):
        if name in runs[0].history:
            found[0][name] = [float(run.history[name][-1]) for run in runs]
    return found


def compare_memory(*, full: bool) -> dict[str, Any]:
    """CartPole-v1 without its speeds."""
    from telic.neural.simulators import cartpole, masked
    from telic.planning.rl.ppo import Ppo

    world = masked(cartpole(), (0, 2))
    settings: dict[str, Any] = {
        "n_envs": 32,
        "n_steps": 64,
        "gae": 0.95,
        "discount": 0.99,
        "n_updates": 200.0,
    }
    found = {f"memory {n}": trained(Ppo(simulator=world, memory=n, **settings), full=full) for n in (32, 0)}
    return {"settings": settings, **found}


def compare_randomised(*, full: bool) -> dict[str, Any]:
    """CartPole-v1 at five pole lengths, after training at one or over the range."""
    from telic.neural.simulators import Spread, cartpole, randomised
    from telic.planning.rl.ppo import Ppo

    drawn = randomised(cartpole, {"half_pole": Spread(low=0.1, high=2.0, is_log=True)})
    worlds = [cartpole(half_pole=half) for half in HALVES]
    told: dict[str, Any] = {"settings": STEADY, "half_poles": HALVES}
    for name, world in (("one length", cartpole()), ("drawn", drawn)):
        learner = Ppo(simulator=world, **STEADY)
        told[name] = trained_once(learner, worlds, full=full)
    return told


def compare_curriculum(*, full: bool) -> dict[str, Any]:
    """MountainCar-v0, from a strong engine to its own."""
    from telic.neural.curriculum import Curriculum
    from telic.neural.simulators import Spread, mountain_car
    from telic.planning.rl.ppo import Ppo

    course = Curriculum(
        make=mountain_car,
        easy={"engine": Spread(low=0.003, high=0.003)},
        hard={"engine": Spread(low=0.001, high=0.001)},
        enough=-199.5,
    )
    settings: dict[str, Any] = {
        "n_envs": 16, "n_steps": 128, "discount": 0.99, "gae": 0.95, "learning_rate": 1e-3, "n_updates": 150.0,
        "entropy": 0.01, "scales_observations": True, "scales_rewards": True,
    }  # fmt: skip
    plain = Ppo(simulator=mountain_car(), **settings)
    with_course = Ppo(simulator=course.simulator(), curriculum=course, **settings)
    return {
        "settings": settings,
        "curriculum": trained(with_course, full=full, world=mountain_car()),
        "none": trained(plain, full=full),
    }


def compare_leash(*, full: bool) -> dict[str, Any]:
    """CartPole-v1 from the policy of the tenth update, within budgets of nats from it."""
    import jax

    from telic.neural.driver import train
    from telic.neural.simulators import cartpole
    from telic.planning.rl.leash import Leash
    from telic.planning.rl.ppo import Ppo
    from telic.policies import NetworkPolicy

    first = Ppo(simulator=cartpole())
    state = train(first, KEY % 2**31, 10).answer()
    policy = first.policy(state)
    assert isinstance(policy, NetworkPolicy)
    told: dict[str, Any] = {"before": float(np.mean(jax.jit(lambda s: judged(first, s))(state)))}
    for budget in (0.0, 0.02, 0.1):
        learner = Ppo(simulator=cartpole(), **STEADY, leash=Leash.of(policy, budget=budget))
        told[f"budget {budget}"] = trained(learner, full=full)
    return told


COMPARED = {
    "memory": compare_memory,
    "randomised": compare_randomised,
    "curriculum": compare_curriculum,
    "leash": compare_leash,
}


def interquartile(values: np.ndarray) -> dict[str, Any]:
    """Mean of what is left without the lowest and highest quarter (rounded down), and its interval over keys."""
    from scipy.stats import trim_mean

    rng = np.random.default_rng(KEY)
    drawn = rng.choice(values, (BOOTSTRAPS, len(values)))
    low, high = np.quantile(trim_mean(drawn, 0.25, axis=1), [0.025, 0.975])
    return {"interquartile_mean": float(trim_mean(values, 0.25)), "interval": [float(low), float(high)]}


if __name__ == "__main__":
    sys.exit(main())
