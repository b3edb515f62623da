"""A policy that sees the last observations and actions beside the present one: for what one look does not show.

The input of its network is ``(o_t, o_{t-1}, a_{t-1}, k_{t-1}, ..., o_{t-n}, a_{t-n}, k_{t-n})``: choices as a column of
0 and 1 an alternative, amounts in half ranges from their middle, and ``k`` 1 where that decision was made in this
episode. Before its beginning the first observation is repeated, actions are 0, and so is ``k``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError, SettingsError
from telic.typing import FloatArray, LongArray

from .ensemble import EnsemblePolicy
from .heads import CategoricalHead, GaussianHead, Head
from .network import NetworkPolicy
from .served import ServedPolicy
from .served_ensemble import ServedEnsemble

__all__ = ["Memory", "WindowPolicy", "encode_actions", "windows"]


class Memory(NamedTuple):
    """What was seen and done lately in each of n streams, the latest first.

    Attributes:
        observations: ``(n, n_back, D)``.
        actions: ``(n, n_back, columns)`` encoded.
        known: ``(n, n_back)`` 1 where there was such a decision.
    """

    observations: FloatArray
    actions: FloatArray
    known: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowPolicy:
    """A policy of the present observation and a memory that the caller keeps.

    Attributes:
        inner: the policy of the whole window.
        n_back: earlier decisions that are seen.
    """

    inner: NetworkPolicy | EnsemblePolicy | ServedPolicy | ServedEnsemble
    n_back: int

    def __post_init__(self) -> None:
        if self.n_back < 1:
            raise SettingsError(
                f"`n_back` must be at least 1, got {self.n_back}.",
                hint="Without memory take the inner policy.",
            )
        columns = _encoded_columns(self.inner.head)
        if (self.inner.n_observations - self.n_back * (columns + 1)) % (self.n_back + 1):
            raise DataError(
                f"{self.inner.n_observations} inputs are no window of {self.n_back} earlier decisions.",
                hint="Give the `n_back` of the training.",
            )

    @property
    def n_observations(self) -> int:
        """Numbers of one observation."""
        columns = _encoded_columns(self.inner.head)
        return (self.inner.n_observations - self.n_back * (columns + 1)) // (self.n_back + 1)

    def begin(self, observations: Num[np.ndarray, "n D"]) -> Memory:
        """The memory at the beginning of n episodes, from what is seen first."""
        n, columns = len(observations), _encoded_columns(self.inner.head)
        first = np.asarray(observations, dtype=np.float64)
        return Memory(
            observations=np.repeat(first[:, None], self.n_back, axis=1),
            actions=np.zeros((n, self.n_back, columns)),
            known=np.zeros((n, self.n_back)),
        )

    def window(self, memory: Memory, observations: Num[np.ndarray, "n D"]) -> Float[np.ndarray, "n inputs"]:
        """``(n, inputs)`` of the inner policy."""
        back = np.concatenate([memory.observations, memory.actions, memory.known[..., None]], axis=-1)
        out: Float[np.ndarray, "n inputs"] = np.concatenate(
            [observations, back.reshape(len(observations), -1)], axis=1
        )
        return out

    def act(
        self, memory: Memory, observations: Num[np.ndarray, "n D"], key: int | None = None
    ) -> tuple[Num[np.ndarray, "..."], Memory]:
        """The actions, most probable or drawn with a key, and the memory after them.

        Raises:
            DataError: a key is given, and draws of the inner policy are not defined.
        """
        seen, inner = self.window(memory, observations), self.inner
        if key is None:
            actions = inner.mode(seen)
        elif isinstance(inner, ServedPolicy | ServedEnsemble):
            raise DataError(
                "Draws with defined arithmetic are not defined; only modes are.",
                hint="Act without a key, or by the float original.",
            )
        else:
            actions = inner.sample(seen, key)
        return actions, self.remember(memory, observations, actions)

    def remember(
        self, memory: Memory, observations: Num[np.ndarray, "n D"], actions: Num[np.ndarray, "..."]
    ) -> Memory:
        """The memory after decisions, whoever made them."""
        latest = encode_actions(self.inner.head, actions)
        return Memory(
            observations=np.concatenate([observations[:, None], memory.observations[:, :-1]], axis=1),
            actions=np.concatenate([latest[:, None], memory.actions[:, :-1]], axis=1),
            known=np.concatenate([np.ones((len(observations), 1)), memory.known[:, :-1]], axis=1),
        )

    @cached_property
    def digest(self) -> str:
        """Digest of the inner policy and of how far it sees back."""
        inner = digest_array(np.array([self.inner.digest], dtype=object))
        return digest_columns({"inner": inner, "n_back": digest_array(np.array([self.n_back]))})


def _encoded_columns(head: Head) -> int:
    """Columns that one action takes."""
    return head.n_dimensions if isinstance(head, GaussianHead) else head.n_outputs


def encode_actions(head: Head, actions: Num[np.ndarray, "..."]) -> FloatArray:
    """``(n, columns)``: 0 and 1 for choices, half ranges from the middle for amounts."""
    if isinstance(head, GaussianHead):
        scaled: FloatArray = ((actions - head.middle) / head.half).astype(np.float64)
        return scaled
    counts = (head.n_actions,) if isinstance(head, CategoricalHead) else head.counts
    several = actions[:, None] if actions.ndim == 1 else actions
    return np.concatenate(
        [(several[:, i, None] == np.arange(n)).astype(np.float64) for i, n in enumerate(counts)], axis=1
    )


def windows(
    observations: Num[np.ndarray, "n D"],
    actions: Num[np.ndarray, "..."],
    offsets: LongArray,
    head: Head,
    n_back: int,
) -> Float[np.ndarray, "n inputs"]:
    """``(n, inputs)`` windows of recorded decisions, none across the beginning of a trajectory.

    Args:
        observations: flat rows.
        actions: what was done in each.
        offsets: where trajectories begin.
        head: family of actions.
        n_back: earlier decisions.
    """
    row = np.arange(len(observations))
    start = np.repeat(offsets[:-1], np.diff(offsets))
    encoded = encode_actions(head, actions)
    parts = [np.asarray(observations, dtype=np.float64)]
    for back in range(1, n_back + 1):
        known = (row - back >= start).astype(np.float64)[:, None]
        at = np.maximum(row - back, start)
        parts += [parts[0][at], encoded[at] * known, known]
    out: Float[np.ndarray, "n inputs"] = np.concatenate(parts, axis=1)
    return out
