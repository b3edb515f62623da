"""JSON of foreign logs, read safely: bounded lines, bounded depth, flat records with dotted names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from telic.errors import DataError

from .event_format import Value
from .files import SourceFile, refuse_disguise, text_stream

__all__ = [
    "DEEPEST",
    "LONGEST_LINE",
    "document_text",
    "flat",
    "json_document",
    "json_lines",
    "not_json",
    "refuse_odd_values",
    "text_lines",
]

LONGEST_LINE = 64 << 20
"""Bytes of a line, or of a whole JSON document: a longer one is refused rather than held in memory."""

DEEPEST = 64
"""Levels of nesting; no log has more, and each level costs a call."""

HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
"""What half of a character outside the first 65,536 looks like in JSON; alone, it is no text."""


def text_lines(source: SourceFile) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that is not empty, without its end.

    Raises:
        DataError: a line is longer than ``LONGEST_LINE`` or is not UTF-8, or the file is no text at all.
    """
    refuse_disguise(source.path)
    with text_stream(source.path) as stream:
        held: list[
            bytes
        ] = []  # pieces of a line that has not ended; joined once, or a long line costs its square
        number = n_held = 0
        while piece := stream.read(1 << 20):
            lines = piece.split(b"\n")
            if len(lines) > 1:
                lines[0] = b"".join([*held, lines[0]])
                held, n_held = [], 0
            held.append(lines.pop())
            n_held += len(held[-1])
            for line in lines:
                number += 1
                if len(line) > LONGEST_LINE:
                    raise _too_long(source, number)
                if line.strip():
                    yield number, _decoded(source, number, line)
            if n_held > LONGEST_LINE:
                raise _too_long(source, number + 1)
        rest = b"".join(held)
        if rest.strip():
            yield number + 1, _decoded(source, number + 1, rest)


def _too_long(source: SourceFile, number: int) -> DataError:
    return DataError(
        f"{source.name} line {number} is longer than {LONGEST_LINE >> 20} MiB.",
        hint="A log has one event a line; is this another format, or were the line ends lost?",
        line=number,
    )


def json_lines(source: SourceFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line and object of each line.

    Raises:
        DataError: a line is not one JSON object, or is nested deeper than ``DEEPEST``.
    """
    for number, line in text_lines(source):
        value = _parsed(f"{source.name} line {number}", line)
        if not isinstance(value, dict):
            raise DataError(
                f"{source.name} line {number} must be a JSON object, got {type(value).__name__}.",
                hint="Each line must be one whole object.",
                line=number,
            )
        yield number, value


def json_document(source: SourceFile) -> Any:
    """The one JSON value that a file holds.

    Raises:
        DataError: it is not JSON, longer than ``LONGEST_LINE``, or nested too deep.
    """
    return _parsed(source.name, document_text(source))


def document_text(source: SourceFile) -> str:
    """The whole text of a file.

    Raises:
        DataError: it is longer than ``LONGEST_LINE`` or not UTF-8.
    """
    refuse_disguise(source.path)
    with text_stream(source.path) as stream:
        raw = stream.read(LONGEST_LINE + 1)
    if len(raw) > LONGEST_LINE:
        raise DataError(
            f"{source.name} is one JSON document of more than {LONGEST_LINE >> 20} MiB.",
            hint="Export it in parts, or as JSON lines.",
        )
    return _decoded(source, 1, raw)


def refuse_odd_values(where: str, text: str, value: Any) -> None:
    """Nothing, where a value is nested no deeper than ``DEEPEST`` and all its texts are whole.

    Args:
        where: file and line, for the message.
        text: the JSON that the value was read from.
        value: the value.

    Raises:
        DataError: it is nested deeper, or a text in it holds half a character, which no file and no digest can hold.
    """
    if text.count("[") + text.count("{") > DEEPEST and _is_deep(value):
        raise DataError(
            f"{where} is nested more than {DEEPEST} levels deep.",
            hint="No log is; is the file damaged, or made to do harm?",
        )
    if HALF_CHARACTER.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise DataError(
                f"{where} holds half a character (an escape from \\ud800 to \\udfff without its other half).",
                hint="Was a text cut off in the middle of a character? Write the log again.",
            ) from None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        level = inner
    return bool(level)


def flat(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Value]:
    """A nested object as dotted names to plain values; lists become ``name.0``, ``name.1``, ...

    Raises:
        DataError: it is nested deeper than ``DEEPEST``.
    """
    if depth > DEEPEST:
        raise DataError(
            f"An event is nested more than {DEEPEST} levels deep (at `{prefix[:80]}`).",
            hint="No log is; is the file damaged, or made to do harm?",
        )
    found: dict[str, Value] = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            found.update(flat(inner, f"{prefix}{key}.", depth + 1))
        elif isinstance(inner, list):
            found.update(flat({str(i): x for i, x in enumerate(inner)}, f"{prefix}{key}.", depth + 1))
        else:
            found[f"{prefix}{key}"] = inner
    return found


def _parsed(where: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise not_json(where, problem) from None
    refuse_odd_values(where, text, value)
    return value


def not_json(where: str, problem: ValueError | RecursionError) -> DataError:
    """The error that says why a text is not JSON."""
    if isinstance(problem, RecursionError):
        why = "nested too deep"
    else:  # the one other error is that of a number of thousands of digits
        why = getattr(problem, "msg", "a number has too many digits")
    return DataError(
        f"{where} is not JSON: {why}.", hint="Was the file cut off, or is `data.format` another one?"
    )


def _decoded(source: SourceFile, number: int, raw: bytes) -> str:
    try:
        return raw.removeprefix(b"\xef\xbb\xbf").decode().rstrip("\r")
    except UnicodeDecodeError as problem:
        line = number + raw.count(b"\n", 0, problem.start)
        raise DataError(
            f"{source.name} line {line} is not UTF-8 text (byte {raw[problem.start]:#04x}).",
            hint="Save the log as UTF-8; was the file damaged?",
            line=line,
        ) from None
