"""The text of a drafted contract: YAML in which every guess says so, one thing a line, so that a reader edits lines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Guess", "Page"]

PLAIN = re.compile(r"[^\W\d][\w./%-]*( [\w./%-]+)*")
"""Texts that need no quotes in YAML, also between braces."""

WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One guess of a draft.

    Attributes:
        path: of the contract's field.
        message: what was guessed, and on what evidence.
        confirm: what a person should confirm; empty where the evidence is strong.
    """

    path: str
    message: str
    confirm: str = ""

    @property
    def comment(self) -> str:
        """As it stands behind the line."""
        tail = f"; CONFIRM {self.confirm}" if self.confirm else ""
        return f"# GUESS: {_one_line(self.message + tail)}"


class Page:
    """Lines of YAML with their guesses."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.guesses: list[Guess] = []

    def line(self, text: str, guess: Guess | None = None) -> None:
        """One line, with its guess behind it."""
        if guess is not None:
            self.guesses.append(guess)
        text = _one_line(text, edges=False)
        self.lines.append(f"{text}  {guess.comment}" if guess is not None else text)

    def entry(self, mapping: Mapping[str, Any], guess: Guess | None = None) -> None:
        """One item of a list, as a mapping on one line."""
        inside = ", ".join(f"{k}: {scalar(v)}" for k, v in mapping.items())
        self.line(f"  - {{{inside}}}", guess)

    def field(self, name: str, value: Any, guess: Guess | None = None) -> None:
        """One field of a block."""
        self.line(f"  {name}: {scalar(value)}", guess)

    @property
    def text(self) -> str:
        """The whole page."""
        return "\n".join(self.lines) + "\n"


def _one_line(text: str, *, edges: bool = True) -> str:
    """The text without line breaks: a header may hold them, a comment may not."""
    broken = re.sub(r"[\r\n\t\x00-\x1f\x85\u2028\u2029]+", " ", text)
    return broken.strip() if edges else broken.rstrip()


def scalar(value: Any) -> str:
    """A value in YAML's flow style; text is quoted where YAML might read it as something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{int(value)}" if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(scalar(v) for v in value)}]"
    text = str(value)
    plain = PLAIN.fullmatch(text) is not None and text.lower() not in WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)
