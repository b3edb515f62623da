"""CSV: the columns that the contract asks for, typed while they are read."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.csv as pacsv

from telic.contract import Data
from telic.errors import DataError

from .files import SourceFile, text_stream
from .pieces import AGAIN, PIECE_BYTES, Pieces
from .quotes import refuse_open_quote

__all__ = ["csv_columns", "csv_delimiter", "csv_pieces"]

DELIMITERS = ",;\t|"
SNIFFED_BYTES = 1 << 16


def csv_delimiter(source: SourceFile, data: Data) -> str:
    """The contract's separator, or the one that cuts the first lines into the most equal columns."""
    if data.delimiter is not None:
        return data.delimiter
    lines = _head(source, data).splitlines()[:20]
    best, most = ",", 0
    for candidate in DELIMITERS:
        widths = [len(row) for row in csv.reader(lines, delimiter=candidate)]
        if widths and widths[0] > 1 and widths[0] > most and (len(widths) < 2 or widths[1] == widths[0]):
            best, most = candidate, widths[0]
    return best


def csv_columns(source: SourceFile, data: Data) -> list[str]:
    """Names in the header line.

    Raises:
        DataError: a name is there twice.
    """
    head = io.StringIO(_head(source, data), newline="")
    names = next(csv.reader(head, delimiter=csv_delimiter(source, data)), [])
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise DataError(
            f"{source.name} has the column {', '.join(f'`{n}`' for n in twice)} more than once in its "
            f"header.",
            hint="Rename or remove one of them; which one is meant cannot be guessed.",
        )
    return names


def csv_pieces(source: SourceFile, types: Mapping[str, pa.DataType], data: Data) -> Pieces:
    """The columns in ``types``; where the texts of one do not fit its type, all are read as text instead.

    Args:
        source: the file.
        types: source column to the Arrow type that its uses share.
        data: the contract's reading rules.

    Raises:
        DataError: a row has too few or too many values (its line is named), a quotation mark is never closed, or the
            file has no rows at all.
    """
    as_text = dict.fromkeys(types, pa.string())
    try:
        yield from _whole(source, types, data)
        return
    except pa.ArrowInvalid as problem:
        if "conversion error" not in str(problem):
            raise _malformed(source, as_text, data) from None
    yield AGAIN
    try:
        yield from _whole(source, as_text, data)
    except pa.ArrowInvalid:
        raise _malformed(source, as_text, data) from None


def _whole(source: SourceFile, types: Mapping[str, pa.DataType], data: Data) -> Iterator[pa.Table]:
    """Every piece, and at the end a look for a quotation mark that swallowed the rest."""
    n_rows = 0
    for piece in _read(source, types, data, threads=True):
        n_rows += piece.num_rows
        yield piece
    refuse_open_quote(source, n_rows, data)


def _read(
    source: SourceFile,
    types: Mapping[str, pa.DataType],
    data: Data,
    *,
    threads: bool,
    faults: list[pacsv.InvalidRow] | None = None,
) -> Iterator[pa.Table]:
    def keep(row: pacsv.InvalidRow) -> str:
        if faults is not None:
            faults.append(row)
        return "error"

    with text_stream(source.path) as stream:
        reader = pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(
                use_threads=threads, block_size=PIECE_BYTES, encoding=_encoding(data)
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=csv_delimiter(source, data),
                newlines_in_values=True,
                invalid_row_handler=keep if faults is not None else None,
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=list(types),
                column_types=dict(types),
                null_values=list(data.missing_values),
                strings_can_be_null=True,
                decimal_point=data.decimal,
            ),
        )
        yield reader.schema.empty_table()
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _malformed(source: SourceFile, types: Mapping[str, pa.DataType], data: Data) -> DataError:
    """Read again, one row after the other, to say which line is broken."""
    faults: list[pacsv.InvalidRow] = []
    try:
        for _ in _read(source, types, data, threads=False, faults=faults):
            pass
    except pa.ArrowInvalid as problem:
        if not faults:
            return DataError(
                f"{source.name} is not a CSV: {problem}.",
                hint="Open it in a text editor and look at its first lines.",
                raw=[str(problem)],
            )
        row = faults[0]
        return DataError(
            f"{source.name} line {row.number} has {row.actual_columns} values where the header has "
            f"{row.expected_columns} columns: {row.text[:80]!r}.",
            hint="Was the file cut off, or is a value with the separator not in quotes? Correct the line, "
            "or set `data.delimiter`.",
            line=row.number,
            raw=[row.text[:80]],
        )
    return DataError(
        f"{source.name} could not be read as CSV.",
        hint="Open it in a text editor and look at its first lines.",
    )


def _encoding(data: Data) -> str:
    return "utf8" if codecs.lookup(data.encoding).name == "utf-8" else data.encoding


def _head(source: SourceFile, data: Data) -> str:
    with text_stream(source.path) as stream:
        raw = stream.read(SNIFFED_BYTES)
    encoding = "utf-8-sig" if codecs.lookup(data.encoding).name == "utf-8" else data.encoding
    return str(raw.decode(encoding, errors="replace"))
