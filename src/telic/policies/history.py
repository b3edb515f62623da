"""A policy whose probabilities depend on the state before as well as on the state now.

Experts who remember do not choose by the state alone. The table holds one row for each (previous, current)
pair that was ever seen; a pair never seen has the row of ``unseen``. The first decision of a trajectory has
no previous state: it is written -1 and is a pair of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError
from telic.reports import Provenance
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, IntArray, LongArray

__all__ = ["HistoryPolicy", "previous_states"]


@dataclass(frozen=True, kw_only=True, eq=False)
class HistoryPolicy:
    """Action probabilities given the previous and the current state.

    Attributes:
        previous: ``(M,)`` int32 previous state of each row, -1 for none; rows in lexicographic order.
        current: ``(M,)`` int32 current state of each row.
        table: ``(M, A)`` probabilities; each row sums to 1, or to 0 for no support.
        unseen: ``(S, A)`` probabilities in the current state after a previous state never seen with it.
        provenance: how this was made.
    """

    previous: IntArray
    current: IntArray
    table: FloatArray
    unseen: FloatArray
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        rows = len(self.table)
        if self.table.ndim != 2 or self.unseen.ndim != 2 or self.table.shape[1] != self.unseen.shape[1]:
            raise DataError(
                f"`table` and `unseen` must be (M, A) and (S, A), "
                f"got {self.table.shape} and {self.unseen.shape}.",
                hint="Both hold one probability an action.",
            )
        if self.previous.shape != (rows,) or self.current.shape != (rows,):
            raise DataError(
                f"`previous` and `current` must have one state a row ({rows}), "
                f"got {self.previous.shape} and {self.current.shape}.",
                hint="One row a (previous, current) pair that was seen.",
            )
        if rows and (
            self.previous.min() < -1
            or self.current.min() < 0
            or max(self.previous.max(), self.current.max()) >= self.n_states
        ):
            raise DataError(
                f"States of a history must be below {self.n_states} (and a previous state at least -1).",
                hint="`unseen` has one row a state.",
            )
        if np.any(np.diff(self._pairs) <= 0):
            raise DataError(
                "Rows of a history policy must be distinct pairs in lexicographic order.",
                hint="Sort by previous, then current state.",
            )
        for name, table in (("table", self.table), ("unseen", self.unseen)):
            sums = table.sum(axis=1)
            wrong = np.flatnonzero(~((np.abs(sums - 1) <= 1e-6) | (sums == 0)) | np.any(table < 0, axis=1))
            if len(wrong):
                raise DataError(
                    f"Rows of `{name}` must be probabilities that sum to 1 (or all 0 for no support); "
                    f"{len(wrong)} are not (first: row {wrong[0]}, sum {sums[wrong[0]]}).",
                    hint="Normalise the rows.",
                )

    @property
    def n_states(self) -> int:
        """S."""
        return int(self.unseen.shape[0])

    @property
    def n_actions(self) -> int:
        """A."""
        return int(self.unseen.shape[1])

    @cached_property
    def _pairs(self) -> LongArray:
        return (self.previous.astype(np.int64) + 1) * self.n_states + self.current

    def probabilities(self, previous: IntArray, states: IntArray) -> FloatArray:
        """``(n, A)`` action probabilities after ``previous`` (-1: none) in ``states``."""
        wanted = (np.asarray(previous, dtype=np.int64) + 1) * self.n_states + states
        if not len(self._pairs):
            return self.unseen[states]
        place = np.minimum(np.searchsorted(self._pairs, wanted), len(self._pairs) - 1)
        found = self._pairs[place] == wanted
        return np.where(found[:, None], self.table[place], self.unseen[states])

    def log_prob(self, previous: IntArray, states: IntArray, actions: IntArray) -> FloatArray:
        """``(n,)`` log-probabilities of ``actions``; -inf where the policy never acts so."""
        table = self.probabilities(previous, states)
        with np.errstate(divide="ignore"):
            return np.log(table[np.arange(len(table)), actions])

    def decision_log_probs(self, demos: Demonstrations) -> FloatArray:
        """``(n,)`` log-probability of every demonstrated decision given the state before it."""
        states, _ = demos.require_states()
        return self.log_prob(previous_states(demos), states, demos.actions)

    @cached_property
    def digest(self) -> str:
        """Digest of pairs and probabilities."""
        return digest_columns(
            {name: digest_array(getattr(self, name)) for name in ("previous", "current", "table", "unseen")}
        )


def previous_states(demos: Demonstrations) -> IntArray:
    """``(n,)`` int32 state of the decision before, -1 at the start of each trajectory."""
    states, _ = demos.require_states()
    before = np.empty_like(states)
    before[1:] = states[:-1]
    before[demos.step_index == 0] = -1
    return before
