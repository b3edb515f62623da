"""Arrays of numbers, a row a step, as flat columns: what array files (HDF5, ``.npz``) hold.

A column is ``name`` where a step has one value, else ``name.0``, ``name.1``, ... in row-major order (``name.0.1`` for a
matrix). What has more than ``WIDEST`` values a step is a picture in numbers and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from telic.reports import Finding, Severity

__all__ = [
    "WIDEST",
    "array_columns",
    "array_names",
    "constant",
    "element_names",
    "gathered",
    "number_notices",
]

WIDEST = 4096
"""Values of one quantity at one step, at most."""

GATHERED_ROWS = 1 << 14
"""Rows of short episodes that become one table: smaller ones cost more than their rows."""


def element_names(name: str, shape: Sequence[int]) -> tuple[str, ...]:
    """Names of the columns of values of one shape; none where there are more than ``WIDEST``."""
    count = int(np.prod(shape, dtype=np.float64))
    if count == 1:
        return (name,)
    if count > WIDEST:
        return ()
    places = [""]
    for n in shape:
        places = [f"{p}.{i}" for p in places for i in range(n)]
    return tuple(name + place for place in places)


def array_names(name: str, shape: Sequence[int]) -> tuple[str, ...]:
    """Names of the columns of an array ``(T, ...)``."""
    return element_names(name, shape[1:])


def array_columns(name: str, values: NDArray[np.generic]) -> dict[str, pa.Array]:
    """The columns of an array ``(T, ...)`` of numbers, truth values or texts."""
    names = array_names(name, values.shape)
    flat = values.reshape(len(values), len(names)) if names else values
    return {column: _column(flat[:, k]) for k, column in enumerate(names)}


def gathered(tables: Iterable[pa.Table], rows: int = GATHERED_ROWS) -> Iterator[pa.Table]:
    """The same rows in fewer tables; a column that some lack is null there."""
    kept: list[pa.Table] = []
    for table in tables:
        kept.append(table)
        if sum(t.num_rows for t in kept) >= rows:
            yield pa.concat_tables(kept, promote_options="permissive")
            kept = []
    if kept:
        yield pa.concat_tables(kept, promote_options="permissive")


def number_notices(tables: Iterable[pa.Table], name: str, *, episode: str, step: str) -> Iterator[Finding]:
    """A finding where numbers are NaN or infinite, with the first step that shows it.

    Args:
        tables: all columns, in order.
        name: of the source, for the message.
        episode: column that names the episode.
        step: column that numbers its steps.
    """
    count, first = 0, ""
    for table in tables:
        for column in table.column_names:
            if not pa.types.is_floating(table[column].type):
                continue
            values = table[column].to_numpy().astype(np.float64)
            rows = np.flatnonzero(~np.isfinite(values))
            if len(rows) and not count:
                where = int(rows[0])
                first = f"`{column}` in {episode} {table[episode][where]} step {table[step][where]}"
            count += len(rows)
    if count:
        yield Finding(
            code="not-finite",
            severity=Severity.WARNING,
            message=f"{count:,} values of {name} are NaN or infinite, first {first}.",
            hint="Say in the contract what a missing value means (`missing: carry`, `drop` or `error`).",
            evidence={"count": count, "first": first},
        )


def _column(values: NDArray[np.generic]) -> pa.Array:
    if values.dtype.kind == "S":
        return pa.array([v.decode("utf-8", "replace") for v in values.tolist()], pa.string())
    if values.dtype.kind in "OU":
        return pa.array([v if v is None else str(v) for v in values.tolist()], pa.string())
    if values.dtype == np.float16:
        return pa.array(values.astype(np.float32))
    return pa.array(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))))


def constant(values: Mapping[str, str | int | bool | None], n_rows: int) -> dict[str, pa.Array]:
    """Columns that have one value throughout."""
    return {name: pa.repeat(pa.scalar(value), n_rows) for name, value in values.items()}
