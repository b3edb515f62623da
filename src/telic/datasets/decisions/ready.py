"""One stream ready to be joined: by the right clock, without what is left out, in buckets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.contract import TaskContract
from telic.typing import BoolArray

from .clock_correction import Correction
from .dealing import Dealt, deal, hashes
from .disk import Disk
from .reading import tables_of
from .selection import Selection, selected
from .shelf import RawStream
from .stitching import Order, Stitching, repeats_by_identity
from .stream_table import StreamTable, coded

__all__ = ["Numbering", "Ready", "hashed_by", "ready"]

Numbering: TypeAlias = Callable[[StreamTable], NDArray[np.uint64]]
"""``(n,)`` a number for each row, by which it is dealt."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A stream in buckets.

    Attributes:
        raw: as it was read.
        selection: what was left out.
        stitching: what was found while its rows were put together; added to while buckets are stitched.
        shape: some of its rows, to tell what they look like.
        dealt: its rows; None: ``shape`` are all of them.
    """

    raw: RawStream
    selection: Selection
    stitching: Stitching
    shape: StreamTable
    dealt: Dealt | None

    def bucket(self, i: int) -> StreamTable:
        """The rows of a bucket, not stitched."""
        return self.shape if self.dealt is None else self.shape.with_rows(self.dealt.bucket(i))

    def whole(self) -> StreamTable:
        """The rows of all buckets."""
        if self.dealt is None:
            return self.shape
        return self.shape.with_rows(pa.concat_tables([self.dealt.bucket(i) for i in range(self.dealt.n)]))


def ready(
    raw: RawStream,
    contract: TaskContract,
    correction: Correction,
    numbers: Numbering,
    n: int,
    disk: Disk | None,
) -> Ready:
    """The stream, ready; what was read is used up.

    Args:
        raw: as it was read.
        contract: says what its columns mean.
        correction: of its clock.
        numbers: of rows; equal remainders by ``n`` are in one bucket.
        n: number of buckets.
        disk: where they are; None: there is one, in memory.
    """
    found, stitching = None, Stitching(raw.stream)

    def tables() -> Iterator[StreamTable]:
        nonlocal found
        once = None
        for table in tables_of(raw, contract, correction):
            once = once or Selection(table)
            yield selected(table, once)
        found = found or once

    several: Iterable[StreamTable] = tables()
    if disk is None:
        several = list(several)
    if raw.stream.identity:
        gone = _gone(several, raw, stitching, disk)
        several = _without(tables() if disk is not None else several, gone)
    several = _looked_at(several, stitching)
    if disk is None:
        [shape], dealt = list(several), None
    else:
        shapes: list[StreamTable] = []
        dealt = deal(_numbered(several, numbers, shapes), n, disk, raw.people)
        shape = shapes[0]
    assert found is not None, "a stream has rows"
    raw.held.remove()
    return Ready(raw=raw, selection=found, stitching=stitching, shape=shape, dealt=dealt)


def hashed_by(roles: Sequence[str]) -> Numbering:
    """Numbers rows by the texts of these columns.

    Args:
        roles: as ``entity:NAME`` or the role of another column; none: all rows are in one bucket.
    """

    def numbers(table: StreamTable) -> NDArray[np.uint64]:
        columns = [
            table.entities[role.removeprefix("entity:")]
            if role.startswith("entity:")
            else coded(table.columns[role])
            for role in roles
        ]
        # Rows that are equal must meet even where they lack part of the key.
        return hashes(columns, table.times.view(np.int64))

    return numbers


def _numbered(
    tables: Iterable[StreamTable], numbers: Numbering, shapes: list[StreamTable]
) -> Iterator[tuple[pa.Table, NDArray[np.uint64]]]:
    for table in tables:
        if not shapes:
            shapes.append(table.take(np.zeros(0, dtype=np.int64)))
        yield table.as_table(), numbers(table)


def _gone(tables: Iterable[StreamTable], raw: RawStream, found: Stitching, disk: Disk | None) -> BoolArray:
    """``(n_rows,)`` whether each row repeats an earlier one by its identity."""
    if disk is None:
        gone = np.zeros(raw.rows.total, dtype=bool)
        for table in tables:
            gone[repeats_by_identity(table, found)] = True
        return gone
    shapes: list[StreamTable] = []
    n = 1 + raw.held.n_bytes // disk.bucket
    by_identity = hashed_by([f"identity:{c}" for c in raw.stream.identity])
    dealt = deal(_numbered(tables, by_identity, shapes), n, disk, raw.people)
    gone = np.memmap(disk.fresh("flags"), dtype=bool, mode="w+", shape=(raw.rows.total,))
    for i in range(n):
        gone[repeats_by_identity(shapes[0].with_rows(dealt.bucket(i)), found)] = True
    dealt.remove()
    return gone


def _without(tables: Iterable[StreamTable], gone: BoolArray) -> Iterator[StreamTable]:
    for table in tables:
        some = np.asarray(gone[table.places])
        yield table.take(~some) if some.any() else table


def _looked_at(tables: Iterable[StreamTable], found: Stitching) -> Iterator[StreamTable]:
    order = Order(found)
    for table in tables:
        order.seen(table)
        yield table
