"""Streams of decisions in a simulator: episodes end, are cut off, and begin again, and nothing is mixed up.

What an ended episode led to is kept apart from where the next one begins: ``after`` is what was observed before
anything began anew, so that a value beyond a cut can be learned from, and one beyond an end cannot.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .simulators.simulator import Simulator

__all__ = ["Running", "Transition", "advance", "begin"]


class Running(NamedTuple):
    """One stream.

    Attributes:
        state: of the world.
        observation: ``(D,)`` now.
        step: decisions since the episode began.
        collected: reward since then.
    """

    state: Any
    observation: Any
    step: Any
    collected: Any


class Transition(NamedTuple):
    """One decision.

    Attributes:
        observation: ``(D,)`` before it.
        action: what was done.
        reward: for it.
        after: ``(D,)`` observed after it, before an episode began anew.
        terminated: the task ended.
        truncated: the episode was cut off by the horizon; never together with ``terminated``.
        collected: reward of the whole episode where it ended or was cut here, else 0.
        costs: ``(K,)`` for the decision; None where the world tells none.
        discount: of what comes after it, where decisions last differently long; None where they do not.
    """

    observation: Any
    action: Any
    reward: Any
    after: Any
    terminated: Any
    truncated: Any
    collected: Any
    costs: Any = None
    discount: Any = None


def begin(simulator: Simulator, key: Any) -> Running:
    """A stream at the beginning of an episode."""
    state, observation = simulator.reset(key)
    return Running(
        state=state,
        observation=observation,
        step=jnp.zeros((), jnp.int32),
        collected=jnp.zeros((), jnp.float32),
    )


def advance(
    simulator: Simulator, running: Running, action: Any, key: Any, fresh: Running | None = None
) -> tuple[Running, Transition]:
    """The stream after a decision, and the decision; episodes that end begin anew.

    Args:
        simulator: the world.
        running: the stream.
        action: what is done.
        key: random key; consumed.
        fresh: the episode that begins where this one is over. Whoever makes many decisions draws them all at once,
            which is faster; None: drawn from the key.
    """
    if fresh is None:
        key, key_reset = jax.random.split(key)
        fresh = begin(simulator, key_reset)
    made = simulator.step(running.state, action, key)
    step, collected = running.step + 1, running.collected + made.reward
    truncated = (step >= simulator.horizon) & ~made.terminated
    is_over = made.terminated | truncated
    going = Running(state=made.state, observation=made.observation, step=step, collected=collected)
    after = jax.tree.map(lambda a, b: jnp.where(is_over, a, b), fresh, going)
    transition = Transition(
        observation=running.observation,
        action=action,
        reward=made.reward,
        after=made.observation,
        terminated=made.terminated,
        truncated=truncated,
        collected=jnp.where(is_over, collected, 0.0),
        costs=made.costs,
        discount=made.discount,
    )
    return after, transition
