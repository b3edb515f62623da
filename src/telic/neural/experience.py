"""Transitions as rows of a buffer, and what a batch of decisions adds to a learner's memory of them."""

from __future__ import annotations

from typing import Any, TypeVar

import jax

from .replay import Fields, put, put_some
from .rollout import Transition, advance
from .simulators.simulator import Simulator

__all__ = ["decided", "decided_and_told", "kept", "transition_fields"]

State = TypeVar("State", bound=Any)
"""A named tuple with ``replay``, ``running`` and ``returns`` among its fields."""


def transition_fields(n_observations: int, n_dimensions: int, n_costs: int = 0) -> Fields:
    """What a row of the buffer holds.

    Args:
        n_observations: numbers of an observation.
        n_dimensions: of an action that is amounts; 0: an action is an index.
        n_costs: beside the reward; 0: none are kept.
    """
    names: tuple[str, ...] = ("observation", "action", "reward", "after", "terminated")
    widths: tuple[int, ...] = (n_observations, n_dimensions, 0, n_observations, 0)
    if n_costs:
        names, widths = (*names, "costs"), (*widths, n_costs)
    return Fields(names=names, widths=widths)


def decided(
    state: State, simulator: Simulator, fields: Fields, action: Any, key: Any, *, as_kept: Any = None
) -> State:
    """The state after one decision of every stream in a simulator, kept.

    Args:
        state: before.
        simulator: the world.
        fields: of a row.
        action: of each stream.
        key: random key; consumed.
        as_kept: the action as rows hold it; None: as it is.
    """
    return decided_and_told(state, simulator, fields, action, key, as_kept=as_kept)[0]


def decided_and_told(
    state: State, simulator: Simulator, fields: Fields, action: Any, key: Any, *, as_kept: Any = None
) -> tuple[State, Transition]:
    """What ``decided`` gives, and the decision of every stream itself."""
    running, made = jax.vmap(lambda r, a, k: advance(simulator, r, a, k))(
        state.running, action, jax.random.split(key, action.shape[0])
    )
    if as_kept is not None:
        made = made._replace(action=as_kept)
    begun: State = state._replace(running=running)
    return kept(begun, fields, made), made


def kept(state: State, fields: Fields, made: Transition, counts: Any = None) -> State:
    """The state with decisions more in its buffer, and with the returns of episodes that are over.

    Args:
        state: before.
        fields: of a row.
        made: one decision of each stream.
        counts: ``(E,)`` where anything was decided; None: everywhere.
    """
    rows = fields.pack(
        observation=made.observation,
        action=made.action,
        reward=made.reward,
        after=made.after,
        terminated=made.terminated,
        costs=made.costs,
    )
    replay = put(state.replay, rows) if counts is None else put_some(state.replay, rows, counts)
    after: State = state._replace(replay=replay, returns=state.returns.note(made))
    return after
