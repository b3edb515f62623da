"""The nearest known name to one that nobody knows, as the end of an error message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["near_miss"]

CUTOFF = 0.6
"""Similarity (0 to 1) from which a name counts as near; difflib's own default."""


def near_miss(name: str, known: Iterable[str]) -> str:
    """``" Did you mean `x`?"`` for the nearest known name, or nothing when none is near."""
    lowered = {k.lower(): k for k in known}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=CUTOFF)
    return f" Did you mean `{lowered[near[0]]}`?" if near else ""
