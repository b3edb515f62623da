"""A pole on a cart that is pushed left or right: ``CartPole-v1``.

Barto, Sutton and Anderson (1983), with the explicit Euler steps of .02 s and the limits (2.4 m, 12 degrees, 500
decisions) of the environment of that name. The reward is 1 for every decision.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from .simulator import Choices, Simulator, Step

__all__ = ["cartpole"]

GRAVITY = 9.8  # m/s^2
MASS_POLE, MASS_ALL = 0.1, 1.1  # kg
HALF_POLE = 0.5  # m
FORCE = 10.0  # N
SECONDS = 0.02
FARTHEST, STEEPEST = 2.4, math.radians(12.0)  # m, rad


def cartpole() -> Simulator:
    """The simulator; its state is ``(4,)``: place, speed, angle and angular speed."""
    return Simulator(
        name="CartPole-v1",
        n_observations=4,
        actions=Choices(n_actions=2),
        horizon=500,
        reset=_reset,
        step=_step,
    )


def _reset(key: Any) -> tuple[Any, Any]:
    state = jax.random.uniform(key, (4,), jnp.float32, -0.05, 0.05)
    return state, state


def _step(state: Any, action: Any, key: Any) -> Step:
    del key
    x, v, angle, spin = state[0], state[1], state[2], state[3]
    force = jnp.where(action == 1, FORCE, -FORCE)
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    lever = MASS_POLE * HALF_POLE
    pushed = (force + lever * spin**2 * sine) / MASS_ALL
    turning = (GRAVITY * sine - cosine * pushed) / (
        HALF_POLE * (4.0 / 3.0 - MASS_POLE * cosine**2 / MASS_ALL)
    )
    speeding = pushed - lever * turning * cosine / MASS_ALL
    after = jnp.stack(
        [x + SECONDS * v, v + SECONDS * speeding, angle + SECONDS * spin, spin + SECONDS * turning]
    )
    fell = (jnp.abs(after[0]) > FARTHEST) | (jnp.abs(after[2]) > STEEPEST)
    return Step(state=after, observation=after, reward=jnp.float32(1.0), terminated=fell)
