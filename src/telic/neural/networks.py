"""Weights of feed-forward networks as compiled code holds them, and to and from the plain arrays of a policy.

Weights begin orthogonal (Saxe, McClelland and Ganguli 2014) times a gain a layer: the square root of 2 between layers,
smaller at the end, so that a policy begins near uniform.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.policies.layers import Dense, forward

__all__ = ["Params", "apply", "from_layers", "init_network", "to_layers"]


class Layer(NamedTuple):
    """Weight ``(n_in, n_out)`` and bias ``(n_out,)`` of a layer, as arrays of the engine."""

    weight: Any
    bias: Any


Params = tuple[Layer, ...]
"""Weights of a network, from the first layer to the last."""


def init_network(key: Any, sizes: Sequence[int], *, final_gain: float = 1.0) -> Params:
    """Weights of a network before training.

    Args:
        key: random key; consumed.
        sizes: numbers of inputs, of the units of each layer between, and of outputs.
        final_gain: of the last layer; .01 makes a policy that begins near uniform.
    """
    keys = jax.random.split(key, len(sizes) - 1)
    gains = [math.sqrt(2.0)] * (len(sizes) - 2) + [final_gain]
    return tuple(
        Layer(weight=gain * _orthogonal(k, n_in, n_out), bias=jnp.zeros(n_out, jnp.float32))
        for k, gain, n_in, n_out in zip(keys, gains, sizes[:-1], sizes[1:], strict=True)
    )


def apply(params: Params, x: Any, activation: str) -> Any:
    """``(..., n_out)`` outputs for inputs ``(..., n_in)``."""
    return forward(params, x, activation, jnp)


def to_layers(params: Params) -> tuple[Dense, ...]:
    """The weights as the plain arrays of a policy."""
    return tuple(
        Dense(
            weight=np.asarray(layer.weight, dtype=np.float32), bias=np.asarray(layer.bias, dtype=np.float32)
        )
        for layer in params
    )


def from_layers(layers: Sequence[Dense]) -> Params:
    """The plain arrays of a policy as weights to train on: ``to_layers(from_layers(x))`` is ``x``."""
    return tuple(Layer(weight=jnp.asarray(d.weight), bias=jnp.asarray(d.bias)) for d in layers)


def _orthogonal(key: Any, n_in: int, n_out: int) -> Any:
    """Orthonormal columns (or rows, whichever are fewer), by Householder's decomposition of normal numbers."""
    tall = jax.random.normal(key, (max(n_in, n_out), min(n_in, n_out)), jnp.float32)
    q, r = jnp.linalg.qr(tall)
    q = q * jnp.sign(jnp.diagonal(r))
    return q if n_in >= n_out else q.T
