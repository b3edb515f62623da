"""Parquet files of a LeRobotDataset, opened so that what is read of them is what it should be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from telic.errors import DataError
from telic.typing import FloatArray, LongArray

from .parquet_files import PARQUET_FAULTS, broken_parquet, open_parquet

__all__ = ["open_frames", "open_rows", "read_parquet", "real_numbers", "whole_numbers"]


def open_rows(path: Path, name: str) -> pq.ParquetFile:
    """A Parquet file each of whose rows has a number of its own, and so takes a byte at least.

    Raises:
        DataError: it is not a whole Parquet file, claims more rows than it has bytes, or has a column twice.
    """
    file = open_parquet(path, name)
    n_rows, size = file.metadata.num_rows, path.stat().st_size
    if n_rows > size:
        raise DataError(
            f"{name} claims {n_rows:,} rows in {size:,} bytes.",
            hint="No dataset does; is the file damaged, or made to do harm?",
        )
    names = file.schema_arrow.names
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise DataError(f"{name} has the column `{twice}` twice.", hint="Is the file damaged?")
    return file


def open_frames(path: Path, name: str, columns: Mapping[str, str]) -> pq.ParquetFile:
    """A data file whose columns are of the types that ``meta/info.json`` says.

    Args:
        path: where it is.
        name: for messages.
        columns: column to the type that it must have, ``float32``, ``int64``, ``bool`` or ``string`` and their like;
            those of pictures are not looked at.

    Raises:
        DataError: as ``open_rows``, or a column is of another type.
    """
    file = open_rows(path, name)
    for field in file.schema_arrow:
        wanted = columns.get(field.name)
        kind = _innermost(field.type)
        if wanted is not None and not _is(kind, wanted):
            raise DataError(
                f"`{field.name}` of {name} holds {field.type}, where meta/info.json says {wanted}.",
                hint="Is the file damaged, or of another dataset?",
            )
    return file


def read_parquet(path: Path, name: str, without: str | None = None) -> pa.Table:
    """A whole (small) Parquet file.

    Args:
        path: where it is.
        name: for messages.
        without: columns whose names begin so are left out.

    Raises:
        DataError: it is not a whole Parquet file.
    """
    file = open_rows(path, name)
    wanted = [c for c in file.schema_arrow.names if without is None or not c.startswith(without)]
    try:
        table = file.read(columns=wanted, use_pandas_metadata=False)
        table.validate(full=True)  # texts that are no text, too
    except PARQUET_FAULTS as problem:
        raise broken_parquet(name, problem) from None
    return table


def whole_numbers(table: pa.Table, column: str, name: str) -> LongArray:
    """A column of whole numbers of 0 and more, none missing.

    Raises:
        DataError: it is none, or is not there.
    """
    found = table[column] if column in table.column_names else None
    if found is not None and pa.types.is_integer(found.type) and not found.null_count:
        values: LongArray = found.to_numpy().astype(np.int64)
        if not len(values) or int(values.min()) >= 0:
            return values
    raise DataError(
        f"`{column}` of {name} must hold a whole number of 0 or more in every row"
        + (
            f", got {found.type} with {found.null_count:,} missing."
            if found is not None
            else "; it is not there."
        ),
        hint="Is this a LeRobotDataset v3.0, and whole?",
    )


def real_numbers(table: pa.Table, column: str, name: str) -> FloatArray:
    """A column of numbers; NaN where one is missing.

    Raises:
        DataError: it is none, or is not there.
    """
    found = table[column] if column in table.column_names else None
    if found is None or not (pa.types.is_floating(found.type) or pa.types.is_integer(found.type)):
        raise DataError(
            f"`{column}` of {name} must hold numbers"
            + (f", got {found.type}." if found is not None else "; it is not there."),
            hint="Is this a LeRobotDataset v3.0, and whole?",
        )
    values: FloatArray = found.to_numpy().astype(np.float64)
    return values


def _innermost(kind: pa.DataType) -> pa.DataType:
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            kind = kind.value_type
        else:
            return kind


def _is(kind: pa.DataType, wanted: str) -> bool:
    if wanted.startswith("float"):
        return bool(pa.types.is_floating(kind))
    if wanted.startswith(("int", "uint")):
        return bool(pa.types.is_integer(kind))
    if wanted == "bool":
        return bool(pa.types.is_boolean(kind))
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
