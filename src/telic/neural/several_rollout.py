"""Streams of decisions of several agents: some leave before others, and nothing that nobody decided is counted.

An agent whose task ended is gone until the episode of its stream is over, which is when nobody is left or the horizon
is reached. What it is said to observe meanwhile is 0, its reward is 0, and ``active`` tells that it decided nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .simulators.several import SeveralSimulator

__all__ = ["SeveralDecisions", "SeveralRunning", "advance_several", "begin_several"]


class SeveralRunning(NamedTuple):
    """One stream.

    Attributes:
        state: of the world.
        observations: ``(D_i,)`` of each agent, 0 for those that are gone.
        active: ``(N,)`` who is there.
        step: decisions since the episode began.
        collected: ``(N,)`` rewards since then.
    """

    state: Any
    observations: tuple[Any, ...]
    active: Any
    step: Any
    collected: Any


class SeveralDecisions(NamedTuple):
    """Decisions of N agents, of one stream or with axes of time and streams before.

    Attributes:
        observations: ``(..., D_i)`` of each agent before.
        actions: of each agent, amounts before they are cut at their bounds.
        rewards: ``(..., N)``.
        after: ``(..., D_i)`` of each agent after, before an episode began anew.
        active: ``(..., N)`` who decided.
        present: ``(..., N)`` who is there after: who decided and whose task did not end, and who came.
        terminated: ``(..., N)`` whose task ended here.
        truncated: ``(..., N)`` who was cut off here.
        collected: ``(..., N)`` reward of the whole stay of those that left here, else 0.
    """

    observations: tuple[Any, ...]
    actions: tuple[Any, ...]
    rewards: Any
    after: tuple[Any, ...]
    active: Any
    present: Any
    terminated: Any
    truncated: Any
    collected: Any


def begin_several(simulator: SeveralSimulator, key: Any) -> SeveralRunning:
    """A stream at the beginning of an episode, everybody there."""
    state, observations = simulator.reset(key)
    N = len(simulator.agents)
    return SeveralRunning(
        state=state,
        observations=observations,
        active=jnp.ones(N, bool),
        step=jnp.zeros((), jnp.int32),
        collected=jnp.zeros(N, jnp.float32),
    )


def advance_several(
    simulator: SeveralSimulator,
    running: SeveralRunning,
    actions: tuple[Any, ...],
    done: tuple[Any, ...],
    key: Any,
    fresh: SeveralRunning,
) -> tuple[SeveralRunning, SeveralDecisions]:
    """The stream after a decision of everybody, and the decision.

    Args:
        simulator: the world.
        running: the stream.
        actions: of each agent, as drawn; those of who is gone mean nothing.
        done: the same as the world takes them.
        key: random key; consumed.
        fresh: the episode that begins where this one is over.
    """
    made = simulator.step(running.state, done, key)
    active = running.active
    rewards = jnp.where(active, made.rewards, 0.0)
    terminated = made.terminated & active
    step, collected = running.step + 1, running.collected + rewards
    truncated = (step >= simulator.horizon) & active & ~terminated
    left = terminated | truncated
    still = active & ~left
    going = SeveralRunning(
        state=made.state,
        observations=tuple(jnp.where(still[i], x, 0.0) for i, x in enumerate(made.observations)),
        active=still,
        step=step,
        collected=jnp.where(still, collected, 0.0),
    )
    is_over = ~jnp.any(still)
    after = jax.tree.map(lambda a, b: jnp.where(is_over, a, b), fresh, going)
    return after, SeveralDecisions(
        observations=running.observations,
        actions=actions,
        rewards=rewards,
        after=tuple(jnp.where(active[i], x, 0.0) for i, x in enumerate(made.observations)),
        active=active,
        present=active & ~terminated,
        terminated=terminated,
        truncated=truncated,
        collected=jnp.where(left, collected, 0.0),
    )
