"""Which of many texts a detector could find anything in: a look at whole columns, by what every find must have.

An address needs an ``@``, a phone number seven digits that stand together, a key a long run or a word that announces
it. A text of ASCII that has nothing of the kind is let pass; every other text is looked at by the detectors themselves,
which alone decide. So the look may only err to one side: **what it lets pass, no detector finds anything in** (a test
holds this against texts made to be near misses). All kinds are one expression without backtracking, so that the time is
linear in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from telic.typing import BoolArray

from .access_keys import ANNOUNCERS, LEAST_RANDOM
from .listed_names import first_words
from .phones import ANNOUNCED

__all__ = ["Look", "quick_look"]

Look: TypeAlias = Callable[[pa.Array], BoolArray]
"""From texts ``(n,)`` to whether a detector could find something in each, ``(n,)``; not in a missing one."""

LINK = "[ ./()-]{1,4}"
"""What stands between two groups of one telephone number, and more."""

SEVEN_DIGITS = "[0-9](?:[ ./()-]{0,4}[0-9]){6}"

CLUES = {
    "email": ("@", "%40"),
    "card": ("[0-9]{13}", "[0-9]{4}[ .-][0-9]{4,6}[ .-]"),
    "ip": (r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", "ip-", ":[0-9A-Fa-f.]*:"),
    "phone": (
        rf"\+{SEVEN_DIGITS}",
        f"(?:^|[^0-9])00[0-9]*{LINK}[0-9]",
        f"(?i:{'|'.join(ANNOUNCED)})[ .:=#\"'(\\t-]*{SEVEN_DIGITS}",
        # What the national shapes have in common, each of them has one of.
        f"[0-9]{{2}}{LINK}[0-9]{{5}}",
        f"[0-9]{{3}}{LINK}[0-9]{{3}}{LINK}[0-9]{{2}}",
        f"[0-9]{{2}}{LINK}[0-9]{{4}}{LINK}[0-9]{{4}}",
        f"[0-9]{{2}}{LINK}[0-9]{{2}}{LINK}[0-9]{{2}}{LINK}[0-9]{{2}}",
    ),
    "key": (
        f"[A-Za-z0-9_+/=.~-]{{{LEAST_RANDOM}}}",
        f"(?i:{'|'.join(ANNOUNCERS)})[ \"']{{0,3}}[:=]",
        "(?i:bearer )",
        "://[^/ \\t\\r\\n\"'<>?#]*@",
        "-----BEGIN ",
    ),
}
"""Kind to expressions of which each text that holds one has at least one (RE2)."""

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
    words = sorted(first_words(names)) if "name" in wanted else []
    ascii_words = [word for word in words if word.isascii()]  # others cannot stand in a text of ASCII
    if 0 < len(ascii_words) <= MOST_NAMES:
        clues.append(f"(?:^|[^A-Za-z0-9])(?i:{'|'.join(ascii_words)})(?:[^A-Za-z0-9]|$)")
        ascii_words = []
    pattern, known = "|".join(f"(?:{clue})" for clue in clues), pa.array(ascii_words, pa.string())

    def look(texts: pa.Array) -> BoolArray:
        flags = pc.invert(pc.string_is_ascii(texts))
        if pattern:
            flags = pc.or_(flags, pc.match_substring_regex(texts, pattern))
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
