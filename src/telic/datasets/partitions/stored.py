"""Columns of numbers side by side in one file, of which any stretch is read without the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.datasets.privacy.scratch import File, Scratch

__all__ = ["Stored", "put_column", "read_column"]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Where a column lies in a file: type, bytes from the beginning, values a row."""

    dtype: str
    offset: int
    width: int


def put_column(file: File, values: NDArray[Any]) -> Stored:
    """Where the column lies, after it was written.

    Args:
        file: of ``Scratch.writing``.
        values: ``(n,)`` or ``(n, width)``.
    """
    width = values.shape[1] if values.ndim == 2 else 1
    stored = Stored(dtype=values.dtype.str, offset=file.tell(), width=width)
    file.write(np.ascontiguousarray(values).data)
    return stored


def read_column(
    path: Path, stored: Mapping[str, Stored], scratch: Scratch, name: str, first: int, count: int
) -> NDArray[Any]:
    """Rows ``first`` to ``first + count`` of a column.

    Args:
        path: of the file.
        stored: its columns.
        scratch: how it was written.
        name: of the column.
        first: row.
        count: number of rows.

    Raises:
        OSError: the file is shorter than it was.
    """
    place = stored[name]
    dtype = np.dtype(place.dtype)
    offset, n = place.offset + first * place.width * dtype.itemsize, count * place.width
    if scratch.key is None:
        values = np.fromfile(path, dtype, n, offset=offset)
    else:
        values = np.empty(n, dtype)
        if n:
            with scratch.reading(path) as file:
                file.seek(offset)
                got = file.readinto(values.data) or 0
            values = values[: got // dtype.itemsize]
    if len(values) != n:
        raise OSError(f"{path.name} was cut off")
    return values if place.width == 1 else values.reshape(count, place.width)
