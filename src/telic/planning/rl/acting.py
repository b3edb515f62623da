"""Policies of networks inside compiled code: what they would do, and what they collect in a world.

Their weights are handed to compiled code as numbers, so that policies of one shape share one compiled function.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.neural.networks import Params, from_layers
from telic.neural.simulators.simulator import Simulator
from telic.policies import NetworkPolicy
from telic.policies.heads import Head
from telic.policies.layers import forward

__all__ = ["Acting", "acting", "likeliest", "played_returns"]


class Acting(NamedTuple):
    """The numbers of a policy: weights, and how observations are scaled and cut."""

    layers: Params
    shift: Any
    scale: Any
    clip: Any


def acting(policy: NetworkPolicy) -> Acting:
    """The numbers of a policy."""
    return Acting(
        layers=from_layers(policy.layers),
        shift=jnp.asarray(policy.shift),
        scale=jnp.asarray(policy.scale),
        clip=jnp.float32(policy.clip),
    )


def likeliest(numbers: Acting, head: Head, activation: str, x: Any) -> Any:
    """The most probable action of observations ``(..., D)``: ``policy.mode`` for arrays of the engine."""
    scaled = jnp.clip((x - numbers.shift) / numbers.scale, -numbers.clip, numbers.clip)
    return head.mode(forward(numbers.layers, scaled, activation, jnp), jnp)


def played_returns(
    simulator: Simulator, policy: NetworkPolicy, key: Any, n_episodes: int
) -> tuple[np.ndarray, int]:
    """``(n,)`` returns of a policy that acts by its mode, and decisions made; the key sets beginnings and chance.

    Args:
        simulator: with a horizon.
        policy: for its observations.
        key: random key; the same for policies that are compared.
        n_episodes: n.
    """
    keys = jax.random.split(key, n_episodes)
    collected, made = _played(acting(policy), keys, simulator, policy.head, policy.activation)
    return np.asarray(collected, np.float64), int(np.sum(made))


@partial(jax.jit, static_argnums=(2, 3, 4))
def _played(numbers: Acting, keys: Any, simulator: Simulator, head: Head, activation: str) -> tuple[Any, Any]:
    def episode(key: Any) -> tuple[Any, Any]:
        key_start, key_steps = jax.random.split(key)
        state, observation = simulator.reset(key_start)

        def one(carry: Any, key: Any) -> tuple[Any, Any]:
            state, x, is_on = carry
            made = simulator.step(state, likeliest(numbers, head, activation, x), key)
            told = (jnp.where(is_on, made.reward, 0.0), is_on)
            return (made.state, made.observation, is_on & ~made.terminated), told

        begun = (state, observation, jnp.bool_(True))
        gained, lived = jax.lax.scan(one, begun, jax.random.split(key_steps, simulator.horizon))[1]
        return jnp.sum(gained), jnp.sum(lived)

    told: tuple[Any, Any] = jax.vmap(episode)(keys)
    return told
