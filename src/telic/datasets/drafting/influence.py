"""Which observations the action moves: only those can be worth something later by themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from telic._core.cells import equal_count_cells
from telic._core.contingency import stratified_independence
from telic.typing import LongArray

from .profile import ColumnProfile
from .roles import Roles

__all__ = ["moved_by_action"]

LEVEL = 0.01
"""Level of the test of one column; a draft may be wrong once in a hundred times."""

CELLS = 6
"""Cells of equal counts into which a number is cut."""

COARSE = 4
"""Cells of each other observation that is held fixed."""

MOST_ROWS = 50_000
"""Rows used; more would find influences too small to matter in a draft."""


def moved_by_action(
    profile: ColumnProfile, action: ColumnProfile, roles: Roles, state: Sequence[ColumnProfile]
) -> bool:
    """Whether the next value depends on the action, given the present value and the rest of the state.

    The rest matters: who adds machines because the load rises makes it look as if machines did nothing.

    Args:
        profile: of an observation.
        action: of the action.
        roles: for the order of the rows.
        state: the observations of the state, in coarse cells.
    """
    order = roles.order[:MOST_ROWS]
    cells, what = _cells(profile, CELLS)[order], action.codes[order].astype(np.int64)
    present = cells + 1
    for other in state:
        if other is not profile:
            there = _cells(other, COARSE)[order] + 1
            present = np.unique(present * (int(there.max()) + 1) + there, return_inverse=True)[1]
    follows = roles.keys[order][1:] == roles.keys[order][:-1]
    use = follows & (cells[1:] >= 0) & (what[:-1] >= 0)
    return stratified_independence(what[:-1][use], cells[1:][use], present[:-1][use]).p_value < LEVEL


def _cells(p: ColumnProfile, count: int) -> LongArray:
    if p.kind in ("category", "boolean") or p.n_distinct <= count:
        return p.codes.astype(np.int64)
    return equal_count_cells(p.values, count)
