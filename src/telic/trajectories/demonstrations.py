"""Demonstrations: every decision of every trajectory, as flat columns and offsets.

A hundred million steps are a handful of arrays, never Python objects. Rows ``offsets[i]:offsets[i + 1]`` are
trajectory ``i``, in time order. Measured observations are named columns; ``states`` are the indices that a
state space (``telic.mdp.StateSpace``) or the caller gave them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from telic._core.hashing import digest_array, digest_columns
from telic.errors import DataError
from telic.reports import Finding, Provenance
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

from .demonstration_checks import ORIGINS, check_columns
from .trajectory import Trajectory

__all__ = ["Demonstrations"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Demonstrations:
    """Decisions of experts: flat columns of length ``n = sum(T_i)`` plus ``offsets`` (``N + 1``).

    Attributes:
        actions: ``(n,)`` int32 indices into ``action_labels``.
        offsets: ``(N + 1,)`` int64, from 0 to n, not decreasing.
        action_labels: name of each action.
        observations: column name to ``(n,)`` values before the action: float64 (number), int64 (integer),
            bool (boolean) or, for a category, int32 codes into ``categories[name]``.
        next_observations: same names, ``(n,)`` values after the action; rows with ``next_known`` False do not
            count.
        next_known: ``(n,)``; False where the record stops before the outcome was seen. None: nothing after is
            known.
        states: ``(n,)`` int32 state before the action, or None.
        next_states: ``(n,)`` int32 state after it, -1 where unknown, or None with ``states``.
        times: ``(n,)`` seconds, or None.
        trajectory_ids: ``(N,)`` names.
        demonstrators: ``(N,)`` int32 index into ``demonstrator_names`` (pseudonyms).
        terminated, truncated: ``(N,)`` how each trajectory ended; never both.
        goals: ``(N,)`` int32 destination state of each trajectory (goal-conditioned problems), or None.
        weights: ``(n,)`` non-negative weight of each decision, or None for 1.
        offered: ``(n, A)`` which actions could be taken at each decision, the taken one among them; None: not recorded.
        origins: ``(N,)`` int32 index into ``ORIGINS``, or None where nothing is said.
        succeeded: ``(N,)`` int32 1 where the task succeeded, 0 where it failed, -1 where it is not known; or None.
        labels: name to ``(N,)`` text about each trajectory: its scenario, session, quality.
        categories: name of each category observation to its labels, in the order of the codes.
        findings: what the checks noticed.
        provenance: how this was made.
    """

    actions: IntArray
    offsets: LongArray
    action_labels: tuple[str, ...]
    observations: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    next_observations: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    next_known: BoolArray | None = None
    states: IntArray | None = None
    next_states: IntArray | None = None
    times: FloatArray | None = None
    trajectory_ids: NDArray[Any]
    demonstrators: IntArray
    demonstrator_names: tuple[str, ...] = ("all",)
    terminated: BoolArray
    truncated: BoolArray
    goals: IntArray | None = None
    weights: FloatArray | None = None
    offered: BoolArray | None = None
    origins: IntArray | None = None
    succeeded: IntArray | None = None
    labels: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        check_columns(self)

    @classmethod
    def from_arrays(
        cls,
        states: ArrayLike,
        actions: ArrayLike,
        *,
        next_states: ArrayLike | None = None,
        offsets: ArrayLike | None = None,
        trajectory_ids: Sequence[str] | None = None,
        demonstrators: Sequence[str] | None = None,
        action_labels: Sequence[str] | None = None,
        terminated: ArrayLike | None = None,
        goals: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        offered: ArrayLike | None = None,
        origins: Sequence[str] | None = None,
    ) -> Demonstrations:
        """Demonstrations from state and action indices.

        Args:
            states: ``(n,)`` state before each action.
            actions: ``(n,)`` action taken.
            next_states: ``(n,)`` state after it (-1: unknown). Default: the next row of the same trajectory,
                -1 at its end.
            offsets: ``(N + 1,)`` starts of trajectories; default one trajectory.
            trajectory_ids: ``(N,)``; default ``"0", "1", ...``.
            demonstrators: ``(N,)`` pseudonym of who acted; default ``"all"``.
            action_labels: default ``"0", "1", ...`` up to the largest action.
            terminated: ``(N,)``; default all False (truncated).
            goals: ``(N,)`` destination state.
            weights: ``(n,)``.
            offered: ``(n, A)`` which actions could be taken.
            origins: ``(N,)`` of ``ORIGINS``.

        Raises:
            DataError: a length or a range is wrong.
        """
        s, a = _indices(states, "states"), _indices(actions, "actions")
        if s.ndim != 1 or s.shape != a.shape:
            raise DataError(
                f"`states` and `actions` must be flat and of one length, got shapes {s.shape} and {a.shape}.",
                hint="Concatenate trajectories and give `offsets`.",
            )
        off = np.asarray([0, len(s)] if offsets is None else offsets, dtype=np.int64)
        count = len(off) - 1
        if next_states is None:
            nxt = np.full(len(s), -1, dtype=np.int32)
            nxt[:-1] = s[1:]
            ends = off[1:][np.diff(off) > 0] - 1
            nxt[ends[(ends >= 0) & (ends < len(s))]] = -1  # offsets that do not fit are refused below
        else:
            nxt = _indices(next_states, "next_states")
        names, codes = (
            (np.array(["all"]), np.zeros(count, dtype=np.int32))
            if demonstrators is None
            else np.unique(np.asarray(demonstrators, dtype=str), return_inverse=True)
        )
        n_actions = int(a.max()) + 1 if len(a) else 1
        term = np.zeros(count, dtype=bool) if terminated is None else np.asarray(terminated, dtype=bool)
        return cls(
            states=s,
            actions=a,
            next_states=nxt,
            offsets=off,
            action_labels=tuple(str(i) for i in range(n_actions))
            if action_labels is None
            else tuple(action_labels),
            trajectory_ids=np.asarray(
                [str(i) for i in range(count)] if trajectory_ids is None else trajectory_ids, dtype=object
            ),
            demonstrators=codes.astype(np.int32),
            demonstrator_names=tuple(str(x) for x in names),
            terminated=term,
            truncated=~term,
            goals=None if goals is None else _indices(goals, "goals"),
            weights=None if weights is None else np.asarray(weights, dtype=np.float64),
            offered=None if offered is None else np.asarray(offered, dtype=bool),
            origins=None if origins is None else _origins(origins),
        )

    def __len__(self) -> int:
        """Number of trajectories."""
        return len(self.offsets) - 1

    @property
    def n_trajectories(self) -> int:
        """Number of trajectories N."""
        return len(self.offsets) - 1

    @property
    def n_decisions(self) -> int:
        """Number of decisions n."""
        return len(self.actions)

    @property
    def n_actions(self) -> int:
        """Number of action labels."""
        return len(self.action_labels)

    @cached_property
    def trajectory_index(self) -> LongArray:
        """``(n,)`` index of the trajectory of each decision."""
        return np.repeat(np.arange(self.n_trajectories), np.diff(self.offsets))

    @cached_property
    def step_index(self) -> LongArray:
        """``(n,)`` step of each decision within its trajectory, from 0."""
        return np.arange(self.n_decisions, dtype=np.int64) - np.repeat(
            self.offsets[:-1], np.diff(self.offsets)
        )

    def __getitem__(self, i_trajectory: int) -> Trajectory:
        i = range(self.n_trajectories)[i_trajectory]
        rows = slice(int(self.offsets[i]), int(self.offsets[i + 1]))
        return Trajectory(
            trajectory_id=str(self.trajectory_ids[i]),
            observations={k: v[rows] for k, v in self.observations.items()},
            actions=self.actions[rows],
            states=None if self.states is None else self.states[rows],
            next_states=None if self.next_states is None else self.next_states[rows],
            times=None if self.times is None else self.times[rows],
            demonstrator=self.demonstrator_names[int(self.demonstrators[i])],
            terminated=bool(self.terminated[i]),
            truncated=bool(self.truncated[i]),
            action_labels=self.action_labels,
        )

    def __iter__(self) -> Iterator[Trajectory]:
        return (self[i] for i in range(self.n_trajectories))

    def select(self, trajectories: ArrayLike) -> Demonstrations:
        """The same demonstrations with only some trajectories.

        Args:
            trajectories: ``(N,)`` booleans, or indices in the order wanted (repeats allowed).
        """
        chosen = np.asarray(trajectories)
        idx = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        lengths = np.diff(self.offsets)[idx]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        starts = np.repeat(self.offsets[idx] - offsets[:-1], lengths)
        return self.take(starts + np.arange(offsets[-1]), offsets, idx)

    def take(self, rows: LongArray, offsets: LongArray, trajectories: LongArray) -> Demonstrations:
        """New trajectories out of old rows: trajectory i is the rows ``rows[offsets[i]:offsets[i + 1]]`` of the old
        trajectory ``trajectories[i]``, and keeps all that is said about that one.

        Args:
            rows: ``(n',)`` rows of these demonstrations.
            offsets: ``(N' + 1,)`` where the new trajectories begin in ``rows``.
            trajectories: ``(N',)`` old trajectory of each.
        """

        def of_rows(column: NDArray[Any] | None) -> Any:
            return None if column is None else column[rows]

        def of_trajectories(column: NDArray[Any] | None) -> Any:
            return None if column is None else column[trajectories]

        return replace(
            self,
            actions=self.actions[rows],
            offsets=offsets,
            observations={k: v[rows] for k, v in self.observations.items()},
            next_observations={k: v[rows] for k, v in self.next_observations.items()},
            next_known=of_rows(self.next_known),
            states=of_rows(self.states),
            next_states=of_rows(self.next_states),
            times=of_rows(self.times),
            weights=of_rows(self.weights),
            offered=of_rows(self.offered),
            trajectory_ids=self.trajectory_ids[trajectories],
            demonstrators=self.demonstrators[trajectories],
            terminated=self.terminated[trajectories],
            truncated=self.truncated[trajectories],
            goals=of_trajectories(self.goals),
            origins=of_trajectories(self.origins),
            succeeded=of_trajectories(self.succeeded),
            labels={k: v[trajectories] for k, v in self.labels.items()},
        )

    def of(self, demonstrator: str) -> Demonstrations:
        """Only the trajectories of one demonstrator (pseudonym)."""
        if demonstrator not in self.demonstrator_names:
            raise DataError(
                f"No demonstrator {demonstrator!r}; there are {', '.join(self.demonstrator_names)}.",
                hint="Pseudonyms are those of the dataset.",
            )
        return self.select(self.demonstrators == self.demonstrator_names.index(demonstrator))

    def require_states(self) -> tuple[IntArray, IntArray]:
        """``(states, next_states)``; raises ``DataError`` when there are none yet."""
        if self.states is None or self.next_states is None:
            raise DataError(
                "These demonstrations have measurements but no states yet.",
                hint="Encode them first: `StateSpace.from_contract(...).encode(demos)`.",
            )
        return self.states, self.next_states

    @cached_property
    def digest(self) -> str:
        """The digest of the logical content: same rows, same digest, whatever wrote them."""
        return digest_columns(self.column_digests)

    @cached_property
    def column_digests(self) -> Mapping[str, str]:
        """The digest of each column that is there; what ``digest`` combines."""
        columns: dict[str, str] = {}
        flat: dict[str, NDArray[Any] | None] = {
            "actions": self.actions,
            "offsets": self.offsets,
            "states": self.states,
            "next_states": self.next_states,
            "times": self.times,
            "weights": self.weights,
            "trajectory_ids": self.trajectory_ids,
            "demonstrators": self.demonstrators,
            "terminated": self.terminated,
            "truncated": self.truncated,
            "goals": self.goals,
            "next_known": self.next_known,
            "offered": self.offered,
            "origins": self.origins,
            "succeeded": self.succeeded,
            **{f"label:{k}": v for k, v in self.labels.items()},
            "action_labels": np.asarray(self.action_labels, dtype=object),
            "demonstrator_names": np.asarray(self.demonstrator_names, dtype=object),
            **{f"observation:{k}": v for k, v in self.observations.items()},
            **{f"categories:{k}": np.asarray(v, dtype=object) for k, v in self.categories.items()},
        }
        for name, column in flat.items():
            if column is not None:
                columns[name] = digest_array(column)
        for name, column in self.next_observations.items():
            columns[f"next_observation:{name}"] = digest_array(column, self.next_known)
        return columns


def _indices(values: ArrayLike, name: str) -> IntArray:
    """Whole numbers as int32; a fraction or a number too large would silently become another index."""
    given = np.asarray(values)
    if given.dtype == np.int32:
        return given
    if given.size and given.dtype.kind not in "iubf":
        raise DataError(
            f"`{name}` must hold whole numbers, got values of type {given.dtype}.",
            hint="Number them: `np.unique(values, return_inverse=True)`.",
        )
    limit = np.iinfo(np.int32).max
    fits = (given >= -limit) & (given <= limit)
    if given.dtype.kind == "f":
        fits &= given == np.floor(given)
    if not fits.all():
        at = int(np.flatnonzero(~fits)[0])
        raise DataError(
            f"`{name}` must hold whole numbers below 2^31, got {given.ravel()[at]} at {at}.",
            hint="Cut measurements into states with `StateSpace`; indices count from 0.",
        )
    return given.astype(np.int32)


def _origins(names: Sequence[str]) -> IntArray:
    unknown = sorted({str(name) for name in names} - set(ORIGINS))
    if unknown:
        raise DataError(
            f"An origin must be one of {', '.join(ORIGINS)}, got {', '.join(unknown[:3])}.",
            hint="Say `unknown` where nobody knows.",
        )
    return np.array([ORIGINS.index(str(name)) for name in names], dtype=np.int32)
