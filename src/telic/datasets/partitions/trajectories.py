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
from telic.datasets.sources.assemble import numbered

from .block_digests import Stream

__all__ = ["Finished", "finish_trajectories", "names_in", "pieces_of"]

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


def finish_trajectories(parts: Sequence[Path], folder: Path) -> Finished:
    """The file, after it was written and is on the disk.

    Args:
        parts: files of the parts, in order.
        folder: of the version.
    """
    is_escaped = _is_ambiguous(parts)
    offsets, ids = Stream(np.int64), Stream()
    columns: dict[str, Stream] = {}
    offsets.add(np.zeros(1, dtype=np.int64))
    n_rows = 0
    writer: pq.ParquetWriter | None = None
    with (folder / TRAJECTORIES).open("wb") as raw:
        for piece in pieces_of(parts):
            ends = n_rows + np.cumsum(piece["lengths"].to_numpy())
            n_rows = int(ends[-1])
            offsets.add(ends.astype(np.int64))
            texts = names_in(piece, is_escaped=is_escaped)
            ids.add(np.array(texts, dtype=object))
            made = {"lengths": piece["lengths"], "trajectory_ids": pa.array(texts, pa.string())}
            for name in piece.schema.names:
                if name in ("lengths", "name", "nth"):
                    continue
                values = piece[name]
                made[name] = values
                is_text = pa.types.is_string(values.type)
                if name not in columns:
                    columns[name] = Stream(None if is_text else values.type.to_pandas_dtype())
                columns[name].add(
                    np.array(values.to_pylist(), dtype=object)
                    if is_text
                    else values.to_numpy(zero_copy_only=False)
                )
            table = pa.table(made)
            if writer is None:
                writer = pq.ParquetWriter(raw, table.schema, compression="zstd", store_schema=True)
            writer.write_table(table)
        assert writer is not None, "a version has at least one trajectory"
        writer.close()
        raw.flush()
        os.fsync(raw.fileno())
    digests = {"offsets": offsets.digest(), "trajectory_ids": ids.digest()}
    digests |= {k: v.digest() for k, v in columns.items()}
    return Finished(file=TRAJECTORIES, columns=digests, is_escaped=is_escaped)


def pieces_of(parts: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    """What the parts say of their trajectories, some at a time.

    Args:
        parts: their files, in order.
    """
    for path in parts:
        with pa.OSFile(str(path)) as raw, pa.ipc.open_file(raw) as file:
            for i in range(file.num_record_batches):
                yield file.get_batch(i)


def names_in(piece: pa.RecordBatch, *, is_escaped: bool) -> list[str]:
    """Names of the trajectories of a piece.

    Args:
        piece: of ``pieces_of``.
        is_escaped: whether ``#`` in names is written as ``%23``.
    """
    return numbered(piece["name"].to_pylist(), piece["nth"].to_numpy(), is_escaped=is_escaped)


def _is_ambiguous(parts: Sequence[Path]) -> bool:
    """Whether a source trajectory is called like a piece of another one (``name#2``)."""
    least: dict[str, int] = {}
    for piece in pieces_of(parts):
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
        for piece in pieces_of(parts)
        for name, nth in zip(piece["name"].to_pylist(), piece["nth"].to_pylist(), strict=True)
    )
