"""Shell sessions recorded by asciinema (cast version 2): commands and what they printed, in their order.

A recording holds what the terminal showed, not what was run. Rows of kind ``command`` are found as follows, and ``how``
says which way:

- ``marks``: the shell marks prompts and commands (OSC 133, "shell integration");
- ``editing``: the shell says when it edits a line (bracketed paste, the default of bash 5.1, zsh and fish) and the line
  begins with a prompt that ends in ``$``, ``#``, ``%``, ``>`` or another customary sign and a space;
- ``prompt``: such a prompt alone, at which the output paused. A guess.

The command is the line as it stood when it was entered, after editing and completion. ``is_certain`` is true where the
shell marked it, or where the recorded keys (``asciinema rec --stdin``) spell the same text; it is false for lines
from the history or completed by Tab, because the keys do not spell them. What is typed but not shown, such as a
password, is in no row.

What cannot be seen: commands in scripts, in editors and other programs that paint the screen, in a background job or
another session; what an alias stands for; on which machine a line ran after ``ssh``; exit codes without marks. A
command over several lines is several rows. A prompt of another shape gives no rows of kind ``command``.

References: asciinema, asciicast v2; FinalTerm, semantic prompts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import refuse_odd_values, text_lines
from telic.datasets.sources.terminal_text import Sign, TerminalLine
from telic.errors import DataError

__all__ = ["FORMAT"]

PROMPT = re.compile(r"[$#%>❯❱➜λ»]\s+$")
"""End of a line at which a shell waits, by custom."""

LATEST = 1e12
"""Seconds; what is later is no time."""

CANCELLED = "^C"
"""Shown behind a line that was given up."""

LONGEST_OUTPUT = 1 << 16
"""Characters of one command's output that are kept; ``n_lines`` counts all of its lines."""


def _records(source: SourceFile) -> Iterator[Record]:
    lines = text_lines(source)
    header = _header(source, lines)
    start = header.get("timestamp")
    session = _Session(int(header.get("width") or 0))
    before, seconds = 0.0, 0.0
    for line, text in lines:
        seconds, code, data = _event(source, line, text)
        if seconds < before:
            raise _fault(source, line, "goes back in time")
        before = seconds
        for row in session.event(code, data):
            yield _timed(row, start, seconds)
    for row in session.printed(None):
        yield _timed(row, start, seconds)


def _timed(row: dict[str, Value], start: int | float | None, seconds: float) -> Record:
    return {"time": None if start is None else start + seconds, "seconds": seconds, **row}


def _header(source: SourceFile, lines: Iterator[tuple[int, str]]) -> dict[str, Any]:
    line, text = next(lines, (1, ""))
    header = _parsed(source, line, text)
    version = header.get("version") if isinstance(header, dict) else None
    if version != 2 or isinstance(version, bool):
        said = (
            "is no header of a recording"
            if version is None
            else f"has version {str(version)[:20]}; 2 is read"
        )
        raise DataError(
            f"{source.name} line {line} {said}.",
            hint="`asciinema convert` writes a recording of version 1 or 3 as one of version 2.",
            line=line,
        )
    for name in ("timestamp", "width", "height"):
        value = header.get(name)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LATEST
        ):
            raise _fault(source, line, f"must hold a number in `{name}`")
    return dict(header)


def _event(source: SourceFile, line: int, text: str) -> tuple[float, str, str]:
    match _parsed(source, line, text):
        case [int() | float() as seconds, str() as code, str() as data] if 0 <= seconds < LATEST:
            return float(seconds), code, data
        case _:
            raise _fault(source, line, "is no event [seconds, kind, text]")


