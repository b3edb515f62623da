"""A world of which only some numbers are observed: what is not seen must be remembered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from telic.errors import SettingsError

from .simulator import Simulator, Step

__all__ = ["masked"]


def masked(simulator: Simulator, columns: tuple[int, ...]) -> Simulator:
    """The world with some numbers of its observations, in the given order; nothing else changes.

    Args:
        simulator: the world.
        columns: numbers that are seen, such as ``(0, 2)`` of ``cartpole()``: place and angle without their speeds.

    Raises:
        SettingsError: there is no such number.
    """
    if not columns or not all(0 <= i < simulator.n_observations for i in columns):
        raise SettingsError(
            f"`columns` must be some of the numbers 0 to {simulator.n_observations - 1} of an observation, got"
            f" {columns}.",
            hint="Count from 0.",
        )
    inner_reset, inner_step, seen = simulator.reset, simulator.step, columns

    def reset(key: Any) -> tuple[Any, Any]:
        state, observation = inner_reset(key)
        return state, observation[jnp.array(seen)]

    def step(state: Any, action: Any, key: Any) -> Step:
        made = inner_step(state, action, key)
        return made._replace(observation=made.observation[jnp.array(seen)])

    return replace(
        simulator,
        name=f"{simulator.name}, numbers {', '.join(map(str, columns))}",
        n_observations=len(columns),
        reset=reset,
        step=step,
    )
