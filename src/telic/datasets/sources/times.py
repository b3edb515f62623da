"""Times to float64 seconds since 1970 (UTC), the same for every way of writing the same moment.

Whole seconds and the fraction are converted apart, so that a moment kept in nanoseconds and the same one
kept in microseconds become the same float64.
"""

from __future__ import annotations

import contextlib
import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from telic._core.near_miss import near_miss
from telic.contract import Data
from telic.errors import ContractError, DataError

from .plan import Use
from .rows import RowNames, bad_values
from .zones import to_utc

__all__ = ["coerce_time", "first_zoned_and_zoneless", "ways_of_writing"]

ISO_8601 = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T "
    r"][0-9]{2}(:?[0-9]{2}(:?[0-9]{2}([.][0-9]{1,9})?)?)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$"
)
WITH_ZONE = r"[T ].*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
NUMBER = r"^[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?$"
WHOLE = r"^-?[0-9]{1,18}$"
"""Fits into 64 bits without a sign of plus, so that no digit of a nanosecond is lost on the way."""
UNITS = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}
"""Numeric ``time_format``s, in ticks a second."""

SHORT_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

BLOCK_VALUES = 4096
"""Distinct texts tried at once while the ones that are no moment are looked for."""

SAMPLED_ROWS = 1_000
"""Rows, evenly chosen, by which it is judged whether times repeat."""

SAMPLED_DISTINCT = 0.9
"""Share of distinct ones among them from which each time is read for itself."""

TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def coerce_time(column: pa.ChunkedArray, use: Use, data: Data, rows: RowNames) -> pa.ChunkedArray:
    """The column as float64 seconds; missing values are null.

    Raises:
        DataError: a value is not a time in the contract's format.
        ContractError: ``time_format`` itself cannot be used.
    """
    found = _distinct(column)
    if found is not None:
        with contextlib.suppress(DataError):  # told below, with the rows that hold it
            moments = _seconds(pa.chunked_array([found[0]]), use, data, rows).combine_chunks()
            return pa.chunked_array([moments.take(places) for places in found[1]], pa.float64())
    return _seconds(column, use, data, rows)


def _seconds(column: pa.ChunkedArray, use: Use, data: Data, rows: RowNames) -> pa.ChunkedArray:
    """Seconds of times of any kind, each by itself."""
    form = data.time_format
    kind = column.type
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column), pa.float64())])
    if pa.types.is_date(kind):
        return to_utc(_from_timestamps(column.cast(pa.timestamp("ms"))), True, column, use, data, rows)
    if pa.types.is_timestamp(kind):
        return to_utc(_from_timestamps(column), kind.tz is None, column, use, data, rows)
    if pa.types.is_integer(kind) and form in UNITS:
        return _from_ticks(column.cast(pa.int64()), UNITS[form])
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _from_numbers(column.cast(pa.float64()), use, form, rows)
    texts, nothing = _known_texts(column, data), pa.scalar(None, pa.string())
    if form in UNITS or (form is None and _looks_numeric(texts)):
        good = pc.match_substring_regex(texts, NUMBER)
        if pc.any(pc.invert(good)).as_py():
            raise bad_values(
                use,
                "must hold times as numbers",
                column,
                pc.invert(good),
                rows,
                "Correct `data.time_format`.",
            )
        whole = pc.match_substring_regex(texts, WHOLE)
        if form not in UNITS or not pc.any(whole).as_py():
            return _from_numbers(texts.cast(pa.float64()), use, form, rows)
        ticks = _from_ticks(pc.if_else(whole, texts, nothing).cast(pa.int64()), UNITS[form])
        others = pc.if_else(whole, nothing, texts).cast(pa.float64())
        return pc.coalesce(ticks, _from_numbers(others, use, form, rows))
    if form is None:
        is_local = pc.invert(pc.match_substring_regex(texts, WITH_ZONE))
        return to_utc(_from_iso(texts, use, rows), is_local, texts, use, data, rows)
    return to_utc(_from_pattern(texts, use, form, rows), "%z" not in form, texts, use, data, rows)


