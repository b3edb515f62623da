"""The detectors by kind, and what they find together: no two spans overlap, and a mask names the kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .access_keys import find_access_keys
from .cards import find_cards
from .email_addresses import find_email_addresses
from .ip_addresses import find_ip_addresses
from .listed_names import names_detector
from .phones import find_phones
from .span import Detector, Span

__all__ = ["KINDS", "detectors_of", "find_all", "mask_text"]

DETECTORS: Mapping[str, Detector] = {
    "key": find_access_keys,
    "email": find_email_addresses,
    "card": find_cards,
    "ip": find_ip_addresses,
    "phone": find_phones,
}
"""Kind to its detector; where two find the same characters, the first in this order names them."""

KINDS = (*DETECTORS, "name")
"""Every kind; names need a list."""


def detectors_of(kinds: Iterable[str] = KINDS, names: Iterable[str] = ()) -> tuple[Detector, ...]:
    """The detectors of these kinds, in the order in which they name what several of them find.

    Args:
        kinds: some of ``KINDS``.
        names: people to look for, where ``name`` is among the kinds.
    """
    wanted = set(kinds)
    found = [find for kind, find in DETECTORS.items() if kind in wanted]
    listed = tuple(names)
    return (*found, names_detector(listed)) if "name" in wanted and listed else tuple(found)


def find_all(text: str, detectors: Sequence[Detector]) -> list[Span]:
    """Everything that the detectors find, in order of place; overlapping spans become one.

    Args:
        text: any text.
        detectors: of ``detectors_of``; the first names a span that several find.
    """
    ranked = [(span, rank) for rank, find in enumerate(detectors) for span in find(text)]
    merged: list[tuple[Span, int]] = []
    for span, rank in sorted(ranked):
        if merged and span.start < merged[-1][0].end:
            before, first = merged[-1]
            kind, best = (span.kind, rank) if rank < first else (before.kind, first)
            merged[-1] = Span(before.start, max(before.end, span.end), kind), best
        else:
            merged.append((span, rank))
    return [span for span, _ in merged]


def mask_text(text: str, detectors: Sequence[Detector]) -> str:
    """The text with everything that was found replaced by its kind, as in ``call <phone>``.

    Args:
        text: any text.
        detectors: of ``detectors_of``.
    """
    spans = find_all(text, detectors)
    if not spans:
        return text
    parts, at = [], 0
    for span in spans:
        parts += [text[at : span.start], f"<{span.kind}>"]
        at = span.end
    return "".join([*parts, text[at:]])
