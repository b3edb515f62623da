"""A feed-forward network as plain arrays, and its forward pass in any array library.

``h_0 = x``, ``h_{i+1} = f(h_i W_i + b_i)``, the last layer without ``f``. The pass is written once, for numpy and for
the library that trains (their functions have the same names), so that what is served is what was trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, SettingsError

__all__ = ["ACTIVATIONS", "Activation", "Dense", "check_layers", "forward"]

Activation: TypeAlias = Literal["relu", "tanh"]

ACTIVATIONS: tuple[str, ...] = get_args(Activation)
"""Functions between layers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense:
    """One layer, ``x W + b``.

    Attributes:
        weight: ``(n_in, n_out)`` W.
        bias: ``(n_out,)`` b.
    """

    weight: Float[np.ndarray, "n_in n_out"]
    bias: Float[np.ndarray, "n_out"]


def forward(layers: Sequence[Any], x: Any, activation: str, xp: Any = np) -> Any:
    """``(..., n_out)`` outputs of the last layer for inputs ``(..., n_in)``.

    Args:
        layers: pairs of ``weight`` and ``bias``.
        x: inputs.
        activation: one of ``ACTIVATIONS``.
        xp: the array library.
    """
    for i, layer in enumerate(layers):
        x = xp.matmul(x, layer.weight) + layer.bias
        if i < len(layers) - 1:
            x = xp.maximum(x, 0) if activation == "relu" else xp.tanh(x)
    return x


def check_layers(layers: Sequence[Dense], n_in: int, n_out: int, activation: str) -> None:
    """Refuse layers that do not fit together, or do not lead from ``n_in`` numbers to ``n_out``.

    Raises:
        DataError: shapes do not fit, or a weight is not finite.
        SettingsError: there is no such activation.
    """
    if activation not in ACTIVATIONS:
        raise SettingsError(
            f"`activation` must be one of {', '.join(ACTIVATIONS)}, got {activation!r}.",
            hint="tanh for small smooth networks, relu for wide ones.",
        )
    if not layers:
        raise DataError("A network needs at least one layer, got none.", hint="Give its weights and biases.")
    width = n_in
    for i, layer in enumerate(layers):
        if (
            layer.weight.ndim != 2
            or layer.weight.shape[0] != width
            or layer.bias.shape != layer.weight.shape[1:]
        ):
            raise DataError(
                f"Layer {i} must take {width} numbers and have as many biases as outputs, got a weight of shape"
                f" {layer.weight.shape} and a bias of shape {layer.bias.shape}.",
                hint="Weights are (inputs, outputs).",
            )
        if not (np.all(np.isfinite(layer.weight)) and np.all(np.isfinite(layer.bias))):
            raise DataError(
                f"Layer {i} has weights that are not finite.",
                hint="Training diverged: take the last checkpoint, and a smaller learning rate.",
            )
        width = layer.weight.shape[1]
    if width != n_out:
        raise DataError(
            f"The last layer must give {n_out} numbers, got {width}.", hint="The head says how many it needs."
        )