def ways_of_writing(column: pa.ChunkedArray, data: Data) -> set[bool]:
    """{True} where a column of texts without a stated format begins with a number, {False} with a date, else {}."""
    if data.time_format is not None or not _is_text(column.type):
        return set()
    texts = _known_texts(column, data)
    return {_looks_numeric(texts)} if texts.null_count < len(texts) else set()


def first_zoned_and_zoneless(column: pa.ChunkedArray, data: Data) -> tuple[int, int]:
    """First rows of ISO 8601 texts with and without a zone; -1 where there are none, or they are not such texts."""
    found = _distinct(column)
    texts = column if found is None else pa.chunked_array([found[0]])
    if ways_of_writing(texts, data) != {False}:
        return -1, -1
    zoned = pc.match_substring_regex(_known_texts(texts, data), WITH_ZONE)
    if found is not None:
        flags = zoned.combine_chunks()
        zoned = pa.chunked_array([flags.take(places) for places in found[1]], flags.type)
    return pc.index(zoned, True).as_py(), pc.index(zoned, False).as_py()


def _distinct(column: pa.ChunkedArray) -> tuple[pa.Array, list[pa.Array]] | None:
    """The distinct texts in order of appearance, and the place among them of each row; None where few repeat.

    Many rows of a log share a time, or fall on the same few minutes; each is then read once.
    """
    if len(column) < SAMPLED_ROWS or not _is_text(column.type):
        return None
    texts = column.cast(
        pa.string()
    )  # also what came as codes, whose texts are in no order and may all be unused
    sample = texts.take(pa.array(np.linspace(0, len(texts) - 1, SAMPLED_ROWS).astype(np.int64)))
    if pc.count_distinct(sample).as_py() > SAMPLED_DISTINCT * SAMPLED_ROWS:
        return None
    encoded = texts.dictionary_encode()
    return encoded.chunk(0).dictionary, [chunk.indices for chunk in encoded.chunks]


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner)
    )


def _known_texts(column: pa.ChunkedArray, data: Data) -> pa.ChunkedArray:
    """The texts without those that mean a missing value, numbers with a decimal point."""
    texts = column.cast(pa.string())
    missing = pc.is_in(texts, value_set=pa.array(data.missing_values))
    if pc.any(missing).as_py():
        texts = pc.if_else(missing, pa.scalar(None, pa.string()), texts)
    if data.decimal == "," and (data.time_format is None or data.time_format in UNITS):
        texts = pc.replace_substring(texts, ",", ".")
    return texts


def _looks_numeric(texts: pa.ChunkedArray) -> bool:
    first = pc.index(texts.is_valid(), True).as_py()
    return first >= 0 and bool(pc.match_substring_regex(texts.slice(first, 1), NUMBER)[0].as_py())


def _from_numbers(values: pa.ChunkedArray, use: Use, form: str | None, rows: RowNames) -> pa.ChunkedArray:
    if form is not None and form not in UNITS:
        raise ContractError(
            f"`data.time_format` is {form!r}, but column `{use.column}` holds numbers.{_meant(form)}",
            hint=f"Use {', '.join(f'`{u}`' for u in UNITS)}, or null for seconds.",
        )
    odd = pc.invert(pc.is_finite(values))
    if pc.any(odd).as_py():
        raise bad_values(use, "must hold finite times", values, odd, rows, "Correct or remove these rows.")
    ticks = float(UNITS[form or "seconds"])
    if ticks == 1:
        return values
    whole = pc.floor(pc.divide(values, ticks))
    return pc.add(whole, pc.divide(pc.subtract(values, pc.multiply(whole, ticks)), ticks))


