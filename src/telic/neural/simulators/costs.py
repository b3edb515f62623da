"""Costs beside the reward: any world, and what its decisions take of things that have budgets.

A cost is a function of the state before a decision, the action, and what it led to. Costs change nothing else: the same
keys give the same episodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError

from .simulator import Simulator, Step

__all__ = ["CostOf", "table_cost", "with_costs"]

CostOf: TypeAlias = Callable[[Any, Any, Step], Any]
"""From the state before a decision, the action and what it led to, to one number."""


def with_costs(simulator: Simulator, costs: Mapping[str, CostOf]) -> Simulator:
    """The world with costs beside its reward, in the order in which they are given.

    Args:
        simulator: the world.
        costs: by name; pure functions of the engine.

    Raises:
        SettingsError: there is none, or the world tells costs already.
    """
    if not costs or simulator.costs:
        raise SettingsError(
            f"`with_costs` adds costs once, and at least one, got {list(costs)} beside {list(simulator.costs)}.",
            hint="Give all costs at once.",
        )
    inner, functions = simulator.step, tuple(costs.values())

    def step(state: Any, action: Any, key: Any) -> Step:
        made = inner(state, action, key)
        told = [jnp.asarray(cost(state, action, made), jnp.float32) for cost in functions]
        return made._replace(costs=jnp.stack(told))

    return replace(simulator, step=step, costs=tuple(costs))


def table_cost(table: Float[np.ndarray, "S A"]) -> CostOf:
    """The cost of each state and action of a tabular world, whose state is its index."""
    held = jnp.asarray(table, jnp.float32)

    def cost(state: Any, action: Any, made: Step) -> Any:
        del made
        return held[state, action]

    return cost
