"""Payment cards: 13 to 19 digits in one run or in the groups that cards are printed in, with a right check digit.

The check digit is Luhn's (ISO/IEC 7812-1, annex B); the first digits must be of a network that issues cards. One
of ten numbers that look so by chance passes, so that identifiers of 16 digits that begin with 4 or 5 are found one
time in ten.
"""

from __future__ import annotations

import itertools
import re

from .span import Span

__all__ = ["find_cards"]

GROUP = re.compile(r"[0-9]+")
PRINTED = ((4, 4, 4, 4, 3), (4, 4, 4, 4), (4, 6, 5), (4, 6, 4))
"""Lengths of the groups on a card: 19, 16, 15 (American Express) and 14 (Diners) digits."""
NETWORKS = (
    "4", "51", "52", "53", "54", "55", "22", "23", "24", "25", "26", "270", "271", "272",
    "34", "37", "6011", "64", "65", "35", "30", "36", "38", "39", "62", "50", "56", "57", "58", "6304", "67", "81",
)  # fmt: skip
"""First digits of the networks that issue cards."""


def find_cards(text: str) -> list[Span]:
    """Every card number.

    Args:
        text: any text.
    """
    found: list[Span] = []
    groups = [m.span() for m in GROUP.finditer(text)]
    i = 0
    while i < len(groups):
        taken = _card_at(text, groups, i)
        if taken:
            found.append(Span(groups[i][0], groups[i + taken - 1][1], "card"))
        i += max(taken, 1)
    return found


def _card_at(text: str, groups: list[tuple[int, int]], i: int) -> int:
    """How many groups from the i-th on are one card; 0: none is."""
    start, end = groups[i]
    if start and (text[start - 1].isalpha() or text[start - 1] == "_"):
        return 0
    if start > 1 and text[start - 1] == "." and text[start - 2].isdecimal():
        return 0  # decimals of a number
    if 13 <= end - start <= 19:
        return int(_ends(text, end) and _is_card(text[start:end]))
    if end - start != 4:
        return 0
    for lengths in PRINTED:
        part = groups[i : i + len(lengths)]
        if [b - a for a, b in part] != list(lengths):
            continue
        signs = {text[before[1] : after[0]] for before, after in itertools.pairwise(part)}
        is_printed = len(signs) == 1 and signs <= {" ", "-", "."} and _ends(text, part[-1][1])
        if is_printed and _is_card("".join(text[a:b] for a, b in part)):
            return len(lengths)
    return 0


def _ends(text: str, end: int) -> bool:
    """Whether a number ends at a place: no letter, and no further decimals, follow it."""
    return not (
        text[end : end + 1].isalpha()
        or text[end : end + 1] == "_"
        or (text[end : end + 1] == "." and text[end + 1 : end + 2].isdecimal())
    )


def _is_card(digits: str) -> bool:
    return digits.startswith(NETWORKS) and len(set(digits)) > 1 and _luhn(digits)


def _luhn(digits: str) -> bool:
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + i % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
