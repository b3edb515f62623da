"""Learned dynamics, planning in them, learning offline through them, and going on within a budget: 5 keys each.

    python reproductions/model_based.py                    # reduced: 2 keys, short
    TELIC_FULL=1 python reproductions/model_based.py       # 5 keys

prints one JSON line. Told are, with interquartile means over keys and bootstrap intervals (95 %):

- ``dynamics``: of 5,000 random decisions in Pendulum-v1, errors one decision ahead beside two baselines, and coverage.
- ``planning``: returns in Pendulum-v1 of plans with the true world and with those dynamics, and of soft actor-critic
  after 10,000 decisions (``reproductions/sac_dqn.py``), on the same beginnings; and of acting at random, in the record.
- ``offline``: a ring with a pit, with and without a hole in the record; promised and exact returns by penalty.
- ``gate``: of 400 controls without a difference, how many were taken for better, with an exact interval.
- ``fine_tuning``: Pendulum-v1 from medium data: the offline policy, the candidate, and what was handed back, on
  beginnings that no run saw.

Keys were fixed before the first run.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
from sac_dqn import middle

KEYS = (201, 202, 203, 204, 205)
LOOK = 77
"""Key of the beginnings that all policies are compared on."""

SCALE = 0.1
"""Of rewards, for learners."""


def main() -> int:
    full = os.environ.get("TELIC_FULL") == "1"
    started = time.perf_counter()
    told = measure(keys=KEYS if full else KEYS[:2], is_full=full)
    print(json.dumps({**told, "seconds": time.perf_counter() - started}))
    return 0


def measure(*, keys: tuple[int, ...], is_full: bool) -> dict[str, Any]:
    """Everything that is printed.

    Args:
        keys: of the runs.
        is_full: whether runs are of full length.
    """
    return {
        "keys": list(keys),
        **pendulum_dynamics(keys, is_full),
        "offline": ring(keys),
        "gate": gate(),
        "fine_tuning": tuned(keys, 12_000 if is_full else 5_000),
    }


def recorded(act: Any, n: int, key: int) -> Any:
    """Transitions of Pendulum-v1, episode by episode; ``act`` is from observations and noise to torques."""
    import jax

    from telic.neural.rollout import advance, begin
    from telic.neural.simulators import pendulum
    from telic.neural.transitions import Transitions

    world, E = pendulum(), n // 200

    def one(running: Any, key: Any) -> tuple[Any, Any]:
        key_action, key_world = jax.random.split(key)
        action = act(running.observation, jax.random.uniform(key_action, (E, 1), minval=-1.0, maxval=1.0))
        return jax.vmap(lambda r, a, k: advance(world, r, a, k))(
            running, action, jax.random.split(key_world, E)
        )

    key_begin, key_steps = jax.random.split(jax.random.key(key))
    running = jax.vmap(lambda k: begin(world, k))(jax.random.split(key_begin, E))
    made = jax.jit(lambda r: jax.lax.scan(one, r, jax.random.split(key_steps, 200)))(running)[1]
    x, a, r, after, end = (
        np.swapaxes(np.asarray(column), 0, 1).reshape(E * 200, *column.shape[2:])
        for column in (made.observation, made.action, made.reward, made.after, made.terminated)
    )
    return Transitions.from_arrays(x, a, r, after, end, world.actions.head())


def played(policy: Any, n_episodes: int) -> float:
    """Mean return in Pendulum-v1 of a policy with a memory, on the beginnings of ``LOOK``."""
    import jax
    import jax.numpy as jnp

    from telic.neural.simulators import pendulum

    world = pendulum()
    reset, step = jax.jit(jax.vmap(world.reset)), jax.jit(jax.vmap(world.step))
    # As ``played_returns`` draws them.
    keys = jax.vmap(lambda k: jax.random.split(k)[0])(jax.random.split(jax.random.key(LOOK), n_episodes))
    state, seen = reset(keys)
    memory, total = policy.begin(np.asarray(seen)), 0.0
    for t in range(world.horizon):
        action, memory = policy.act(memory, np.asarray(seen), t)
        made = step(state, jnp.asarray(action), keys)
        state, seen, total = made.state, made.observation, total + float(np.mean(made.reward))
    return total


def pendulum_dynamics(keys: tuple[int, ...], is_full: bool) -> dict[str, Any]:
    """Errors of dynamics, and returns of plans."""
    import jax
    import jax.numpy as jnp

    from telic.neural.driver import train
    from telic.neural.dynamics_fit import fit_dynamics
    from telic.neural.learned_world import learned_world
    from telic.neural.simulators import pendulum
    from telic.planning.rl.acting import played_returns
    from telic.planning.rl.mpc import Mpc, MpcPolicy
    from telic.planning.rl.sac import Sac

    world, n = pendulum(), 20 if is_full else 5
    errors: list[Any] = []
    returns: dict[str, list[float]] = {"random": [], "true world": [], "learned dynamics": [], "sac": []}
    sizes = {"horizon": 20, "n_samples": 128, "n_best": 16, "n_rounds": 3}
    read = lambda o: jnp.stack([jnp.arctan2(o[1], o[0]), o[2]])  # noqa: E731
    for key in keys:
        data = recorded(lambda _, noise: 2.0 * noise, 5_000, key)
        found = fit_dynamics(data, key=key)
        told = found.told
        errors.append(
            {
                "error": told.error.tolist(),
                "nothing": told.error_nothing.tolist(),
                "linear": told.error_linear.tolist(),
                "coverage": [
                    [
                        {"level": c.level, "inside": c.n_inside, "n": c.n, "low": c.low, "high": c.high}
                        for c in levels
                    ]
                    for levels in told.coverage
                ],
            }
        )
        learned = learned_world(found.dynamics, data.observations, horizon=200, is_drawn=False)
        plans = {
            "true world": MpcPolicy(planner=Mpc(simulator=world, **sizes), read=read, key=key),
            "learned dynamics": MpcPolicy(planner=Mpc(simulator=learned, **sizes), key=key),
        }
        for name, policy in plans.items():
            returns[name].append(played(policy, n))
        returns["random"].append(float(data.rewards.mean()) * 200)
        learner = Sac(simulator=world, learning_rate=1e-3, temperature_rate=1e-3)
        state = train(learner, key, 20 if is_full else 5).answer()
        score, _ = played_returns(world, learner.policy(state), jax.random.key(LOOK), n)
        returns["sac"].append(float(score.mean()))
    return {
        "dynamics": errors,
        "planning": {name: {"returns": r, **middle(np.array(r))} for name, r in returns.items()},
    }


def ring(keys: tuple[int, ...]) -> list[dict[str, Any]]:
    """Promised and exact returns on a ring of 5 states and a pit; see ``tests/planning/rl/test_model_based.py``."""
    from telic.neural.dynamics_fit import DynamicsSettings, fit_dynamics
    from telic.neural.transitions import Transitions
    from telic.planning.rl.model_based import learn_in_dynamics
    from telic.policies.heads import CategoricalHead

    S, gamma, horizon, one = 6, 0.9, 60, np.eye(6, dtype=np.float32)
    after, R = np.zeros((S, 2), int), np.zeros((S, 2))
    for s in range(5):
        after[s], R[s] = ((s + 1) % 5, (s + 2) % 5), (0.1, 1.0)
    after[3, 1] = after[5] = 5
    R[3, 1] = R[5] = -2.0

    def collects(actions: np.ndarray) -> float:
        V = np.zeros(S)
        for _ in range(horizon):
            V = R[np.arange(S), actions] + gamma * V[after[np.arange(S), actions]]
        return float(V[:5].mean())

    found = [{"best": max(collects(np.array(list(f"{i:06b}"), int)) for i in range(2**S))}]
    for has_hole in (False, True):
        for key in keys:
            rng = np.random.default_rng(key)
            pairs = [(s, a) for s in range(S) for a in range(2) if not (has_hole and (s, a) == (3, 1))]
            s, a = np.array(pairs)[rng.integers(0, len(pairs), 1_000)].T
            head = CategoricalHead(n_actions=2)
            data = Transitions.from_arrays(one[s], a, R[s, a], one[after[s, a]], np.zeros(len(s), bool), head)
            sizes = DynamicsSettings(hidden=(32,), n_members=4, n_updates=1_500, learning_rate=5e-3)
            fitted = fit_dynamics(data, settings=sizes, key=key)
            for penalty in (0.0, 1.0, 3.0, None):
                told = learn_in_dynamics(
                    data, starts=one[:5], horizon=horizon, discount=gamma, n_rounds=12, penalty=penalty,
                    dynamics=fitted, key=key, hidden=(), n_envs=16, n_steps=50, capacity=16_000, n_random=20,
                    batch=64, learning_rate=0.03, explore_steps=300.0, share=0.05, is_prioritised=False,
                    is_duelling=False,
                )  # fmt: skip
                promise = told.promise
                found.append(
                    {
                        "hole": has_hole, "key": key, "penalty": 1 / (1 - gamma) if penalty is None else penalty,
                        "promised": promise.mean, "least": promise.least, "most": promise.most,
                        "beyond": promise.beyond, "true": collects(told.policy.mode(one)),
                    }
                )  # fmt: skip
    return found


def gate(n: int = 400) -> dict[str, Any]:
    """How often a policy that is like the old one is taken for better, at .95, on 10 beginnings."""
    from scipy import stats

    from telic.planning.rl.improvement import improvement

    rng, alarms = np.random.default_rng(KEYS[0]), 0
    for i in range(n):
        start = rng.standard_t(2, 10) * 50.0
        old, new = (start - rng.exponential(30.0, 10) for _ in range(2))
        alarms += improvement(old, new, key=i).is_better
    exact = stats.binomtest(alarms, n).proportion_ci(0.95, method="exact")
    return {"controls": n, "taken for better": alarms, "interval": [exact.low, exact.high], "stated": 0.05}


def tuned(keys: tuple[int, ...], budget: int) -> dict[str, Any]:
    """Returns before and after fine-tuning."""
    import jax
    import jax.numpy as jnp

    from telic.neural.driver import train
    from telic.neural.simulators import pendulum
    from telic.planning.rl.acting import acting, likeliest, played_returns
    from telic.planning.rl.fine_tune import fine_tune
    from telic.planning.rl.iql import Iql
    from telic.planning.rl.sac import Sac

    world = pendulum()

    def smaller(state: Any, action: Any, key: Any) -> Any:
        made = world.step(state, action, key)
        return made._replace(reward=SCALE * made.reward)

    small = replace(world, step=smaller)
    score = lambda policy: float(played_returns(world, policy, jax.random.key(LOOK), 100)[0].mean())  # noqa: E731
    learner = Sac(simulator=world, hidden=(64, 64), learning_rate=1e-3, temperature_rate=1e-3, n_steps=250)
    kept: list[Any] = []
    train(learner, KEYS[0], 40, checkpoint=lambda _, state: kept.append(learner.policy(state)), every=1)
    # As in reproductions/offline.py: the first policy a third of the way from random (-1277) to a good one (-175).
    medium = next(policy for policy in kept if score(policy) > -910.0)
    numbers = acting(medium)

    def act(x: Any, noise: Any) -> Any:
        return jnp.clip(likeliest(numbers, medium.head, medium.activation, x) + 1.5 * noise, -2.0, 2.0)

    before, candidates, handed, is_new, spent = [], [], [], [], []
    for key in keys:
        data = recorded(act, 6_000, key)
        data = replace(data, rewards=SCALE * data.rewards)
        offline = Iql(rows=data.rows(), head=data.head, hidden=(64, 64))
        policy = offline.policy(train(offline, key, 60).answer())
        found = fine_tune(
            policy, data, small, budget=budget, key=key, n_evaluations=5 if budget < 10_000 else 10,
            learning_rate=1e-3, temperature_rate=1e-3, batch=128, discount=0.98,
        )  # fmt: skip
        before.append(score(policy))
        candidates.append(score(found.candidate))
        handed.append(score(found.policy))
        is_new.append(found.is_new)
        spent.append(found.budget.spent)
    return {
        "budget": budget,
        "spent": spent,
        "medium": score(medium),
        "is_new": is_new,
        **{
            name: {"returns": r, **middle(np.array(r))}
            for name, r in (("before", before), ("candidate", candidates), ("handed back", handed))
        },
    }


if __name__ == "__main__":
    sys.exit(main())
