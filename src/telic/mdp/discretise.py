"""States from measurements: each state is a cell of a grid whose axes are the observations of the contract.

The grid is the product of the axes (``axes``). Where the product has at most ``states.cap`` cells all of them
are states. Where it has more, only the cells that the data enters are states; a value of new data that falls
into another cell is given the nearest state (fewest cells away, categories first), and ``encode`` says how
often. A finite world is an approximation of the measured one; how much its conclusions depend on the cells is
shown by refitting at several resolutions (``scale``), never assumed away.

The number of cells of an ``auto`` axis is chosen by the held-out likelihood of *choices* (``auto_bins``).

Where the contract names a column of ended tasks there is one more state, the last: it absorbs, and decisions
that ended a task lead to it.

``cells`` gives one value of every observation for every state, for features: the mean of the data in the cell
(the most frequent label of a category), else the centre of the cell; an observation that is not part of the
state has the mean of the nearest cell with data. Exact where each distinct value is a cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from telic._core.hashing import digest_json
from telic.errors import ContractError, DataError
from telic.reports import Finding, Provenance, Severity
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, IntArray, LongArray

from .auto_bins import choose_auto_axes
from .axes import Axis, axis_from_observation
from .representatives import representatives

if TYPE_CHECKING:
    from telic.contract import TaskContract

__all__ = ["StateSpace"]

LARGEST_GRID = 2**62
"""Cells of the product beyond which cell numbers would not fit an int64."""

FAR = 1_000
"""Distance, in cells, of two different labels: nearer than it only by agreeing on every category."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StateSpace:
    """A numbering of the cells that measurements fall into.

    Laws: ``StateSpace.from_mapping(space.to_mapping())`` encodes alike and has the same digest;
    ``encode`` depends on nothing but the axes and the kept cells.

    Attributes:
        axes: one an observation of the state, in the order of the contract.
        kept: rising numbers of the grid cells that are states, or None for all of them.
        cells: name of each observation to its ``(S,)`` representative values (numbers, or labels of a
            category).
        has_end: the last state is the absorbing end of ended tasks.
        resolution: the factor on numbers of bins that made it.
        findings: what the construction noticed.
    """

    axes: tuple[Axis, ...]
    kept: LongArray | None = None
    cells: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    has_end: bool = False
    resolution: float = 1.0
    findings: tuple[Finding, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if not self.axes:
            raise ContractError(
                "A state needs at least one observation.", hint="Set `in_state: true` for one of them."
            )

    @classmethod
    def from_contract(
        cls,
        contract: TaskContract,
        demos: Demonstrations,
        *,
        scale: float = 1.0,
        choose_by: Demonstrations | None = None,
    ) -> StateSpace:
        """The states that the contract declares, placed and filled by the data.

        Args:
            contract: observations, ``states.cap``, ``outcomes.terminated``; ``data.key`` splits for ``auto``.
            demos: measurements, of training and held-out part together, so that every decision has a state.
            scale: factor on every number of bins; above 1 finer, below 1 coarser.
            choose_by: the decisions by which ``auto`` bins are chosen: the training part, so that held-out
                choices have no say. None: ``demos``.

        Raises:
            ContractError: no observation is in the state, or one cannot be cut as declared.
            DataError: there are no decisions, or values are missing or outside the declared range (their
                rows are listed).
        """
        if not demos.n_decisions:
            raise DataError(
                "States need at least one decision, got none.",
                hint="Check the files and filters of the ingest.",
            )
        observed = contract.state_observations
        values = {o.name: _every_value(demos, o.name) for o in contract.observations}
        labels = {o.name: demos.categories.get(o.name) for o in contract.observations}
        fixed = {
            o.name: axis_from_observation(o, values[o.name], labels[o.name])
            for o in observed
            if o.bins != "auto"
        }
        chosen, findings = choose_auto_axes(
            [o for o in observed if o.bins == "auto"],
            fixed,
            demos,
            choose_by if choose_by is not None and choose_by.n_decisions else demos,
            cap=contract.states.cap,
            key=contract.data.key,
        )
        axes = tuple((fixed | chosen)[o.name].scaled(scale) for o in observed)
        has_end = contract.outcomes.terminated is not None and bool(demos.terminated.any())
        space = cls(axes=axes, has_end=has_end, resolution=scale)
        if space.n_grid_cells > contract.states.cap:
            kept = np.unique(np.concatenate([space.grid_cells(demos), space.next_grid_cells(demos)[0]]))
            findings += (_kept_finding(space, kept, contract.states.cap),)
            space = replace(space, kept=kept)
        states, _ = space._place(space.grid_cells(demos))
        filled = representatives(contract.observations, axes, space.coordinates, states, demos)
        return replace(
            space,
            cells={k: np.concatenate([v, v[:1]]) if has_end else v for k, v in filled.items()},
            findings=findings,
            provenance=Provenance(
                inputs={"contract": contract.digest, "demonstrations": demos.digest},
                settings={"scale": scale},
            ),
        )

    @cached_property
    def n_grid_cells(self) -> int:
        """Cells of the whole product."""
        total = 1
        for axis in self.axes:
            total *= axis.n_cells
        if total > LARGEST_GRID:
            raise ContractError(
                f"The product of {len(self.axes)} axes has {total:.3g} cells, too many to number.",
                hint="Use fewer or coarser bins, or set `in_state: false` for some observations.",
            )
        return total

    @property
    def n_states(self) -> int:
        """S, the absorbing end included."""
        return (self.n_grid_cells if self.kept is None else len(self.kept)) + self.has_end

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the observations that make up the state."""
        return tuple(axis.name for axis in self.axes)

    @cached_property
    def absorbing(self) -> BoolArray | None:
        """``(S,)`` True for the end of ended tasks; None where there is none."""
        if not self.has_end:
            return None
        flags = np.zeros(self.n_states, dtype=bool)
        flags[-1] = True
        return flags

    @cached_property
    def coordinates(self) -> LongArray:
        """``(S, axes)`` cell of every state along every axis, without the absorbing end."""
        numbers = np.arange(self.n_grid_cells, dtype=np.int64) if self.kept is None else self.kept
        return np.stack(np.unravel_index(numbers, tuple(a.n_cells for a in self.axes)), axis=1).astype(
            np.int64
        )

    @cached_property
    def strides(self) -> LongArray:
        """``(axes,)`` grid cell = sum of coordinate times stride."""
        counts = np.array([a.n_cells for a in self.axes], dtype=np.int64)
        return np.concatenate([np.cumprod(counts[::-1])[::-1][1:], [1]]).astype(np.int64)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Each state in words, for example ``load 300–400 requests/s, pods 4``."""
        words = [[axis.label(i) for i in range(axis.n_cells)] for axis in self.axes]
        named = [
            ", ".join(w[i] for w, i in zip(words, row, strict=True)) for row in self.coordinates.tolist()
        ]
        return (*named, "ended") if self.has_end else tuple(named)

    def cell_along(self, name: str) -> LongArray:
        """``(S,)`` cell of every state along one axis; -1 for the absorbing end, which has none.

        Raises:
            ContractError: the state has no such observation.
        """
        if name not in self.names:
            raise ContractError(
                f"The state has no observation `{name}`; it has {', '.join(self.names)}.",
                hint="Set `in_state: true` for it.",
            )
        cells = self.coordinates[:, self.names.index(name)]
        return np.append(cells, -1) if self.has_end else cells

    def require_constant(self, name: str, demos: Demonstrations) -> None:
        """Refuse trajectories in which an observation changes: one that says where a trajectory happened.

        Args:
            name: of the observation.
            demos: with states of this space.

        Raises:
            DataError: it changes; rows are listed.
        """
        cells, (states, next_states) = self.cell_along(name), demos.require_states()
        follows = np.flatnonzero(np.diff(demos.trajectory_index) == 0)
        moved = follows[cells[states[follows]] != cells[states[follows + 1]]]
        after = np.flatnonzero((next_states >= 0) & (next_states < self.n_states - self.has_end))
        after = after[cells[states[after]] != cells[next_states[after]]]
        rows = np.union1d(moved, after)
        if len(rows):
            first = demos.trajectory_ids[int(demos.trajectory_index[rows[0]])]
            raise DataError(
                f"`{name}` must be the same within a trajectory; it changes after {len(rows):,} decisions"
                f" (first: row {rows[0]}, trajectory {first}).",
                hint=f"Add the column of `{name}` to `data.trajectory`, so that trajectories are cut there.",
                rows=rows[:20].tolist(),
            )

    def grid_cells(self, demos: Demonstrations) -> LongArray:
        """``(n,)`` grid cell before every action."""
        return self._grid({a.name: self._column(demos.observations, a.name) for a in self.axes}, demos, None)

    def next_grid_cells(self, demos: Demonstrations) -> tuple[LongArray, LongArray]:
        """``(m,)`` grid cell after the action, and the ``(m,)`` rows where it is known."""
        columns, rows = self.next_values(demos)
        return self._grid(columns, demos, rows), rows

    def next_values(self, demos: Demonstrations) -> tuple[dict[str, NDArray[Any]], LongArray]:
        """Name of each axis to its ``(m,)`` values after the action, and the ``(m,)`` rows where they are
        known.

        Those recorded with the decision where there are any, else those of the next decision.
        """
        if demos.next_known is not None and all(a.name in demos.next_observations for a in self.axes):
            rows = np.flatnonzero(demos.next_known)
            return {a.name: demos.next_observations[a.name][rows] for a in self.axes}, rows
        rows = np.flatnonzero(np.diff(demos.trajectory_index) == 0)
        return {a.name: self._column(demos.observations, a.name)[rows + 1] for a in self.axes}, rows

    def encode(self, demos: Demonstrations) -> Demonstrations:
        """The demonstrations with ``states`` and ``next_states`` (-1 where what came after is not known).

        Raises:
            DataError: an observation is missing or has values outside its declared range.
        """
        states, far = self._place(self.grid_cells(demos))
        after, rows = self.next_grid_cells(demos)
        next_states = np.full(demos.n_decisions, -1, dtype=np.int32)
        next_states[rows], far_after = self._place(after)
        if self.has_end:
            lengths = np.diff(demos.offsets)
            next_states[demos.offsets[1:][demos.terminated & (lengths > 0)] - 1] = self.n_states - 1
        findings = demos.findings
        n_far = int(far.sum() + far_after.sum())
        if n_far:
            findings += (
                Finding(
                    code="unseen-cells",
                    severity=Severity.WARNING if n_far > 0.01 * demos.n_decisions else Severity.NOTICE,
                    message=f"{n_far} measurements fall into no state; each was given the nearest one.",
                    hint="Build the states from all data, raise `states.cap`, or use coarser bins.",
                    evidence={"n": n_far, "rows": np.flatnonzero(far)[:20].tolist()},
                ),
            )
        return replace(demos, states=states, next_states=next_states, findings=findings)

    def to_mapping(self) -> dict[str, Any]:
        """The space as JSON-able values."""
        return {
            "schema_version": 1,
            "axes": [axis.to_mapping() for axis in self.axes],
            "kept": None if self.kept is None else self.kept.tolist(),
            "cells": {name: column.tolist() for name, column in self.cells.items()},
            "has_end": self.has_end,
            "resolution": self.resolution,
        }

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> StateSpace:
        """The inverse of ``to_mapping``."""
        if mapping.get("schema_version") != 1:
            raise DataError(
                f"A state space of schema 1 was expected, got {mapping.get('schema_version')!r}.",
                hint="It was written by another version of telic; build it again.",
            )
        return cls(
            axes=tuple(Axis.from_mapping(a) for a in mapping["axes"]),
            kept=None if mapping["kept"] is None else np.asarray(mapping["kept"], dtype=np.int64),
            cells={
                k: np.asarray(v, dtype=object if v and isinstance(v[0], str) else np.float64)
                for k, v in mapping["cells"].items()
            },
            has_end=mapping["has_end"],
            resolution=mapping["resolution"],
        )

    @cached_property
    def digest(self) -> str:
        """Digest of axes, kept cells and representative values."""
        return digest_json(self.to_mapping())

    def _column(self, columns: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
        if name not in columns:
            raise DataError(
                f"The states need the observation `{name}`; the demonstrations have "
                f"{', '.join(columns) or 'none'}.",
                hint="Ingest with the contract that the states were built from.",
            )
        return columns[name]

    def _grid(
        self, columns: Mapping[str, NDArray[Any]], demos: Demonstrations, rows: NDArray[np.int64] | None
    ) -> LongArray:
        total: LongArray | None = None
        for axis, stride in zip(self.axes, self.strides.tolist(), strict=True):
            try:
                part = (
                    axis.encode(columns[axis.name], demos.categories.get(axis.name)).astype(np.int64) * stride
                )
            except DataError as error:
                if rows is None:
                    raise
                numbers = [int(rows[i]) for i in error.data.get("rows", [])]
                raise DataError(
                    f"After the action: {error.message}", hint=error.hint, rows=numbers
                ) from error
            total = part if total is None else total + part
        assert total is not None
        return total

    def _place(self, grid: LongArray) -> tuple[IntArray, BoolArray]:
        """``(n,)`` state of each grid cell, and where the cell itself is not one (the nearest state was
        taken).
        """
        if self.kept is None:
            return grid.astype(np.int32), np.zeros(len(grid), dtype=bool)
        place = np.minimum(np.searchsorted(self.kept, grid), len(self.kept) - 1)
        far = self.kept[place] != grid
        if far.any():
            missing, which = np.unique(grid[far], return_inverse=True)
            shape = tuple(a.n_cells for a in self.axes)
            nearest = [self._nearest(np.array(np.unravel_index(int(cell), shape))) for cell in missing]
            place[far] = np.asarray(nearest, dtype=np.int64)[which]
        return place.astype(np.int32), far

    def _nearest(self, coordinate: NDArray[np.int64]) -> int:
        gaps = np.abs(self.coordinates - coordinate)
        for i, axis in enumerate(self.axes):
            if not axis.is_ordered:
                gaps[:, i] = FAR * (gaps[:, i] > 0)
        return int(np.argmin(gaps.sum(axis=1)))


def _every_value(demos: Demonstrations, name: str) -> NDArray[Any]:
    """Values before the actions, then those after them where they are known."""
    if name not in demos.observations:
        raise DataError(
            f"The contract has an observation `{name}`; the demonstrations have "
            f"{', '.join(demos.observations) or 'none'}.",
            hint="Ingest with this contract.",
        )
    before = demos.observations[name]
    after = demos.next_observations.get(name)
    if after is None or demos.next_known is None:
        return before
    return np.concatenate([before, after[demos.next_known]])


def _kept_finding(space: StateSpace, kept: LongArray, cap: int) -> Finding:
    return Finding(
        code="states-seen-only",
        severity=Severity.NOTICE,
        message=(
            f"The grid has {space.n_grid_cells} cells, more than the cap of {cap}; "
            f"the {len(kept)} that the data enters are the states."
        ),
        hint="Use fewer bins for a full grid, or raise `states.cap`.",
        evidence={"n_grid_cells": space.n_grid_cells, "n_kept": len(kept), "cap": cap},
    )
