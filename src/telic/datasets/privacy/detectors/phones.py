"""Telephone numbers: E.164 (``+49 30 123456``), ``00`` before the country, and the shapes of some countries.

Numbers are taken apart into groups of digits and the signs between them; a group is looked at a fixed number of
times. Bare digits ("4155552671") are a telephone number only after a word that says so, for most such numbers in
logs are something else.
"""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

from .span import Span

__all__ = ["find_phones"]

GROUP = re.compile(r"[0-9]+")
LINKS = frozenset(
    {" ", "-", ".", "/", ")", ") ", ")-", " (", "(", "-(", " - ", ". ", ") - ", "\u00a0", "\u2011"}
)
"""What stands between two groups of one number."""
LEAST, MOST = 8, 15
"""Digits of an international number (E.164 allows 15 at most)."""
ANNOUNCED = (
    "tel", "phone", "mobile", "mob", "call", "fax", "cell", "telefon", "telephone", "whatsapp", "sms", "callback", "ph",
    "msisdn", "handy", "tlf", "telefono", "dial",
)  # fmt: skip
"""Words after which 7 to 15 digits are a telephone number."""


class Shape(NamedTuple):
    """Lengths of the groups, how the first one begins, the signs allowed between them."""

    lengths: tuple[tuple[int, int], ...]
    begins: tuple[str, ...]
    links: str


def _exactly(*lengths: int) -> tuple[tuple[int, int], ...]:
    return tuple((n, n) for n in lengths)


_AREA = ("2", "3", "4", "5", "6", "7", "8", "9")
SHAPES = (
    Shape(_exactly(1, 3, 3, 4), ("1",), "-. ()"),  # North America with its trunk digit
    Shape(_exactly(3, 3, 4), _AREA, "-. ()"),  # North America
    Shape(_exactly(2, 2, 2, 2, 2), tuple(f"0{d}" for d in range(1, 10)), "-. "),  # France
    Shape(_exactly(3, 4, 4), ("02", "03", "01", "08"), "- "),  # United Kingdom, London and others; China
    Shape(_exactly(4, 3, 4), ("01", "08", "03"), "- "),  # United Kingdom, large cities; freephone
    Shape(_exactly(5, 6), ("01", "07"), "- "),  # United Kingdom, elsewhere and mobile
    Shape(_exactly(5, 3, 3), ("01", "07"), "- "),  # the same, in three groups
    Shape(_exactly(2, 4, 4), ("0",), "- ()"),  # Japan, Australia
    Shape(_exactly(3, 4, 4), ("0",), "-"),  # Japan and Korea, mobile
    Shape(_exactly(4, 3, 3), ("04", "18", "13"), "- "),  # Australia, mobile and services
    Shape(_exactly(3, 3, 2, 2), ("0",), "- "),  # Switzerland
    Shape(_exactly(2, 5, 4), ("1", "2", "3", "4", "5", "6", "7", "8", "9"), ") -"),  # Brazil, mobile
    Shape(_exactly(3, 2, 2, 2), ("6", "7", "8", "9"), " "),  # Spain
    Shape(_exactly(5, 5), ("6", "7", "8", "9"), "-"),  # India, mobile
    Shape(((2, 5), (5, 8)), tuple(f"0{d}" for d in range(1, 10)), "-/"),  # Germany, Netherlands, Austria
    Shape(((3, 5), (6, 8)), tuple(f"0{d}" for d in range(1, 10)), " "),  # the same with a space
)  # fmt: skip
"""National shapes, those of most digits first where two begin alike."""

BY_FIRST = {n: tuple(s for s in SHAPES if s.lengths[0][0] <= n <= s.lengths[0][1]) for n in range(1, 6)}
"""Digits of the first group to the shapes that begin so."""


def find_phones(text: str) -> list[Span]:
    """Every telephone number.

    Args:
        text: any text.
    """
    found: list[Span] = []
    groups = [m.span() for m in GROUP.finditer(text)]
    i = 0
    while i < len(groups):
        taken, start = _phone_at(text, groups, i)
        if taken:
            found.append(Span(start, groups[i + taken - 1][1], "phone"))
        i += max(taken, 1)
    return found


def _phone_at(text: str, groups: list[tuple[int, int]], i: int) -> tuple[int, int]:
    """How many groups from the i-th on are one number, and where it starts; (0, ...): none is."""
    start = groups[i][0]
    length = groups[i][1] - start
    if start and text[start - 1] == "+" and not _is_word(text, start - 2) and text[start] != "0":
        taken = _international(text, groups, i, LEAST, MOST)
        if taken:
            return taken, start - 1
    opened = start and text[start - 1] == "("
    begin = start - 1 if opened else start
    if _is_word(text, begin - 1) or (
        begin and text[begin - 1] in ".-/:+#" and not _is_announced(text, begin)
    ):
        return 0, begin
    first = text[start : groups[i][1]]
    if first.startswith("00") and first[2:3] != "0" and (len(first) > 2 or i + 1 < len(groups)):
        taken = _international(text, groups, i, 10, 17)
        if taken > 1:
            return taken, begin
    for shape in BY_FIRST.get(length, ()):
        if _fits(text, groups, i, shape):
            return len(shape.lengths), begin
    if _is_announced(text, begin):
        return _international(text, groups, i, 7, MOST), begin
    return 0, begin


def _international(text: str, groups: list[tuple[int, int]], i: int, least: int, most: int) -> int:
    """Groups that stand together, as many as have at most so many digits; 0 where they have too few."""
    total, taken = 0, 0
    for j in range(i, min(i + 8, len(groups))):
        length = groups[j][1] - groups[j][0]
        linked = j == i or text[groups[j - 1][1] : groups[j][0]] in LINKS
        if not linked or total + length > most:
            break
        total, taken = total + length, taken + 1
    end = groups[i + taken - 1][1] if taken else 0
    return taken if total >= least and not _is_word(text, end) else 0


def _fits(text: str, groups: list[tuple[int, int]], i: int, shape: Shape) -> bool:
    part = groups[i : i + len(shape.lengths)]
    if len(part) < len(shape.lengths) or not text.startswith(shape.begins, part[0][0]):
        return False
    for (low, high), (a, b) in zip(shape.lengths, part, strict=True):
        if not low <= b - a <= high:
            return False
    for before, after in itertools.pairwise(part):
        link = text[before[1] : after[0]]
        if link not in LINKS or any(sign not in shape.links for sign in link):
            return False
    if shape.lengths[-3:] == _exactly(3, 3, 4) and text[part[-2][0]] in "01":
        return False  # no exchange of North America begins so
    end = part[-1][1]
    follows = text[end : end + 2]
    return not _is_word(text, end) and not (follows[:1] in "-./:" and follows[1:].isdecimal())


def _is_announced(text: str, start: int) -> bool:
    before = text[max(0, start - 20) : start].rstrip(" .:=#-\"'(\t").lower()
    if not before or not before[-1].isalpha():
        return False
    letters = len(before)
    while letters and before[letters - 1].isalpha():
        letters -= 1
    return before[letters:] in ANNOUNCED


def _is_word(text: str, place: int) -> bool:
    return 0 <= place < len(text) and (text[place].isalnum() or text[place] == "_")
