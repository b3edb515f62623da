"""The pass of a wide network whose gradients are stated, because of what products cost on a processor.

The gradient of a weight is a product of the transposed input of its layer and what comes back. On one core (XLA of
jaxlib 0.10), of matrices of 256 x 256:

- with the transposed side first it took 325 us, plain 242 us, and transposing alone 79 us. The second layer's input is
  a rectified sum of few numbers, if few are observed: made again on its side, from the observations, it costs 15 us.
- where a few numbers come back, as from the last layer, it took 110 us, and with the factors changed 11 us.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .networks import Layer, Params, apply

__all__ = ["apply_wide"]

FEW = 32
"""Numbers that are observed, up to which making the first layer again is worth it."""


def apply_wide(params: Params, x: Any) -> Any:
    """``(B, n_out)`` outputs for inputs ``(B, n_in)``, rectified between layers: what ``apply`` gives.

    Args:
        params: weights.
        x: inputs; gradients flow to the weights and to it, and only backwards (no ``jvp``).
    """
    if len(params) < 3 or x.ndim != 2 or x.shape[1] > FEW:
        return apply(params, x, "relu")
    h = jnp.maximum(_two(params[0], params[1], x), 0)
    for layer in params[2:-1]:
        h = jnp.maximum(h @ layer.weight + layer.bias, 0)
    return _last(params[-1], h)


@jax.custom_vjp
def _two(first: Layer, second: Layer, x: Any) -> Any:
    return _forwards(first, second, x)[0]


def _forwards(first: Layer, second: Layer, x: Any) -> tuple[Any, Any]:
    h = jnp.maximum(x @ first.weight + first.bias, 0)
    return h @ second.weight + second.bias, (first, second, x, h)


def _backwards(kept: Any, g: Any) -> tuple[Any, Any, Any]:
    first, second, x, h = kept
    on_its_side = jnp.maximum(first.weight.T @ x.T + first.bias[:, None], 0)
    back = jnp.where(h > 0, g @ second.weight.T, 0)
    return (
        type(first)(weight=x.T @ back, bias=jnp.sum(back, axis=0)),
        type(second)(weight=on_its_side @ g, bias=jnp.sum(g, axis=0)),
        back @ first.weight.T,
    )


_two.defvjp(_forwards, _backwards)


@jax.custom_vjp
def _last(layer: Layer, h: Any) -> Any:
    return h @ layer.weight + layer.bias


def _last_forwards(layer: Layer, h: Any) -> tuple[Any, Any]:
    return h @ layer.weight + layer.bias, (layer, h)


def _last_backwards(kept: Any, g: Any) -> tuple[Any, Any]:
    layer, h = kept
    # The barrier: the compiler would take the transposition into the product, and be slow again.
    weight = jax.lax.optimization_barrier(g.T @ h).T  # type: ignore[no-untyped-call]
    return type(layer)(weight=weight, bias=jnp.sum(g, axis=0)), g @ layer.weight.T


_last.defvjp(_last_forwards, _last_backwards)
