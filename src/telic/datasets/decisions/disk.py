"""Tables on the disk in place of memory, in batches that are read one by one.

Texts are written as they are, so that a batch is read without those of the others. Names of people stay in memory, and
numbers that stand for them are written: as elsewhere, no plain name is on the disk of the store.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from telic.datasets.partitions.sizes import Sizes
from telic.datasets.privacy.scratch import Scratch
from telic.datasets.sources.coerce import CATEGORY
from telic.errors import world_errors

__all__ = ["Disk", "Writing"]

SHARE = 4
"""Joining needs so many times the memory that reading a log of one size does: texts are compared, not only kept."""

PEOPLE = {b"of": b"people"}
"""Marks a column of numbers that stand for names."""


@dataclass(frozen=True)
class Disk:
    """A folder beside the versions.

    Attributes:
        folder: exists; whoever made it removes it.
        sizes: how much is held in memory at a time.
        scratch: how files are written.
        numbers: name of a person to the number that stands for it.
    """

    folder: Path
    sizes: Sizes
    scratch: Scratch = field(default_factory=Scratch, repr=False)
    numbers: dict[str, int] = field(default_factory=dict, repr=False)
    _count: Iterator[int] = field(default_factory=itertools.count, repr=False)

    @property
    def in_memory(self) -> int:
        """Bytes of columns of all streams that stay in memory."""
        return self.sizes.in_memory // SHARE

    @property
    def run(self) -> int:
        """Bytes of columns that are written at a time."""
        return self.sizes.run // SHARE

    @property
    def bucket(self) -> int:
        """Bytes of columns that are joined at a time."""
        return self.sizes.part // SHARE * 2

    def fresh(self, ending: str) -> Path:
        """A path in the folder that nothing else has."""
        return self.folder / f"{next(self._count):06d}.{ending}"

    def write(self, table: pa.Table, people: Collection[str], ends: Sequence[int] | None = None) -> Path:
        """The file, after it was written.

        Args:
            table: its rows.
            people: columns that hold names of people.
            ends: row at which each batch ends; None: one batch.

        Raises:
            TemporaryError: the disk is full.
        """
        with self.writing(people) as file:
            start = 0
            for end in [table.num_rows] if ends is None else ends:
                file.add(table.slice(start, end - start))
                start = end
        return file.path

    @contextmanager
    def writing(self, people: Collection[str]) -> Iterator[Writing]:
        """A file that is written batch by batch; arguments and errors as ``write``."""
        file = Writing(self, self.fresh("arrow"), frozenset(people))
        with world_errors(f"write to {self.folder}"):
            try:
                yield file
            finally:
                file.close()

    def read(self, path: Path, batch: int, columns: Sequence[str] | None = None) -> pa.Table:
        """A batch of a file.

        Args:
            path: of ``write``.
            batch: its number.
            columns: some of its columns; None: all.
        """
        options = pa.ipc.IpcReadOptions()
        with self.scratch.arrow(path) as raw:
            if columns is not None:
                names = pa.ipc.open_file(raw).schema.names
                options = pa.ipc.IpcReadOptions(included_fields=[names.index(c) for c in columns])
            with pa.ipc.open_file(raw, options=options) as file:
                table = pa.Table.from_batches([file.get_batch(batch)])
        return self._decoded(table)

    def _decoded(self, table: pa.Table) -> pa.Table:
        columns: dict[str, pa.ChunkedArray] = {}
        for kind in table.schema:
            column = table[kind.name]
            if kind.metadata == PEOPLE:
                column = pa.chunked_array(
                    [
                        pa.DictionaryArray.from_arrays(c, pa.array(list(self.numbers), pa.string()))
                        for c in column.chunks
                    ],
                    CATEGORY,
                )
            elif pa.types.is_large_string(kind.type):
                column = pa.chunked_array(
                    [c.dictionary_encode().cast(CATEGORY) for c in column.chunks], CATEGORY
                )
            columns[kind.name] = column
        return pa.table(columns)


class Writing:
    """A file that is being written.

    Args:
        disk: where.
        path: of the file.
        people: columns that hold names of people.

    Attributes:
        path: of the file.
        rows: number of rows of each batch.
    """

    def __init__(self, disk: Disk, path: Path, people: frozenset[str]) -> None:
        self.path, self.rows = path, list[int]()
        self._disk, self._people = disk, people
        self._raw = disk.scratch.writing(path)
        self._file: pa.ipc.RecordBatchFileWriter | None = None

    def add(self, table: pa.Table) -> None:
        """One more batch; every one has the same columns."""
        plain = self._encoded(table).combine_chunks()
        if self._file is None:
            self._file = pa.ipc.new_file(self._raw, plain.schema)
        some = plain.to_batches()
        assert len(some) <= 1, "a batch must be one"
        self._file.write_batch(some[0] if some else _empty(plain.schema))
        self.rows.append(plain.num_rows)

    def close(self) -> None:
        """No batch follows."""
        if self._file is not None:
            self._file.close()
        self._raw.close()

    def _encoded(self, table: pa.Table) -> pa.Table:
        columns, kinds = [], []
        for kind in table.schema:
            column, metadata = table[kind.name], None
            if pa.types.is_dictionary(kind.type):
                if kind.name in self._people:
                    column, metadata = self._numbered(column), PEOPLE
                else:
                    column = column.cast(pa.large_string())
            columns.append(column)
            kinds.append(pa.field(kind.name, column.type, metadata=metadata))
        return pa.table(columns, schema=pa.schema(kinds))

    def _numbered(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        numbers, chunks = self._disk.numbers, []
        for chunk in column.chunks:
            texts = chunk.dictionary.to_pylist()
            table = np.array(
                [-1 if t is None else numbers.setdefault(t, len(numbers)) for t in texts] + [-1],
                dtype=np.int32,
            )
            codes = table[np.asarray(chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False))]
            chunks.append(pa.array(codes, mask=codes < 0))
        return pa.chunked_array(chunks, pa.int32())


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, f.type) for f in schema], schema=schema)
