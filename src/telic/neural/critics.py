"""Several action values at once, as one batched network, and targets that follow them slowly.

The weights of N critics lie side by side along a first axis, so that a pass through all of them is one batched product
a layer. Taking the least of two counters the bias that a maximum over noisy values brings (Fujimoto, van Hoof and
Meger 2018, section 4.1); targets move by ``target + share (online - target)`` (Lillicrap and others 2016, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from .networks import Params, init_network
from .wide_layers import apply_wide

__all__ = ["apply_critics", "init_critics", "least", "soft_update"]


def init_critics(key: Any, sizes: Sequence[int], *, n_critics: int = 2) -> Params:
    """Weights ``(N, n_in, n_out)`` and biases ``(N, n_out)`` of N critics, each drawn on its own.

    Args:
        key: random key; consumed.
        sizes: numbers of inputs, of the units of each layer between, and of outputs (1 where the action is an input).
        n_critics: N.
    """
    return jax.vmap(lambda k: init_network(k, sizes))(jax.random.split(key, n_critics))


def apply_critics(params: Params, x: Any, activation: str = "relu") -> Any:
    """``(N, B, n_out)`` outputs of the critics for inputs ``(B, n_in)`` that they share, or ``(N, B, n_in)``.

    Args:
        params: of ``init_critics``.
        x: inputs.
        activation: between layers, ``relu`` or ``tanh``.
    """
    if x.ndim == 2:
        # Each critic a copy: a product with inputs in common leads to a gradient through a slow transposed copy.
        x = jnp.broadcast_to(x, (params[0].weight.shape[0], *x.shape))
    if activation == "relu":
        return jax.vmap(apply_wide)(params, x)
    for i, layer in enumerate(params):
        x = jnp.matmul(x, layer.weight) + layer.bias[:, None, :]
        if i < len(params) - 1:
            x = jnp.tanh(x)
    return x


def least(values: Any) -> Any:
    """``(B, ...)`` the least of the critics' values ``(N, B, ...)``."""
    return jnp.min(values, axis=0)


def soft_update(target: Any, online: Any, share: Any) -> Any:
    """The target moved by ``share`` of the way to the online weights: 0 leaves it, 1 copies.

    Args:
        target: any tree of arrays.
        online: of the same form.
        share: between 0 and 1.
    """
    # As a weighted sum, so that 1 copies exactly: t + 1 (o - t) rounds.
    return jax.tree.map(lambda t, o: (1.0 - share) * t + share * o, target, online)
