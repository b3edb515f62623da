"""A pendulum to be swung up and held, with a motor too weak to lift it at once: ``Pendulum-v1``.

A rod of 1 m and 1 kg under 10 m/s^2, torque up to 2 N m, semi-implicit Euler steps of .05 s, 200 decisions. The cost is
``angle^2 + .1 spin^2 + .001 torque^2`` of the state before the step. No episode ends by itself.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from .simulator import Amounts, Simulator, Step

__all__ = ["pendulum"]

GRAVITY = 10.0  # m/s^2
LENGTH = 1.0  # m
MASS = 1.0  # kg
SECONDS = 0.05
STRONGEST = 2.0  # N m
FASTEST = 8.0  # rad/s


def pendulum() -> Simulator:
    """The simulator; its state is ``(2,)``: angle from upright, not wrapped, and angular speed."""
    return Simulator(
        name="Pendulum-v1",
        n_observations=3,
        actions=Amounts(low=(-STRONGEST,), high=(STRONGEST,)),
        horizon=200,
        reset=_reset,
        step=_step,
    )


def _reset(key: Any) -> tuple[Any, Any]:
    state = jax.random.uniform(key, (2,), jnp.float32, -1.0, 1.0) * jnp.array([math.pi, 1.0], jnp.float32)
    return state, _observe(state)


def _step(state: Any, action: Any, key: Any) -> Step:
    del key
    angle, spin = state[0], state[1]
    torque = jnp.clip(action[0], -STRONGEST, STRONGEST)
    away = jnp.mod(angle + math.pi, 2.0 * math.pi) - math.pi
    cost = away**2 + 0.1 * spin**2 + 0.001 * torque**2
    turning = 1.5 * GRAVITY / LENGTH * jnp.sin(angle) + 3.0 / (MASS * LENGTH**2) * torque
    spin = jnp.clip(spin + SECONDS * turning, -FASTEST, FASTEST)
    after = jnp.stack([angle + SECONDS * spin, spin])
    return Step(state=after, observation=_observe(after), reward=-cost, terminated=jnp.bool_(False))


def _observe(state: Any) -> Any:
    return jnp.stack([jnp.cos(state[0]), jnp.sin(state[0]), state[1]])
