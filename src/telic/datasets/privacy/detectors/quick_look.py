"""Which of many texts a detector could find anything in: a look at whole columns, by what every find must have.

An address needs an ``@``, a phone number seven digits that stand together, a key a long run or a word that announces
it. A text of ASCII that has nothing of the kind is let pass; every other text is looked at by the detectors themselves,
which alone decide. So the look may only err to one side: **what it lets pass, no detector finds anything in** (a test
holds this against texts made to be near misses). All kinds are one expression without backtracking, so that the time is
linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from telic.typing import BoolArray

from .access_keys import ANNOUNCERS, BEGINNINGS, LEAST_RANDOM
from .cards import NETWORKS
from .listed_names import first_words
from .phones import ANNOUNCED, SHAPES, Shape

__all__ = ["Look", "quick_look"]

Look: TypeAlias = Callable[[pa.Array], BoolArray]
"""From texts ``(n,)`` to whether a detector could find something in each, ``(n,)``; not in a missing one."""

STARTS = "(?:^|[^0-9])"
"""A group of digits begins behind this."""

SEVEN_DIGITS = "[0-9](?:[ ./()-]{0,4}[0-9]){6}"
"""What the detector of telephone numbers takes for one number has no other signs in it, and no more at a time."""


def _shape(shape: Shape) -> str:
    (low, high), *others = shape.lengths
    first = "|".join(f"{b}[0-9]{{{low - len(b)},{high - len(b)}}}" for b in shape.begins)
    link = f"[{re.escape(shape.links)}]{{1,4}}"
    return f"{STARTS}(?:{first})" + "".join(f"{link}[0-9]{{{a},{b}}}" for a, b in others)


_CARD = f"{STARTS}[{''.join(sorted({n[0] for n in NETWORKS}))}]"
_RUN = "[A-Za-z0-9_+/=~-]*"

CLUES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "email": (("@",), ("%40",)),
    "card": ((f"{_CARD}[0-9]{{12}}",), (f"{_CARD}[0-9]{{3}}[ .-][0-9]{{4,6}}[ .-]",)),
    "ip": ((r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",), ("ip-",), ("::",), ("(?:[0-9A-Fa-f]{1,4}:){6}",)),
    "phone": (
        (rf"\+{SEVEN_DIGITS}",),
        (f"{STARTS}00[0-9]*[ ./()-]{{1,4}}[0-9]",),
        (f"(?i:{'|'.join(ANNOUNCED)})[ .:=#\"'(\\t-]*{SEVEN_DIGITS}",),
        *((_shape(shape),) for shape in SHAPES),
    ),
    "key": (
        (f"(?i:{'|'.join(ANNOUNCERS)})[ \"']{{0,3}}[:=]",),
        ("(?i:bearer )",),
        ("://[^/ \\t\\r\\n\"'<>?#]*@",),
        ("-----BEGIN ",),
        # A long run, and in it the beginning of a known token, or capitals and digits as a random one has.
        (
            f"[A-Za-z0-9_+/=.~-]{{{LEAST_RANDOM}}}",
            f"[A-Z]{_RUN}[0-9]|[0-9]{_RUN}[A-Z]|{'|'.join(re.escape(b) for b, _ in BEGINNINGS)}",
        ),
    ),
}
"""Kind to its clues; a text that holds one has all expressions (RE2) of at least one clue."""

MOST_NAMES = 500
"""Words that one expression can begin a name with; more are looked up one by one."""


def quick_look(kinds: Iterable[str], names: Iterable[str] = ()) -> Look:
    """The look for these kinds; arguments as of ``detectors_of``.

    Args:
        kinds: some of ``KINDS``.
        names: people to look for, where ``name`` is among the kinds.
    """
    wanted = set(kinds)
    clues = [clue for kind, found in CLUES.items() if kind in wanted for clue in found]
    single, several = [clue[0] for clue in clues if len(clue) == 1], [clue for clue in clues if len(clue) > 1]
    words = sorted(first_words(names)) if "name" in wanted else []
    ascii_words = [word for word in words if word.isascii()]  # others cannot stand in a text of ASCII
    if 0 < len(ascii_words) <= MOST_NAMES:
        single.append(f"(?:^|[^A-Za-z0-9])(?i:{'|'.join(ascii_words)})(?:[^A-Za-z0-9]|$)")
        ascii_words = []
    pattern, known = "|".join(f"(?:{clue})" for clue in single), pa.array(ascii_words, pa.string())

    def look(texts: pa.Array) -> BoolArray:
        flags = pc.invert(pc.string_is_ascii(texts))
        if pattern:
            flags = pc.or_(flags, pc.match_substring_regex(texts, pattern))
        for clue in several:
            flags = pc.or_(flags, reduce(pc.and_, (pc.match_substring_regex(texts, part) for part in clue)))
        found = np.asarray(flags.fill_null(False).to_numpy(zero_copy_only=False)).astype(bool)
        return found | _with_words(texts, known) if len(known) else found

    return look


def _with_words(texts: pa.Array, known: pa.Array) -> BoolArray:
    """``(n,)`` whether a text has one of many words."""
    words = pc.split_pattern_regex(pc.ascii_lower(texts), "[^a-z0-9]+")
    of = pc.list_parent_indices(words).to_numpy(zero_copy_only=False)
    found = np.zeros(len(texts), dtype=bool)
    found[of[pc.is_in(pc.list_flatten(words), value_set=known).to_numpy(zero_copy_only=False)]] = True
    return found
