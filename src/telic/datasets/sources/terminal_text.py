"""What a terminal shows on its current line, from the bytes that programs wrote to it; and the marks between lines.

Enough of a terminal to read a shell's command line after it was edited: printing, backspace, carriage return, tabs,
moving, erasing, inserting and deleting within the line, and wrapping at the width. Programs that paint a whole screen
(the alternate screen) are passed over. Moving up and down is not followed, and every character counts as one column.

References: ECMA-48; xterm control sequences (1049, 2004); FinalTerm semantic prompts (OSC 133).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["Sign", "TerminalLine"]

LONGEST = 1 << 16
"""Characters of a line; what comes beyond is not kept."""

LONGEST_SEQUENCE = 1 << 12
"""Characters of a control sequence that waits for its end; a longer one is dropped."""

TOKEN = re.compile(
    r"(?P<csi>\x1b\[(?P<numbers>[0-?]*)[ -/]*(?P<final>[@-~]))"
    r"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|(?P<other>\x1b(?:[PX^_][^\x1b]*\x1b\\|[ -/]+[0-~]|[0-OQ-WYZ\\`-~]))"
    r"|(?P<part>\x1b.*)"
    r"|(?P<control>[\x00-\x1f\x7f])"
    r"|(?P<text>[^\x00-\x1f\x7f]+)",
    re.DOTALL,
)


class Sign(NamedTuple):
    """Something that happened on the terminal.

    Attributes:
        kind: ``line``: the line ended; ``mark``: a semantic prompt's mark; ``editing``: the shell began (``on``) or
            ended (``off``) to edit a line.
        text: the line, the mark (``A``, ``B``, ``C``, ``D;0``), or ``on`` and ``off``.
    """

    kind: Literal["line", "mark", "editing"]
    text: str


class TerminalLine:
    """The current line of a terminal of some width (0: unknown, lines do not wrap)."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.is_screen = False
        self._line: list[str] = []
        self._cursor = 0
        self._rest = ""

    @property
    def text(self) -> str:
        """What stands on the line."""
        return "".join(self._line)

    @property
    def cursor(self) -> int:
        """Characters before the cursor."""
        return self._cursor

    def feed(self, written: str) -> Iterator[Sign]:
        """Take in what was written; each line that ends, and each mark, comes in its order."""
        written, self._rest = self._rest + written, ""
        for token in TOKEN.finditer(written):
            if token["part"] is not None:
                self._rest = token["part"] if len(token["part"]) < LONGEST_SEQUENCE else ""
            elif token["osc"] is not None:
                if token["osc"].startswith("133;"):
                    yield Sign("mark", token["osc"][4:])
            elif token["csi"] is not None:
                yield from self._sequence(token["numbers"], token["final"])
            elif self.is_screen:
                continue
            elif token["control"] == "\n":
                yield Sign("line", self.text.rstrip())
                self._line, self._cursor = [], 0
            elif token["control"] is not None:
                self._control(token["control"])
            elif token["text"] is not None:
                self._print(token["text"])

    def _sequence(self, numbers: str, final: str) -> Iterator[Sign]:
        if numbers.startswith("?") and final in "hl":
            modes = numbers[1:].split(";")
            if "1049" in modes or "47" in modes or "1047" in modes:
                self.is_screen = final == "h"
            if "2004" in modes:
                yield Sign("editing", "on" if final == "h" else "off")
        elif not self.is_screen:
            self._edit(final, _first(numbers))

    def _edit(self, final: str, n: int | None) -> None:
        step, at = max(1, min(n or 1, LONGEST)), self._cursor
        match final:
            case "C":
                self._cursor = min(at + step, LONGEST)
            case "D":
                self._cursor = max(at - step, 0)
            case "G":
                self._cursor = step - 1
            case "P":
                del self._line[at : at + step]
            case "@":
                self._line[at:at] = [" "] * min(step, max(0, LONGEST - len(self._line)))
            case "K" | "J" if not n:
                del self._line[at:]
            case "K" | "J":
                self._line[: at + 1] = [" "] * min(at + 1, len(self._line))
                if n == 2:
                    self._line.clear()

    def _control(self, control: str) -> None:
        match control:
            case "\b":
                self._cursor = max(0, self._cursor - 1)
            case "\r":  # after the last column the cursor waits on it: only the next character wraps
                self._cursor = max(0, self._cursor - 1) // self.width * self.width if self.width else 0
            case "\t":
                self._cursor = min((self._cursor // 8 + 1) * 8, LONGEST)

    def _print(self, text: str) -> None:
        at = self._cursor
        self._line += [" "] * (at - len(self._line))
        self._line[at : at + len(text)] = list(text)
        del self._line[LONGEST:]
        self._cursor = min(at + len(text), LONGEST)


def _first(numbers: str) -> int | None:
    first = numbers.split(";")[0]
    return int(first) if first.isascii() and first.isdecimal() and len(first) < 10 else None
