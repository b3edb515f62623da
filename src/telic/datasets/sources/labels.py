"""A dictionary column as codes and sorted labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.typing import IntArray

__all__ = ["labels_and_codes"]


def labels_and_codes(column: pa.ChunkedArray) -> tuple[IntArray, tuple[str, ...]]:
    """``(n,)`` int32 codes (-1: missing) into the sorted distinct labels of a dictionary column."""
    unified = column.unify_dictionaries() if column.num_chunks > 1 else column
    texts = unified.chunk(0).dictionary.to_pylist() if unified.num_chunks else []
    used = np.zeros(len(texts) + 1, dtype=bool)
    for chunk in unified.chunks:
        used[_indices(chunk)] = True  # -1 marks the last place
    kept = sorted({str(t) for t, u in zip(texts, used[:-1].tolist(), strict=True) if u and t is not None})
    place = {label: i for i, label in enumerate(kept)}
    table = np.array([place.get(str(t), -1) if t is not None else -1 for t in texts] + [-1], dtype=np.int32)
    codes = np.empty(len(column), dtype=np.int32)
    at = 0
    for chunk in unified.chunks:
        codes[at : at + len(chunk)] = table[_indices(chunk)]
        at += len(chunk)
    return codes, tuple(kept)


def _indices(chunk: pa.DictionaryArray) -> NDArray[Any]:
    return np.asarray((chunk.indices.fill_null(-1) if chunk.indices.null_count else chunk.indices).to_numpy())
