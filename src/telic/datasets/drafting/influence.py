"""Which observations the action moves: only those can be worth something later by themselves."""

from __future__ import annotations

import numpy as np

from telic._core.contingency import stratified_independence
from telic.typing import LongArray

from .profile import ColumnProfile
from .roles import Roles

__all__ = ["moved_by_action"]

LEVEL = 0.01
"""Level of the test of one column; a draft may be wrong once in a hundred times."""

CELLS = 6
"""Cells of equal counts into which a number is cut."""

MOST_ROWS = 50_000
"""Rows used; more would find influences too small to matter in a draft."""


def moved_by_action(profile: ColumnProfile, action: ColumnProfile, roles: Roles) -> bool:
    """Whether the next value depends on the action, given the present value.

    Args:
        profile: of an observation.
        action: of the action.
        roles: for the order of the rows.
    """
    order = roles.order[:MOST_ROWS]
    cells, what = _cells(profile)[order], action.codes[order].astype(np.int64)
    follows = roles.keys[order][1:] == roles.keys[order][:-1]
    use = follows & (cells[1:] >= 0) & (cells[:-1] >= 0) & (what[:-1] >= 0)
    return stratified_independence(what[:-1][use], cells[1:][use], cells[:-1][use]).p_value < LEVEL


def _cells(p: ColumnProfile) -> LongArray:
    if p.kind in ("category", "boolean") or p.n_distinct <= CELLS:
        return p.codes.astype(np.int64)
    values = p.values
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, CELLS + 1)[1:-1]))
    return np.where(p.known, np.searchsorted(edges, values, side="right"), -1).astype(np.int64)
