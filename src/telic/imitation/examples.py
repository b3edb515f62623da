"""What a network learns from: a matrix of observations, the action of each row, and which rows follow each other.

From ``Demonstrations`` their observed columns become the matrix in the order that is stated, a category as one column
of 0 and 1 a label. Amounts (a torque, a dose) are columns too, and are named as actions. Everything is checked here,
once, so that nothing that is not finite, out of bounds or of one action only reaches a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError, SettingsError
from telic.policies.heads import CategoricalHead, GaussianHead, Head, MultiCategoricalHead
from telic.trajectories import Demonstrations
from telic.typing import FloatArray, LongArray

__all__ = ["Examples"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Decisions: flat rows, and where trajectories begin.

    Attributes:
        observations: ``(n, D)`` float32, in the unit of each column.
        actions: ``(n,)`` int32 for one choice, ``(n, choices)`` int32 for several, ``(n, dimensions)`` float32 amounts.
        offsets: ``(N + 1,)`` int64, from 0 to n: rows ``offsets[i]:offsets[i + 1]`` are one trajectory, in order.
        weights: ``(n,)`` float32, at least 0.
        names: of the columns.
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.int32] | NDArray[np.float32]
    offsets: LongArray
    weights: NDArray[np.float32]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.observations)
        if not n:
            raise DataError(
                "Cloning needs at least one decision, got none.",
                hint="Check the split or the filter that left nothing.",
            )
        if self.observations.ndim != 2 or len(self.names) != self.observations.shape[1]:
            raise DataError(
                f"Observations must be (decisions, {len(self.names)} columns), got shape {self.observations.shape}.",
                hint="One row a decision, one column a name.",
            )
        if len(self.actions) != n or self.weights.shape != (n,):
            raise DataError(
                f"There must be one action and one weight for each of the {n} observations, got"
                f" {len(self.actions)} and {len(self.weights)}.",
                hint="Leave the last observation of an episode out: nothing was done there.",
            )
        off = self.offsets
        if len(off) < 2 or off[0] != 0 or off[-1] != n or np.any(np.diff(off) < 0):
            raise DataError(
                f"`offsets` must rise from 0 to {n}, got {off[:3].tolist()} ... {off[-1:].tolist()}.",
                hint="Row `offsets[i]` begins trajectory i.",
            )
        _finite(self.observations, "Observations", self.names)
        if self.actions.dtype.kind == "f":
            _finite(self.actions, "Actions", ())
        if not (np.all(np.isfinite(self.weights)) and np.all(self.weights >= 0) and self.weights.sum() > 0):
            raise DataError(
                "Weights must be finite, at least 0, and not all 0.",
                hint="1 where all decisions count alike.",
            )

    @classmethod
    def from_arrays(
        cls,
        observations: ArrayLike,
        actions: ArrayLike,
        *,
        offsets: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        names: Sequence[str] | None = None,
    ) -> Examples:
        """Examples from arrays.

        Args:
            observations: ``(n, D)``, or ``(n,)`` for one column.
            actions: whole numbers for choices, floating-point numbers for amounts; ``(n,)`` or ``(n, several)``.
            offsets: ``(N + 1,)``; default one trajectory.
            weights: ``(n,)``; default 1.
            names: of the columns; default ``0, 1, ...``.

        Raises:
            DataError: a length, a value or a type is wrong; the first row is named.
        """
        x = np.asarray(observations, dtype=np.float32)
        x = x[:, None] if x.ndim == 1 else x
        a = np.asarray(actions)
        if a.dtype.kind not in "iuf":
            raise DataError(
                f"Actions must be whole numbers (choices) or amounts, got type {a.dtype}.",
                hint="Number labels: `np.unique(actions, return_inverse=True)`.",
            )
        if a.dtype.kind == "f":
            a = a.astype(np.float32)
            a = a[:, None] if a.ndim == 1 else a
        return cls(
            observations=x,
            actions=a if a.dtype.kind == "f" else a.astype(np.int32),
            offsets=np.asarray([0, len(x)] if offsets is None else offsets, dtype=np.int64),
            weights=np.asarray(np.ones(len(x)) if weights is None else weights, dtype=np.float32),
            names=tuple(str(i) for i in range(x.shape[1] if x.ndim == 2 else 0))
            if names is None
            else tuple(names),
        )

    @classmethod
    def from_demonstrations(
        cls,
        demos: Demonstrations,
        *,
        columns: Sequence[str] | None = None,
        amounts: Sequence[str] | None = None,
    ) -> Examples:
        """Examples from demonstrations with observed columns.

        Args:
            demos: demonstrations; their weights count.
            columns: observed columns in the order wanted. Default: all, in their own order, without ``amounts``.
            amounts: columns that hold the amounts that were done, instead of the actions.

        Raises:
            DataError: there are no decisions or no such column, or a value is missing.
        """
        done = list(amounts or ())
        wanted = [c for c in demos.observations if c not in done] if columns is None else list(columns)
        missing = [c for c in (*wanted, *done) if c not in demos.observations]
        if missing or not wanted:
            raise DataError(
                f"There is no observed column {', '.join(missing) or 'to learn from'}; there are"
                f" {', '.join(demos.observations) or 'none'}.",
                hint="Networks learn from measurements; `behavioural_cloning` learns from states.",
            )
        parts: list[FloatArray] = []
        names: list[str] = []
        for column in wanted:
            values = np.asarray(demos.observations[column])
            if column in demos.categories:
                labels = demos.categories[column]
                parts += [(values == code).astype(np.float64) for code in range(len(labels))]
                names += [f"{column}={label}" for label in labels]
            else:
                parts.append(values.astype(np.float64))
                names.append(column)
        actions = np.stack([demos.observations[c] for c in done], axis=1) if done else demos.actions
        return cls.from_arrays(
            np.stack(parts, axis=1),
            actions.astype(np.float32) if done else actions,
            offsets=demos.offsets,
            weights=demos.weights,
            names=names,
        )

    @property
    def n_decisions(self) -> int:
        """Rows."""
        return len(self.observations)

    @property
    def n_trajectories(self) -> int:
        """Trajectories."""
        return len(self.offsets) - 1

    def select(self, trajectories: ArrayLike) -> Examples:
        """Some of the trajectories: ``(N,)`` booleans or indices."""
        chosen = np.asarray(trajectories)
        which = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        spans = [np.arange(self.offsets[i], self.offsets[i + 1]) for i in which]
        rows = np.concatenate(spans) if spans else np.zeros(0, dtype=np.int64)
        ends = np.cumsum([len(s) for s in spans], dtype=np.int64)
        return self._rows(rows, np.concatenate([[0], ends]).astype(np.int64))

    def split(self, held_out: float, key: int) -> tuple[Examples, Examples | None]:
        """``(to train on, held out)``: whole trajectories, or the end of the only one; None where nothing is held out.

        Args:
            held_out: share, in [0, 1).
            key: which ones.

        Raises:
            SettingsError: the share lies outside its range.
        """
        if not 0 <= held_out < 1:
            raise SettingsError(
                f"`held_out` must lie in [0, 1), got {held_out}.", hint="0.1 to 0.2 is usual."
            )
        if self.n_trajectories > 1:
            n = max(1, round(held_out * self.n_trajectories)) if held_out else 0
            chosen = np.zeros(self.n_trajectories, dtype=bool)
            chosen[np.random.default_rng(key).permutation(self.n_trajectories)[:n]] = True
            spans = np.diff(self.offsets)
            if n and spans[chosen].sum() and spans[~chosen].sum():
                return self.select(~chosen), self.select(chosen)
            return self, None
        n = round(held_out * self.n_decisions)
        if not 0 < n < self.n_decisions:
            return self, None
        cut, every = self.n_decisions - n, np.arange(self.n_decisions)
        return (
            self._rows(every[:cut], np.array([0, cut])),
            self._rows(every[cut:], np.array([0, n])),
        )

    def joined(self, other: Examples) -> Examples:
        """These and then the others.

        Raises:
            DataError: their columns differ.
        """
        if other.names != self.names or other.actions.shape[1:] != self.actions.shape[1:]:
            raise DataError(
                f"Examples of different columns cannot be joined: {self.names} and {other.names}.",
                hint="Observe the same, in the same order.",
            )
        return Examples(
            observations=np.concatenate([self.observations, other.observations]),
            actions=np.concatenate([self.actions, other.actions.astype(self.actions.dtype)]),
            offsets=np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]]),
            weights=np.concatenate([self.weights, other.weights]),
            names=self.names,
        )

    def head(self, *, bounds: tuple[ArrayLike, ArrayLike] | None = None, n_components: int = 1) -> Head:
        """The family of actions that these are of: as many alternatives as the largest index tells.

        Args:
            bounds: lowest and highest amount of each dimension; needed for amounts.
            n_components: bells of a mixture, for amounts.

        Raises:
            DataError: one action only was ever taken.
            SettingsError: amounts without bounds.
        """
        if self.actions.dtype.kind == "f":
            if bounds is None:
                raise SettingsError(
                    "Amounts need their `bounds`: the lowest and the highest that can be done.",
                    hint="Give the range of the actuator, not that of the data.",
                )
            low, high = (np.atleast_1d(np.asarray(b, dtype=float)) for b in bounds)
            return GaussianHead(low=tuple(low.tolist()), high=tuple(high.tolist()), n_components=n_components)
        several = self.actions.ndim == 2
        top = np.atleast_1d(self.actions.max(axis=0))
        if np.any(top < 1):
            raise DataError(
                "The experts took one action only, so there is nothing to tell apart.",
                hint="Look for a filter that dropped the others; where it is right, no policy is needed.",
            )
        counts = tuple(int(t) + 1 for t in top)
        return MultiCategoricalHead(counts=counts) if several else CategoricalHead(n_actions=counts[0])

    @cached_property
    def digest(self) -> str:
        """Digest of the content."""
        return digest_columns(
            {
                "observations": digest_array(self.observations),
                "actions": digest_array(self.actions),
                "offsets": digest_array(self.offsets),
                "weights": digest_array(self.weights),
                "names": digest_array(np.array(self.names, dtype=object)),
            }
        )

    def _rows(self, rows: LongArray, offsets: LongArray) -> Examples:
        return Examples(
            observations=self.observations[rows],
            actions=self.actions[rows],
            offsets=offsets,
            weights=self.weights[rows],
            names=self.names,
        )


def _finite(values: NDArray[Any], what: str, names: tuple[str, ...]) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        rows = np.flatnonzero(bad.any(axis=1))
        at = int(np.flatnonzero(bad[rows[0]])[0])
        raise DataError(
            f"{what} must be finite; {len(rows)} rows are not (first: row {rows[0]}, column"
            f" {names[at] if names else at}, {values[rows[0], at]}).",
            hint="Drop those rows, or say what stands for a missing measurement.",
            rows=rows[:20].tolist(),
        )
