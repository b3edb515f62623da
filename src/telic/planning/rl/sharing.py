"""Which agents share weights, and their decisions as streams of one kind.

Agents with the same spaces may share weights. Their decisions are then streams of one learner, G an environment, and
each row names which of the G it is by as many zeros and ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from telic.errors import SettingsError
from telic.neural.simulators.several import SeveralSimulator

__all__ = ["groups_of", "named", "stacked", "streams"]


def named(x: Any) -> Any:
    """``(..., G, D + G)`` with which of G it is beside each row; one alone needs no name."""
    G = x.shape[-2]
    if G == 1:
        return x
    return jnp.concatenate([x, jnp.broadcast_to(jnp.eye(G, dtype=x.dtype), (*x.shape[:-1], G))], axis=-1)


def stacked(actions: Sequence[Any], like: Any) -> Any:
    """``(T, E, G, K)`` of actions ``(T, E)`` or ``(T, E, K)``."""
    return jnp.stack([a.reshape(*like.shape[:2], -1) for a in actions], axis=2)


def streams(x: Any) -> Any:
    """``(T, E G, K)``: each agent of each environment is a stream of its own."""
    T, E, G, K = x.shape
    return x.reshape(T, E * G, K)


def groups_of(world: SeveralSimulator, shares: bool | Sequence[Sequence[str]]) -> tuple[tuple[int, ...], ...]:
    """Indices of the agents that share weights.

    Args:
        world: the agents.
        shares: whether all with the same spaces do; or which ones do, by name.

    Raises:
        SettingsError: names are missing or there twice, or agents that are to share have other spaces.
    """
    spaces = [(agent.n_observations, agent.actions) for agent in world.agents]
    if shares is False:
        return tuple((i,) for i in range(len(spaces)))
    if shares is True:
        first = {space: i for i, space in reversed(list(enumerate(spaces)))}
        return tuple(
            tuple(i for i, space in enumerate(spaces) if first[space] == start)
            for start in sorted(set(first.values()))
        )
    index = {agent.name: i for i, agent in enumerate(world.agents)}
    named = [name for group in shares for name in group]
    if sorted(named) != sorted(index):
        raise SettingsError(
            f"`shares` must name each agent once, got {named} for {list(index)}.",
            hint="An agent that shares with nobody is a group of its own.",
        )
    groups = tuple(tuple(index[name] for name in group) for group in shares)
    for group in groups:
        if len({spaces[i] for i in group}) > 1:
            raise SettingsError(
                f"Agents {[world.agents[i].name for i in group]} cannot share weights: their spaces differ.",
                hint="Share among agents with the same observations and actions.",
            )
    return groups
