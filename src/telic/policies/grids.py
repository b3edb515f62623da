"""A network on grids so coarse that no sum is rounded, and the proof of what that changes (see ``served``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from telic.errors import DataError, SettingsError
from telic.typing import FloatArray, LongArray

from .network import NetworkPolicy
from .rational import TANH_ERROR

__all__ = ["ServedLayer", "network_on_grids", "proved_on_grids"]

EXACT_BITS = 53
"""Integers up to ``2^53`` are float64 numbers."""

MOST_BITS, LEAST_BITS = 40, 2
"""Finest grid ``2^-40`` and coarsest ``2^-2``."""

COARSE_BITS = 16
"""Of the coarse part of a weight that has a rest."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedLayer:
    """A layer on its grids.

    Attributes:
        weight: ``(n_in, n_out)`` integers, in units of ``2^-weight_bits``.
        bias: ``(n_out,)`` integers, in units of ``2^-(input_bits + weight_bits)``.
        input_bits: a; what enters is rounded to multiples of ``2^-a``.
        weight_bits: w.
        largest_sum: left side of the bound, in its units, the larger of the two products; at most ``2^53``.
        rest: ``(n_in, n_out)`` integers, in units of ``2^-rest_bits``, to be added to the weights; or None.
        rest_bits: see ``rest``.
    """

    weight: FloatArray
    bias: FloatArray
    input_bits: int
    weight_bits: int
    largest_sum: int
    rest: FloatArray | None = None
    rest_bits: int = 0

    @property
    def effective(self) -> FloatArray:
        """``(n_in, n_out)`` the weights that act, in float64."""
        W = self.weight * 2.0**-self.weight_bits
        return W if self.rest is None else W + self.rest * 2.0**-self.rest_bits


def network_on_grids(
    policy: NetworkPolicy, limit: float, *, has_rest: bool
) -> tuple[tuple[ServedLayer, ...], float]:
    """Layers on the finest grids that keep the bound, and the proved error of any output.

    Args:
        policy: the float original.
        limit: largest size of a scaled observation.
        has_rest: whether each weight is a coarse number and a fine rest.

    Raises:
        SettingsError: a layer has no such grids.
    """

    def placed(i: int, W: FloatArray, b: FloatArray, size: FloatArray) -> ServedLayer:
        layer = _on_grids(W, b, size, has_rest=has_rest)
        if layer is None:
            raise SettingsError(
                f"Layer {i} of the network could reach sums of {np.max(size @ np.abs(W) + np.abs(b)):.3g}, for which no"
                " grid keeps every sum exact.",
                hint="Train with smaller weights, or give the policy a `clip`.",
            )
        return layer

    return _through(policy, limit, placed)


def proved_on_grids(
    policy: NetworkPolicy, layers: Sequence[ServedLayer], limit: float
) -> tuple[tuple[ServedLayer, ...], float]:
    """The same proof for layers that were put on their grids before: their sums counted anew, and the error.

    Raises:
        DataError: a layer is of another shape, on no grid, or its sums could be rounded.
    """
    if len(layers) != len(policy.layers):
        raise DataError(
            f"A network of {len(policy.layers)} layers needs as many on grids, got {len(layers)}.",
            hint="Serve the policy again.",
        )

    def checked(i: int, W: FloatArray, b: FloatArray, size: FloatArray) -> ServedLayer:
        layer = layers[i]
        rest = np.zeros_like(W) if layer.rest is None else layer.rest
        bits = (layer.input_bits, layer.weight_bits, MOST_BITS if layer.rest is None else layer.rest_bits)
        parts = (layer.weight, layer.bias, rest)
        entering = np.ceil(size * 2.0**layer.input_bits)
        if (
            [p.shape for p in parts] != [W.shape, b.shape, W.shape]
            or not all(LEAST_BITS <= n <= MOST_BITS for n in bits)
            or not all(np.all(np.isfinite(p)) and np.array_equal(p, np.rint(p)) for p in parts)
            or (most := _largest_sum(entering, layer.weight, layer.bias)) > 2**EXACT_BITS
            or (fine := _largest_sum(entering, rest, np.zeros(W.shape[1]))) > 2**EXACT_BITS
        ):
            raise DataError(
                f"Layer {i} is on no grid of this network that keeps every sum exact.",
                hint="Serve the policy again.",
            )
        return replace(layer, bias=layer.bias + 0.0, largest_sum=max(most, fine))

    return _through(policy, limit, checked)


