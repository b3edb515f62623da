"""Runs: rows as they were read, encoded, sorted by source trajectory, and written to the disk column by column.

A range of trajectories is one stretch of a run, so that it is read without the rest. Within a trajectory rows keep
the order of the files. What lies on the disk is what the dataset may hold: names of people are digests, and are not
on the disk at all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.datasets.privacy.scratch import Scratch
from telic.datasets.sources.encode import Encoded
from telic.datasets.sources.order import by_key
from telic.typing import LongArray

from .stored import Stored, put_column, read_column
from .text_table import OPEN, TextTable, write_texts

__all__ = ["Name", "Run", "Stretch", "write_run"]

Name: TypeAlias = tuple[str, ...]
"""The parts of the name of a source trajectory; datasets are in this order."""

SAMPLES = 512
"""Names of a run that are remembered, evenly spread over its rows, to find ranges of one size."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is known of a run without reading it.

    Attributes:
        path: of its rows.
        n_rows: number of rows.
        columns: name to place in the file.
        names: of its trajectories, in order.
        heads: the first name of each batch of them.
        starts: ``(n_batches + 1,)`` row at which each batch begins, and the number of rows.
        labels: label of trajectories to its texts.
        samples: names, evenly spread over the rows.
        first_row: place of the first of its rows in the files, on its worker.
        scratch: how it was written.
    """

    path: Path
    n_rows: int
    columns: Mapping[str, Stored]
    names: TextTable
    heads: tuple[Name, ...]
    starts: LongArray
    labels: Mapping[str, TextTable]
    samples: tuple[Name, ...]
    first_row: int
    scratch: Scratch = field(default_factory=Scratch)

    def between(self, low: Name | None, high: Name | None) -> Stretch:
        """The rows whose names are at least ``low`` and below ``high``; None: no limit."""
        first = 0 if low is None else max(0, bisect_right(self.heads, low) - 1)
        last = len(self.heads) if high is None else bisect_left(self.heads, high)
        names: list[Name] = []
        starts = np.zeros(0, dtype=np.int64)
        if first < last:
            names = list(zip(*self.names.read(range(first, last)), strict=True))
            keys = self._read("key_starts", first * self.names.batch, len(names))
            starts = np.append(keys, self.starts[last])
        a = 0 if low is None else bisect_left(names, low)
        b = len(names) if high is None else bisect_left(names, high)
        return Stretch(run=self, names=names[a:b], starts=starts[a : b + 1] if b > a else starts[:0])

    def _read(self, column: str, first: int, count: int) -> NDArray[Any]:
        return read_column(self.path, self.columns, self.scratch, column, first, count)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Rows of a run that lie side by side.

    Attributes:
        run: whose.
        names: of their trajectories, in order.
        starts: ``(k + 1,)`` row of the run at which each trajectory begins, and where the last ends; or empty.
    """

    run: Run
    names: list[Name]
    starts: LongArray

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.starts[-1] - self.starts[0]) if len(self.starts) else 0

    def column(self, name: str) -> NDArray[Any]:
        """The values of a column."""
        return self.run._read(name, int(self.starts[0]), self.n_rows)


def write_run(rows: Encoded, folder: Path, number: int, keys_a_batch: int, scratch: Scratch = OPEN) -> Run:
    """The run, after it was written; the columns of the rows are used up.

    Args:
        rows: encoded.
        folder: where to.
        number: tells the runs of a folder apart.
        keys_a_batch: names that are read at a time.
        scratch: how it is written.

    Raises:
        OSError: it cannot be written.
    """
    order = by_key(rows.keys)
    keys = rows.keys if order is None else rows.keys[order]
    begins = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    used = keys[begins]
    names = [[part[k] for k in used.tolist()] for part in rows.names]
    path = folder / f"run-{number:06d}.rows"
    columns: dict[str, Stored] = {}
    labels: dict[str, TextTable] = {}
    with scratch.writing(path) as file:

        def put(name: str, values: NDArray[Any]) -> None:
            columns[name] = put_column(file, values)

        put("key_starts", begins.astype(np.int64))
        put("rows", (np.arange(rows.n_rows) if order is None else order).astype(np.uint32))
        for name, values in _columns(rows):
            put(name, values if order is None else values[order])
        for name in list(rows.labels):
            codes, texts = rows.labels.pop(name)
            codes, kept = _by_appearance(codes if order is None else codes[order], texts)
            beside = folder / f"run-{number:06d}-{len(labels)}.labels"
            labels[name] = write_texts(beside, [kept], keys_a_batch, scratch)
            put(f"label:{name}", codes)
    table = write_texts(folder / f"run-{number:06d}.names", names, keys_a_batch, scratch)
    heads = range(0, len(used), keys_a_batch)
    at = np.searchsorted(begins, np.arange(SAMPLES) * len(keys) // SAMPLES, side="right") - 1
    pa.default_memory_pool().release_unused()
    return Run(
        path=path,
        n_rows=rows.n_rows,
        columns=columns,
        names=table,
        heads=tuple(tuple(part[i] for part in names) for i in heads),
        starts=np.append(begins[list(heads)], len(keys)).astype(np.int64),
        labels=labels,
        samples=tuple(tuple(part[i] for part in names) for i in at.tolist()),
        first_row=rows.first_row,
        scratch=scratch,
    )


def _columns(rows: Encoded) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each column, taken out of the rows."""
    for name in (
        "times",
        "actions",
        "demonstrators",
        "terminated",
        "weights",
        "origins",
        "succeeded",
        "offered",
    ):
        column = getattr(rows, name)
        setattr(rows, name, None)
        if column is not None:
            yield name, column
    for kind, held in (("observation", rows.observations), ("missing", rows.missing)):
        for name in list(held):
            yield f"{kind}:{name}", held.pop(name)


def _by_appearance(codes: NDArray[Any], texts: tuple[str, ...]) -> tuple[NDArray[np.int32], list[str]]:
    """Codes renumbered in the order in which they first appear, so that rows side by side have codes side by side."""
    known = codes[codes >= 0]
    distinct, first = np.unique(known, return_index=True)
    in_order = distinct[np.argsort(first, kind="stable")]
    table = np.full(len(texts) + 1, -1, dtype=np.int32)
    table[in_order] = np.arange(len(in_order), dtype=np.int32)
    return table[codes], [texts[i] for i in in_order.tolist()]
