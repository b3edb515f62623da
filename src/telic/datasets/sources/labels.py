"""A dictionary column as codes and sorted labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from telic.typing import IntArray

__all__ = ["labels_and_codes"]


def labels_and_codes(column: pa.ChunkedArray) -> tuple[IntArray, tuple[str, ...]]:
    """``(n,)`` int32 codes (-1: missing) into the sorted distinct labels of a dictionary column.

    Labels that no row has are left out; they are sorted by code points, as Python sorts text and as UTF-8 does.
    """
    unified = column.unify_dictionaries() if column.num_chunks > 1 else column
    texts = unified.chunk(0).dictionary if unified.num_chunks else pa.array([], pa.string())
    used = np.zeros(len(texts) + 1, dtype=bool)
    for chunk in unified.chunks:
        used[_indices(chunk)] = True  # -1 marks the last place
    places = np.flatnonzero(used[:-1] & np.asarray(texts.is_valid()))
    found = texts.take(pa.array(places))
    order = pc.array_sort_indices(found)
    in_order = found.take(order)
    new = np.ones(len(found), dtype=bool)  # a dictionary may hold one text twice
    new[1:] = np.asarray(pc.not_equal(in_order[1:], in_order[:-1]))
    table = np.full(len(texts) + 1, -1, dtype=np.int32)
    table[places[order.to_numpy()]] = np.cumsum(new, dtype=np.int32) - 1
    codes = np.empty(len(column), dtype=np.int32)
    at = 0
    for chunk in unified.chunks:
        codes[at : at + len(chunk)] = table[_indices(chunk)]
        at += len(chunk)
    return codes, tuple(in_order.filter(pa.array(new)).to_pylist())


def _indices(chunk: pa.DictionaryArray) -> NDArray[Any]:
    return np.asarray((chunk.indices.fill_null(-1) if chunk.indices.null_count else chunk.indices).to_numpy())
