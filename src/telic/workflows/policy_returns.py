"""What a policy collects in whole episodes of the world that it was trained in, beside actions by chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import stdtrit

from telic.typing import FloatArray

from .learning_worlds import LearningWorld

__all__ = ["returns_told"]

EPISODES = 20
"""Of which a mean is told, with its interval."""

MOST_DECISIONS = 10_000
"""Of an episode that is waited for."""


def returns_told(policy: Any, world: LearningWorld, key: int) -> list[dict[str, Any]] | None:
    """Mean returns with intervals of the policy (its likeliest actions) and of chance; None where nothing can be tried.

    Args:
        policy: to act by.
        world: to act in.
        key: of the episodes, which are the same for both.
    """
    if world.transitions is not None:
        return None
    rng = np.random.default_rng(key)
    head = policy.head
    found = []
    for name, act in (("policy", policy.mode), ("chance", lambda x: _by_chance(head, len(x), rng))):
        returns = _returns(act, world, key)
        n = len(returns)
        half = float(stdtrit(n - 1, 0.975)) * float(returns.std(ddof=1)) / np.sqrt(n) if n > 1 else None
        mean = float(returns.mean()) if n else None
        found.append(
            {
                "name": name,
                "n_episodes": n,
                "mean_return": mean,
                "interval": None if mean is None or half is None else [mean - half, mean + half],
            }
        )
    return found


def _returns(act: Callable[[Any], Any], world: LearningWorld, key: int) -> FloatArray:
    """The return of the first episode of each stream that ended."""
    collected, is_over = np.zeros(EPISODES), np.zeros(EPISODES, dtype=bool)
    step: Callable[[Any], tuple[Any, Any, Any]]
    if world.simulator is not None:
        from telic.imitation.streams import SimulatedStreams

        streams = SimulatedStreams(world.simulator, EPISODES)
        x = streams.reset(key)

        def step(actions: Any) -> tuple[Any, Any, Any]:
            made = streams.step(actions)
            return made.following, made.reward, made.is_over

    else:
        from telic.neural.gymnasium_envs import VectorWorld

        assert world.make is not None
        outside = VectorWorld(world.make(EPISODES), longest=None)
        x = outside.reset(key)

        def step(actions: Any) -> tuple[Any, Any, Any]:
            following, moved = outside.step(actions)
            return following, moved.reward, moved.terminated | moved.truncated

    for _ in range(MOST_DECISIONS):
        x, reward, over = step(act(x))
        collected += np.where(is_over, 0.0, reward)
        is_over |= np.asarray(over)
        if is_over.all():
            break
    ended: FloatArray = collected[is_over]
    return ended


def _by_chance(head: Any, n: int, rng: np.random.Generator) -> Any:
    if hasattr(head, "low"):
        return rng.uniform(head.low, head.high, (n, head.n_dimensions)).astype(np.float32)
    if hasattr(head, "counts"):
        return rng.integers(0, head.counts, (n, len(head.counts)))
    return rng.integers(0, head.n_actions, n)
