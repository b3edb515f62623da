"""Deliveries that came twice: what was seen lately, in bounded memory.

Collectors, webhooks and pagers deliver at least once: after a lost answer they send the same thing again. A format
gives such a record once, where it has an identity; a repeat that comes later than ``REMEMBERED`` others is given again,
and `data.duplicates` of the contract decides about it.
"""

from __future__ import annotations

from collections.abc import Hashable

__all__ = ["REMEMBERED", "Repeats"]

REMEMBERED = 1 << 20
"""Identities kept; some 200 MB where all of them are long texts."""


class Repeats:
    """Tells what was seen before, among the last ``remembered`` identities.

    Args:
        remembered: how many identities are kept; more finds later repeats and takes more memory.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._seen: dict[Hashable, None] = {}

    def seen(self, identity: Hashable) -> bool:
        """Whether this identity was told before; it is remembered from now on."""
        if identity in self._seen:
            return True
        if len(self._seen) >= self._remembered:
            del self._seen[next(iter(self._seen))]
        self._seen[identity] = None
        return False
