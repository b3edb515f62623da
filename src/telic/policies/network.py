"""A policy as a feed-forward network of plain arrays: no engine is needed to act by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Num

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError
from telic.reports import Provenance

from .heads import Head
from .layers import Activation, Dense, check_layers, forward

__all__ = ["NetworkPolicy"]


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkPolicy:
    """A distribution of actions given an observation.

    The observation is brought to ``(x - shift) / scale`` and clipped to ``[-clip, clip]`` before the first layer.

    Attributes:
        layers: weights and biases in float32, in order.
        activation: between layers.
        head: what the outputs mean.
        shift: ``(n_observations,)`` subtracted first, in the unit of each observation.
        scale: ``(n_observations,)`` divided by, above 0.
        clip: largest size of a scaled observation that the network sees; infinite: any.
        provenance: how this was made.
    """

    layers: tuple[Dense, ...]
    activation: Activation
    head: Head
    shift: Float[np.ndarray, "D"]
    scale: Float[np.ndarray, "D"]
    clip: float = float("inf")
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if self.shift.ndim != 1 or self.shift.shape != self.scale.shape:
            raise DataError(
                f"`shift` and `scale` must have one number an observation, got {self.shift.shape} and"
                f" {self.scale.shape}.",
                hint="0 and 1 where observations are taken as they are.",
            )
        if not (
            np.all(np.isfinite(self.shift)) and np.all(np.isfinite(self.scale)) and np.all(self.scale > 0)
        ):
            raise DataError(
                "`shift` must be finite and `scale` finite and above 0.",
                hint="An observation that never moves has scale 1.",
            )
        if not self.clip > 0:
            raise DataError(f"`clip` must be above 0, got {self.clip}.", hint="Infinite: no clipping.")
        check_layers(self.layers, len(self.shift), self.head.n_outputs, self.activation)

    @property
    def n_observations(self) -> int:
        """Numbers of an observation."""
        return len(self.shift)

    def outputs(self, observations: Num[np.ndarray, "*n D"]) -> Float[np.ndarray, "..."]:
        """``(..., n_outputs)`` float32 parameters of the head.

        Raises:
            DataError: an observation has another length, or is not finite.
        """
        x = np.asarray(observations, dtype=np.float32)
        if x.shape[-1:] != self.shift.shape:
            raise DataError(
                f"An observation must have {self.n_observations} numbers, got shape {x.shape}.",
                hint="In the order in which the policy was trained.",
            )
        if not np.all(np.isfinite(x)):
            rows = np.flatnonzero(~np.isfinite(x.reshape(-1, self.n_observations)).all(axis=1))
            raise DataError(
                f"Observations must be finite; {len(rows)} are not (first: row {rows[0]}).",
                hint="A policy must not act on what was not measured.",
                rows=rows[:20].tolist(),
            )
        x = np.clip((x - self.shift) / self.scale, -self.clip, self.clip).astype(np.float32)
        out: Float[np.ndarray, "..."] = forward(self.layers, x, self.activation)
        return out

    def log_prob(
        self, observations: Num[np.ndarray, "*n D"], actions: Num[np.ndarray, "..."]
    ) -> Float[np.ndarray, "..."]:
        """``(...,)`` log-probability (discrete) or log-density (amounts) of the actions."""
        out: Float[np.ndarray, "..."] = self.head.log_prob(self.outputs(observations), actions)
        return out

    def mode(self, observations: Num[np.ndarray, "*n D"]) -> Num[np.ndarray, "..."]:
        """``(...,)`` or ``(..., dimensions)``: the most probable action."""
        return np.asarray(self.head.mode(self.outputs(observations)))

    def sample(self, observations: Num[np.ndarray, "*n D"], key: int) -> Num[np.ndarray, "..."]:
        """``(...,)`` or ``(..., dimensions)`` actions drawn with the given key."""
        out = self.outputs(observations)
        rng = np.random.default_rng(key)
        noise = self.head.noise(
            out.shape[:-1], lambda shape: rng.gumbel(size=shape), lambda shape: rng.normal(size=shape)
        )
        return np.asarray(self.head.sample(out, noise.astype(np.float32)))

    @cached_property
    def digest(self) -> str:
        """Digest of weights, normaliser, activation and head."""
        columns = {"shift": digest_array(self.shift), "scale": digest_array(self.scale)}
        for i, layer in enumerate(self.layers):
            columns |= {f"weight {i}": digest_array(layer.weight), f"bias {i}": digest_array(layer.bias)}
        words = np.array([self.activation, repr(self.head), repr(self.clip)], dtype=object)
        return digest_columns({**columns, "form": digest_array(words)})
