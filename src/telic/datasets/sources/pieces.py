"""A source file as a stream of small tables, so that no more than a piece of it is ever in memory.

A reader may find out halfway that a column must be read in another type. It then begins again and says so with
``AGAIN``: whatever was kept of the file so far is to be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

import pyarrow as pa

__all__ = ["AGAIN", "PIECE_BYTES", "PIECE_ROWS", "Pieces", "whole_table"]

AGAIN: Final = None
"""In place of a piece: the file is read once more from its beginning."""

PIECE_BYTES = 4 << 20
"""Bytes of text parsed at a time; a single row must fit."""

PIECE_ROWS = 1 << 17
"""Rows of a Parquet file decoded at a time."""

Pieces: TypeAlias = Iterator[pa.Table | None]


def whole_table(pieces: Pieces, columns: list[str] | None = None) -> pa.Table:
    """All pieces in one table, or some columns of it; each reader yields at least one piece."""
    kept: list[pa.Table] = []
    for piece in pieces:
        if piece is AGAIN:
            kept.clear()
        else:
            kept.append(piece if columns is None else piece.select(columns))
    for name in kept[0].column_names:
        kinds = {piece.schema.field(name).type for piece in kept} - {pa.null()}
        if len(kinds) > 1:  # an event log may give a key as a number here and as text there
            kept = [_recast(piece, name, pa.string()) for piece in kept]
    return pa.concat_tables(kept, promote_options="default")


def _recast(piece: pa.Table, name: str, kind: pa.DataType) -> pa.Table:
    place = piece.column_names.index(name)
    return piece.set_column(place, name, piece[name].cast(kind))
