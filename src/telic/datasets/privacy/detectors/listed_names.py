"""Names of a list, as whole words in any case, with or without accents, also as logins (``alice.smith``).

Words of the text walk down a tree of the names; no name has more than ``LONGEST`` words, so that each word is
looked at a fixed number of times. It is also found with the last name first, as "Smith, Alice". One-word names that are
English words too ("May", "Will") count only where they are written with a capital.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from .span import Span

__all__ = ["first_words", "names_detector"]

WORD = re.compile(r"[^\W_]+")
LONGEST = 6
"""Words of a name at most."""
JOINTS = frozenset({" ", ".", "_", "-", ", ", "'", "\u2019", ". ", "+", "\u00a0", "\t", "  ", "/"})
"""What may stand between two words of one name."""
_ALSO_WORDS = (
    "amber angel april art august baker banks basil bell best bill bird bishop black brook brown buck "
    "bush carter case chase chuck church cliff cook cooper crystal daisy dale dash dawn day dean dick don "
    "drew faith field fish ford fox frank gene ginger grace grant green guy harry heath hill hope hunter "
    "ivy jack jade jean jimmy john joy june ken key king lane lily little long love mark mason max may "
    "mayer miles miller nick olive page park parker pat pearl potter power price ray rice rich rivers rob "
    "rose ruby sandy short sky small smith star stone string sue summer taylor turner violet walker ward "
    "waters web west white will wolf wood woods young"
)
ALSO_WORDS = frozenset(_ALSO_WORDS.split())
"""Names that are words, too; found only with a capital."""


def names_detector(names: Iterable[str]) -> Callable[[str], list[Span]]:
    """The detector of these names.

    Args:
        names: one a person, as "Alice Smith", "Smith" or a login.
    """
    tree = _tree(names)

    def find(text: str) -> list[Span]:
        return _find(text, tree) if tree else []

    return find


def first_words(names: Iterable[str]) -> frozenset[str]:
    """Words that a find of these names can begin with, in small letters and without accents.

    Args:
        names: as of ``names_detector``.
    """
    return frozenset(_tree(names))


def _tree(names: Iterable[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name in names:
        words = [_folded(w) for w in WORD.findall(name)][:LONGEST]
        if not words:
            continue
        _plant(tree, words)
        if len(words) > 1:  # "Smith, Alice", and "O'Brien, Alice", whose last name is two words here
            _plant(tree, [*words[1:], words[0]])
            _plant(tree, [words[-1], *words[:-1]])
    return tree


def _plant(tree: dict[str, Any], words: list[str]) -> None:
    for word in words:
        tree = tree.setdefault(word, {})
    tree[""] = True


def _find(text: str, tree: dict[str, Any]) -> list[Span]:
    found: list[Span] = []
    places = [m.span() for m in WORD.finditer(text)]
    words = [_folded(text[a:b]) for a, b in places]
    i = 0
    while i < len(words):
        taken = _name_at(text, places, words, i, tree) if words[i] in tree else 0
        if taken:
            found.append(Span(places[i][0], places[i + taken - 1][1], "name"))
        i += max(taken, 1)
    return found


def _name_at(text: str, places: list[tuple[int, int]], words: list[str], i: int, tree: dict[str, Any]) -> int:
    """Words from the i-th on that are the longest name there; 0: none is."""
    best, node = 0, tree
    for j in range(i, min(i + LONGEST, len(words))):
        if j > i and text[places[j - 1][1] : places[j][0]] not in JOINTS:
            break
        if words[j] not in node:
            break
        node = node[words[j]]
        if "" in node:
            best = j - i + 1
    if best == 1 and words[i] in ALSO_WORDS and not text[places[i][0]].isupper():
        return 0
    return best


def _folded(word: str) -> str:
    """In small letters, without accents."""
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c))
