"""Billing exports: CSV or Parquet with a charge a row, maps of tags taken apart, charges over half-open periods.

A charge covers ``[start, end)``: the hour that ends at 11:00 and the one that begins there share no moment. A period
that ends before it begins is a fault of the file; one that ends where it begins (a fee at a moment) is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from telic.contract import Data
from telic.errors import DataError

from .coerce import coerce
from .csv_files import csv_columns, csv_pieces
from .event_format import Value
from .files import SourceFile, text_faults
from .json_records import flat
from .parquet_files import parquet_columns, parquet_pieces
from .pieces import Pieces
from .plan import Use
from .rows import FilePart, RowNames

__all__ = ["billing_tables", "period_seconds"]

PLAIN = Data()
"""How a billing export is read: its own rules, whatever the contract says of other columns."""

PARQUET = (".parquet", ".pq")

More = Callable[[pa.Table, RowNames], pa.Table]


def billing_tables(
    source: SourceFile,
    columns: Sequence[str] | None,
    *,
    needed: Sequence[str],
    maps: Sequence[str],
    refuse: Callable[[Sequence[str], list[str]], DataError],
    more: More,
) -> Iterator[pa.Table]:
    """The columns asked for, piece by piece.

    Args:
        source: a CSV (text may be compressed) or a Parquet file.
        columns: names to give, of the file, of ``more``, or ``MAP.KEY``; None: all that there are.
        needed: columns without which the file is of another version.
        maps: columns that hold keys and values, as a map or as a JSON object.
        refuse: the error for a file with these columns that lacks those.
        more: adds columns to a piece that has those ``needed``; told the names of its rows.

    Raises:
        DataError: the file lacks a column, cannot be read, or has a map that is none.
    """
    is_parquet = source.path.suffix.lower() in PARQUET
    if not is_parquet:
        text_faults(source, PLAIN.encoding)
    present = parquet_columns(source) if is_parquet else csv_columns(source, PLAIN)
    lacking = [name for name in needed if name not in present]
    if lacking:
        raise refuse(present, lacking)
    wanted = dict.fromkeys(present if columns is None else needed)
    for name in columns or ():
        base = name.split(".")[0]
        wanted |= dict.fromkeys(
            [name] if name in present else [base] if base in maps and base in present else []
        )
    types = dict.fromkeys(wanted, pa.string())
    before = 0
    for piece in _pieces(
        source, parquet_pieces(source, wanted) if is_parquet else csv_pieces(source, types, PLAIN)
    ):
        if (
            piece is None or not piece.num_rows
        ):  # None: a text fits no string; csv_pieces then says which line
            continue
        rows = _names(source, is_parquet, before, piece.num_rows)
        before += piece.num_rows
        for name in maps:
            if name in piece.column_names:
                piece = _apart(piece, name, columns, rows)
        yield more(piece, rows)


def _pieces(source: SourceFile, pieces: Pieces) -> Pieces:
    """The pieces; a header whose names are cut off where it was looked at is refused."""
    try:
        yield from pieces
    except pa.ArrowKeyError as problem:
        raise DataError(
            f"{source.name} has no column of the name that its header begins with: {str(problem)[:80]}...",
            hint="A name in its header is longer than 64 KiB; is the file damaged?",
        ) from None


def period_seconds(piece: pa.Table, start: str, end: str, rows: RowNames) -> pa.Array:
    """``(n,)`` float64 seconds that each charge covers, null where a bound is missing.

    Raises:
        DataError: a bound is no time, or the end comes before the start.
    """
    bounds = [
        coerce(piece[name], Use(role="time", column=name, kind="time", field="data.format"), PLAIN, rows)
        for name in (start, end)
    ]
    first, last = (np.asarray(b.to_numpy(), dtype=np.float64) for b in bounds)
    seconds = last - first
    wrong = np.flatnonzero(seconds < 0)
    if len(wrong):
        raise DataError(
            f"Charges must not end before they begin; {len(wrong):,} do: {rows.first(wrong)}.",
            hint=f"`{start}` is inclusive and `{end}` exclusive. Were the two exchanged?",
            rows=wrong[:20].tolist(),
        )
    return pa.array(seconds, mask=np.isnan(seconds))


def _names(source: SourceFile, is_parquet: bool, before: int, n_rows: int) -> RowNames:
    if is_parquet:
        return RowNames([FilePart(name=f"{source.name} after row {before:,}:", first_line=0, n_rows=n_rows)])
    return RowNames([FilePart(name=source.name, first_line=2 + before, n_rows=n_rows)])


def _apart(piece: pa.Table, name: str, columns: Sequence[str] | None, rows: RowNames) -> pa.Table:
    """The piece with a column ``name.key`` for each key asked for, or for all of them."""
    encoded, codes = _distinct(piece[name])
    found = [_keys(name, value, rows, codes, i) for i, value in enumerate(encoded)]
    if columns is None:
        keys = sorted({key for each in found for key in each})
    else:
        keys = [c for c in columns if c.startswith(f"{name}.")]
    for key in keys:
        if key not in piece.column_names:
            texts = pa.array(
                [None if each.get(key) is None else str(each[key]) for each in found], pa.string()
            )
            piece = piece.append_column(key, texts.take(pa.array(codes)))
    if columns is not None and name in columns:
        return piece
    return piece.drop_columns([name])


def _distinct(column: pa.ChunkedArray) -> tuple[list[Any], np.ndarray]:
    """Distinct values of a column of maps or texts, and ``(n,)`` int64 which of them each row has."""
    if pa.types.is_map(column.type):
        values = [None if v is None else dict(v) for v in column.to_pylist()]
        texts = pa.array([None if v is None else json.dumps(v, sort_keys=True) for v in values], pa.string())
    else:
        texts = column.cast(pa.string()).combine_chunks()
    encoded = texts.dictionary_encode(null_encoding="encode")
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _keys(name: str, text: str | None, rows: RowNames, codes: np.ndarray, code: int) -> dict[str, Value]:
    if not text:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        where = rows.name(int(np.argmax(codes == code)))
        raise DataError(
            f"{where} must hold a JSON object of keys and values in `{name}`.",
            hint="Was the file cut off, or changed by a spreadsheet?",
        )
    return flat(value, f"{name}.")
