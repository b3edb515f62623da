"""How many rows something holds for, and the first of them: what an error or a finding names, added up over parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.datasets.sources.rows import RowNames

__all__ = ["FirstRows"]

KEPT = 20
"""Rows that are remembered; ``data["rows"]`` of an error has as many."""


class FirstRows:
    """Rows in any order, of which the first are remembered.

    Attributes:
        count: how many there are.
        places: the first of them by their place, rising.
    """

    def __init__(self) -> None:
        self.count = 0
        self.places: list[int] = []

    def add(self, places: NDArray[Any]) -> None:
        """Some more rows.

        Args:
            places: ``(n,)`` of them.
        """
        if len(places):
            self.count += len(places)
            self.places = np.sort(np.append(self.places, np.sort(places)[:KEPT]).astype(np.int64))[
                :KEPT
            ].tolist()

    def named(self, rows: RowNames) -> str:
        """The first few by file and line, and how many more there are."""
        return rows.first_of(self.places, self.count)
