"""Names of people to pseudonyms, the same in every ingest of one task.

``demonstrator-`` and the first 6 hexadecimal digits of HMAC-SHA256(key = task, message = name); more digits
where two names of one dataset would collide. What this protects: the dataset, its reports and its digests
hold no names, and pseudonyms of two tasks cannot be joined without the names. What it does not: whoever has
a list of likely names and the task's name (both are rarely secret) can compute the pseudonyms and compare.
It is pseudonymisation, not anonymisation, and the source file keeps the names.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

__all__ = ["pseudonyms"]

DIGITS = 6
"""Hexadecimal digits: short enough to read, 16.7 million values."""


def pseudonyms(names: Sequence[str], task: str) -> tuple[str, ...]:
    """The pseudonym of each (distinct) name.

    Args:
        names: distinct names.
        task: ``identity.task`` of the contract, the key.
    """
    full = [hmac.new(task.encode(), name.encode(), hashlib.sha256).hexdigest() for name in names]
    digits = DIGITS
    while len({f[:digits] for f in full}) < len(full):
        digits += 2
    return tuple(f"demonstrator-{f[:digits]}" for f in full)
