"""Digests of columns that are not in memory: block by block, in any place, and the same as of the whole column.

``telic._core.hashing.digest_array`` hashes a column in blocks of ``BLOCK_ROWS`` rows, and then the digests of the
blocks behind a header with type and shape. So blocks may be hashed apart, on several machines.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from telic._core.hashing import BLOCK_ROWS
from telic.datasets.privacy.scratch import Scratch
from telic.typing import BoolArray, IntArray

from .text_table import OPEN

__all__ = ["Stream", "block_digest", "column_digest", "hash_rows", "renumber_codes"]


def block_digest(values: NDArray[Any], valid: BoolArray | None = None) -> bytes:
    """The digest of one block of a column.

    Args:
        values: ``(m, ...)`` of at most ``BLOCK_ROWS`` rows; texts as objects.
        valid: ``(m,)`` where False the value does not count.
    """
    mask = np.ones(len(values), dtype=bool) if valid is None else valid
    inner = hashlib.sha256(np.packbits(mask, bitorder="little").tobytes())
    if values.dtype.kind in "OUS":
        assert valid is None, "texts are all there"
        texts = [str(item).encode() for item in values.tolist()]
        inner.update(b"".join(part for raw in texts for part in (len(raw).to_bytes(8, "little"), raw)))
        return inner.digest()
    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=True)
    if valid is not None:
        little[~mask] = 0
    if little.dtype.kind == "f":
        little += 0.0  # -0.0 and 0.0 are the same measurement
        little[np.isnan(little)] = np.nan
    inner.update(little.data)
    return inner.digest()


def column_digest(kind: np.dtype[Any] | None, shape: Sequence[int], blocks: Sequence[bytes]) -> str:
    """The digest of a column.

    Args:
        kind: type of its values; None: text.
        shape: of all of them.
        blocks: digests of its blocks, in order.
    """
    name = "text" if kind is None or kind.kind in "OUS" else kind.newbyteorder("<").str
    total = hashlib.sha256(json.dumps([name, list(shape)]).encode())
    total.update(b"".join(blocks))
    return "sha256:" + total.hexdigest()


class Stream:
    """The digest of a column whose values come piece by piece.

    Args:
        kind: type of its values; None: text.
    """

    def __init__(self, kind: Any = None) -> None:
        self._kind = None if kind is None else np.dtype(kind)
        self._blocks: list[bytes] = []
        self._rest: NDArray[Any] = np.zeros(0, dtype=object if self._kind is None else self._kind)
        self._n = 0

    def add(self, values: NDArray[Any]) -> None:
        """The next values, ``(m,)``."""
        self._n += len(values)
        joined = np.concatenate([self._rest, values]) if len(self._rest) else values
        whole = len(joined) // BLOCK_ROWS * BLOCK_ROWS
        for start in range(0, whole, BLOCK_ROWS):
            self._blocks.append(block_digest(joined[start : start + BLOCK_ROWS]))
        self._rest = joined[whole:]

    def digest(self) -> str:
        """The digest of all values."""
        last = [block_digest(self._rest)] if len(self._rest) else []
        return column_digest(self._kind, [self._n], [*self._blocks, *last])


def hash_rows(
    files: Sequence[tuple[Path, int]],
    start: int,
    end: int,
    observations: Sequence[str],
    scratch: Scratch = OPEN,
    tables: Mapping[str, IntArray] | None = None,
) -> dict[str, list[bytes]]:
    """Column of rows (as ``Demonstrations.column_digests`` names them) to the digests of some of its blocks.

    Args:
        files: of rows, in order, with their numbers of rows.
        start: first row, a multiple of ``BLOCK_ROWS``.
        end: row after the last, a multiple too or the number of all rows.
        observations: names; what follows a decision is the next row's, unless the files say it.
        scratch: how the files were written.
        tables: name of a category to the new code of each code; those that are not named stay.

    Raises:
        OSError: a file cannot be read.
    """
    found: dict[str, list[bytes]] = {}
    rows: dict[str, NDArray[Any]] = {}
    at = start
    total = sum(n for _, n in files)
    # One row more than is hashed says what followed the last.
    for piece in _pieces(files, start, min(end + 1, total), scratch):
        renumber_codes(piece, tables or {})
        rows = {k: np.concatenate([rows[k], v]) if rows else v for k, v in piece.items()}
        n = len(next(iter(rows.values())))
        done = 0
        while at < end and (n - done > BLOCK_ROWS or at + n - done >= min(end + 1, total)):
            m = min(BLOCK_ROWS, end - at)
            for name, digest in _block(rows, done, m, observations):
                found.setdefault(name, []).append(digest)
            at, done = at + m, done + m
        rows = {k: v[done:] for k, v in rows.items()}
    return found


def _block(
    rows: Mapping[str, NDArray[Any]], start: int, m: int, observations: Sequence[str]
) -> Iterator[tuple[str, bytes]]:
    block = slice(start, start + m)
    offered = [rows[f"offered:{i}"][block] for i in range(len(rows)) if f"offered:{i}" in rows]
    if offered:
        yield "offered", block_digest(np.stack(offered, axis=1))
    known = rows["next_known"][block]
    for name, values in rows.items():
        if not name.startswith(("offered:", "next_observation:")):
            yield name, block_digest(values[block])
    for name in observations:
        if f"next_observation:{name}" in rows:
            yield f"next_observation:{name}", block_digest(rows[f"next_observation:{name}"][block], known)
            continue
        after = rows[f"observation:{name}"][start + 1 : start + 1 + m]
        if len(after) < m:  # nothing follows the last row of all, and nothing is known there
            after = np.append(after, after[-1:] if len(after) else np.zeros(1, dtype=after.dtype))
        yield f"next_observation:{name}", block_digest(after, known)


def renumber_codes(rows: dict[str, NDArray[Any]], tables: Mapping[str, IntArray]) -> None:
    """Categories by their new codes, in place.

    Args:
        rows: column to values.
        tables: name of a category to the new code of each code.
    """
    for name, table in tables.items():
        for column in (f"observation:{name}", f"next_observation:{name}"):
            if column in rows:
                rows[column] = table[rows[column]]


def _pieces(
    files: Sequence[tuple[Path, int]], start: int, end: int, scratch: Scratch
) -> Iterator[dict[str, NDArray[Any]]]:
    """The rows of a range, a row group at a time."""
    at = 0
    for path, n in files:
        if at < end and at + n > start:
            with scratch.arrow(path) as raw, pq.ParquetFile(raw) as file:
                first = at
                for i in range(file.num_row_groups):
                    m = file.metadata.row_group(i).num_rows
                    if first < end and first + m > start:
                        group = file.read_row_group(i, use_threads=False)
                        group = group.slice(max(0, start - first), min(end, first + m) - max(start, first))
                        yield {c: group[c].to_numpy() for c in group.column_names}
                    first += m
        at += n
