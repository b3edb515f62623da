"""Numbers for people: as many digits as they deserve, no ``1e-05`` noise, intervals that say their precision.

An estimate is shown to two significant digits of the width of its interval, because digits beyond that are
noise: 3.1 [2.4, 4.0], 10.07 [9.91, 10.24]. A number alone gets ``digits`` significant digits. Programs read
``json_value``: the same numbers unrounded, in strict JSON.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["decimal_tails", "format_interval", "format_number", "is_numeric_text", "json_value"]

MISSING = "—"
"""Shown where there is no value; a NaN is ``n/a``: it was computed and is not available."""

SMALLEST_PLAIN, LARGEST_PLAIN = -5, 15
"""Decimal exponents between which a number is written out; beyond, powers of ten are easier to read."""

GROUPED_FROM = 10_000
"""Thousands are grouped from here on: below, a year would get a comma."""

INTERVAL_DIGITS = 2
"""Significant digits of an interval's width that are shown."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

NUMERIC_TEXT = re.compile(
    r"""
    (?:[-−+]?(?:\d[\d,]*(?:\.\d+)?|∞)\ ?[%‰]?)?  # a number, perhaps as a share
    \ ?(?:[\[(][-−+\d.,\ ∞%‰]*[\])]|\(unbounded\)|±\ [\d.,]+)?  # its interval or error
    |—|n/a|unbounded""",
    re.VERBOSE,
)


def format_number(value: float | None, *, digits: int = 4, typographic: bool = False) -> str:
    """A number in words of a person: ``0.07751``, ``12,346``, ``1.2 × 10⁻⁹``, ``yes``, ``—``.

    Args:
        value: any number, or None.
        digits: significant digits of a non-integer; whole numbers are always written in full.
        typographic: a real minus sign (for a page), instead of the hyphen that programs read.
    """
    if value is None:
        text = MISSING
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif math.isnan(value):
        text = "n/a"
    elif math.isinf(value):
        text = "∞" if value > 0 else "-∞"
    elif value == 0:
        text = "0"
    else:
        text = _finite(value, digits)
    return text.replace("-", "−") if typographic else text


def format_interval(
    value: float | None, low: float | None, high: float | None, *, typographic: bool = False
) -> str:
    """An estimate with its interval: ``3.1 [2.4, 4.0]``, ``3.100 [2.400, ∞)``, ``3.100 (unbounded)``.

    Args:
        value: the estimate; None or NaN gives ``n/a``.
        low: lower end; -inf or None where there is none.
        high: upper end; inf or None where there is none.
        typographic: as in ``format_number``.
    """
    if value is None or math.isnan(value):
        return "n/a"
    lower, upper = -math.inf if low is None else low, math.inf if high is None else high
    if math.isinf(lower) and math.isinf(upper):
        return f"{format_number(value, typographic=typographic)} (unbounded)"
    decimals = _interval_decimals(value, *(value if math.isinf(end) else end for end in (lower, upper)))

    def show(x: float) -> str:
        if decimals is None or math.isinf(x):
            return format_number(x, typographic=typographic)
        text = _fixed(x, decimals)
        return text.replace("-", "−") if typographic else text

    left, right = "(" if math.isinf(lower) else "[", ")" if math.isinf(upper) else "]"
    return f"{show(value)} {left}{show(lower)}, {show(upper)}{right}"


def decimal_tails(texts: Sequence[str]) -> list[str]:
    """What to append, unseen, to each right-aligned number so that decimal points line up."""
    tails = [text.partition(".")[2] if _is_plain(text) else "" for text in texts]
    longest = max((len(tail) for tail in tails), default=0)
    if not longest:
        return [""] * len(texts)
    return [
        "" if not _is_plain(text) else "0" * (longest - len(tail)) if tail else "." + "0" * longest
        for text, tail in zip(texts, tails, strict=True)
    ]


def is_numeric_text(text: str) -> bool:
    """True for a number, an estimate with its interval, and the marks for no number."""
    return text != "" and NUMERIC_TEXT.fullmatch(text) is not None


def json_value(value: Any) -> Any:
    """The same value in strict JSON: NaN is null, infinities are ``"Infinity"`` and ``"-Infinity"``.

    Arrays become lists, numpy scalars numbers, mappings objects with string keys, an enum its kebab-case
    name.
    """
    if isinstance(value, enum.Enum):
        return value.name.lower().replace("_", "-")
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return float(value) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [json_value(item) for item in items]
    if hasattr(value, "to_json"):
        return json_value(value.to_json())
    if hasattr(value, "tolist"):
        return json_value(value.tolist())
    return str(value)


def _finite(value: float, digits: int) -> str:
    if float(value).is_integer() and abs(value) < 10**LARGEST_PLAIN:
        return _fixed(value, 0)
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = int(exponent)
    if not SMALLEST_PLAIN <= power < LARGEST_PLAIN:
        return f"{mantissa} × 10{str(power).translate(SUPERSCRIPTS)}"
    return _fixed(value, max(0, digits - 1 - power))


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}" if abs(value) >= GROUPED_FROM else f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def _interval_decimals(value: float, low: float, high: float) -> int | None:
    """Decimals that show two digits of the width; None where plain writing would not do."""
    width = abs(high - low)
    largest = max(abs(value), abs(low), abs(high))
    if width == 0 or largest >= 10**LARGEST_PLAIN:
        return None
    power = int(f"{width:.{INTERVAL_DIGITS - 1}e}".partition("e")[2])
    return max(0, INTERVAL_DIGITS - 1 - power) if power >= SMALLEST_PLAIN else None


def _is_plain(text: str) -> bool:
    return text[-1:].isdigit() and "×" not in text
