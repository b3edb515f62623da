"""Digests of the columns of rows, from the files of the parts: blocks side by side, columns of their blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from telic._core.hashing import BLOCK_ROWS
from telic.datasets.privacy.scratch import Scratch
from telic.typing import IntArray

from .block_digests import column_digest, hash_rows
from .workers import AbstractWorkers

__all__ = ["RowFiles", "row_digests"]

HASHED_BLOCKS = 32
"""Blocks of the digest that are hashed by one task: two million rows."""

Told = Callable[[str, Iterable[Any], int], Iterator[Any]]
"""Gives the results of a stage, each told."""


@dataclass(frozen=True, kw_only=True)
class RowFiles:
    """Rows of a version that is being built.

    Attributes:
        files: in order, with their numbers of rows.
        observations: names.
        scratch: how they were written.
        tables: name of a category to the new code of each code; those that are not named stay.
    """

    files: Sequence[tuple[Path, int]]
    observations: Sequence[str]
    scratch: Scratch = field(default_factory=Scratch)
    tables: Mapping[str, IntArray] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Some blocks to hash."""

    rows: RowFiles
    start: int
    end: int


def _hashes(task: _Task) -> dict[str, list[bytes]]:
    rows = task.rows
    return hash_rows(rows.files, task.start, task.end, rows.observations, rows.scratch, rows.tables)


def row_digests(rows: RowFiles, n_actions: int, workers: AbstractWorkers, told: Told) -> dict[str, str]:
    """Column of rows (as ``Demonstrations.column_digests`` names them) to its digest.

    Args:
        rows: at least one.
        n_actions: number of action labels.
        workers: do the work.
        told: is told how far it is.
    """
    n, step = sum(n for _, n in rows.files), HASHED_BLOCKS * BLOCK_ROWS
    tasks = [_Task(rows=rows, start=s, end=min(s + step, n)) for s in range(0, n, step)]
    blocks: dict[str, list[bytes]] = {}
    for some in told("computing digests", workers.run(_hashes, tasks), len(tasks)):
        for name, digests in some.items():
            blocks.setdefault(name, []).extend(digests)
    with rows.scratch.arrow(rows.files[0][0]) as raw:
        schema = pq.read_schema(raw)
    kinds = {f.name: np.dtype(f.type.to_pandas_dtype()) for f in schema}
    kinds |= {f"next_observation:{o}": kinds[f"observation:{o}"] for o in rows.observations}
    shapes = {"offered": [n, n_actions]}
    return {
        name: column_digest(kinds.get(name, np.dtype(bool)), shapes.get(name, [n]), digests)
        for name, digests in blocks.items()
    }
