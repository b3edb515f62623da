"""Ranges of source trajectories with about the same number of rows, from samples of their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from .runs import Name, Run

__all__ = ["Range", "ranges_of"]

Range: TypeAlias = tuple[Name | None, Name | None]
"""From a name to before another; None: from the first, to the last."""


def ranges_of(runs: Sequence[Run], rows_a_range: int) -> list[Range]:
    """Ranges that cover every name once, in order.

    A trajectory is never cut, so that a range has as many rows as its longest trajectory at least. Beyond that its size
    is off by the number of all rows over ``runs.SAMPLES`` at most.

    Args:
        runs: of all rows.
        rows_a_range: about how many rows a range should have.
    """
    weighed = sorted((name, run.n_rows / len(run.samples)) for run in runs for name in run.samples)
    limits: list[Name] = []
    rows = 0.0
    for name, weight in weighed:
        if rows >= rows_a_range and (not limits or name > limits[-1]) and name > weighed[0][0]:
            limits.append(name)
            rows = 0.0
        rows += weight
    return list(zip([None, *limits], [*limits, None], strict=True))
