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
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Num

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError, SettingsError
from telic.typing import FloatArray

from .equality import PolicyEquality, compare_outputs
from .grids import ServedLayer, network_on_grids
from .heads import CategoricalHead, Head, MultiCategoricalHead
from .network import NetworkPolicy
from .rational import rational_tanh

__all__ = ["LARGEST", "TOLERANCE", "ServedPolicy", "serve_network"]

LARGEST = 100.0
"""Scaled observations up to this size are taken where the policy clips nothing."""

TOLERANCE = 1e-4
"""Bound of the error above which weights get a rest, and above which even then the network is refused. Measured errors
are some tenth or hundredth of their bounds, which suppose that everything is as large as it can be and that all
rounding goes one way.
"""


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

    @property
    def head(self) -> Head:
        """The family of actions."""
        return self.policy.head

    @property
    def n_observations(self) -> int:
        """Numbers of an observation."""
        return self.policy.n_observations

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
        columns["largest"] = digest_array(np.array([self.largest], dtype=np.float64))
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


def serve_network(
    policy: NetworkPolicy, *, largest: float = LARGEST, tolerance: float = TOLERANCE
) -> ServedPolicy:
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
    layers, error = network_on_grids(policy, limit, has_rest=False)
    if error > tolerance:
        layers, error = network_on_grids(policy, limit, has_rest=True)
    if error > tolerance:
        raise SettingsError(
            f"Rounding could change an output of this network by {error:.2g}, above {tolerance:g}: its sums are"
            " so large that no finer grid keeps them exact.",
            hint="Give the policy a `clip` (or a smaller `largest`), train with smaller weights, or allow more with"
            " `tolerance`.",
        )
    return ServedPolicy(policy=policy, layers=layers, largest=limit, error=error)
