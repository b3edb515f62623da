"""Fields of one line of a log: as many as there are names, numbers that are numbers, and marks of absence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from telic.errors import DataError

from .event_format import Value
from .files import SourceFile

__all__ = ["named_fields", "number_field"]

NUMBER = re.compile(r"[+-]?[0-9]+(?P<fraction>[.][0-9]*)?([eE][+-]?[0-9]+)?", re.ASCII)

MOST_DIGITS = 400
"""Digits of a number; more would cost more than linear time to read and fit no float64."""


def named_fields(
    source: SourceFile, line: int, names: Sequence[str], values: Sequence[str], hint: str
) -> dict[str, str]:
    """The fields by name, text as it stands.

    Raises:
        DataError: there are more or fewer values than names.
    """
    if len(values) != len(names):
        raise DataError(
            f"{source.name} line {line} has {len(values)} fields where {len(names)} are expected.",
            hint=hint,
            line=line,
        )
    return dict(zip(names, values, strict=True))


def number_field(source: SourceFile, line: int, name: str, text: str) -> Value:
    """The number: an int where it is written as one, a float otherwise.

    Raises:
        DataError: the text is no number.
    """
    found = NUMBER.fullmatch(text) if len(text) <= MOST_DIGITS else None
    if found is None:
        raise DataError(
            f"{source.name} line {line} must hold a number in `{name}`, got a text of {len(text):,} characters.",
            hint="Is the line damaged, or is `data.format` another one?",
            line=line,
        )
    return float(text) if found["fraction"] is not None or "e" in text.lower() else int(text)
