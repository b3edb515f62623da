"""Parquet: the columns that the contract asks for; nested fields are reached with dots."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from telic.errors import DataError

from .files import SourceFile
from .pieces import PIECE_ROWS, Pieces

__all__ = ["parquet_columns", "parquet_pieces"]


def parquet_columns(source: SourceFile) -> list[str]:
    """Names of the columns, dotted where they are nested.

    Raises:
        DataError: the file is not a whole Parquet file.
    """
    return list(_flat(_open(source).schema_arrow.empty_table()).column_names)


def parquet_pieces(source: SourceFile, columns: Iterable[str]) -> Pieces:
    """The columns named, in the types of the file.

    Raises:
        DataError: the file is not a whole Parquet file.
    """
    wanted = list(columns)
    file = _open(source)
    try:
        yield _flat(file.schema_arrow.empty_table()).select(wanted)
        for batch in file.iter_batches(PIECE_ROWS, columns=wanted):
            yield _flat(pa.Table.from_batches([batch])).select(wanted)
    except (pa.ArrowInvalid, OSError) as problem:
        raise _broken(source, problem) from None


def _open(source: SourceFile) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(source.path)
    except (pa.ArrowInvalid, OSError) as problem:
        raise _broken(source, problem) from None


def _flat(table: pa.Table) -> pa.Table:
    while any(pa.types.is_struct(f.type) for f in table.schema):
        table = table.flatten()
    return table


def _broken(source: SourceFile, problem: Exception) -> DataError:
    return DataError(
        f"{source.name} is not a whole Parquet file: {str(problem).splitlines()[0]}",
        hint="Was the file cut off while it was copied? Write or copy it again.",
    )
