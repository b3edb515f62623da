"""Policies from records alone, beside cloning: data of our own agents at three levels, on two tasks, 5 keys.

    python reproductions/offline.py            # reduced: cartpole, the medium level, 2 keys, a third of the steps
    TELIC_FULL=1 python reproductions/offline.py

prints one JSON line a task and level, as soon as it is known, and one for what the data are worth. Data are made by
PPO in our compiled worlds: ``random`` acts evenly, ``medium`` is drawn from the first policy whose mean return passes
a third of the way from random to expert, ``expert`` from the last one; 20,000 decisions each. A normalised return is
0 for random and 1 for the expert, over 100 episodes with fixed keys, acting by the mode. Rewards are multiplied by 50
over the distance of those two returns, for all learners alike. Cloning is IQL with sharpness 0: the same network,
steps and optimiser, without values. ``filtered`` is cloning of those rows alone in which the expert's likeliest
action was taken, where actions are choices: what a perfect filter of the same rows would give. Told are interquartile
means over keys with bootstrap intervals, 95 %. Settings were chosen on keys 11 and 12 with the medium data of
CartPole; those of the full run were fixed before, and never run.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

LEVELS = ("random", "medium", "expert")
TASKS: dict[str, dict[str, Any]] = {
    "cartpole": {"updates": 300.0, "ppo": {}},
    "pendulum": {
        "updates": 600.0,
        "ppo": {"discount": 0.9, "gae": 0.95, "learning_rate": 1e-3, "n_epochs": 10},
    },
}
N_ROWS = 20_000
N_EPISODES = 100
KEYS = (101, 102, 103, 104, 105)
KEYS_REDUCED = (11, 12)
CHOSEN = {"learning_rate": 1e-3, "target_rate": 0.05, "n_inner": 200}
SPREAD = 50.0
"""Of returns from random to expert, once rewards are multiplied."""
DATA_KEY = 7_000
EVALUATION_KEY = 9_000


def main() -> int:
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    for part in measure(
        tasks=tuple(TASKS) if full else ("cartpole",),
        levels=LEVELS if full else ("medium",),
        keys=KEYS if full else KEYS_REDUCED,
        n_steps=6_000 if full else 2_000,
        hidden=(64, 64),
    ):
        print(json.dumps({**part, "seconds": time.perf_counter() - started}), flush=True)
    return 0


def measure(
    *, tasks: Any, levels: Any, keys: Any, n_steps: int, hidden: tuple[int, ...]
) -> Iterator[dict[str, Any]]:
    """Everything that is printed, a task and level at a time.

    Args:
        tasks: of ``TASKS``.
        levels: of ``LEVELS``.
        keys: of training.
        n_steps: gradient steps a run.
        hidden: units of every network.
    """
    from telic.neural.driver import train

    for task in tasks:
        simulator, makers, expert = agents(task)
        ends = {level: float(np.mean(returns(simulator, makers[level]))) for level in LEVELS}
        yield {"task": task, "n_rows": N_ROWS, "returns_of_the_data": ends}
        width = ends["expert"] - ends["random"]
        for level in levels:
            made = recorded(simulator, makers[level])
            found = {}
            for name, learner in learners(simulator, made, SPREAD / width, expert, n_steps, hidden).items():
                reached = []
                for key in keys:
                    done = train(learner, key, n_steps // learner.n_inner).answer()
                    mean = float(np.mean(returns(simulator, acting(learner.policy(done)))))
                    reached.append((mean - ends["random"]) / width)
                found[name] = {"returns": reached, **middle(reached)}
            yield {
                "task": task,
                "level": level,
                "n_steps": n_steps,
                "hidden": list(hidden),
                "learners": found,
            }


def learners(
    simulator: Any, made: dict[str, Any], scale: float, expert: Any, n_steps: int, hidden: tuple[int, ...]
) -> dict[str, Any]:
    """Those that take actions of this kind.

    Args:
        simulator: the world.
        made: columns of what was recorded.
        scale: of rewards.
        expert: the policy of the expert.
        n_steps: gradient steps a run.
        hidden: units of every network.
    """
    from telic.neural.transitions import Transitions
    from telic.planning.rl.cql import Cql
    from telic.planning.rl.iql import Iql
    from telic.planning.rl.td3_bc import Td3Bc

    def shared(kept: Any) -> dict[str, Any]:
        x, a, r, after, ends = (made[name][kept] for name in COLUMNS)
        data = Transitions.from_arrays(x, a, r * scale, after, ends, simulator.actions.head())
        return {
            "rows": data.rows(),
            "head": data.head,
            "hidden": hidden,
            "n_updates": float(n_steps),
            **CHOSEN,
        }

    everything = shared(slice(None))
    found: dict[str, Any] = {
        "cloning": Iql(**everything, sharpness=0.0),
        "iql": Iql(**everything, sharpness=10.0),
        "cql": Cql(**everything, n_samples=4),
    }
    if simulator.actions.head().is_discrete:
        best = expert.mode(made["observation"]) == made["action"]
        return {**found, "filtered": Iql(**shared(best), sharpness=0.0)}
    return {**found, "td3_bc": Td3Bc(**everything)}


def agents(task: str) -> tuple[Any, dict[str, Any], Any]:
    """The simulator, how each level acts (from observations and a key to actions), and the expert's policy."""
    from telic.neural import simulators
    from telic.neural.driver import train
    from telic.planning.rl.ppo import Ppo

    simulator = getattr(simulators, task)()
    settings = TASKS[task]
    learner = Ppo(simulator=simulator, n_updates=settings["updates"], **settings["ppo"])
    kept: list[Any] = []
    found = train(
        learner, DATA_KEY, int(settings["updates"]), checkpoint=lambda _, state: kept.append(state), every=10
    )
    expert = learner.policy(found.answer())
    makers = {"random": evenly(simulator), "expert": drawing(expert)}
    low, high = (float(np.mean(returns(simulator, makers[level]))) for level in ("random", "expert"))
    for state in kept:
        makers["medium"] = drawing(learner.policy(state))
        if np.mean(returns(simulator, makers["medium"])) > low + (high - low) / 3:
            return simulator, makers, expert
    raise RuntimeError(f"PPO did not learn {task}: random {low:.1f}, at the end {high:.1f}.")


