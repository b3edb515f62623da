"""Free log lines: the time they begin with, and the values in them, without which alike lines are the same."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["MOST_TOKENS", "VARIES", "MaskedLine", "masked_line", "parameters"]

VARIES = "<*>"
"""Stands in a template for what differs from line to line."""

MOST_TOKENS = 256
"""Words of a line that are looked at; what follows is one more value, ``rest``."""

LONGEST_TOKEN = 1 << 12
"""Characters of a word that are looked at; a longer one is a value as a whole."""

TIME = re.compile(
    r"(?:<\d{1,3}>1 )?\[?(?P<day>\d{4}-\d{2}-\d{2})[T ](?P<clock>\d{2}:\d{2}:\d{2})(?:[.,](?P<fraction>\d{1,9}))?"
    r" ?(?P<zone>Z|[+-]\d{2}:?\d{2})?(?=[\]\s]|$)\]?\s*",
    re.ASCII,
)

VALUE = re.compile(
    r"0[xX][0-9A-Fa-f]+"
    r"|(?=[0-9A-Fa-f]{0,40}[0-9])[0-9A-Fa-f]{6,}(?:-[0-9A-Fa-f]{2,})*"
    r"|[0-9]+(?:[.:,/_-][0-9]+)*"
)
"""Numbers, addresses, moments, and hexadecimal identities with a digit in them."""


class MaskedLine(NamedTuple):
    """A line whose values are taken out.

    Attributes:
        time: moment at its beginning, ISO 8601; None where there is none.
        words: its words, values replaced by ``VARIES``.
        values: of each word, what was replaced, and the word as it stood last.
        rest: what follows the last word looked at, or None.
    """

    time: str | None
    words: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    rest: str | None


def masked_line(text: str) -> MaskedLine:
    """The line without its values; alike lines have the same words."""
    begun = TIME.match(text)
    moment = None
    if begun is not None:
        fraction = f".{begun['fraction']}" if begun["fraction"] else ""
        moment = f"{begun['day']}T{begun['clock']}{fraction}{begun['zone'] or ''}"
        text = text[begun.end() :]
    parts = text.split(maxsplit=MOST_TOKENS)
    rest = parts.pop() if len(parts) > MOST_TOKENS else None
    words, values = [], []
    for part in parts:
        if len(part) > LONGEST_TOKEN:
            words.append(VARIES)
            values.append((part, part))
        else:
            words.append(VALUE.sub(VARIES, part))
            values.append((*VALUE.findall(part), part))
    return MaskedLine(moment, tuple(words), tuple(values), rest)


def parameters(line: MaskedLine, template: tuple[str, ...]) -> list[str]:
    """What stands in the line where its template varies, from left to right: words whole, or the values within them."""
    found: list[str] = []
    for word, masked, values in zip(template, line.words, line.values, strict=True):
        found += (
            values[-1:]
            if word == VARIES and masked != VARIES
            else values[:-1] or values[-1:] * (word == VARIES)
        )
    return found
