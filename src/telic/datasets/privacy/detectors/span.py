"""Where a detector found something: places in a text, and what it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

__all__ = ["Detector", "Span"]


class Span(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) of a text are of a kind."""

    start: int
    end: int
    kind: str


Detector: TypeAlias = Callable[[str], Sequence[Span]]
"""From a text to what was found in it, in order of place; its time grows with the length of the text, no faster."""
