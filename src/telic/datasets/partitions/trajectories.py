"""The file of trajectories of a version, from those of its parts, a piece at a time, and digests of its columns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from telic.datasets.layout import TRAJECTORIES
from telic.datasets.privacy.scratch import Scratch
from telic.datasets.sources.assemble import numbered
from telic.typing import IntArray

from .block_digests import Stream
from .parts import KEPT
from .text_table import OPEN

__all__ = ["Finished", "finish_trajectories", "finished_pieces", "names_in", "pieces_of"]

NAME_OF_PIECE = re.compile(r"(?s)(.*)#([1-9][0-9]*)")
"""A source trajectory that is called like a piece of another one."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The file of trajectories.

    Attributes:
        file: its name.
        columns: column (as ``Demonstrations.column_digests`` names them) to digest.
        is_escaped: whether ``#`` in names of sources is written as ``%23``.
    """

    file: str
    columns: dict[str, str]
    is_escaped: bool


def finish_trajectories(
    parts: Sequence[Path], folder: Path | None, scratch: Scratch = OPEN, people: IntArray | None = None
) -> Finished:
    """The file, after it was written and is on the disk.

    Args:
        parts: files of the parts, in order.
        folder: of the version; None: no file is written.
        scratch: how the files of the parts were written.
        people: new number of each person; None: as they are.
    """
    is_escaped = _is_ambiguous(parts, scratch)
    pieces = finished_pieces(parts, scratch, is_escaped=is_escaped, people=people)
    offsets, columns = Stream(np.int64), dict[str, Stream]()
    offsets.add(np.zeros(1, dtype=np.int64))
    n_rows = 0
    for piece in pieces if folder is None else _written(pieces, folder):
        ends = n_rows + np.cumsum(piece["lengths"].to_numpy())
        n_rows = int(ends[-1])
        offsets.add(ends.astype(np.int64))
        for name in piece.column_names[1:]:
            values = piece[name]
            is_text = pa.types.is_string(values.type)
            if name not in columns:
                columns[name] = Stream(None if is_text else values.type.to_pandas_dtype())
            columns[name].add(np.array(values.to_pylist(), dtype=object) if is_text else values.to_numpy())
    digests = {"offsets": offsets.digest(), **{k: v.digest() for k, v in columns.items()}}
    return Finished(file=TRAJECTORIES, columns=digests, is_escaped=is_escaped)


def finished_pieces(
    parts: Sequence[Path], scratch: Scratch = OPEN, *, is_escaped: bool, people: IntArray | None = None
) -> Iterator[pa.Table]:
    """The trajectories that stay, some at a time: ``lengths``, ``trajectory_ids``, and what else is said of them.

    Args:
        parts: files of the parts, in order.
        scratch: how they were written.
        is_escaped: whether ``#`` in names is written as ``%23``.
        people: new number of each person; None: as they are.
    """
    for piece in pieces_of(parts, scratch):
        texts = pa.array(names_in(piece, is_escaped=is_escaped), pa.string())
        made = {"lengths": piece["lengths"], "trajectory_ids": texts}
        made |= {n: piece[n] for n in piece.schema.names if n not in ("lengths", "name", "nth", KEPT)}
        if people is not None:
            made["demonstrators"] = pa.array(people[piece["demonstrators"].to_numpy()])
        table = pa.table(made)
        if KEPT in piece.schema.names:
            table = table.filter(piece[KEPT])
        if table.num_rows:
            yield table


def _written(pieces: Iterator[pa.Table], folder: Path) -> Iterator[pa.Table]:
    """The same pieces, each after it was written; the file is on the disk after the last."""
    writer: pq.ParquetWriter | None = None
    with (folder / TRAJECTORIES).open("wb") as raw:
        for table in pieces:
            if writer is None:
                writer = pq.ParquetWriter(raw, table.schema, compression="zstd", store_schema=True)
            writer.write_table(table)
            yield table
        assert writer is not None, "a version has at least one trajectory"
        writer.close()
        raw.flush()
        os.fsync(raw.fileno())


def pieces_of(parts: Sequence[Path], scratch: Scratch = OPEN) -> Iterator[pa.RecordBatch]:
    """What the parts say of their trajectories, some at a time.

    Args:
        parts: their files, in order.
        scratch: how they were written.
    """
    for path in parts:
        with scratch.arrow(path) as raw, pa.ipc.open_file(raw) as file:
            for i in range(file.num_record_batches):
                yield file.get_batch(i)


def names_in(piece: pa.RecordBatch, *, is_escaped: bool) -> list[str]:
    """Names of the trajectories of a piece.

    Args:
        piece: of ``pieces_of``.
        is_escaped: whether ``#`` in names is written as ``%23``.
    """
    return numbered(piece["name"].to_pylist(), piece["nth"].to_numpy(), is_escaped=is_escaped)


def _is_ambiguous(parts: Sequence[Path], scratch: Scratch) -> bool:
    """Whether a source trajectory is called like a piece of another one (``name#2``)."""
    least: dict[str, int] = {}
    for piece in pieces_of(parts, scratch):
        names = piece["name"]
        if not pc.any(pc.match_substring(names, "#")).as_py():
            continue
        for name in names.to_pylist():
            found = NAME_OF_PIECE.fullmatch(name)
            if found and int(found[2]) > 1:
                least[found[1]] = min(least.get(found[1], int(found[2])), int(found[2]))
    if not least:
        return False
    return any(
        nth + 1 >= least.get(name, nth + 2)
        for piece in pieces_of(parts, scratch)
        for name, nth in zip(piece["name"].to_pylist(), piece["nth"].to_pylist(), strict=True)
    )
