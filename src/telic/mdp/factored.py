"""Dynamics of a space of measurements as the product of an exogenous and a responding part.

The equations stand in ``estimate``. Only cells that are states get rows, so that a grid of a billion cells of
which a few thousand are states costs what the few thousand cost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from telic.errors import DynamicsError
from telic.reports import Finding, Severity
from telic.typing import FloatArray, IntArray, LongArray

from .axes import Axis
from .discretise import StateSpace
from .laws import blend_rows, own_law, row_products, thin_rows

__all__ = ["Transitions", "space_law"]

MOST_ENTRIES = 20_000_000
"""Transition entries (12 bytes each) beyond which the threshold is raised tenfold, with a finding."""

LARGEST_THRESHOLD = 0.01
"""The threshold is never raised beyond it."""

MOST_TABLE = 100_000_000
"""Numbers in the table of one observation's law (actions x cells x cells, held several times over) that are let in."""

BY_CHANCE = 1e-3
"""Probability below which it is no chance that an action never, or always, ended a task."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Transitions:
    """Observed transitions: ``(m,)`` columns.

    Attributes:
        states: state before.
        actions: action taken.
        next_states: state after.
        weights: weight of each.
    """

    states: IntArray
    actions: IntArray
    next_states: IntArray
    weights: FloatArray


def space_law(
    space: StateSpace, seen: Transitions, *, n_actions: int, smoothing: float, threshold: float
) -> tuple[sp.csr_array, list[Finding]]:
    """CSR ``(S * A, S)`` law of the next state, and what was noticed.

    Args:
        space: the states.
        seen: the transitions.
        n_actions: A.
        smoothing: pseudo-count c.
        threshold: back-off probabilities below it are dropped.

    Raises:
        DynamicsError: an observation has so many cells that the table of its law would not fit.
    """
    A, c = n_actions, smoothing
    inner = space.n_states - space.has_end
    moves = seen.next_states < inner
    s, a = seen.states[moves].astype(np.int64), seen.actions[moves].astype(np.int64)
    w = seen.weights[moves]
    here, there = space.coordinates[s], space.coordinates[seen.next_states[moves]]
    itself = _Part(space, [i for i, axis in enumerate(space.axes) if axis.is_exogenous])
    responding = _Part(space, [i for i, axis in enumerate(space.axes) if not axis.is_exogenous])
    counts_x = sp.csr_array((w, (itself.row[s], itself.cell(there))), shape=(len(itself.own), itself.size))
    counts_y = sp.csr_array((w, (s * A + a, responding.cell(there))), shape=(inner * A, responding.size))
    x_of_row = np.repeat(itself.row, A)
    y_of_row = (responding.row[:, None] * A + np.arange(A)).ravel()
    findings: list[Finding] = []
    limit = threshold
    while True:
        law_x = blend_rows(counts_x, itself.back_off(here, np.zeros_like(a), there, w, 1, c, limit), c)
        prior_y = responding.back_off(here, a, there, w, A, c, limit)
        law_y = blend_rows(counts_y, sp.csr_array(prior_y[y_of_row]), c)
        entries = int((np.diff(law_x.indptr)[x_of_row].astype(np.int64) * np.diff(law_y.indptr)).sum())
        if entries <= MOST_ENTRIES or limit >= LARGEST_THRESHOLD:
            break
        limit = min(max(limit * 10, 1e-5), LARGEST_THRESHOLD)
    if limit != threshold:
        findings.append(
            Finding(
                code="threshold-raised",
                severity=Severity.NOTICE,
                message=f"Back-off probabilities below {limit:g} were dropped to save memory.",
                hint="Fewer cells, or exogenous observations with fewer bins, make this unnecessary.",
                evidence={"threshold": limit, "asked": threshold, "entries": entries},
            )
        )
    joint = row_products(sp.csr_array(law_x[x_of_row]), law_y)
    P = _onto_states(joint, space, itself, responding, A, findings)
    if space.has_end:
        P = _with_end(P, seen, ~moves, space.n_states, A, c)
    return P, findings


class _Part:
    """Some axes of a space: a numbering of their joint cells, and of those that belong to states. Final."""

    def __init__(self, space: StateSpace, axes: Sequence[int]) -> None:
        self.space, self.axes = space, list(axes)
        self.counts = [space.axes[i].n_cells for i in axes]
        self.size = int(np.prod(self.counts, dtype=np.int64)) if self.counts else 1
        joint, first, row = np.unique(self.cell(space.coordinates), return_index=True, return_inverse=True)
        self.own = space.coordinates[first]  # coordinates of each joint cell that occurs among the states
        self.row: LongArray = row.astype(np.int64)  # which of them each state has
        assert len(joint) == len(self.own)

    def cell(self, coordinates: LongArray) -> LongArray:
        """``(n,)`` joint cell of rows of coordinates of the whole space."""
        total = np.zeros(len(coordinates), dtype=np.int64)
        for i, count in zip(self.axes, self.counts, strict=True):
            total = total * count + coordinates[:, i]
        return total

    def grid_part(self, joint: LongArray) -> LongArray:
        """``(n,)`` what joint cells add to the number of a grid cell."""
        total = np.zeros(len(joint), dtype=np.int64)
        for i, count in zip(reversed(self.axes), reversed(self.counts), strict=True):
            total += joint % count * int(self.space.strides[i])
            joint = joint // count
        return total

    def back_off(
        self,
        here: LongArray,
        group: LongArray,
        there: LongArray,
        w: FloatArray,
        n_groups: int,
        c: float,
        threshold: float,
    ) -> sp.csr_array:
        """CSR ``(own * n_groups, size)``: the product of the laws of the single observations."""
        rows = len(self.own) * n_groups
        law = sp.csr_array(np.ones((rows, 1)))
        for i in self.axes:
            axis = self.space.axes[i]
            _refuse_huge_table(axis, n_groups)
            one = own_law(
                here[:, i],
                group,
                there[:, i],
                w,
                n_cells=axis.n_cells,
                n_groups=n_groups,
                is_ordered=axis.is_ordered,
                smoothing=c,
            )
            flat = sp.csr_array(one.transpose(1, 0, 2).reshape(axis.n_cells * n_groups, axis.n_cells))
            index = (self.own[:, i][:, None] * n_groups + np.arange(n_groups)).ravel()
            law = thin_rows(row_products(law, sp.csr_array(thin_rows(flat, threshold)[index])), threshold)
        return law


def _refuse_huge_table(axis: Axis, n_groups: int) -> None:
    cells = axis.n_cells
    if n_groups * cells**2 > MOST_TABLE:
        most = math.isqrt(MOST_TABLE // n_groups)
        times = f"{n_groups} actions x " if n_groups > 1 else ""
        raise DynamicsError(
            f"`{axis.name}` has {cells:,} cells: how it moves would be a table of {times}{cells:,} x {cells:,} numbers"
            f" ({n_groups * cells**2 * 8 / 2**30:.1f} GiB, held several times over).",
            hint=f"Give it `bins` that make at most {most:,} cells; a few dozen are enough for most questions.",
            cells=cells,
            most=most,
        )


def _onto_states(
    joint: sp.csr_array,
    space: StateSpace,
    itself: _Part,
    responding: _Part,
    A: int,
    findings: list[Finding],
) -> sp.csr_array:
    """CSR ``(S * A, S)``; mass on cells that are not states goes to the others of the row."""
    S, n_rows = space.n_states, joint.shape[0]
    columns = joint.indices.astype(np.int64)
    grid = itself.grid_part(columns // responding.size) + responding.grid_part(columns % responding.size)
    keep = np.ones(len(grid), dtype=bool)
    if space.kept is not None:
        place = np.minimum(np.searchsorted(space.kept, grid), len(space.kept) - 1)
        keep, grid = space.kept[place] == grid, place
    row = np.repeat(np.arange(n_rows), np.diff(joint.indptr))
    P = sp.csr_array((joint.data[keep], (row[keep], grid[keep])), shape=(S * A, S))
    mass = np.asarray(P.sum(axis=1)).ravel()[:n_rows]
    stuck = np.flatnonzero(mass <= 0)
    if len(stuck):  # nothing that it leads to is a state: it stays
        P = sp.csr_array(P + sp.csr_array((np.ones(len(stuck)), (stuck, stuck // A)), shape=P.shape))
    lost = 1.0 - mass
    if lost.max(initial=0.0) > 1e-9:
        findings.append(
            Finding(
                code="mass-outside-states",
                severity=Severity.NOTICE if lost.mean() < 0.1 else Severity.WARNING,
                message=(
                    f"On average {lost.mean():.1%} of a row's probability (at most {lost.max():.1%}) would "
                    f"lead to cells that are not states; it was given to the row's other next states."
                ),
                hint="Use fewer bins so that the whole grid fits under `states.cap`.",
                evidence={
                    "mean": float(lost.mean()),
                    "largest": float(lost.max()),
                    "stuck_pairs": len(stuck),
                },
            )
        )
    return _rows_to_one(P)


def _with_end(
    P: sp.csr_array, seen: Transitions, ended: np.ndarray, S: int, A: int, c: float
) -> sp.csr_array:
    """Rows shared between going on and ending; the chance of ending backs off to the action's, then to all.

    An action that never ended a task, or always did, where chance at the rate of all decisions would not have
    done that, keeps to it: in an undiscounted world the smallest made-up chance to end would carry the answer.
    """
    pair = seen.states.astype(np.int64) * A + seen.actions
    n = np.bincount(pair, weights=seen.weights, minlength=S * A).reshape(S, A).astype(np.float64)
    ends = np.bincount(pair, weights=seen.weights * ended, minlength=S * A).reshape(S, A).astype(np.float64)
    rate_of_all = ends.sum() / max(n.sum(), 1e-300)
    by_action = _rate(ends.sum(axis=0), n.sum(axis=0), np.full(A, rate_of_all), c)
    never, always = ends.sum(axis=0) == 0, ends.sum(axis=0) == n.sum(axis=0)
    by_action[never & ((1.0 - rate_of_all) ** n.sum(axis=0) < BY_CHANCE)] = 0.0
    by_action[always & (rate_of_all ** n.sum(axis=0) < BY_CHANCE)] = 1.0
    rate = _rate(ends, n, np.tile(by_action, (S, 1)), c).ravel()
    end = sp.csr_array((rate, (np.arange(S * A), np.full(S * A, S - 1))), shape=P.shape)
    law = sp.csr_array(sp.diags_array(1.0 - rate) @ P + end)
    law.eliminate_zeros()
    return _rows_to_one(law)


def _rate(events: FloatArray, n: FloatArray, prior: FloatArray, c: float) -> FloatArray:
    return np.where(n > 0, (events + c * prior) / np.where(n > 0, n + c, 1.0), prior)


def _rows_to_one(P: sp.csr_array) -> sp.csr_array:
    sums = np.asarray(P.sum(axis=1)).ravel()
    P.data = P.data / np.repeat(np.where(sums > 0, sums, 1.0), np.diff(P.indptr))
    return P
