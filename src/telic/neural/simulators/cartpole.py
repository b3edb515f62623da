"""A pole on a cart that is pushed left or right: ``CartPole-v1``.

Barto, Sutton and Anderson (1983), with the explicit Euler steps of .02 s and the limits (2.4 m, 12 degrees, 500
decisions) of the environment of that name. The reward is 1 for every decision.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from .simulator import Choices, Simulator, Step, functions_of

__all__ = ["cartpole"]

GRAVITY = 9.8  # m/s^2
MASS_POLE, MASS_CART = 0.1, 1.0  # kg
HALF_POLE = 0.5  # m
FORCE = 10.0  # N
SECONDS = 0.02
FARTHEST, STEEPEST = 2.4, math.radians(12.0)  # m, rad
START = 0.05


def cartpole(
    *,
    half_pole: Any = HALF_POLE,
    mass_pole: Any = MASS_POLE,
    mass_cart: Any = MASS_CART,
    force: Any = FORCE,
    start: Any = START,
) -> Simulator:
    """The simulator; its state is ``(4,)``: place, speed, angle and angular speed.

    Args:
        half_pole: half of the length of the pole, in m.
        mass_pole: in kg.
        mass_cart: in kg.
        force: of a push, in N.
        start: each number of the state begins between this and its negative.
    """
    reset, step = functions_of(_functions, half_pole, mass_pole, mass_cart, force, start)
    return Simulator(
        name="CartPole-v1",
        n_observations=4,
        actions=Choices(n_actions=2),
        horizon=500,
        reset=reset,
        step=step,
    )


def _functions(half_pole: Any, mass_pole: Any, mass_cart: Any, force: Any, start: Any) -> tuple[Any, Any]:
    mass, lever = mass_pole + mass_cart, mass_pole * half_pole

    def reset(key: Any) -> tuple[Any, Any]:
        state = jax.random.uniform(key, (4,), jnp.float32, -start, start)
        return state, state

    def step(state: Any, action: Any, key: Any) -> Step:
        del key
        x, v, angle, spin = state[0], state[1], state[2], state[3]
        sine, cosine = jnp.sin(angle), jnp.cos(angle)
        pushed = (jnp.where(action == 1, force, -force) + lever * spin**2 * sine) / mass
        turning = (GRAVITY * sine - cosine * pushed) / (
            half_pole * (4.0 / 3.0 - mass_pole * cosine**2 / mass)
        )
        speeding = pushed - lever * turning * cosine / mass
        after = jnp.stack(
            [x + SECONDS * v, v + SECONDS * speeding, angle + SECONDS * spin, spin + SECONDS * turning]
        )
        fell = (jnp.abs(after[0]) > FARTHEST) | (jnp.abs(after[2]) > STEEPEST)
        return Step(state=after, observation=after, reward=jnp.float32(1.0), terminated=fell)

    return reset, step
