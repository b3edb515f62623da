"""Several agents where the answer is known, and in a world of particles where it is not: 5 keys.

    python reproductions/agents.py                     # reduced: 2 keys, a third of the updates
    TELIC_FULL=1 python reproductions/agents.py        # 5 keys

prints one JSON line.

- ``meeting``: two agents in a corridor, each seeing its own cell; the share of the way from uniform choices to the
  optimum by value iteration over joint actions, with a critic for all and with one each.
- ``climbing``: a game in which a miss is dear (Claus and Boutilier 1998); how often the best pair of choices is found
  (payoff 11), and what is collected otherwise. Failing is the expected answer.
- ``pennies``: matching pennies; what can be gained against the last policies and against the mean of all updates.
- ``spread``: ``simple_spread_v3`` of mpe2 (not installed with telic): mean return of 100 episodes by the most probable
  actions, beside uniform choices on the same starts.

The middle mean leaves out the best and worst quarter of the keys; its interval is from 2,000 bootstrap samples of keys,
95 %.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from typing import Any

import numpy as np

KEYS = (201, 202, 203, 204, 205)
"""Fixed before the first run."""

CELLS, SLIP = 5, 0.1
CLIMBING = np.array([[11.0, -30.0, 0.0], [-30.0, 7.0, 6.0], [0.0, 0.0, 5.0]])
PENNIES = np.array([[1.0, -1.0], [-1.0, 1.0]])
EPISODES, CYCLES = 100, 25


def main() -> int:
    full = os.environ.get("TELIC_FULL") == "1"
    keys, share = (KEYS, 1.0) if full else (KEYS[:2], 1 / 3)
    started = time.perf_counter()
    told: dict[str, Any] = {"keys": list(keys)}
    for part in (meeting_part, climbing_part, pennies_part, spread_part):
        began = time.process_time()
        told[part.__name__.removesuffix("_part")] = {
            **part(keys, share),
            "cpu_seconds": round(time.process_time() - began, 1),
        }
    print(json.dumps({**told, "seconds": time.perf_counter() - started}))
    return 0


def meeting() -> Any:
    """Two agents in a corridor; each decision costs each 1 until both stand in the middle."""
    from telic.mdp import TabularMDP
    from telic.mdp.game import TabularGame

    S, cells = CELLS * CELLS, np.arange(CELLS)
    walk = np.zeros((CELLS, 3, CELLS))
    for a, move in enumerate((-1, 0, 1)):
        walk[cells, a, np.clip(cells + move, 0, CELLS - 1)] += 1 - SLIP
        walk[cells, a, cells] += SLIP
    P = np.einsum("iax,jby->ijabxy", walk, walk).reshape(S, 9, S)
    ends = np.arange(S) == (CELLS // 2) * (CELLS + 1)
    joint = TabularMDP.from_transition(
        P, discount=0.9, initial=np.where(ends, 0.0, 1 / (S - 1)), absorbing=ends
    )
    return TabularGame(joint=joint, n_actions=(3, 3), payoff=np.full((2, S, 9), -1.0))


def own_cells() -> tuple[np.ndarray, np.ndarray]:
    """What each agent sees of each state: its own cell."""
    eye = np.eye(CELLS)
    return np.repeat(eye, CELLS, axis=0), np.tile(eye, (CELLS, 1))


def meeting_share(world: Any, policies: Any) -> float:
    """Share of the way from uniform choices to the optimum of the team."""
    from telic.planning.games import game_values, team_optimum

    rho, looks = world.joint.initial, own_cells()
    best = float(rho @ team_optimum(world).value)
    even = [np.full((world.n_states, 3), 1 / 3)] * 2
    uniform = float(rho @ game_values(world, even).sum(axis=0))
    tables = [np.eye(3)[p.mode(x)] for p, x in zip(policies.values(), looks, strict=True)]
    return (float(rho @ game_values(world, tables).sum(axis=0)) - uniform) / (best - uniform)


def meeting_learner(world: Any, n_updates: int, *, is_central: bool = True) -> Any:
    from telic.neural.simulators.several import game
    from telic.planning.rl.multi_agent import MultiAgentPpo

    return MultiAgentPpo.of(
        game(world, horizon=60, observes=own_cells()), is_central=is_central, n_envs=32, n_steps=16,
        hidden=(32,), n_minibatches=2, discount=0.9, gae=0.9, n_updates=float(n_updates),
    )  # fmt: skip


def meeting_part(keys: tuple[int, ...], share: float) -> dict[str, Any]:
    from telic.neural.driver import train

    world, n = meeting(), max(20, round(100 * share))
    found = {}
    for name, is_central in (("central", True), ("independent", False)):
        learner = meeting_learner(world, n, is_central=is_central)
        scores = [meeting_share(world, learner.policy(train(learner, key, n).answer())) for key in keys]
        found[name] = {"updates": n, **middle(scores)}
    return found


def matrix_learner(world: Any, n_updates: int, *, is_central: bool, entropy: float) -> Any:
    from telic.neural.simulators.several import game
    from telic.planning.rl.multi_agent import MultiAgentPpo

    return MultiAgentPpo.of(
        game(world), is_central=is_central, n_envs=64, n_steps=4, n_minibatches=1, hidden=(), learning_rate=0.05,
        entropy=entropy, n_updates=float(n_updates),
    )  # fmt: skip


def first_choices(learner: Any, state: Any) -> list[np.ndarray]:
    """Probabilities of each agent in a game that is played once."""
    x = np.eye(2)[:1]
    return [
        np.exp([float(p.log_prob(x, np.array([a]))[0]) for a in range(p.head.n_actions)])
        for p in learner.policy(state).values()
    ]


def climbing_part(keys: tuple[int, ...], share: float) -> dict[str, Any]:
    from telic.mdp.game import TabularGame
    from telic.neural.driver import train

    world, n, found = TabularGame.matrix(np.stack([CLIMBING, CLIMBING])), max(40, round(120 * share)), {}
    for name, is_central in (("central", True), ("independent", False)):
        learner = matrix_learner(world, n, is_central=is_central, entropy=0.01)
        pairs = [
            [int(p.argmax()) for p in first_choices(learner, train(learner, k, n).answer())] for k in keys
        ]
        payoffs = [float(CLIMBING[a, b]) for a, b in pairs]
        found[name] = {
            "updates": n,
            "payoffs": payoffs,
            "best": 11.0,
            "n_best": int(np.sum(np.array(payoffs) == 11.0)),
        }
    return found


def pennies_part(keys: tuple[int, ...], share: float) -> dict[str, Any]:
    from telic.mdp.game import TabularGame
    from telic.neural.driver import train
    from telic.planning.games import exploitability

    world, n = TabularGame.matrix(np.stack([PENNIES, -PENNIES])), max(40, round(120 * share))
    learner = matrix_learner(world, n, is_central=False, entropy=0.0)
    last, mean = [], []
    for key in keys:
        seen: list[list[np.ndarray]] = []
        train(
            learner,
            key,
            n,
            checkpoint=lambda _, s, seen=seen: seen.append(first_choices(learner, s)),
            every=1,
        )
        tables = [[np.tile(p / p.sum(), (2, 1)) for p in pair] for pair in seen]
        last.append(exploitability(world, tables[-1]).total)
        mean.append(exploitability(world, [np.mean([t[i] for t in tables], axis=0) for i in range(2)]).total)
    return {"updates": n, "most": 2.0, "last": middle(last), "mean of all updates": middle(mean)}


def spread_part(keys: tuple[int, ...], share: float) -> dict[str, Any]:
    if importlib.util.find_spec("mpe2") is None:
        return {"not run": "mpe2 is not installed (pip install pettingzoo mpe2)"}
    from mpe2 import simple_spread_v3

    from telic.neural.driver import train
    from telic.planning.rl.multi_agent_parallel import ParallelPpo

    n, found = max(40, round(400 * share)), {}
    rng = np.random.default_rng(7)
    chance = spread_returns(simple_spread_v3, lambda _, x: rng.integers(0, 5, len(x)))
    for name, is_central in (("central", True), ("independent", False)):
        scores = []
        for key in keys:
            learner = ParallelPpo.of(
                [simple_spread_v3.parallel_env(max_cycles=CYCLES) for _ in range(16)],
                shares=True, is_central=is_central, n_steps=CYCLES, n_minibatches=2, n_epochs=10,
                scales_observations=True, scales_rewards=True, discount=0.95, gae=0.95, entropy=0.01,
                learning_rate=1e-3, n_updates=float(n),
            )  # fmt: skip
            policies = learner.policy(train(learner, key, n).answer())
            acting = lambda agent, x, policies=policies: policies[agent].mode(x)  # noqa: E731
            scores.append(float(spread_returns(simple_spread_v3, acting).mean()))
        found[name] = {"updates": n, **middle(scores)}
    error = chance.std(ddof=1) / np.sqrt(EPISODES)
    found["uniform choices"] = {
        "mean": float(chance.mean()),
        "interval": [float(chance.mean() - 1.96 * error), float(chance.mean() + 1.96 * error)],
    }
    return found


def spread_returns(world: Any, act: Any) -> np.ndarray:
    """``(EPISODES,)`` mean over agents of what each collects, from the same starts whoever acts."""
    env = world.parallel_env(max_cycles=CYCLES)
    out = np.zeros(EPISODES)
    for episode in range(EPISODES):
        looks, _ = env.reset(seed=10_000 + episode)
        while env.agents:
            looks, paid, *_ = env.step({a: int(act(a, np.asarray(looks[a])[None])[0]) for a in env.agents})
            out[episode] += np.mean(list(paid.values()))
    return out


def middle(scores: list[float]) -> dict[str, Any]:
    """Each key, the interquartile mean over keys, and its bootstrap interval."""
    values, rng = np.array(scores), np.random.default_rng(0)
    again = values[rng.integers(0, len(values), (2_000, len(values)))]
    low, high = np.quantile([interquartile_mean(row) for row in again], [0.025, 0.975])
    return {
        "each": scores,
        "interquartile_mean": interquartile_mean(values),
        "interval": [float(low), float(high)],
    }


def interquartile_mean(scores: np.ndarray) -> float:
    """Mean of the middle half; of what lies partly within it, that part."""
    n = len(scores)
    edges = np.arange(n + 1) / n
    weight = np.clip(np.minimum(edges[1:], 0.75) - np.maximum(edges[:-1], 0.25), 0.0, None)
    return float(np.sort(scores) @ weight / weight.sum())


if __name__ == "__main__":
    sys.exit(main())
