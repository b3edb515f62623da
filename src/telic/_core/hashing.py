"""Digests of logical content, the same whatever the file layout, the writer or the machine.

A digest is ``sha256:<hex>``. JSON is hashed in its canonical form (sorted keys, no spaces, floats by shortest
repr). A column is hashed in blocks of 65,536 rows of little-endian values with their validity bits, so that
it can be hashed in parts on several machines; column digests are combined by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK_ROWS", "digest_array", "digest_bytes", "digest_columns", "digest_json"]

BLOCK_ROWS = 65_536
"""Rows a block, fixed for ever: changing it changes every dataset id."""


def digest_bytes(data: bytes) -> str:
    """The digest of raw bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_json(value: Any) -> str:
    """The digest of a JSON value in canonical form; NaN and infinity are refused."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return digest_bytes(text.encode())


def digest_array(values: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> str:
    """The digest of one column (or a matrix, row by row) of numbers, booleans or strings.

    Args:
        values: shape ``(n, ...)``. Strings are hashed as length-prefixed UTF-8.
        valid: shape ``(n,)``; where it is False the value itself does not count.
    """
    array = np.asarray(values)
    ok = np.ones(len(array), dtype=bool) if valid is None else np.asarray(valid, dtype=bool)
    is_text = array.dtype.kind in "OUS"
    kind = "text" if is_text else array.dtype.newbyteorder("<").str
    total = hashlib.sha256(json.dumps([kind, list(array.shape)]).encode())
    for start in range(0, len(array), BLOCK_ROWS):
        block, mask = array[start : start + BLOCK_ROWS], ok[start : start + BLOCK_ROWS]
        inner = hashlib.sha256(np.packbits(mask, bitorder="little").tobytes())
        if is_text:
            pairs = zip(block.tolist(), mask.tolist(), strict=True)
            texts = [str(item).encode() if good else b"" for item, good in pairs]
            inner.update(b"".join(part for raw in texts for part in (len(raw).to_bytes(8, "little"), raw)))
        else:
            little = np.ascontiguousarray(block).astype(array.dtype.newbyteorder("<"), copy=True)
            little[~mask] = 0
            if little.dtype.kind == "f":
                little += 0.0  # -0.0 and 0.0 are the same measurement
                little[np.isnan(little)] = np.nan  # one bit pattern for every NaN
            inner.update(little.tobytes())
        total.update(inner.digest())
    return "sha256:" + total.hexdigest()


def digest_columns(columns: Mapping[str, str]) -> str:
    """The digest of named column digests, whatever their order."""
    return digest_json(dict(columns))
