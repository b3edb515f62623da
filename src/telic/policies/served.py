"""A network acts with arithmetic that is defined: the same bits on any machine, in any batch, by any order of sums.

The sums inside a matrix product are rounded in an order that the library chooses by processor and shape, and library
functions (``tanh``, ``exp``) differ between versions. Here nothing of that can be seen in the result:

- what enters layer l is rounded to multiples of ``2^-a_l``, its weights to multiples of ``2^-w_l`` and its biases to
  multiples of ``2^-(a_l + w_l)``; products and sums of them are integers in the unit ``2^-(a_l + w_l)``;
- every integer up to ``2^53`` is a float64, so no product and no partial sum is rounded, in whatever order, fused or
  not, while for each output j

      sum_i X_i |W_ij| + |b_j| <= 2^53 units                                                     (the bound)

  with ``X_i`` the largest size of what enters. ``a_l`` and ``w_l`` are the finest grids that keep the bound, shared so
  that both make about the same error. Where that is too coarse, each weight is a coarse number and a fine rest, two
  exact products whose results are added once, rounded once;
- between layers come ``rational_tanh`` (single operations of IEEE 754) or the larger of 0 and z (exact).

How far that can be from the same weights in exact arithmetic is bounded with it (``error``): by what rounding does to
weights and activations, carried through each layer by its absolute sums or its largest singular value, whichever is
less.

Needs: float64 of IEEE 754, rounded to the nearest, without flushing small numbers to zero (none here are below 2^-60).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Num

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError, SettingsError
from telic.typing import FloatArray, LongArray

from .equality import PolicyEquality, compare_outputs
from .heads import CategoricalHead, MultiCategoricalHead
from .network import NetworkPolicy
from .rational import TANH_ERROR, rational_tanh

__all__ = ["ServedLayer", "ServedPolicy", "serve"]

EXACT_BITS = 53
"""Integers up to ``2^53`` are float64 numbers."""

MOST_BITS, LEAST_BITS = 40, 2
"""Finest grid ``2^-40`` and coarsest ``2^-2``."""

COARSE_BITS = 16
"""Of the coarse part of a weight that has a rest."""

LARGEST = 100.0
"""Scaled observations up to this size are taken where the policy clips nothing."""

TOLERANCE = 1e-4
"""Bound of the error above which weights get a rest, and above which even then the network is refused. Measured errors
are some tenth or hundredth of their bounds, which suppose that everything is as large as it can be and that all
rounding goes one way.
"""


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


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedPolicy:
    """A policy with defined arithmetic; made by ``serve``.

    Attributes:
        policy: the float original.
        layers: its layers on their grids.
        largest: size of a scaled observation up to which the bound holds; the policy's ``clip`` where that is finite.
        error: proved bound of the difference of any output from exact arithmetic with the weights of ``policy``.
    """

    policy: NetworkPolicy
    layers: tuple[ServedLayer, ...]
    largest: float
    error: float

    def outputs(self, observations: Num[np.ndarray, "*n D"]) -> Float[np.ndarray, "..."]:
        """``(..., n_outputs)`` float64 parameters of the head: the same bits for one as for many.

        Raises:
            DataError: an observation has another length, is not finite, or is larger than ``largest`` when scaled.
        """
        x = np.asarray(observations, dtype=np.float32)
        if x.ndim > 2:
            flat = self.outputs(x.reshape(-1, x.shape[-1]))
            return flat.reshape(*x.shape[:-1], flat.shape[-1])
        z = self._entering(x)
        last = len(self.layers) - 1
        for i, (layer, rescale, unit, rest_unit) in enumerate(self._steps):
            rest = None if layer.rest is None else np.dot(z, layer.rest)
            z = np.dot(z, layer.weight)
            z += layer.bias
            z *= unit  # a power of two: exact
            if rest is not None:
                rest *= rest_unit
                z += rest
            if i < last:
                if self._is_tanh:
                    z = rational_tanh(z)
                else:
                    np.maximum(z, 0.0, out=z)
                z *= rescale  # a power of two
                np.rint(z, z)
        return z

    def mode(self, observations: Num[np.ndarray, "*n D"]) -> Num[np.ndarray, "..."]:
        """``(...,)`` or ``(..., dimensions)``: the most probable action, the lowest index where tied."""
        out = self.outputs(observations)
        head = self.policy.head
        if isinstance(head, CategoricalHead):
            return np.asarray(out.argmax(-1))
        if isinstance(head, MultiCategoricalHead):
            return np.asarray(head.mode(out))
        M, D = head.n_components, head.n_dimensions
        first = M if M > 1 else 0
        u = out[..., first : first + M * D].reshape(*out.shape[:-1], M, D)
        best = np.argmax(out[..., :M], axis=-1) if M > 1 else np.zeros(out.shape[:-1], dtype=np.int64)
        u = np.take_along_axis(u, best[..., None, None], axis=-2)[..., 0, :]
        kept = rational_tanh(u) if head.is_squashed else np.clip(u, -1.0, 1.0)
        middle, half = head.middle.astype(np.float64), head.half.astype(np.float64)
        return np.asarray(middle + half * kept)

    def against(self, observations: Num[np.ndarray, "n D"]) -> PolicyEquality:
        """How far this is from the float original on such observations, ties reported."""
        p = self.policy
        return compare_outputs(
            p.head,
            p.outputs(observations),
            self.outputs(observations),
            p.mode(observations),
            self.mode(observations),
        )

    @cached_property
    def digest(self) -> str:
        """Digest of the grids, what is on them, and the policy."""
        columns = {"policy": self.policy.digest}
        for i, layer in enumerate(self.layers):
            columns |= {f"weight {i}": digest_array(layer.weight), f"bias {i}": digest_array(layer.bias)}
            columns |= {} if layer.rest is None else {f"rest {i}": digest_array(layer.rest)}
        bits = [(layer.input_bits, layer.weight_bits, layer.rest_bits) for layer in self.layers]
        return digest_columns({**columns, "bits": digest_array(np.array(bits, dtype=np.int64))})

    @cached_property
    def _is_tanh(self) -> bool:
        return self.policy.activation == "tanh"

    @cached_property
    def _steps(self) -> tuple[tuple[ServedLayer, FloatArray, FloatArray, FloatArray], ...]:
        """Layers, each with what brings its results to the grid of the next, and the units of its sums."""
        after = [*(layer.input_bits for layer in self.layers[1:]), 0]
        return tuple(
            (
                layer,
                np.array(2.0**bits),
                np.array(2.0 ** -(layer.input_bits + layer.weight_bits)),
                np.array(2.0 ** -(layer.input_bits + layer.rest_bits)),
            )
            for layer, bits in zip(self.layers, after, strict=True)
        )

    @cached_property
    def _scaling(self) -> tuple[bool, float, FloatArray]:
        """Whether observations must be scaled; the square sum that needs no closer look; the first grid."""
        p = self.policy
        is_plain = not np.any(p.shift) and bool(np.all(p.scale == 1))
        enough = self.largest * self.largest if math.isinf(p.clip) else np.finfo(np.float64).max
        return not is_plain, float(enough), np.array(2.0 ** self.layers[0].input_bits)

    def _entering(self, x: np.ndarray) -> FloatArray:
        """Observations, scaled as the float original scales them, as integers of the first grid."""
        p = self.policy
        if x.shape[-1:] != p.shift.shape:
            raise DataError(
                f"An observation must have {p.n_observations} numbers, got shape {x.shape}.",
                hint="In the order in which the policy was trained.",
            )
        must_scale, enough, grid = self._scaling
        scaled = (x - p.shift) / p.scale if must_scale else x
        z = scaled.astype(np.float32, copy=False).astype(np.float64)
        flat = z.ravel()
        # One product says at once that nothing is too large and nothing is NaN; its own rounding decides nothing.
        if not float(flat.dot(flat)) <= enough:
            self._look_closer(x, z)
        if not math.isinf(p.clip):
            np.minimum(np.maximum(z, -self.largest, out=z), self.largest, out=z)
        z *= grid
        return np.rint(z, z)

    def _look_closer(self, x: np.ndarray, scaled: FloatArray) -> None:
        if not np.all(np.isfinite(x)):
            rows = np.flatnonzero(~np.isfinite(x.reshape(-1, x.shape[-1])).all(axis=1))
            raise DataError(
                f"Observations must be finite; {len(rows)} are not (first: row {rows[0]}).",
                hint="A policy must not act on what was not measured.",
                rows=rows[:20].tolist(),
            )
        large = np.abs(scaled).reshape(-1, x.shape[-1]) > self.largest
        if math.isinf(self.policy.clip) and np.any(large):
            row, column = (int(i[0]) for i in np.nonzero(large))
            raise DataError(
                f"Observation {column} of row {row} is {scaled.reshape(large.shape)[row, column]:g} when scaled, beyond"
                f" the {self.largest:g} up to which this policy's sums are exact.",
                hint="Give the policy a `clip`, or serve it with a larger `largest`.",
            )


def serve(policy: NetworkPolicy, *, largest: float = LARGEST, tolerance: float = TOLERANCE) -> ServedPolicy:
    """The policy with defined arithmetic.

    Args:
        policy: what acts.
        largest: size of scaled observations to be ready for, where the policy has no finite ``clip``; larger ones are
            refused when acting. More leaves coarser grids.
        tolerance: largest proved error of an output.

    Raises:
        SettingsError: no grids keep both the bound and the tolerance: weights or observations are too large.
    """
    for name, value in (("largest", largest), ("tolerance", tolerance)):
        if not 0 < value < math.inf:
            raise SettingsError(
                f"`{name}` must be finite and above 0, got {value}.", hint="100 and 1e-4 are usual."
            )
    limit = float(np.float32(policy.clip)) if math.isfinite(policy.clip) else float(largest)
    served = _served(policy, limit, has_rest=False)
    if served.error > tolerance:
        served = _served(policy, limit, has_rest=True)
    if served.error > tolerance:
        raise SettingsError(
            f"Rounding could change an output of this network by {served.error:.2g}, above {tolerance:g}: its sums are"
            " so large that no finer grid keeps them exact.",
            hint="Give the policy a `clip` (or a smaller `largest`), train with smaller weights, or allow more with"
            " `tolerance`.",
        )
    return served


def _served(policy: NetworkPolicy, limit: float, *, has_rest: bool) -> ServedPolicy:
    size = np.full(policy.n_observations, limit)
    error = np.zeros(policy.n_observations)
    layers: list[ServedLayer] = []
    for i, dense in enumerate(policy.layers):
        W, b = dense.weight.astype(np.float64), dense.bias.astype(np.float64)
        layer = _on_grids(W, b, size, has_rest=has_rest)
        if layer is None:
            raise SettingsError(
                f"Layer {i} of the network could reach sums of {np.max(size @ np.abs(W) + np.abs(b)):.3g}, for which no"
                " grid keeps every sum exact.",
                hint="Train with smaller weights, or give the policy a `clip`.",
            )
        layers.append(layer)
        error = _error_after(W, b, size, error + 0.5 * 2.0**-layer.input_bits, layer)
        if i < len(policy.layers) - 1:
            size, error = _activated(W, b, size, error, policy.activation, is_first=i == 0)
    return ServedPolicy(policy=policy, layers=tuple(layers), largest=limit, error=float(np.max(error)))


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