def drawing(policy: Any) -> Any:
    """Acting by draws."""
    return lambda x, key: policy.sample(x, key)


def acting(policy: Any) -> Any:
    """Acting by the mode."""
    return lambda x, _: policy.mode(x)


def evenly(simulator: Any) -> Any:
    """Acting evenly over all that can be done."""
    head = simulator.actions.head()

    def act(x: np.ndarray, key: int) -> np.ndarray:
        rng = np.random.default_rng(key)
        if head.is_discrete:
            return rng.integers(0, head.n_actions, len(x))
        return rng.uniform(head.low, head.high, (len(x), head.n_dimensions)).astype(np.float32)

    return act


def played(simulator: Any, act: Any, n_streams: int, n_steps: int, key: int) -> list[Any]:
    """Steps of streams side by side, as ``Transition`` holds them."""
    import jax

    from telic.neural.rollout import advance, begin

    step = jax.jit(jax.vmap(lambda r, a, k: advance(simulator, r, a, k)))
    keys = jax.random.split(jax.random.key(key), n_steps + 1)
    running = jax.jit(jax.vmap(lambda k: begin(simulator, k)))(jax.random.split(keys[0], n_streams))
    made = []
    for i in range(n_steps):
        action = act(np.asarray(running.observation), key * 100_000 + i)
        running, transition = step(running, action, jax.random.split(keys[i + 1], n_streams))
        made.append(jax.device_get(transition))
    return made


def returns(simulator: Any, act: Any) -> np.ndarray:
    """Of the first episode of each of 100 streams."""
    made = played(simulator, act, N_EPISODES, simulator.horizon, EVALUATION_KEY)
    over = np.stack([m.terminated | m.truncated for m in made])
    first = over.argmax(axis=0)
    return np.stack([m.collected for m in made])[first, np.arange(N_EPISODES)]


COLUMNS = ("observation", "action", "reward", "after", "terminated")


def recorded(simulator: Any, act: Any) -> dict[str, Any]:
    """Columns of what one level did."""
    made = played(simulator, act, 50, N_ROWS // 50, DATA_KEY)
    return {name: np.concatenate([getattr(m, name) for m in made]) for name in COLUMNS}


def middle(values: list[float]) -> dict[str, Any]:
    """Interquartile mean, and its bootstrap interval."""
    x, rng = np.array(values), np.random.default_rng(0)

    def iqm(sample: np.ndarray) -> np.ndarray:
        n = sample.shape[-1]
        cut = n // 4
        return np.sort(sample, axis=-1)[..., cut : n - cut].mean(axis=-1)

    drawn = iqm(rng.choice(x, (2000, len(x))))
    return {"middle": float(iqm(x)), "interval": [float(q) for q in np.quantile(drawn, [0.025, 0.975])]}


if __name__ == "__main__":
    sys.exit(main())