def _parsed(source: SourceFile, line: int, text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise _fault(source, line, "is not JSON") from None
    refuse_odd_values(f"{source.name} line {line}", text, value)
    return value


class _Session:
    """The recording so far: the line on the terminal, whether the shell waits on it, and what was printed."""

    def __init__(self, width: int) -> None:
        self.screen = TerminalLine(width)
        self.prompt: int | None = None
        self.how = "prompt"
        self.has_marks = self.has_editing = self.is_editing = False
        self.typing: list[str] = []
        self.is_plain = True
        self.typed: str | None = None
        self.command: str | None = None
        self.lines: list[str] = []
        self.n_lines = self.n_kept = 0

    def event(self, code: str, data: str) -> Iterator[dict[str, Value]]:
        if code == "o":
            for sign in self.screen.feed(data):
                yield from self._sign(sign)
            yield from self._look_for_prompt()
        elif code == "i":
            for key in data:
                self._key(key)
        elif code in ("m", "r"):
            yield {"kind": "marker" if code == "m" else "resize", "text": data}
            if code == "r" and data.partition("x")[0].isdecimal():
                self.screen.width = min(int(data.partition("x")[0][:6]), 1 << 16)

    def printed(self, status: int | None) -> Iterator[dict[str, Value]]:
        """What the last command printed, as a row, where there is anything to say."""
        if self.n_lines or status is not None:
            text = "\n".join(self.lines)
            yield {"kind": "output", "text": text, "n_lines": self.n_lines, "exit_status": status}
        self.lines, self.n_lines, self.n_kept = [], 0, 0

    def _sign(self, sign: Sign) -> Iterator[dict[str, Value]]:
        if sign.kind == "editing":
            self.is_editing = sign.text == "on"
            self.has_editing = True
        elif sign.kind == "mark":
            self.has_marks = True
            if sign.text.startswith("B"):
                yield from self.printed(None)
                self.prompt, self.how = self.screen.cursor, "marks"
            elif sign.text.startswith("D"):
                status = sign.text[2:].split(";")[0]
                yield from self.printed(int(status) if status.isdecimal() and len(status) < 10 else None)
        elif self.prompt is not None:
            yield from self._entered(sign.text[self.prompt :].strip())
        else:
            self.n_lines += 1
            if self.n_kept < LONGEST_OUTPUT:
                self.lines.append(sign.text[: LONGEST_OUTPUT - self.n_kept])
                self.n_kept += len(self.lines[-1])

    def _entered(self, command: str) -> Iterator[dict[str, Value]]:
        self.prompt = None
        if command and not command.endswith(CANCELLED):
            is_certain = self.how == "marks" or self.typed == command
            yield {"kind": "command", "text": command, "how": self.how, "is_certain": is_certain}
        self.typed = None

    def _look_for_prompt(self) -> Iterator[dict[str, Value]]:
        """Where output pauses behind a prompt's sign, the shell waits for a line."""
        waits = self.is_editing if self.has_editing else True
        if self.prompt is None and not self.has_marks and waits and not self.screen.is_screen:
            line = self.screen.text
            if len(line) == self.screen.cursor and PROMPT.search(line[-40:]):
                yield from self.printed(None)
                self.prompt, self.how = len(line), "editing" if self.has_editing else "prompt"

    def _key(self, key: str) -> None:
        if key in "\r\n":
            self.typed = "".join(self.typing).strip() if self.is_plain else None
            self.typing, self.is_plain = [], True
        elif key in "\x7f\b":
            del self.typing[-1:]
        elif key in "\x03\x15":  # Ctrl-C gives the line up, Ctrl-U erases it
            self.typing = []
        elif key >= " ":
            self.typing.append(key)
        else:
            self.is_plain = False


def _fault(source: SourceFile, line: int, what: str) -> DataError:
    return DataError(
        f"{source.name} line {line} {what}.",
        hint="Was the recording cut off or changed? It is one JSON header and one JSON list a line.",
        line=line,
    )


FORMAT = EventFormat(
    name="asciinema",
    title="asciinema recording of a shell session, cast version 2",
    columns={
        "time": "seconds since 1970; missing where the recording does not say when it began",
        "seconds": "seconds since the recording began",
        "kind": "command, output, marker or resize",
        "text": "the command, what was printed (control sequences taken out), or the marker",
        "how": "how the command was found: marks, editing or prompt",
        "is_certain": "whether the command is known and not guessed",
        "n_lines": "lines that were printed",
        "exit_status": "exit status of the command that printed, where the shell marks it",
    },
    records=_records,
)
