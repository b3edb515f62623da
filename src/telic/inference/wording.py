"""Numbers, units and lists in words, as a sentence about a trade-off needs them.

Units are written in the singular in a contract (``"minute over SLO"``, ``"pod-hour"``); these functions give
the form that fits a number. Symbols (``kWh``, ``EUR``, ``%``, ``requests/s``) are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from telic.reports import numbers

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
    """A number to ``digits`` significant digits; whole numbers in full (``telic.reports.numbers``)."""
    return numbers.format_number(value, digits=digits)


def format_interval(value: float, lower: float, upper: float) -> tuple[str, str, str]:
    """A value and its finite interval as three texts, to the digits that the width supports."""
    text, _, span = numbers.format_interval(value, lower, upper).partition(" [")
    low, _, high = span.rstrip("]").partition(", ")
    return text, low, high


def join_words(words: Sequence[str]) -> str:
    """``a``; ``a and b``; ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


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