def _from_iso(texts: pa.ChunkedArray, use: Use, rows: RowNames) -> pa.ChunkedArray:
    hint = (
        'Give the pattern in `data.time_format`, for example "%d-%m-%Y %H:%M"; hour 24 and day 0 do '
        "not exist."
    )
    good = pc.match_substring_regex(texts, ISO_8601)
    if pc.any(pc.invert(good)).as_py():
        raise bad_values(
            use, "must hold ISO 8601 times such as 2024-05-01T13:00:00Z", texts, pc.invert(good), rows, hint
        )
    with_zone = pc.match_substring_regex(texts, WITH_ZONE)
    nothing = pa.scalar(None, pa.string())
    try:
        zoned = pc.if_else(with_zone, texts, nothing).cast(pa.timestamp("ns", "UTC"))
        naive = pc.if_else(with_zone, nothing, texts).cast(pa.timestamp("ns"))
    except pa.ArrowInvalid:
        bad = pc.or_(
            _unreadable(pc.if_else(with_zone, texts, nothing), pa.timestamp("ns", "UTC")),
            _unreadable(pc.if_else(with_zone, nothing, texts), pa.timestamp("ns")),
        )
        raise bad_values(use, "must hold times that exist (1678 to 2262)", texts, bad, rows, hint) from None
    return pc.coalesce(_from_timestamps(zoned), _from_timestamps(naive))


def _unreadable(texts: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """``(n,)`` where a text is no moment of that type: the distinct ones in blocks, one by one where a block fails."""

    def fails(some: pa.Array) -> bool:
        try:
            some.cast(kind)
        except pa.ArrowInvalid:
            return True
        return False

    distinct = pc.unique(texts)
    blocks = [distinct.slice(i, BLOCK_VALUES) for i in range(0, len(distinct), BLOCK_VALUES)]
    bad = [
        t for block in blocks if fails(block) for t in block.to_pylist() if fails(pa.array([t], block.type))
    ]
    return pc.is_in(texts, value_set=pa.array(bad, texts.type))


def _does_not_exist(text: str, form: str) -> bool:
    """Whether a day lies beyond the end of its month, such as 31 April."""
    try:
        dt.datetime.strptime(text, form)
    except ValueError as problem:
        return "out of range for month" in str(problem)
    return False


def _from_pattern(texts: pa.ChunkedArray, use: Use, form: str, rows: RowNames) -> pa.ChunkedArray:
    if "%" not in form or "%f" in form:
        raise ContractError(
            f"`data.time_format` must be null, {', '.join(f'`{u}`' for u in UNITS)} or a pattern of %Y %m %d "
            f"%H %M %S %z, got {form!r}.{_meant(form)}",
            hint="Fractions of seconds are read from ISO 8601 text or numbers only.",
        )
    times = pc.strptime(texts, form, "us", error_is_null=True)
    bad = pc.and_(pc.is_valid(texts), pc.is_null(times))
    if pc.any(bad).as_py():
        raise bad_values(
            use,
            f"must hold times written as {form!r}",
            texts,
            bad,
            rows,
            "Correct `data.time_format` or the rows.",
        )
    # 31 April was read as 1 May: only the first three days of a month can have come about like that.
    late = pc.and_(pc.less_equal(pc.day(times), 3), pc.match_substring_regex(texts, "29|3[01]"))
    suspects = pc.unique(pc.if_else(late, texts, pa.scalar(None, texts.type))).drop_null()
    none = [t for t in suspects.to_pylist() if _does_not_exist(t, form)]
    if none:
        bad = pc.is_in(texts, value_set=pa.array(none, texts.type))
        raise bad_values(
            use,
            "must hold days that exist",
            texts,
            bad,
            rows,
            "Correct the rows, or day and month in `data.time_format`.",
        )
    return _from_timestamps(times)


def _meant(form: str) -> str:
    return f" Did you mean `{SHORT_UNITS[form]}`?" if form in SHORT_UNITS else near_miss(form, UNITS)


def _from_timestamps(times: pa.ChunkedArray) -> pa.ChunkedArray:
    return _from_ticks(times.cast(pa.int64()), TICKS[times.type.unit])


def _from_ticks(ticks: pa.ChunkedArray, per_second: int) -> pa.ChunkedArray:
    def seconds(chunk: pa.Array) -> pa.Array:
        whole, rest = np.divmod(chunk.fill_null(0).to_numpy(zero_copy_only=False), per_second)
        values = whole.astype(np.float64) + rest / per_second
        return (
            pa.array(values, mask=chunk.is_null().to_numpy(zero_copy_only=False))
            if chunk.null_count
            else pa.array(values)
        )

    return pa.chunked_array([seconds(c) for c in ticks.chunks], pa.float64())
