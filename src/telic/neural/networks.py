"""Weights of feed-forward networks as compiled code holds them, and to and from the plain arrays of a policy.

Weights begin orthogonal (Saxe, McClelland and Ganguli 2014) times a gain a layer: the square root of 2 between layers,
smaller at the end, so that a policy begins near uniform.

``apply_columns`` is the same pass with one input a column. Its gradients are stated, because the order of the factors
of a product decides how fast it is on a processor: with inputs in rows, that of a weight of 64 x 64 over 512 inputs
took 67 us, with inputs in columns 31 us, and that of 64 x 2 took 42 us and 4 us (one core, XLA of jaxlib 0.10).

References:
    Saxe, McClelland and Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep linear networks.
    Higham (2008), Functions of Matrices, section 8.3 (the iteration of Newton and Schulz for the polar factor).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.policies.layers import Dense, forward

__all__ = [
    "Layer",
    "Params",
    "apply",
    "apply_columns",
    "from_layers",
    "init_network",
    "linear_columns",
    "orthogonal",
    "to_layers",
]

N_POLAR = 60
"""Steps of Newton and Schulz. Each multiplies small singular values by 1.5: those above 1e-9 of the largest reach 1."""


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
    pairs = list(itertools.pairwise(sizes))
    gains = [math.sqrt(2.0)] * (len(pairs) - 1) + [final_gain]
    # One draw for all layers: each call to a generator is compiled anew, a fifth of a second.
    ends = np.cumsum([n_in * n_out for n_in, n_out in pairs]).tolist()
    drawn = jnp.split(jax.random.normal(key, (ends[-1],), jnp.float32), ends[:-1])
    return tuple(
        Layer(weight=gain * orthogonal(d, n_in, n_out), bias=jnp.zeros(n_out, jnp.float32))
        for d, gain, (n_in, n_out) in zip(drawn, gains, pairs, strict=True)
    )


def apply(params: Params, x: Any, activation: str) -> Any:
    """``(..., n_out)`` outputs for inputs ``(..., n_in)``."""
    return forward(params, x, activation, jnp)


def apply_columns(params: Params, x: Any, activation: str) -> Any:
    """``(n_out, N)`` outputs for inputs ``(n_in, N)``: what ``apply`` gives, on its side.

    Args:
        params: weights.
        x: inputs, one a column; gradients flow to the weights and to it, and only backwards (no ``jvp``).
        activation: between layers.
    """
    for layer in params[:-1]:
        x = (_tanh_layer if activation == "tanh" else _relu_layer)(layer.weight, layer.bias, x)
    return linear_columns(params[-1].weight, params[-1].bias, x)


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


def _layer(bend: Any, slope: Any) -> Any:
    """A layer ``bend(W' x + b)`` whose gradient is stated; ``slope`` is that of ``bend`` in terms of what it gave."""

    @jax.custom_vjp
    def layer(weight: Any, bias: Any, x: Any) -> Any:
        return bend(weight.T @ x + bias[:, None])

    def forwards(weight: Any, bias: Any, x: Any) -> Any:
        h = bend(weight.T @ x + bias[:, None])
        return h, (weight, x, h)

    def backwards(kept: Any, gradient: Any) -> Any:
        weight, x, h = kept
        g = gradient * slope(h)
        return x @ g.T, jnp.sum(g, axis=1), weight @ g

    layer.defvjp(forwards, backwards)
    return layer


linear_columns = _layer(lambda x: x, jnp.ones_like)
"""``W' x + b`` for inputs ``(n_in, N)``; as of ``apply_columns``, gradients flow only backwards."""

_tanh_layer = _layer(jnp.tanh, lambda h: 1.0 - h * h)
_relu_layer = _layer(lambda x: jnp.maximum(x, 0), lambda h: h > 0)


def orthogonal(drawn: Any, n_in: int, n_out: int) -> Any:
    """Orthonormal columns (or rows, whichever are fewer): the polar factor of normal numbers, uniform over all such.

    By products alone: they compile in a fifth of the time of a decomposition.
    """
    tall = drawn.reshape(max(n_in, n_out), min(n_in, n_out))

    def nearer(_: Any, q: Any) -> Any:
        return 1.5 * q - 0.5 * q @ (q.T @ q)

    q = tall / jnp.linalg.norm(tall)
    if min(n_in, n_out) > 1:
        q = jax.lax.fori_loop(0, N_POLAR, nearer, q)
    return q if n_in >= n_out else q.T
