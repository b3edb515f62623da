"""A policy as a feed-forward network of plain arrays: no engine is needed to act by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Num

from telic._core.hashing import digest_array, digest_columns
from telic.reports import Provenance

from .heads import Head
from .layers import Activation, Dense, check_layers, forward
from .scaling import check_scaling, scaled_observations

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
        check_scaling(self.shift, self.scale, self.clip)
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
        x = scaled_observations(observations, self.shift, self.scale, self.clip)
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
