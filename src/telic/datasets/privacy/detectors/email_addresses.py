"""E-mail addresses: something before an ``@`` (or its ``%40`` in a URL) and a domain with a top level after it.

Each ``@`` looks left to the one before it and right over the letters of a domain, so no character is looked at
more than twice. Not found: quoted local parts, addresses written around the ``@`` ("alice at example dot com"),
hosts without a dot, and the part of a local name before one of ``!#$&*/=?^`{|}~``.
"""

from __future__ import annotations

import re

from .span import Span

__all__ = ["find_email_addresses"]

ANCHOR = re.compile("@|%40")
LOCAL = frozenset("._%+-'")
"""Beside letters and digits, what a local part is read from; the rarer signs of RFC 5322 separate more often."""
EDGE = "._%+-'"
"""Of these none begins an address."""


def find_email_addresses(text: str) -> list[Span]:
    """Every address of the form ``local@domain.tld``.

    Args:
        text: any text.
    """
    found: list[Span] = []
    floor = 0
    for anchor in ANCHOR.finditer(text):
        place, after = anchor.span()
        start = place
        while start > floor and (text[start - 1].isalnum() or text[start - 1] in LOCAL):
            start -= 1
        while start < place and text[start] in EDGE:
            start += 1
        floor = after
        end = after
        while end < len(text) and (text[end].isalnum() or text[end] in ".-"):
            end += 1
        length = _domain_length(text[after:end])
        if start < place and length:
            found.append(Span(start, after + length, "email"))
            floor = after + length
    return found


def _domain_length(run: str) -> int:
    """Characters at the beginning of a run that are a domain with a top level of letters; 0: none are."""
    place, best = 0, 0
    for i, label in enumerate(run.split(".")):
        if not label or len(label) > 63:
            break
        if i and label[:4].lower() == "xn--":
            best = place + len(label)
        elif i:
            letters = 0
            while letters < len(label) and label[letters].isalpha():
                letters += 1
            if letters >= 2:
                best = place + letters
        place += len(label) + 1
    return best
