"""What the values of a column allow it to be: number, integer, boolean, time or label, with the facts behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from telic.typing import BoolArray, FloatArray, IntArray

from .hints import hinted, unit_of

__all__ = ["MISSING_TEXTS", "ColumnProfile", "profile_column"]

MISSING_TEXTS = (
    "",
    "NA",
    "N/A",
    "NaN",
    "nan",
    "null",
    "NULL",
    "None",
    "?",
    "-",
    "--",
    "n/a",
    "#N/A",
    "k.A.",
    "s/d",
)
"""Texts that are taken for a missing value; those that occur are written into the contract."""

PATTERNS = (
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%d %H%M%S",
    "%Y%m%dT%H%M%S",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%d %b %Y %H:%M",
    "%b %d %Y %H:%M",
)
"""Ways of writing a time that are tried after ISO 8601, the commoner first."""

NUMBER = r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?$"
NUMBER_COMMA = r"^[+-]?([0-9]+(,[0-9]*)?|,[0-9]+)([eE][+-]?[0-9]+)?$"
ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:?[0-9]{2}.*)?$"

CLOCK = r"^([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?( ?[AaPp][Mm])?$"
"""A time of day without a date."""

EPOCH_SECONDS = (631_152_000.0, 4_102_444_800.0)
"""1990 to 2100: a number in here may be seconds since 1970."""

EPOCH_TICKS = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
"""The contract's ways of writing moments as numbers, in ticks a second."""

TICK_UNITS = (None, "", "ms", "us", "ns")
"""Units that the header of a column of ticks may end in."""

TRUE_TEXTS = frozenset({"true", "t", "yes", "y", "1"})
TRUTH = (
    frozenset({"true", "false"}),
    frozenset({"t", "f"}),
    frozenset({"yes", "no"}),
    frozenset({"y", "n"}),
    frozenset({"0", "1"}),
)


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """Facts about a column.

    Attributes:
        name: header.
        kind: what its values allow: ``number``, ``integer``, ``boolean``, ``time``, ``clock`` (of a day),
            ``category`` or ``empty``.
        codes: ``(n,)`` code of each value among the distinct ones, -1 where missing.
        texts: the distinct values as text.
        numbers: the distinct values as numbers, where they are numbers or times (seconds); else empty.
        missing: share of missing values.
        missing_texts: texts that stood for a missing value.
        time_format: contract's ``time_format`` where ``kind`` is ``time``.
        decimal_comma: numbers are written with a comma.
        ambiguous: another pattern reads the times as well.
    """

    name: str
    kind: str
    codes: IntArray
    texts: tuple[str, ...]
    numbers: FloatArray
    missing: float
    missing_texts: tuple[str, ...] = ()
    time_format: str | None = None
    decimal_comma: bool = False
    ambiguous: bool = False

    @property
    def n_distinct(self) -> int:
        """Number of distinct known values."""
        return len(self.texts)

    @property
    def values(self) -> FloatArray:
        """``(n,)`` numbers (or seconds), NaN where missing."""
        return np.append(self.numbers, np.nan)[self.codes]

    @property
    def known(self) -> BoolArray:
        """``(n,)`` where a value is there."""
        return np.asarray(self.codes >= 0)


