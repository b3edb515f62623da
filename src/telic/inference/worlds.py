"""The door of methods that need one kind of world."""

from __future__ import annotations

from telic.errors import DynamicsError
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP

__all__ = ["World", "fixed_horizon_world", "stationary_world"]

World = TabularMDP | FiniteHorizonMDP | GoalConditionedMDP
"""Any world of finitely many states."""


def stationary_world(world: World, method: str) -> TabularMDP:
    """The world, where it is a ``TabularMDP``.

    Raises:
        DynamicsError: it is another kind, which this method cannot use.
    """
    if not isinstance(world, TabularMDP):
        raise DynamicsError(
            f"The method {method} needs a stationary `TabularMDP`, got {type(world).__name__}.",
            hint="Use `max_causal_entropy` for finite horizons and for destinations.",
        )
    return world


def fixed_horizon_world(world: World, method: str) -> FiniteHorizonMDP:
    """The world, where it is an undiscounted ``FiniteHorizonMDP``.

    Raises:
        DynamicsError: it is another kind, or discounted.
    """
    if not isinstance(world, FiniteHorizonMDP) or world.discount != 1.0:
        kind = "a discounted one" if isinstance(world, FiniteHorizonMDP) else type(world).__name__
        raise DynamicsError(
            f"The method {method} needs an undiscounted `FiniteHorizonMDP`, got {kind}.",
            hint="Give the number of decisions of a path, or use `max_causal_entropy`.",
        )
    return world
