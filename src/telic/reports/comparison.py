"""Estimates side by side: one row a quantity, one column an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from .document import Table
from .numbers import format_interval

__all__ = ["Interval", "compare"]

Interval: TypeAlias = tuple[float | None, float | None, float | None]
"""Value, lower end, upper end; an infinite or missing end is open."""


def compare(title: str, estimates: Mapping[str, Mapping[str, Interval]], *, note: str = "") -> Table:
    """One table of several estimates; a quantity that one of them lacks is left empty.

    Whether estimates may be compared (one gauge, one unit) is for the caller to say, who knows what they are.

    Args:
        title: what is compared.
        estimates: name of each estimate, in the order of the columns, to its quantities with their intervals.
        note: one sentence below.
    """
    rows = dict.fromkeys(name for values in estimates.values() for name in values)
    cells = tuple(
        (name, *(format_interval(*values[name]) if name in values else None for values in estimates.values()))
        for name in rows
    )
    return Table(title=title, columns=("", *estimates), rows=cells, note=note)