def profile_column(name: str, column: pa.ChunkedArray) -> ColumnProfile:
    """The profile of one column in the type that its file gave it (text, for CSV)."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        # Not safe: a draft needs no digit below a microsecond, and a historian's clock may have them.
        seconds = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        return _numeric(name, "time", seconds, scale=1e-6)
    if pa.types.is_boolean(column.type) or pa.types.is_time(column.type):
        return _from_texts(name, column.cast(pa.string()))
    if pa.types.is_integer(column.type):
        return _numeric(name, "integer", column.cast(pa.int64()), scale=None)
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return _numeric(name, "number", column.cast(pa.float64()), scale=None)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return ColumnProfile(
            name=name,
            kind="empty",
            codes=np.full(len(column), -1, np.int32),
            texts=(),
            numbers=np.zeros(0),
            missing=1.0,
        )
    return _from_texts(name, column.cast(pa.string()))


def _numeric(name: str, kind: str, column: pa.ChunkedArray, scale: float | None) -> ColumnProfile:
    raw = np.asarray(column.fill_null(0).to_numpy())
    known = np.asarray(column.is_valid().to_numpy()) & np.isfinite(raw.astype(np.float64))
    distinct, inverse = np.unique(raw[known], return_inverse=True)
    codes = np.full(len(raw), -1, dtype=np.int32)
    codes[known] = inverse
    numbers = distinct.astype(np.float64) * (1.0 if scale is None else scale)
    if (
        kind == "number"
        and len(numbers)
        and np.all(numbers == np.floor(numbers))
        and np.all(np.abs(numbers) < 2**53)
    ):
        kind = "integer"
    texts = tuple(f"{int(v)}" if v == int(v) else repr(float(v)) for v in numbers.tolist())
    if kind == "integer" and set(texts) == {"0", "1"}:
        kind = "boolean"
    form = None
    if kind in ("integer", "number"):
        kind, form = _epoch(name, kind, numbers)
    return ColumnProfile(
        name=name,
        kind=kind if len(texts) else "empty",
        codes=codes,
        texts=texts,
        numbers=_in_seconds(numbers, form),
        missing=1 - float(known.mean()) if len(known) else 1.0,
        time_format=form,
    )


def _from_texts(name: str, column: pa.ChunkedArray) -> ColumnProfile:
    encoded = column.dictionary_encode()
    encoded = encoded.unify_dictionaries() if encoded.num_chunks > 1 else encoded
    texts = encoded.chunk(0).dictionary if encoded.num_chunks else pa.array([], pa.string())
    raw = [np.asarray(c.indices.fill_null(-1).to_numpy()) for c in encoded.chunks]
    codes = np.concatenate(raw).astype(np.int32) if raw else np.zeros(0, np.int32)
    trimmed = pc.utf8_trim_whitespace(texts)
    is_missing = np.asarray(pc.is_in(trimmed, value_set=pa.array(MISSING_TEXTS)))
    found_missing = tuple(sorted({str(t) for t in texts.filter(pa.array(is_missing)).to_pylist()}))
    keep = np.flatnonzero(~is_missing)
    table = np.full(len(texts) + 1, -1, dtype=np.int32)
    table[keep] = np.arange(len(keep))
    codes = table[codes]
    known = trimmed.take(pa.array(keep))
    kind, numbers, form, comma, ambiguous = _kind_of(name, known)
    return ColumnProfile(
        name=name,
        kind=kind,
        codes=codes,
        texts=tuple(known.to_pylist()),
        numbers=numbers,
        missing=float(np.mean(codes < 0)) if len(codes) else 1.0,
        missing_texts=found_missing,
        time_format=form,
        decimal_comma=comma,
        ambiguous=ambiguous,
    )


def _kind_of(name: str, known: pa.Array) -> tuple[str, FloatArray, str | None, bool, bool]:
    """``(kind, numbers, time format, decimal comma, ambiguous)`` of distinct texts."""
    if not len(known):
        return "empty", np.zeros(0), None, False, False
    lower = {str(t).lower() for t in pc.utf8_lower(known).to_pylist()} if len(known) <= 2 else set()
    if len(lower) == 2 and frozenset(lower) in TRUTH:
        numbers = np.array([float(str(t).lower() in TRUE_TEXTS) for t in known.to_pylist()])
        return "boolean", numbers, None, False, False
    for pattern, comma in ((NUMBER, False), (NUMBER_COMMA, True)):
        if pc.all(pc.match_substring_regex(known, pattern)).as_py():
            numbers = np.asarray(pc.replace_substring(known, ",", ".").cast(pa.float64()).to_numpy())
            whole = bool(np.all(numbers == np.floor(numbers)) and np.all(np.abs(numbers) < 2**53))
            kind, form = _epoch(name, "integer" if whole else "number", numbers)
            return kind, _in_seconds(numbers, form), form, comma, False
    if pc.all(pc.match_substring_regex(known, CLOCK)).as_py():
        return "clock", np.zeros(0), None, False, False
    times = _times(known)
    if times is not None:
        seconds, form, ambiguous = times
        return "time", seconds, form, False, ambiguous
    return "category", np.zeros(0), None, False, False


def _epoch(name: str, kind: str, numbers: NDArray[Any]) -> tuple[str, str | None]:
    """Numbers that can only be moments: seconds since 1970 under a name that says time, or finer ticks.

    Ticks have so many digits that hardly anything else looks like them: there the name may say anything but
    a trajectory, a person or a unit of something else.
    """
    if len(numbers) < 2:
        return kind, None
    says_time = hinted(name, "time")
    says_other = hinted(name, "trajectory") or hinted(name, "demonstrator") or unit_of(name) not in TICK_UNITS
    low, high = EPOCH_SECONDS
    for unit, ticks in EPOCH_TICKS.items():
        fits = low <= numbers.min() / ticks and numbers.max() / ticks <= high
        is_tick = ticks > 1 and bool(np.all(numbers == np.floor(numbers)))
        if fits and (says_time or (is_tick and not says_other)):
            return "time", unit
    return kind, None


def _in_seconds(numbers: FloatArray, form: str | None) -> FloatArray:
    return numbers / EPOCH_TICKS[form] if form is not None else numbers


def _times(known: pa.Array) -> tuple[FloatArray, str | None, bool] | None:
    if pc.all(pc.match_substring_regex(known, ISO)).as_py():
        try:
            zoned = pc.match_substring_regex(known, r"[T ].*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$")
            nothing = pa.scalar(None, pa.string())
            a = pc.if_else(zoned, known, nothing).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
            b = pc.if_else(zoned, nothing, known).cast(pa.timestamp("us")).cast(pa.int64())
        except pa.ArrowInvalid:
            return None
        return np.asarray(pc.coalesce(a, b).to_numpy()) / 1e6, None, False
    read = []
    for form in PATTERNS:
        parsed = pc.strptime(known, form, "us", error_is_null=True)
        if parsed.null_count == 0:
            read.append((np.asarray(parsed.cast(pa.int64()).to_numpy()) / 1e6, form))
    return (read[0][0], read[0][1], len(read) > 1) if read else None
