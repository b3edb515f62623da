"""A car in a valley whose engine cannot climb out at once: ``MountainCar-v0``.

Moore (1990), with the constants of the environment of that name and 200 decisions; each costs 1 until the goal.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .simulator import Choices, Simulator, Step, functions_of

__all__ = ["mountain_car"]

ENGINE, SLOPE = 0.001, 0.0025
LEFT, RIGHT, GOAL = -1.2, 0.6, 0.5
FASTEST = 0.07
START = (-0.6, -0.4)


def mountain_car(*, engine: Any = ENGINE, start_low: Any = START[0], start_high: Any = START[1]) -> Simulator:
    """The simulator; its state is ``(2,)``: place and speed a decision.

    Args:
        engine: what it adds to the speed a decision.
        start_low: where episodes begin, at the left end.
        start_high: and at the right one.
    """
    reset, step = functions_of(_functions, engine, start_low, start_high)
    return Simulator(
        name="MountainCar-v0",
        n_observations=2,
        actions=Choices(n_actions=3),
        horizon=200,
        reset=reset,
        step=step,
    )


def _functions(engine: Any, start_low: Any, start_high: Any) -> tuple[Any, Any]:
    def reset(key: Any) -> tuple[Any, Any]:
        place = jax.random.uniform(key, (), jnp.float32, start_low, start_high)
        state = jnp.stack([place, jnp.zeros_like(place)])
        return state, state

    def step(state: Any, action: Any, key: Any) -> Step:
        del key
        speed = state[1] + (action - 1) * engine - SLOPE * jnp.cos(3.0 * state[0])
        speed = jnp.clip(speed, -FASTEST, FASTEST)
        place = jnp.clip(state[0] + speed, LEFT, RIGHT)
        speed = jnp.where((place == LEFT) & (speed < 0), 0.0, speed)
        after = jnp.stack([place, speed])
        there = (place >= GOAL) & (speed >= 0.0)
        return Step(state=after, observation=after, reward=jnp.float32(-1.0), terminated=there)

    return reset, step
