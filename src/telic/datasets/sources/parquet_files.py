"""Parquet: the columns that the contract asks for; nested fields are reached with dots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from telic.errors import DataError

from .files import SourceFile
from .pieces import PIECE_ROWS, Pieces

__all__ = ["PARQUET_FAULTS", "broken_parquet", "open_parquet", "parquet_columns", "parquet_pieces"]

PARQUET_FAULTS = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What pyarrow raises where the bytes of a file are not what they should be (names that are no text, too)."""

CODES = pa.dictionary(pa.int32(), pa.string())
"""The type that asks for codes and their texts."""

TEXTS = (pa.string(), pa.large_string())
"""Columns that can be read as the codes that they mostly lie in a file as; other types are not read so."""

PLAIN_BYTES = 4
"""Bytes that every text which is no code begins with, its length; codes of a million texts take less."""

DICTIONARY_BYTES = 2 << 20
"""Bytes that the distinct texts of a row group may take: twice what writers keep by default."""


def parquet_columns(source: SourceFile) -> list[str]:
    """Names of the columns, dotted where they are nested.

    Raises:
        DataError: the file is not a whole Parquet file.
    """
    return list(_flat(open_parquet(source.path, source.name).schema_arrow.empty_table()).column_names)


def parquet_pieces(source: SourceFile, columns: Iterable[str] | Mapping[str, pa.DataType]) -> Pieces:
    """The columns named, in the types of the file; texts that are wanted as codes are never anything else.

    Args:
        source: the file.
        columns: names, or names and the Arrow types wanted.

    Raises:
        DataError: the file is not a whole Parquet file.
    """
    wanted = list(columns)
    codes = {c for c, kind in columns.items() if kind == CODES} if isinstance(columns, Mapping) else set()
    file = open_parquet(source.path, source.name)
    try:
        texts = [f.name for f in file.schema_arrow if f.name in codes and f.type in TEXTS]
        as_codes = _in_codes(file.metadata, texts)
        if as_codes:
            file = pq.ParquetFile(source.path, read_dictionary=as_codes, metadata=file.metadata)
        yield _flat(file.schema_arrow.empty_table()).select(wanted)
        for groups in _stretches(file.metadata):
            for batch in file.iter_batches(PIECE_ROWS, row_groups=groups, columns=wanted):
                yield _flat(pa.Table.from_batches([batch])).select(wanted)
    except PARQUET_FAULTS as problem:
        raise broken_parquet(source.name, problem) from None


def _stretches(metadata: pq.FileMetaData) -> Iterator[list[int]]:
    """Row groups that are read together: one, or several small ones.

    What the reader prepares for a row group stays in memory until all groups that it was asked for have been read.
    """
    groups: list[int] = []
    rows = 0
    for i in range(metadata.num_row_groups):
        groups.append(i)
        rows += metadata.row_group(i).num_rows
        if rows >= PIECE_ROWS:
            yield groups
            groups, rows = [], 0
    if groups:
        yield groups


def _in_codes(metadata: pq.FileMetaData, columns: list[str]) -> list[str]:
    """Of these columns of text those that lie in the file as codes.

    A writer gives up codes where too many texts are distinct. To read them as codes nevertheless, the reader would keep
    every text of a row group, and copy them all for every piece of it.
    """
    if not columns or not metadata.num_row_groups:
        return columns
    places = {metadata.row_group(0).column(i).path_in_schema: i for i in range(metadata.num_columns)}
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]

    def is_coded(name: str) -> bool:
        return all(
            g.column(places[name]).total_uncompressed_size <= PLAIN_BYTES * g.num_rows + DICTIONARY_BYTES
            for g in groups
        )

    return [name for name in columns if name in places and is_coded(name)]


def open_parquet(path: Path, name: str) -> pq.ParquetFile:
    """The file, its footer read.

    Args:
        path: where it is.
        name: for the message.

    Raises:
        DataError: it is not a whole Parquet file.
    """
    try:
        file = pq.ParquetFile(path)
        file.schema_arrow.to_string(
            show_schema_metadata=False
        )  # so that a damaged name is an error of this place
    except PARQUET_FAULTS as problem:
        raise broken_parquet(name, problem) from None
    return file


def _flat(table: pa.Table) -> pa.Table:
    while any(pa.types.is_struct(f.type) for f in table.schema):
        table = table.flatten()
    return table


def broken_parquet(name: str, problem: Exception) -> DataError:
    """The error of a file that cannot be decoded."""
    return DataError(
        f"{name} is not a whole Parquet file: {str(problem).splitlines()[0]}",
        hint="Was the file cut off while it was copied? Write or copy it again.",
    )