def _through(
    policy: NetworkPolicy,
    limit: float,
    place: Callable[[int, FloatArray, FloatArray, FloatArray], ServedLayer],
) -> tuple[tuple[ServedLayer, ...], float]:
    """Layer by layer: what may enter, its grids, and what the outputs are off by."""
    size = np.full(policy.n_observations, limit)
    error = np.zeros(policy.n_observations)
    layers: list[ServedLayer] = []
    for i, dense in enumerate(policy.layers):
        W, b = dense.weight.astype(np.float64), dense.bias.astype(np.float64)
        layer = place(i, W, b, size)
        layers.append(layer)
        error = _error_after(W, b, size, error + 0.5 * 2.0**-layer.input_bits, layer)
        if i < len(policy.layers) - 1:
            size, error = _activated(W, b, size, error, policy.activation, is_first=i == 0)
    return tuple(layers), float(np.max(error))


def _on_grids(W: FloatArray, b: FloatArray, size: FloatArray, *, has_rest: bool) -> ServedLayer | None:
    """The layer on the finest grids that keep the bound; None where there are none."""
    total, reach = float(np.max(size @ np.abs(W) + np.abs(b))), float(np.sum(size))
    # Errors are sum_i |W_ij| 2^-a and sum_i X_i 2^-w: equal where a - w = log2(sum |W| / sum X).
    lean = math.log2(max(float(np.max(np.sum(np.abs(W), axis=0))), 1e-9) / reach)
    free = EXACT_BITS - math.ceil(math.log2(max(total, 2.0**-20)))
    for spent in range(free, 2 * LEAST_BITS - 1, -1):
        a = round((spent + lean) / 2) if not has_rest else spent - COARSE_BITS
        a = min(max(a, LEAST_BITS), MOST_BITS)
        w = min(spent - a, MOST_BITS)
        if w < LEAST_BITS:
            return None
        # Adding 0 makes -0 into 0, so that no output shows the sign of a zero, which does depend on the order of sums.
        weight, bias = np.rint(W * 2.0**w), np.rint(b * 2.0 ** (a + w)) + 0.0
        most = _largest_sum(np.ceil(size * 2.0**a), weight, bias)
        if most > 2**EXACT_BITS:
            continue
        layer = ServedLayer(weight=weight, bias=bias, input_bits=a, weight_bits=w, largest_sum=most)
        return _with_rest(layer, W, size) if has_rest else layer
    return None


def _with_rest(layer: ServedLayer, W: FloatArray, size: FloatArray) -> ServedLayer:
    """The layer with what its coarse weights leave, on the finest grid that keeps the bound."""
    left = W - layer.weight * 2.0**-layer.weight_bits
    entering = np.ceil(size * 2.0**layer.input_bits)
    for bits in range(MOST_BITS, layer.weight_bits, -1):
        rest = np.rint(left * 2.0**bits)
        most = _largest_sum(entering, rest, np.zeros(W.shape[1]))
        if most <= 2**EXACT_BITS:
            return replace(layer, rest=rest, rest_bits=bits, largest_sum=max(most, layer.largest_sum))
    return layer


def _largest_sum(entering: FloatArray, weight: FloatArray, bias: FloatArray) -> int:
    """Left side of the bound, exactly; any number above ``2^53`` where it is beyond it by far."""
    if not np.max(entering @ np.abs(weight) + np.abs(bias)) <= 2.0 ** (EXACT_BITS + 1):
        return 1 << (EXACT_BITS + 1)
    sums: LongArray = entering.astype(np.int64) @ np.abs(weight).astype(np.int64) + np.abs(bias).astype(
        np.int64
    )
    return int(sums.max())


def _error_after(
    W: FloatArray, b: FloatArray, size: FloatArray, error: FloatArray, layer: ServedLayer
) -> FloatArray:
    """``(n_out,)`` bound of what a layer's sums are off by, given what enters is off by ``error``."""
    unit = 2.0 ** -(layer.input_bits + layer.weight_bits)
    carried = np.minimum(error @ np.abs(W), np.linalg.norm(W, 2) * float(np.linalg.norm(error)))
    rounded = size @ np.abs(W - layer.effective) + np.abs(b - layer.bias * unit)
    out: FloatArray = (carried + rounded) * (1 + 1e-9)
    return out


def _activated(
    W: FloatArray, b: FloatArray, size: FloatArray, error: FloatArray, activation: str, *, is_first: bool
) -> tuple[FloatArray, FloatArray]:
    """Largest size of what leaves the activation, and what it is off by."""
    if activation == "tanh":
        return np.full(len(b), 1.0 + 2.0**-20), error + TANH_ERROR
    inside = np.abs(W) if is_first else np.maximum(W, 0.0)  # past the first layer nothing is below 0
    top: FloatArray = np.maximum(size @ inside + b, 0.0) + error
    return top * (1 + 1e-9), error
