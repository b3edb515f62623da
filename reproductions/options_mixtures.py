"""Options and mixtures where the answer is known: 5 keys.

    python reproductions/options_mixtures.py                     # reduced: 2 keys, a third of the updates
    TELIC_FULL=1 python reproductions/options_mixtures.py        # 5 keys

prints one JSON line.

- ``rooms``: four rooms; options with actions against the optimum, hallway options alone, and PPO over two options as a
  share of the way from even choices to the exact choice.
- ``kinds``: two kinds of experts planted at .7 and .3; the share found, slopes found, and trajectories told wrongly
  beside those that the planted policies tell wrongly.

The middle mean and its interval are those of ``reproductions/agents.py``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

KEYS = (211, 212, 213, 214, 215)
"""Fixed before the first run."""

N, T, SHARE, SLOPES = 240, 12, 0.7, (2.0, -2.0)


def main() -> int:
    full = os.environ.get("TELIC_FULL") == "1"
    keys, share = (KEYS, 1.0) if full else (KEYS[:2], 1 / 3)
    started = time.perf_counter()
    told = {"keys": list(keys), "rooms": rooms_part(keys, share), "kinds": kinds_part(keys)}
    print(json.dumps({**told, "seconds": time.perf_counter() - started}))
    return 0


def hallway_options(world: Any) -> tuple[Any, ...]:
    """From each room, the hallways at its edge included, to either of them."""
    from telic.planning.options import reaching_option

    found = []
    for room in range(4):
        for ahead in (-1, 0):
            goal, other = (world.hallways[(room + a) % 4] for a in (ahead, -1 - ahead))
            within = world.room == room
            within[other] = True
            goals = np.arange(len(within)) == goal
            found.append(reaching_option(world.mdp, f"room {room} to {goal}", goals, within))
    return tuple(found)


def two_ways(world: Any) -> tuple[Any, Any]:
    """To the hallway before, and to the next clockwise: both say what they do everywhere."""
    from telic.policies import Option, TabularPolicy

    S, several = world.mdp.n_states, hallway_options(world)
    stops = np.isin(np.arange(S), world.hallways).astype(float)
    found = []
    for way in range(2):
        table = np.full((S, 4), 0.25)
        for option in several[way::2]:
            table[option.begins] = option.policy.table[option.begins]
        found.append(Option(name=("back", "on")[way], policy=TabularPolicy(table=table), stops=stops))
    return found[0], found[1]


def chosen_value(models: Any, choice: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """``(S,)`` of choosing options with probabilities ``(S, O)``, by one dense system."""
    S, O = models.reward.shape
    P = models.transition.toarray().reshape(S, O, S)
    chain = np.einsum("so,sox->sx", choice, P) * ~ends[:, None]
    return np.linalg.solve(np.eye(S) - chain, np.where(ends, 0.0, (choice * models.reward).sum(axis=1)))


def options_learner(world: Any, options: tuple[Any, ...], n_updates: int) -> Any:
    from telic.neural.simulators import tabular
    from telic.neural.simulators.with_options import with_options
    from telic.planning.rl.ppo import Ppo

    over = with_options(tabular(world.mdp, world.reward), options, discount=0.9, horizon=20, longest=200)
    return Ppo(
        simulator=over, n_envs=32, n_steps=8, n_minibatches=2, hidden=(), discount=0.9, gae=0.95,
        n_updates=float(n_updates), learning_rate=0.02,
    )  # fmt: skip


def options_share(world: Any, exact: Any, policy: Any) -> float:
    """Share of the way from choosing evenly to the exact choice."""
    S, rho, ends = world.mdp.n_states, world.mdp.initial, world.mdp.absorbing
    even = float(rho @ chosen_value(exact.models, np.full((S, 2), 0.5), ends))
    best = float(rho @ exact.solution.value)
    reached = float(rho @ chosen_value(exact.models, np.eye(2)[policy.mode(np.eye(S))], ends))
    return (reached - even) / (best - even)


def rooms_part(keys: tuple[int, ...], share: float) -> dict[str, Any]:
    from agents import middle

    from telic.mdp.library import four_rooms
    from telic.neural.driver import train
    from telic.planning import solve_hard
    from telic.planning.options import primitive_options, solve_options

    found: dict[str, Any] = {}
    for name, goal in (("goal in a hallway", (7, 9)), ("goal in a room", (9, 9))):
        world = four_rooms(goal=goal)
        flat = solve_hard(world.mdp, world.reward).value
        several = hallway_options(world)
        both = solve_options(world.mdp, world.reward, (*primitive_options(world.mdp), *several), throw=True)
        alone = solve_options(world.mdp, world.reward, several, throw=True)
        rho = world.mdp.initial
        found[name] = {
            "optimum": float(rho @ flat),
            "options and actions, largest difference": float(np.max(np.abs(both.solution.value - flat))),
            "options alone": float(rho @ alone.solution.value),
        }
    world, n = four_rooms(goal=(7, 9)), max(30, round(80 * share))
    options = two_ways(world)
    exact = solve_options(world.mdp, world.reward, options, throw=True)
    learner = options_learner(world, options, n)
    scores = [options_share(world, exact, learner.policy(train(learner, k, n).answer())) for k in keys]
    return {**found, "learned": {"updates": n, **middle(scores)}}


def planted(key: int) -> tuple[Any, np.ndarray]:
    """Experts who choose 1 with the logistic of 2 x (share .7) or of -2 x; and whose each trajectory is."""
    from telic.imitation.examples import Examples

    rng = np.random.default_rng(key)
    kind = (rng.random(N) >= SHARE).astype(int)
    x = rng.normal(size=(N, T))
    p = 1 / (1 + np.exp(-np.array(SLOPES)[kind][:, None] * x))
    actions = (rng.random((N, T)) < p).astype(int)
    return Examples.from_arrays(x.reshape(-1, 1), actions.ravel(), offsets=np.arange(N + 1) * T), kind


def plain_settings() -> Any:
    """Of components that are one line each."""
    from telic.imitation.cloning import CloneSettings

    return CloneSettings(
        hidden=(), n_updates=2_000, every=100, patience=10, learning_rate=0.02, held_out=0.2, is_sharpened=False
    )  # fmt: skip


def slope(policy: Any) -> float:
    """Change of the log-odds of choice 1 with one unit of x."""
    out = policy.outputs(np.array([[0.0], [1.0]])).astype(float)
    return float(np.diff(out[:, 1] - out[:, 0])[0])


def told_wrongly(examples: Any, kind: np.ndarray, policy: Any) -> tuple[float, float]:
    """Share of trajectories told wrongly: by a mixture, and by the planted policies and shares."""
    x, a = examples.observations[:, 0].reshape(N, T), examples.actions.reshape(N, T)
    logp = np.stack([-np.log1p(np.exp(-(2 * a - 1) * s * x)).sum(axis=1) for s in SLOPES], axis=1)
    ideal = np.argmax(logp + np.log([SHARE, 1 - SHARE]), axis=1)
    ours = policy.responsibilities(examples.observations, examples.actions, examples.offsets).argmax(axis=1)
    return float(np.mean(ours != kind)), float(np.mean(ideal != kind))


def kinds_part(keys: tuple[int, ...]) -> dict[str, Any]:
    from agents import middle

    from telic.imitation.mixture_cloning import clone_mixture

    shares, slopes, wrong = [], [], []
    for key in keys:
        examples, kind = planted(key)
        found = clone_mixture(examples, 2, settings=plain_settings(), key=key)
        shares.append(float(found.shares[0]))
        slopes.append([slope(c) for c in found.policy.components])
        wrong.append(told_wrongly(examples, kind, found.policy))
    return {
        "planted": {"share": SHARE, "slopes": list(SLOPES)},
        "share": middle(shares),
        "slopes": [middle([s[k] for s in slopes]) for k in range(2)],
        "told wrongly": middle([w[0] for w in wrong]),
        "told wrongly by the planted": middle([w[1] for w in wrong]),
    }


if __name__ == "__main__":
    sys.exit(main())
