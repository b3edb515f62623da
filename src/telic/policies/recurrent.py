"""A policy with a memory of its own making: a gated recurrent unit of plain arrays before a network.

With the scaled observation ``x`` and the memory ``h`` before it,

    r = s(x W_r + b_r + h U_r + c_r)             what is recalled of the memory
    z = s(x W_z + b_z + h U_z + c_z)             what is kept of it
    n = tanh(x W_n + b_n + r (h U_n + c_n))      what is new
    h' = z h + (1 - z) n,                        s(a) = 1 / (1 + exp(-a)),

and the network acts on ``h'``. The step is written once, for numpy and for the library that trains, so that what is
served is what was trained. The memory is the caller's: it is passed in and given back, and begins anew (0) with an
episode, as that of a ``WindowPolicy`` does.

References:
    Cho, van Merrienboer, Gulcehre, Bahdanau, Bougares, Schwenk and Bengio (2014), Learning phrase representations using
    RNN encoder-decoder for statistical machine translation, section 2.3; with ``r`` after the product, as in cuDNN.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError
from telic.reports import Provenance

from .heads import Head
from .layers import Dense
from .network import NetworkPolicy
from .scaling import check_scaling, scaled_observations

__all__ = ["RecurrentPolicy", "gated"]


def gated(entering: Any, recalled: Any, memory: Any, xp: Any = np, axis: int = -1) -> Any:
    """The memory after one look.

    Args:
        entering: ``x W + b``, 3 M numbers along ``axis``: of r, z and n.
        recalled: ``h U + c``, the same of the memory.
        memory: ``h``, M numbers along ``axis``.
        xp: the array library.
        axis: of the numbers of a stream.
    """
    x_r, x_z, x_n = xp.split(entering, 3, axis=axis)
    h_r, h_z, h_n = xp.split(recalled, 3, axis=axis)
    # s(a) = (1 + tanh(a / 2)) / 2 cannot overflow.
    recall = 0.5 * (1.0 + xp.tanh(0.5 * (x_r + h_r)))
    keep = 0.5 * (1.0 + xp.tanh(0.5 * (x_z + h_z)))
    new = xp.tanh(x_n + recall * h_n)
    return keep * memory + (1.0 - keep) * new


@dataclass(frozen=True, kw_only=True, eq=False)
class RecurrentPolicy:
    """A distribution of actions given an observation and a memory that the caller keeps.

    Attributes:
        entering: ``(n_observations, 3 M)`` weights W and biases b.
        recalling: ``(M, 3 M)`` weights U and biases c.
        inner: the policy of the memory after the look; it scales nothing.
        shift: ``(n_observations,)`` subtracted first, in the unit of each observation.
        scale: ``(n_observations,)`` divided by, above 0.
        clip: largest size of a scaled observation that is seen; infinite: any.
        provenance: how this was made.
    """

    entering: Dense
    recalling: Dense
    inner: NetworkPolicy
    shift: Float[np.ndarray, "D"]
    scale: Float[np.ndarray, "D"]
    clip: float = float("inf")
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        check_scaling(self.shift, self.scale, self.clip)
        M, inner = self.n_memory, self.inner
        if np.any(inner.shift != 0) or np.any(inner.scale != 1) or inner.clip < np.inf:
            raise DataError(
                "The inner policy must take the memory as it is, got one that scales it.",
                hint="Give it `shift` 0, `scale` 1 and no `clip`; those of the observation belong to the outer policy.",
            )
        for name, layer, n_in in (
            ("entering", self.entering, len(self.shift)),
            ("recalling", self.recalling, M),
        ):
            if layer.weight.shape != (n_in, 3 * M) or layer.bias.shape != (3 * M,):
                raise DataError(
                    f"`{name}` must have weights of shape {(n_in, 3 * M)} and {3 * M} biases, got"
                    f" {layer.weight.shape} and {layer.bias.shape}.",
                    hint="Three columns for each number of the memory, which is what the inner policy observes.",
                )
            if not (np.all(np.isfinite(layer.weight)) and np.all(np.isfinite(layer.bias))):
                raise DataError(
                    f"`{name}` has weights that are not finite.",
                    hint="Training diverged: take the last checkpoint, and a smaller learning rate.",
                )

    @property
    def head(self) -> Head:
        """The family of actions."""
        return self.inner.head

    @property
    def n_observations(self) -> int:
        """Numbers of an observation."""
        return len(self.shift)

    @property
    def n_memory(self) -> int:
        """M."""
        return self.inner.n_observations

    def begin(self, observations: Num[np.ndarray, "n D"]) -> Float[np.ndarray, "n M"]:
        """The memory at the beginning of n episodes."""
        return np.zeros((len(observations), self.n_memory), np.float32)

    def act(
        self, memory: Float[np.ndarray, "n M"], observations: Num[np.ndarray, "n D"], key: int | None = None
    ) -> tuple[Num[np.ndarray, "..."], Float[np.ndarray, "n M"]]:
        """The actions, most probable or drawn with a key, and the memory after them."""
        after = self.remember(memory, observations)
        return self.inner.mode(after) if key is None else self.inner.sample(after, key), after

    def remember(
        self,
        memory: Float[np.ndarray, "n M"],
        observations: Num[np.ndarray, "n D"],
        actions: Num[np.ndarray, "..."] | None = None,
    ) -> Float[np.ndarray, "n M"]:
        """The memory after decisions, whoever made them; what was done is not remembered, only what was seen.

        Raises:
            DataError: an observation or a memory has another shape, or is not finite.
        """
        del actions
        x = scaled_observations(observations, self.shift, self.scale, self.clip)
        if memory.shape != (len(x), self.n_memory) or not np.all(np.isfinite(memory)):
            raise DataError(
                f"The memory must be finite and of shape {(len(x), self.n_memory)}, got {memory.shape}.",
                hint="Pass what `begin` or the last `act` gave, a row for each observation.",
            )
        entering = x @ self.entering.weight + self.entering.bias
        recalled = memory @ self.recalling.weight + self.recalling.bias
        return np.asarray(gated(entering, recalled, memory), dtype=np.float32)

    def log_prob(
        self,
        memory: Float[np.ndarray, "n M"],
        observations: Num[np.ndarray, "n D"],
        actions: Num[np.ndarray, "..."],
    ) -> Float[np.ndarray, "n"]:
        """``(n,)`` log-probability (choices) or log-density (amounts) of actions, with the memory before them."""
        out: Float[np.ndarray, "n"] = self.inner.log_prob(self.remember(memory, observations), actions)
        return out

    @cached_property
    def digest(self) -> str:
        """Digest of weights, scaling and the inner policy."""
        columns = {"shift": digest_array(self.shift), "scale": digest_array(self.scale)}
        for name, layer in (("entering", self.entering), ("recalling", self.recalling)):
            columns |= {
                f"{name} weight": digest_array(layer.weight),
                f"{name} bias": digest_array(layer.bias),
            }
        words = np.array(["gated", self.inner.digest, repr(self.clip)], dtype=object)
        return digest_columns({**columns, "form": digest_array(words)})
