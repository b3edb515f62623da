"""Numbers and units in words, as a sentence about a trade-off needs them.

Units are written in the singular in a contract (``"minute over SLO"``, ``"pod-hour"``); these functions give
the form that fits a number. Symbols (``kWh``, ``EUR``, ``%``, ``requests/s``) are left alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

__all__ = ["format_interval", "format_number", "join_words", "plural", "quantity", "singular"]

SYMBOLS = frozenset(
    {
        "s",
        "ms",
        "us",
        "ns",
        "h",
        "min",
        "d",
        "m",
        "km",
        "cm",
        "mm",
        "g",
        "kg",
        "mg",
        "t",
        "l",
        "ml",
        "px",
        "mpg",
    }
)
"""Unit symbols of lower case; those with an upper-case letter after the first, or a sign, are seen by
form."""

PREPOSITIONS = frozenset(
    {
        "above",
        "after",
        "against",
        "at",
        "before",
        "below",
        "beyond",
        "by",
        "for",
        "from",
        "in",
        "of",
        "on",
        "over",
        "per",
        "to",
        "under",
        "with",
        "without",
    }
)
"""A unit's head noun stands before the first of these."""


def plural(unit: str) -> str:
    """The unit for a number other than one: ``minute over SLO`` -> ``minutes over SLO``."""
    return _on_head(unit, _plural_word)


def singular(unit: str) -> str:
    """The unit for one: ``miles`` -> ``mile``; a unit that is singular already is left alone."""
    return _on_head(unit, _singular_word)


def quantity(text: str, unit: str, *, is_one: bool = False) -> str:
    """A number (already text) with its unit: ``3.1 pod-hours``, ``one minute over SLO``."""
    return f"{text} {singular(unit) if is_one else plural(unit)}"


def format_number(value: float, *, digits: int = 2) -> str:
    """A number to ``digits`` significant digits, without an exponent between 1e-4 and 1e7."""
    if not math.isfinite(value):
        return "infinity" if value > 0 else "-infinity" if value < 0 else "not a number"
    if value == 0.0:
        return "0"
    return _with_decimals(value, digits - 1 - _exponent(value))


def format_interval(value: float, lower: float, upper: float) -> tuple[str, str, str]:
    """A value and its interval, all to the digits that the width supports (two of the half-width).

    Returns:
        The value, the lower and the upper end, as text.
    """
    half = 0.5 * (upper - lower)
    if not math.isfinite(half) or half <= 0.0:
        return format_number(value, digits=3), format_number(lower, digits=3), format_number(upper, digits=3)
    decimals = 1 - _exponent(half)
    if value != 0.0:  # at least two digits of the value itself
        decimals = max(decimals, 1 - _exponent(value))
    return _with_decimals(value, decimals), _with_decimals(lower, decimals), _with_decimals(upper, decimals)


def join_words(words: Sequence[str]) -> str:
    """``a``; ``a and b``; ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def _with_decimals(value: float, decimals: int) -> str:
    size = abs(value)
    if size >= 1e7 or 0.0 < size < 1e-4:
        return f"{value:.{max(0, min(decimals + _exponent(value), 12))}e}"
    decimals = min(decimals, 12)
    text = f"{round(value, decimals):,.{max(decimals, 0)}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0.0 else text


def _on_head(unit: str, change: Callable[[str], str]) -> str:
    words = unit.split(" ")
    if any(mark in unit for mark in "/%^*°·") or not unit.strip():
        return unit
    head = next((i for i, word in enumerate(words) if i and word in PREPOSITIONS), len(words)) - 1
    if not _is_word(words[head]):
        return unit
    words[head] = change(words[head])
    return " ".join(words)


def _is_word(word: str) -> bool:
    return (
        bool(re.fullmatch(r"[A-Za-z]?[a-z]*(?:[-'][a-z]+)*", word)) and len(word) > 1 and word not in SYMBOLS
    )


def _plural_word(word: str) -> str:
    if _looks_plural(word):
        return word
    if re.search(r"(s|x|z|ch|sh)$", word):
        return word + "es"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + "s"


def _singular_word(word: str) -> str:
    if not _looks_plural(word):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if re.search(r"(sses|xes|zes|ches|shes)$", word):
        return word[:-2]
    return word[:-1]


def _looks_plural(word: str) -> bool:
    return len(word) > 3 and word.endswith("s") and not re.search(r"(ss|us|is|gas|ias|lens)$", word)
