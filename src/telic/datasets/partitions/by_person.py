"""A part in the order of its people, so that the rows of each lie side by side and are read without the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from telic.datasets.privacy.scratch import Scratch
from telic.typing import IntArray, LongArray

from .block_digests import renumber_codes
from .stored import Stored, put_column, read_column

__all__ = ["ByPerson", "Stretches", "write_by_person"]

Columns = dict[str, Any]
"""Name to values: arrays of numpy or, of texts, of Arrow."""


@dataclass(frozen=True, kw_only=True)
class Stretches:
    """Where the people of a part lie.

    Attributes:
        people: ``(k,)`` their numbers, rising.
        rows, trajectories: ``(k + 1,)`` where the rows and the trajectories of each begin, and the end.
        codes: of each category, the same for the codes that occur in their rows.
    """

    people: IntArray
    rows: LongArray
    trajectories: LongArray
    codes: Mapping[str, LongArray]


@dataclass(frozen=True, kw_only=True)
class ByPerson:
    """A part on the disk.

    Attributes:
        path: of its file.
        stored: columns: ``row:`` what is about rows, ``trajectory:`` what is about trajectories, ``text:`` and
            ``ends:`` of their texts, ``codes:`` of categories, ``at:`` where people begin.
        scratch: how it was written.
        n_people: number of people in it.
        row_bytes: bytes of a row.
    """

    path: Path
    stored: Mapping[str, Stored]
    scratch: Scratch
    n_people: int
    row_bytes: int

    def stretches(self, first: int = 0, end: int | None = None) -> Stretches:
        """Where people lie.

        Args:
            first: place of the first of them in the part.
            end: place after the last; None: all of them.
        """
        k = (self.n_people if end is None else end) - first
        names = [n.removeprefix("at:codes:") for n in self.stored if n.startswith("at:codes:")]
        return Stretches(
            people=self._read("at:people", first, k),
            rows=self._read("at:rows", first, k + 1),
            trajectories=self._read("at:trajectories", first, k + 1),
            codes={n: self._read(f"at:codes:{n}", first, k + 1) for n in names},
        )

    def rows(self, first: int, n: int) -> Columns:
        """Some rows."""
        return {
            name.removeprefix("row:"): self._read(name, first, n)
            for name in self.stored
            if name.startswith("row:")
        }

    def trajectories(self, first: int, n: int) -> Columns:
        """Some trajectories."""
        found: Columns = {}
        for name in self.stored:
            kind, _, column = name.partition(":")
            if kind == "trajectory":
                found[column] = self._read(name, first, n)
            elif kind == "ends":
                ends = self._read(name, first, n + 1)
                text = self._read(f"text:{column}", int(ends[0]), int(ends[-1] - ends[0]))
                buffers = [None, pa.py_buffer(ends - ends[0]), pa.py_buffer(text)]
                found[column] = pa.Array.from_buffers(pa.large_string(), n, buffers).cast(pa.string())
        return found

    def codes(self, name: str, first: int, n: int) -> IntArray:
        """Some codes of a category."""
        return self._read(f"codes:{name}", first, n)

    def _read(self, name: str, first: int, n: int) -> NDArray[Any]:
        return read_column(self.path, self.stored, self.scratch, name, first, n)


def write_by_person(
    rows: Path,
    trajectories: pa.Table,
    first_trajectory: int,
    scratch: Scratch,
    tables: Mapping[str, IntArray],
    categories: Collection[str],
) -> ByPerson:
    """The part, after it was written beside its rows.

    Args:
        rows: file of the part's rows.
        trajectories: of the part (``trajectories.finished_pieces``), with the people that are in the dataset.
        first_trajectory: how many trajectories are before them.
        scratch: how files are sealed.
        tables: name of a category to the new code of each code.
        categories: whose labels go with the people in whose rows they occur.

    Raises:
        OSError: the file cannot be written.
    """
    with scratch.arrow(rows) as raw, pq.ParquetFile(raw) as file:
        table = file.read(use_threads=False)
        columns = {name: table[name].to_numpy() for name in table.column_names}
        del table
    renumber_codes(columns, tables)
    lengths = trajectories["lengths"].to_numpy()
    people = trajectories["demonstrators"].to_numpy()
    order = np.argsort(people, kind="stable")
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    moved = np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64)
    of_rows = np.repeat(starts[order] - moved[:-1], lengths[order]) + np.arange(moved[-1])
    distinct, first = np.unique(people[order], return_index=True)
    who = np.repeat(people[order], lengths[order])
    path = rows.with_suffix(".people")
    stored: dict[str, Stored] = {}
    with scratch.writing(path) as out:
        stored["at:people"] = put_column(out, distinct.astype(np.int32))
        stored["at:rows"] = put_column(out, np.append(moved[first], moved[-1]))
        stored["at:trajectories"] = put_column(out, np.append(first, len(order)).astype(np.int64))
        known = columns["next_known"][of_rows]
        for name in sorted(categories):
            pairs = _pairs(
                who,
                known,
                *(columns[f"{kind}:{name}"][of_rows] for kind in ("observation", "next_observation")),
            )
            ends = np.searchsorted(pairs >> 32, distinct)
            stored[f"at:codes:{name}"] = put_column(out, np.append(ends, len(pairs)).astype(np.int64))
            stored[f"codes:{name}"] = put_column(out, (pairs & 0xFFFFFFFF).astype(np.int32))
        row_bytes = sum(v.itemsize for v in columns.values())
        for name in list(columns):
            called = name.replace("observation:", "observations:", 1)
            stored[f"row:{called}"] = put_column(out, columns.pop(name)[of_rows])
        stored["trajectory:place"] = put_column(out, first_trajectory + order)
        for name, values in _about(trajectories, order):
            if isinstance(values, pa.Array):
                _, ends, text = values.buffers()
                n = len(values) + 1
                stored[f"ends:{name}"] = put_column(out, np.frombuffer(ends, np.int64)[:n])
                stored[f"text:{name}"] = put_column(out, np.frombuffer(text or b"", np.uint8))
            else:
                stored[f"trajectory:{name}"] = put_column(out, values)
    pa.default_memory_pool().release_unused()
    return ByPerson(path=path, stored=stored, scratch=scratch, n_people=len(distinct), row_bytes=row_bytes)


def _pairs(who: IntArray, known: NDArray[np.bool_], here: IntArray, after: IntArray) -> LongArray:
    """People and codes that occur in their rows, each once, in order."""
    pairs = np.concatenate(
        [(who.astype(np.int64) << 32) | here, (who[known].astype(np.int64) << 32) | after[known]]
    )
    return np.unique(pairs)


def _about(trajectories: pa.Table, order: LongArray) -> Iterator[tuple[str, Any]]:
    """What is said of trajectories, as sealed files call it."""
    for name in trajectories.column_names:
        values = trajectories[name].combine_chunks()
        called = name.replace("label:", "labels:", 1)
        if pa.types.is_string(values.type):
            moved = values.cast(pa.large_string()).take(pa.array(order))
            yield called, moved.combine_chunks() if isinstance(moved, pa.ChunkedArray) else moved
        else:
            yield called, values.to_numpy(zero_copy_only=False)[order]
