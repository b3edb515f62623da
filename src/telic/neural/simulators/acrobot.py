"""Two joined rods of which only the joint between them is driven, to be swung above a line: ``Acrobot-v1``.

Sutton (1996); equations of motion as in Sutton and Barto's book, Runge-Kutta steps of .2 s, 500 decisions. Each
decision costs 1 until the tip is above the line.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from .simulator import Choices, Simulator, Step

__all__ = ["acrobot"]

LENGTH = 1.0  # m, of the first rod
CENTRE = 0.5  # m, from a joint to the centre of mass
MASS = INERTIA = 1.0  # kg, kg m^2, of each rod
GRAVITY = 9.8  # m/s^2
SECONDS = 0.2
FASTEST = (4.0 * math.pi, 9.0 * math.pi)  # rad/s


def acrobot() -> Simulator:
    """The simulator; its state is ``(4,)``: both angles (the second from the first rod) and their speeds."""
    return Simulator(
        name="Acrobot-v1",
        n_observations=6,
        actions=Choices(n_actions=3),
        horizon=500,
        reset=_reset,
        step=_step,
    )


def _reset(key: Any) -> tuple[Any, Any]:
    state = jax.random.uniform(key, (4,), jnp.float32, -0.1, 0.1)
    return state, _observe(state)


def _step(state: Any, action: Any, key: Any) -> Step:
    del key
    torque = jnp.asarray(action - 1, jnp.float32)
    after = _runge_kutta(state, torque)
    wrapped = jnp.mod(after[:2] + math.pi, 2.0 * math.pi) - math.pi
    most = jnp.array(FASTEST, jnp.float32)
    after = jnp.concatenate([wrapped, jnp.clip(after[2:], -most, most)])
    above = -jnp.cos(after[0]) - jnp.cos(after[0] + after[1]) > 1.0
    reward = jnp.where(above, 0.0, -1.0)
    return Step(state=after, observation=_observe(after), reward=reward, terminated=above)


def _runge_kutta(state: Any, torque: Any) -> Any:
    first = _motion(state, torque)
    second = _motion(state + 0.5 * SECONDS * first, torque)
    third = _motion(state + 0.5 * SECONDS * second, torque)
    fourth = _motion(state + SECONDS * third, torque)
    return state + SECONDS / 6.0 * (first + 2.0 * second + 2.0 * third + fourth)


def _motion(state: Any, torque: Any) -> Any:
    """Time derivative of the state."""
    one, two, spin_one, spin_two = state[0], state[1], state[2], state[3]
    arm = MASS * LENGTH * CENTRE
    cosine, sine = jnp.cos(two), jnp.sin(two)
    d_one = MASS * CENTRE**2 + MASS * (LENGTH**2 + CENTRE**2) + 2.0 * arm * cosine + 2.0 * INERTIA
    d_two = MASS * CENTRE**2 + arm * cosine + INERTIA
    weight_two = MASS * CENTRE * GRAVITY * jnp.sin(one + two)
    weight_one = (
        -arm * spin_two**2 * sine
        - 2.0 * arm * spin_two * spin_one * sine
        + (MASS * CENTRE + MASS * LENGTH) * GRAVITY * jnp.sin(one)
        + weight_two
    )
    turning_two = (torque + d_two / d_one * weight_one - arm * spin_one**2 * sine - weight_two) / (
        MASS * CENTRE**2 + INERTIA - d_two**2 / d_one
    )
    turning_one = -(d_two * turning_two + weight_one) / d_one
    return jnp.stack([spin_one, spin_two, turning_one, turning_two])


def _observe(state: Any) -> Any:
    one, two = state[0], state[1]
    return jnp.stack([jnp.cos(one), jnp.sin(one), jnp.cos(two), jnp.sin(two), state[2], state[3]])
