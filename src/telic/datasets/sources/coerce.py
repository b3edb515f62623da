"""Strict conversion of a source column to what the contract says it is, whole columns at a time.

Strict means: a value either is what was asked for or the column is refused with its first bad values named;
nothing is guessed, rounded or cut off. The result does not depend on the file format: ``3`` in a CSV, ``3``
in JSON and an int16 3 in Parquet become the same value. Text is converted through its distinct values.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from telic.contract import Data
from telic.errors import DataError

from .plan import Use
from .rows import RowNames, bad_values
from .times import coerce_time

__all__ = ["CATEGORY", "coerce"]

CATEGORY = pa.dictionary(pa.int32(), pa.string())
"""Labels and names: int32 codes and their texts."""

EXACT_INTEGERS = 2.0**53
"""From here on a float64 no longer tells neighbouring integers apart."""

TRUE_TEXTS = ("true", "t", "yes", "y", "1")
FALSE_TEXTS = ("false", "f", "no", "n", "0")


def coerce(column: pa.ChunkedArray, use: Use, data: Data, rows: RowNames) -> pa.ChunkedArray:
    """The column as float64 (number, time), int64, bool or dictionary text; missing values are null.

    Args:
        column: as the file holds it.
        use: what the contract wants.
        data: the contract's reading rules (missing texts, decimal mark, time format).
        rows: names of the rows, for messages.

    Raises:
        DataError: a value is not what the contract says; the message counts them and names the first.
    """
    if use.kind in ("category", "text"):
        return _labels(column, data)
    if use.kind == "time":
        return coerce_time(column, use, data, rows)
    if pa.types.is_null(column.type):
        target = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}[use.kind]
        return pa.chunked_array([pa.nulls(len(column), target)])
    if _is_text(column.type):
        return _from_text(column, use, data, rows)
    if use.kind == "boolean":
        return _boolean(column, use, rows)
    if pa.types.is_boolean(column.type) or not _is_number(column.type):
        raise _wrong_type(use, column.type)
    return _number(column, use, rows) if use.kind == "number" else _integer(column, use, rows)


def _number(column: pa.ChunkedArray, use: Use, rows: RowNames) -> pa.ChunkedArray:
    try:
        values = column.cast(pa.float64())
    except pa.ArrowInvalid:
        big = pc.greater(pc.abs(column.cast(pa.float64(), safe=False)), EXACT_INTEGERS)
        raise bad_values(
            use, "must hold numbers that float64 can tell apart", column, big, rows, "Make it a category."
        ) from None
    values = (
        pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
        if _has(pc.is_nan(values))
        else values
    )
    infinite = pc.is_inf(values)
    if _has(infinite):
        raise bad_values(
            use,
            "must hold finite numbers",
            column,
            infinite,
            rows,
            "Leave the value out where it is unknown.",
        )
    return values


def _integer(column: pa.ChunkedArray, use: Use, rows: RowNames) -> pa.ChunkedArray:
    if pa.types.is_integer(column.type):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            raise _wrong_type(use, column.type) from None
    values = _number(column, use, rows)
    broken = pc.or_(pc.not_equal(pc.floor(values), values), pc.greater_equal(pc.abs(values), EXACT_INTEGERS))
    if _has(broken):
        raise bad_values(
            use,
            "must hold integers",
            column,
            broken,
            rows,
            "Use `type: number`, or round the values upstream.",
        )
    return values.cast(pa.int64())


def _boolean(column: pa.ChunkedArray, use: Use, rows: RowNames) -> pa.ChunkedArray:
    if pa.types.is_boolean(column.type):
        return column
    if not _is_number(column.type):
        raise _wrong_type(use, column.type)
    numbers = column.cast(pa.float64(), safe=False)
    odd = pc.invert(pc.is_in(numbers, value_set=pa.array([0.0, 1.0, None])))
    if _has(odd):
        raise bad_values(
            use, "must hold true or false", column, odd, rows, "Write true/false, yes/no or 1/0."
        )
    return pc.equal(numbers, 1.0)


def _from_text(column: pa.ChunkedArray, use: Use, data: Data, rows: RowNames) -> pa.ChunkedArray:
    """Numbers, integers and truth values from text, through the distinct texts."""
    encoded = _encode(column)
    texts = pc.utf8_trim_whitespace(
        encoded.chunk(0).dictionary if encoded.num_chunks else pa.array([], pa.string())
    )
    missing = pc.fill_null(pc.is_in(texts, value_set=pa.array(data.missing_values)), True)
    lower = pc.utf8_lower(texts)
    if use.kind == "boolean":
        values = pc.is_in(lower, value_set=pa.array(TRUE_TEXTS))
        good = pc.is_in(lower, value_set=pa.array(TRUE_TEXTS + FALSE_TEXTS))
        what, hint = (
            "must hold true or false",
            "Write true/false, yes/no or 1/0, or list the text in `data.missing_values`.",
        )
    else:
        mark = r"\." if data.decimal == "." else ","
        missing = pc.or_(missing, pc.equal(lower, "nan"))
        good = pc.match_substring_regex(
            texts, rf"^[+-]?([0-9]+({mark}[0-9]*)?|{mark}[0-9]+)([eE][+-]?[0-9]+)?$"
        )
        plain = pc.if_else(pc.and_(pc.fill_null(good, False), pc.invert(missing)), texts, "0")
        values = pc.replace_substring(plain, ",", ".").cast(pa.float64())
        what = "must hold numbers" if use.kind == "number" else "must hold integers"
        hint = _number_hint(texts, pc.or_(good, missing), data)
        if use.kind == "integer":
            whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), EXACT_INTEGERS))
            good = pc.and_(good, whole)
            values = pc.if_else(whole, values, 0.0).cast(pa.int64())
    wrong = pc.invert(pc.or_(pc.fill_null(good, False), missing))
    if _has(wrong):
        raise bad_values(use, what, column, _take(wrong, encoded), rows, hint)
    return _take(pc.if_else(missing, pa.scalar(None, values.type), values), encoded)


def _number_hint(texts: pa.Array, fine: pa.Array, data: Data) -> str:
    odd = [str(t) for t in texts.filter(pc.invert(pc.fill_null(fine, False))).slice(0, 50).to_pylist()]
    other = "," if data.decimal == "." else "."
    if odd and all(t.replace(other, "", 1).lstrip("+-").isdigit() and t.count(other) == 1 for t in odd):
        return f'Is the decimal mark a {"comma" if other == "," else "point"}? Set `data.decimal: "{other}"`.'
    if odd and all(t.endswith("%") for t in odd):
        return "Take the percent signs out upstream and say `unit: percent`."
    if odd and all(not any(c.isdigit() for c in t) for t in odd):
        named = ", ".join(dict.fromkeys(odd[:3]))
        return f"If {named} means a missing value, add it to `data.missing_values` and set `missing`."
    return "Correct the values upstream, or use `type: category`."


def _labels(column: pa.ChunkedArray, data: Data) -> pa.ChunkedArray:
    """Dictionary text without missing labels; numbers as a person writes them."""
    if pa.types.is_null(column.type):
        return pa.chunked_array([pa.nulls(len(column), CATEGORY)])
    encoded = _encode(column)
    if not encoded.num_chunks:
        return pa.chunked_array([], CATEGORY)
    texts = _as_text(encoded.chunk(0).dictionary)
    missing = pc.fill_null(pc.is_in(texts, value_set=pa.array(data.missing_values)), False)
    if _has(missing):
        texts = pc.if_else(missing, pa.scalar(None, pa.string()), texts)
    if texts.null_count:
        return pa.chunked_array([_take(texts, encoded).combine_chunks().dictionary_encode().cast(CATEGORY)])
    return pa.chunked_array(
        [pa.DictionaryArray.from_arrays(c.indices, texts) for c in encoded.chunks], CATEGORY
    )


def _as_text(values: pa.Array) -> pa.Array:
    kind = values.type
    if _is_text(kind):
        return values.cast(pa.string())
    if pa.types.is_floating(kind):
        whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), EXACT_INTEGERS))
        integers = pc.if_else(whole, values, 0.0).cast(pa.int64(), safe=False).cast(pa.string())
        return pc.if_else(whole, integers, values.cast(pa.string()))
    return values.cast(pa.string())


def _encode(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """One dictionary for all chunks, int32 codes."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    kind = pa.dictionary(pa.int32(), encoded.type.value_type)
    encoded = encoded if encoded.type == kind else encoded.cast(kind)
    return encoded.unify_dictionaries() if encoded.num_chunks > 1 else encoded


def _take(values: pa.Array, encoded: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([values.take(c.indices) for c in encoded.chunks], values.type)


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner)
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _has(flags: Any) -> bool:
    return bool(pc.any(flags).as_py())


def _wrong_type(use: Use, kind: pa.DataType) -> DataError:
    return DataError(
        f"Column `{use.column}` ({use.field}) must hold {use.kind} values, but the file says {kind}.",
        hint="Correct `type` in the contract, or convert the column upstream.",
        column=use.column,
    )
