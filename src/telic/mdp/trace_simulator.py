"""A simulator made from a log: what nobody controls is replayed, what is controlled answers as it was estimated.

With x the observations that the contract declares exogenous (traffic, arrivals, prices) and y the others,

    x' = the next of the replayed trace,    y' ~ p(y' | x, y, a) = sum_x' p(x', y' | x, y, a),

where the joint law is that of ``estimate_dynamics``. A trajectory of a policy then differs from the logged one by what
the policy does and by what chance does to y, and by nothing else, so that the two can be compared pair by pair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from telic.errors import DataError, DynamicsError, SettingsError
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

from .discretise import StateSpace
from .tabular import TabularMDP

__all__ = ["TraceSimulator"]

Choose = Callable[[LongArray, LongArray, LongArray], LongArray]
"""``(states, running, step) -> actions``: states of the trajectories still running, which these are, and the step of
each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TraceSimulator:
    """The estimated world with its exogenous part taken from logged trajectories.

    Attributes:
        world: estimated on the states of ``space``.
        space: which observations are exogenous.

    Raises:
        DynamicsError: world and space have different states, or no observation is exogenous or all are.
    """

    world: TabularMDP
    space: StateSpace

    def __post_init__(self) -> None:
        if self.world.n_states != self.space.n_states:
            raise DynamicsError(
                f"The world has {self.world.n_states:,} states, the space {self.space.n_states:,}.",
                hint="Estimate the world on this space.",
            )
        kinds = {axis.is_exogenous for axis in self.space.axes}
        if len(kinds) < 2:
            missing = (
                "exogenous, so there is nothing to replay"
                if kinds == {False}
                else "left for actions to change"
            )
            raise DynamicsError(
                f"No observation of the state is {missing}.",
                hint="Set `affected_by_action` of each observation: false for traffic, arrivals and prices.",
            )

    @cached_property
    def exogenous_cell(self) -> LongArray:
        """``(S,)`` number of the joint exogenous cell of each state; the end of ended tasks has -1."""
        return self._numbered(exogenous=True)

    @cached_property
    def responding_cell(self) -> LongArray:
        """``(S,)`` number of the joint cell of all else; the end has a number of its own, the last."""
        cells = self._numbered(exogenous=False)
        return np.where(cells < 0, cells.max() + 1, cells)

    @cached_property
    def law(self) -> sp.csr_array:
        """``(S * A, Y)`` law of the responding cell, rows as those of ``world.transition``."""
        S, Y = self.world.n_states, int(self.responding_cell.max()) + 1
        onto = sp.csr_array((np.ones(S), (np.arange(S), self.responding_cell)), shape=(S, Y))
        law = sp.csr_array(self.world.transition @ onto)
        law.sort_indices()
        return law

    def traces(self, demos: Demonstrations) -> LongArray:
        """``(n,)`` exogenous cell after each decision, -1 where it is not known.

        Args:
            demos: with states of the space.
        """
        after = demos.require_states()[1]
        return np.where(after >= 0, self.exogenous_cell[np.maximum(after, 0)], -1)

    def step(
        self,
        states: Int[np.ndarray, "m"],
        actions: Int[np.ndarray, "m"],
        next_exogenous: Int[np.ndarray, "m"],
        uniform: Float[np.ndarray, "m"],
    ) -> LongArray:
        """``(m,)`` next states; -1 where no state has the next exogenous cell with anything that may follow.

        Args:
            states: before.
            actions: taken.
            next_exogenous: of the traces.
            uniform: numbers in [0, 1), one each: the same numbers, the same states.
        """
        rows = states.astype(np.int64) * self.world.n_actions + actions
        drawn = self._drawn(rows, uniform)
        found = self._state(next_exogenous, drawn)
        for i in np.flatnonzero(found < 0).tolist():  # a cell that was never seen with this exogenous one
            inside = slice(self.law.indptr[rows[i]], self.law.indptr[rows[i] + 1])
            cells, p = self.law.indices[inside].astype(np.int64), self.law.data[inside]
            there = self._state(np.full(len(cells), next_exogenous[i]), cells)
            p = np.where(there >= 0, p, 0.0)
            if p.sum() > 0:
                found[i] = there[
                    min(int(np.searchsorted(np.cumsum(p), uniform[i] * p.sum(), "right")), len(p) - 1)
                ]
        return found

    def replay(self, demos: Demonstrations, choose: Choose, *, key: int) -> Demonstrations:
        """Each logged trajectory once more: its start and its exogenous values, with other choices and other luck.

        A trajectory has as many decisions as the logged one, or fewer where the task ended or the trace led where no
        state is; its name is that of the logged one.

        Args:
            demos: with states of the space.
            choose: the actions (``policy_choice`` or ``logged_choice``).
            key: random key.

        Raises:
            DataError: a choice is not an action of the world.
        """
        states, _ = demos.require_states()
        trace, lengths = self.traces(demos), np.diff(demos.offsets)
        rng = np.random.default_rng(key)
        end = self.world.absorbing
        running = np.flatnonzero(lengths > 0)
        at = states[demos.offsets[running]].astype(np.int64)
        rows: list[tuple[LongArray, LongArray, LongArray, LongArray]] = []
        for t in range(int(lengths.max(initial=0))):
            still = lengths[running] > t
            if end is not None:
                still &= ~end[at]
            running, at = running[still], at[still]
            if not len(running):
                break
            uniform = rng.random(len(lengths))[running]
            actions = choose(at, running, np.full(len(running), t))
            if len(actions) and (actions.min() < 0 or actions.max() >= self.world.n_actions):
                raise DataError(
                    f"A choice must be an action below {self.world.n_actions}, got {actions.min()} to {actions.max()}.",
                    hint="Give action indices.",
                )
            after = np.full(len(running), -1, dtype=np.int64)
            known = trace[demos.offsets[running] + t] >= 0
            if known.any():
                after[known] = self.step(
                    at[known], actions[known], trace[demos.offsets[running[known]] + t], uniform[known]
                )
            rows.append((running, at, actions, after))
            running, at = running[after >= 0], after[after >= 0]
        return self._gathered(rows, demos)

    def policy_choice(self, policy: Float[np.ndarray, "S A"], *, key: int) -> Choose:
        """Choices by a table of probabilities.

        Raises:
            SettingsError: the table does not fit the world.
        """
        shape = (self.world.n_states, self.world.n_actions)
        if policy.shape != shape or not np.allclose(policy.sum(axis=1), 1.0, atol=1e-6):
            raise SettingsError(
                f"`policy` must have shape {shape} and rows that sum to 1, got {policy.shape}.",
                hint="Pass the table of a policy of this world.",
            )
        rng, cumulative = np.random.default_rng([key, 1]), np.cumsum(policy, axis=1)

        def choose(states: LongArray, _running: LongArray, _step: LongArray) -> LongArray:
            u = rng.random(len(states))[:, None]
            chosen = (u >= cumulative[states]).sum(axis=1)
            return np.asarray(np.minimum(chosen, policy.shape[1] - 1), dtype=np.int64)

        return choose

    def logged_choice(self, demos: Demonstrations) -> Choose:
        """The logged action of each step, whatever the state."""

        def choose(_states: LongArray, running: LongArray, step: LongArray) -> LongArray:
            return np.asarray(demos.actions[demos.offsets[running] + step], dtype=np.int64)

        return choose

    def _numbered(self, *, exogenous: bool) -> LongArray:
        columns = [i for i, axis in enumerate(self.space.axes) if axis.is_exogenous is exogenous]
        inner = self.space.coordinates[: self.space.n_states - self.space.has_end]
        cells = np.unique(inner[:, columns], axis=0, return_inverse=True)[1].ravel().astype(np.int64)
        return np.append(cells, -1) if self.space.has_end else cells

    @cached_property
    def _index(self) -> tuple[LongArray, LongArray]:
        """Rising keys of (exogenous, responding) cells, and the state of each."""
        keys = self.exogenous_cell * self._width + self.responding_cell
        order = np.argsort(keys, kind="stable")
        return keys[order], order.astype(np.int64)

    @property
    def _width(self) -> int:
        return int(self.responding_cell.max()) + 1

    def _state(self, exogenous: LongArray, responding: LongArray) -> LongArray:
        """``(m,)`` state with these cells, -1 where there is none; the end has no exogenous cell."""
        keys, states = self._index
        if self.space.has_end:
            exogenous = np.where(responding == self._width - 1, -1, exogenous)
        wanted = exogenous * self._width + responding
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.asarray(np.where(keys[place] == wanted, states[place], -1))

    def _drawn(self, rows: LongArray, uniform: FloatArray) -> LongArray:
        """``(m,)`` responding cell of each row of the law, by inverting its cumulative sum."""
        law = self.law
        begin, stop = law.indptr[rows].astype(np.int64), law.indptr[rows + 1].astype(np.int64)
        total = self._cumulative
        before = np.where(begin > 0, total[np.maximum(begin - 1, 0)], 0.0)
        wanted = before + uniform * (total[stop - 1] - before)
        place = np.searchsorted(total, wanted, side="right")
        return np.asarray(law.indices[np.clip(place, begin, stop - 1)], dtype=np.int64)

    @cached_property
    def _cumulative(self) -> FloatArray:
        return np.asarray(np.cumsum(self.law.data))

    def _gathered(
        self, rows: list[tuple[LongArray, LongArray, LongArray, LongArray]], demos: Demonstrations
    ) -> Demonstrations:
        """Steps of all trajectories, one trajectory after the other."""
        who, states, actions, after = (
            np.concatenate([row[i] for row in rows]) if rows else np.zeros(0, dtype=np.int64)
            for i in range(4)
        )
        order = np.argsort(who, kind="stable")
        counts = np.bincount(who, minlength=demos.n_trajectories)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        ended: BoolArray = np.zeros(demos.n_trajectories, dtype=bool)
        if self.world.absorbing is not None and len(order):
            last = order[offsets[1:][counts > 0] - 1]
            ended[counts > 0] = (after[last] >= 0) & self.world.absorbing[np.maximum(after[last], 0)]
        return Demonstrations.from_arrays(
            _narrow(states[order]),
            _narrow(actions[order]),
            next_states=_narrow(after[order]),
            offsets=offsets,
            trajectory_ids=[str(name) for name in demos.trajectory_ids],
            action_labels=demos.action_labels,
            terminated=ended,
        )


def _narrow(values: LongArray) -> IntArray:
    return values.astype(np.int32)
