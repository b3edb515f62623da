"""A policy as a table of probabilities, stationary ``(S, A)`` or indexed by time ``(T, S, A)``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from telic._core.hashing import digest_array
from telic.errors import DataError
from telic.reports import Provenance
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, IntArray

__all__ = ["TabularPolicy"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TabularPolicy:
    """Action probabilities of every state.

    Attributes:
        table: ``(S, A)`` or ``(T, S, A)``; each row sums to 1, or to 0 for no support (it says nothing).
    """

    table: FloatArray
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if self.table.ndim not in (2, 3) or not np.all(np.isfinite(self.table)) or np.any(self.table < 0):
            raise DataError(
                "A policy table must be (S, A) or (T, S, A), finite and not negative, "
                f"got shape {self.table.shape}.",
                hint="Give probabilities, not logits.",
            )
        sums = self.table.sum(axis=-1)
        bad = np.flatnonzero((np.abs(sums - 1) > 1e-6) & (sums != 0))
        if len(bad):
            raise DataError(
                f"Policy rows must sum to 1 (or 0 for no support); {len(bad)} do not "
                f"(first: row {bad[0]}, sum {sums.ravel()[bad[0]]}).",
                hint="Normalise the rows.",
            )

    def log_prob(self, states: IntArray, actions: IntArray) -> FloatArray:
        """``(n,)`` log-probabilities; -inf where the policy never acts so. Stationary tables only."""
        with np.errstate(divide="ignore"):
            return np.log(self.table[states, actions])

    def decision_log_probs(self, demos: Demonstrations) -> FloatArray:
        """``(n,)`` log-probability of each demonstrated decision; a timed table is read at its step."""
        states, _ = demos.require_states()
        if self.table.ndim == 2:
            return self.log_prob(states, demos.actions)
        with np.errstate(divide="ignore"):
            return np.log(self.table[demos.step_index, states, demos.actions])

    def mode(self, states: IntArray) -> IntArray:
        """``(n,)`` most probable action, the lowest index where tied. Stationary tables only."""
        best: IntArray = np.argmax(self.table[states], axis=-1).astype(np.int32)
        return best

    def sample(self, states: IntArray, key: int) -> IntArray:
        """``(n,)`` actions drawn with the given key. Stationary tables only.

        Raises:
            DataError: a state has no support.
        """
        u = np.random.default_rng(key).random((len(states), 1))
        cumulative = np.cumsum(self.table[states], axis=-1)
        silent = np.unique(states[cumulative[:, -1] <= 0])
        if len(silent):
            raise DataError(
                f"The policy says nothing in {len(silent)} of the states (first: {silent[:5].tolist()}).",
                hint="Give those states a distribution.",
                states=silent[:20].tolist(),
            )
        drawn: IntArray = np.minimum(
            (u * cumulative[:, -1:] >= cumulative).sum(axis=-1), self.table.shape[-1] - 1
        ).astype(np.int32)
        return drawn

    @cached_property
    def digest(self) -> str:
        """Digest of the table."""
        return digest_array(self.table)
