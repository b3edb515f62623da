"""Texts on the disk that are read some at a time: names of trajectories and their labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.datasets.privacy.scratch import Scratch

__all__ = ["TextTable", "write_text_stream", "write_texts"]

OPEN = Scratch()


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """Texts in one or several columns, in a file of their own.

    Attributes:
        path: of the file.
        n: number of rows.
        batch: rows that are read at a time.
        scratch: how it was written.
    """

    path: Path
    n: int
    batch: int
    scratch: Scratch = field(default_factory=Scratch)

    def read(self, batches: Sequence[int]) -> list[list[str]]:
        """Each column, of some batches."""
        with self.scratch.arrow(self.path) as raw, pa.ipc.open_file(raw) as file:
            found = [file.get_batch(i) for i in batches]
            columns = range(len(file.schema))
            return [[t for b in found for t in b.column(c).to_pylist()] for c in columns]

    def at(self, places: NDArray[np.integer[Any]]) -> dict[int, str]:
        """Place to text of a table with one column.

        Args:
            places: ``(k,)`` distinct, rising.
        """
        batches = np.unique(places // self.batch).tolist()
        (texts,) = self.read(batches) if batches else ([],)
        first = {b: i * self.batch for i, b in enumerate(batches)}  # only the last one can be shorter
        return {p: texts[first[p // self.batch] + p % self.batch] for p in places.tolist()}


def write_texts(
    path: Path, columns: Sequence[Sequence[str]], batch: int, scratch: Scratch = OPEN
) -> TextTable:
    """The table, after it was written.

    Args:
        path: where to.
        columns: at least one, of one length.
        batch: rows a batch.
        scratch: how it is written.
    """
    arrays = [pa.array(list(c), pa.string()) for c in columns]
    table = pa.table(arrays, names=[str(i) for i in range(len(arrays))])
    with scratch.writing(path) as raw, pa.ipc.new_file(raw, table.schema) as file:
        for piece in table.to_batches(max_chunksize=batch):
            file.write_batch(piece)
    return TextTable(path=path, n=table.num_rows, batch=batch, scratch=scratch)


def write_text_stream(path: Path, texts: Iterable[str], batch: int, scratch: Scratch = OPEN) -> TextTable:
    """The table of one column, after its texts were written as they came.

    Args:
        path: where to.
        texts: any number of them.
        batch: rows a batch.
        scratch: how it is written.
    """
    schema, n, left = pa.schema([("0", pa.string())]), 0, iter(texts)
    with scratch.writing(path) as raw, pa.ipc.new_file(raw, schema) as file:
        while some := list(itertools.islice(left, batch)):
            file.write_batch(pa.record_batch([pa.array(some, pa.string())], schema=schema))
            n += len(some)
    return TextTable(path=path, n=n, batch=batch, scratch=scratch)
