"""Action values as a network, plain or duelling, and the duelling one as a plain one again.

``Q = V + A - mean_a A``: what a state is worth, and what an action adds to it, have a last hidden layer of their own
(Wang and others 2016, Dueling network architectures, equation 9). All of it is still a feed-forward network, so a
policy holds it as plain layers.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .networks import Layer, Params, apply, init_network

__all__ = ["Values", "action_values", "init_values", "joined"]

Values = tuple[Params, ...]
"""``(layers,)``, or ``(trunk, value, advantage)`` with two layers in each of the last."""


def init_values(key: Any, n_in: int, hidden: tuple[int, ...], n_actions: int, *, is_duelling: bool) -> Values:
    """Weights before training.

    Args:
        key: random key; consumed.
        n_in: numbers of an observation.
        hidden: units of the layers between; where duelling, the last is there twice.
        n_actions: A.
        is_duelling: whether states and actions have layers of their own.
    """
    if not is_duelling:
        return (init_network(key, (n_in, *hidden, n_actions)),)
    key_trunk, key_value, key_advantage = jax.random.split(key, 3)
    shared = (n_in, *hidden[:-1])
    trunk = init_network(key_trunk, shared, final_gain=2.0**0.5) if len(shared) > 1 else ()
    last = (shared[-1], hidden[-1])
    return trunk, init_network(key_value, (*last, 1)), init_network(key_advantage, (*last, n_actions))


def action_values(network: Values, x: Any) -> Any:
    """``(B, A)`` values of the actions for observations ``(B, D)``."""
    if len(network) == 1:
        return apply(network[0], x, "relu")
    trunk, value, advantage = network
    h = jnp.maximum(apply(trunk, x, "relu"), 0) if trunk else x
    A = apply(advantage, h, "relu")
    return apply(value, h, "relu") + A - jnp.mean(A, axis=-1, keepdims=True)


def joined(network: Values) -> Params:
    """The same function as one feed-forward network: ``apply(joined(n), x, "relu") == action_values(n, x)``."""
    if len(network) == 1:
        return network[0]
    trunk, (v1, v2), (a1, a2) = network
    between = Layer(
        weight=jnp.concatenate([v1.weight, a1.weight], 1), bias=jnp.concatenate([v1.bias, a1.bias])
    )
    A = a2.bias.shape[0]
    last = Layer(
        weight=jnp.concatenate(
            [jnp.repeat(v2.weight, A, 1), a2.weight - jnp.mean(a2.weight, 1, keepdims=True)]
        ),
        bias=v2.bias + a2.bias - jnp.mean(a2.bias),
    )
    return (*trunk, between, last)
