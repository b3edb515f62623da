"""Numbers that are looked at again when all are there: in memory, or in a file where they may be many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import world_errors

from .disk import Disk

__all__ = ["Numbers"]

PIECE = 1 << 20
"""Rows that are read at a time."""


class Numbers:
    """Rows of numbers that are only ever added to.

    Args:
        disk: where they are; None: in memory.
        dtype: of the numbers.
        width: numbers in a row.

    Attributes:
        n: number of rows.
    """

    def __init__(self, disk: Disk | None, dtype: type[np.generic], width: int = 1) -> None:
        self._disk, self._dtype, self._width = disk, np.dtype(dtype), width
        self._paths: list[Path] = []
        self._arrays: list[NDArray[Any]] = []
        self.n = 0

    def add(self, rows: NDArray[Any]) -> None:
        """Some more rows.

        Args:
            rows: ``(n,)``, or ``(n, width)``.

        Raises:
            TemporaryError: the disk is full.
        """
        if not len(rows):
            return
        self.n += len(rows)
        if self._disk is None:
            self._arrays.append(rows)
            return
        self._paths.append(self._disk.fresh("numbers"))
        with (
            world_errors(f"write to {self._disk.folder}"),
            self._disk.scratch.writing(self._paths[-1]) as file,
        ):
            file.write(np.ascontiguousarray(rows, dtype=self._dtype).data)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """All rows, some after the other."""
        yield from self._arrays
        for path in self._paths:
            assert self._disk is not None
            with self._disk.scratch.reading(path) as file:
                while some := file.read(PIECE * self._width * self._dtype.itemsize):
                    piece = np.frombuffer(some, self._dtype)
                    yield piece if self._width == 1 else piece.reshape(-1, self._width)

    def clear(self) -> None:
        """None is left."""
        for path in self._paths:
            path.unlink()
        self._arrays, self._paths, self.n = [], [], 0
