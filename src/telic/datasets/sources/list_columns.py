"""Vectors in a column: a list a row, or a list of lists, as one flat column an element."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from telic.errors import DataError

__all__ = ["elements"]


def elements(column: pa.ChunkedArray | pa.Array, shape: Sequence[int], where: str) -> list[pa.Array]:
    """One array an element, in row-major order; a null row is null in all of them.

    Args:
        column: ``(n,)`` lists, nested as deep as ``shape`` is long; plain values where ``shape`` has one element.
        shape: of each row's value.
        where: names column and file, for the message.

    Raises:
        DataError: a row has another shape; its place is named (from 1).
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # of no chunk at all
        array = pa.array([], column.type)
    n_rows, count = len(array), int(np.prod(shape))
    rows = np.arange(n_rows)  # of each value that is left
    known = np.ones(n_rows, dtype=bool)
    for width in shape:
        array = array.storage if isinstance(array.type, pa.BaseExtensionType) else array
        if not _is_list(array.type):
            break
        lengths = pc.list_value_length(array).to_numpy(zero_copy_only=False)
        empty = array.is_null().to_numpy(zero_copy_only=False)
        wrong = np.flatnonzero(~empty & (np.nan_to_num(lengths, nan=-1.0) != width))
        if len(wrong):
            raise DataError(
                f"{where} has {int(lengths[wrong[0]])} values in row {int(rows[wrong[0]]) + 1} where its shape"
                f" {tuple(shape)} wants {width}.",
                hint="Is the file damaged, or does its metadata state another shape?",
                row=int(rows[wrong[0]]),
            )
        known[rows[empty]] = False
        keep = known[rows]
        array = pc.list_flatten(array.filter(pa.array(keep)))
        rows = np.repeat(rows[keep], width)
    if _is_list(array.type) or len(array) != int(known.sum()) * count:
        raise DataError(
            f"{where} is nested otherwise than its shape {tuple(shape)} says ({column.type}).",
            hint="Is the file damaged, or does its metadata state another shape?",
        )
    if count == 1 and known.all():
        return [array]
    first = np.where(known, (np.cumsum(known) - 1) * count, 0)
    return [array.take(pa.array(first + k, mask=~known)) for k in range(count)]


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
