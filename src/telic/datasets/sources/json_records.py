"""JSON of foreign logs, read safely: bounded lines, bounded depth, flat records with dotted names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from telic.errors import DataError

from .event_format import Value
from .files import SourceFile, text_stream

__all__ = ["DEEPEST", "LONGEST_LINE", "flat", "json_document", "json_lines", "text_lines"]

LONGEST_LINE = 64 << 20
"""Bytes of a line, or of a whole JSON document: a longer one is refused rather than held in memory."""

DEEPEST = 64
"""Levels of nesting; no log has more, and each level costs a call."""


def text_lines(source: SourceFile) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that is not empty, without its end.

    Raises:
        DataError: a line is longer than ``LONGEST_LINE`` or is not UTF-8.
    """
    with text_stream(source.path) as stream:
        rest, number = b"", 0
        while piece := stream.read(1 << 20):
            lines = (rest + piece).split(b"\n")
            rest = lines.pop()
            for line in lines:
                number += 1
                if line.strip():
                    yield number, _decoded(source, number, line)
            if len(rest) > LONGEST_LINE:
                raise DataError(
                    f"{source.name} line {number + 1} is longer than {LONGEST_LINE >> 20} MiB.",
                    hint="A log has one event a line; is this another format, or were the line ends lost?",
                    line=number + 1,
                )
        if rest.strip():
            yield number + 1, _decoded(source, number + 1, rest)


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
        DataError: it is not JSON, longer than ``LONGEST_LINE``, or nested deeper than ``DEEPEST``.
    """
    with text_stream(source.path) as stream:
        raw = stream.read(LONGEST_LINE + 1)
    if len(raw) > LONGEST_LINE:
        raise DataError(
            f"{source.name} is one JSON document of more than {LONGEST_LINE >> 20} MiB.",
            hint="Export it in parts, or as JSON lines.",
        )
    return _parsed(source.name, _decoded(source, 1, raw))


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
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise DataError(
            f"{where} is not JSON: {getattr(problem, 'msg', None) or 'nested too deep'}.",
            hint="Was the file cut off, or is `data.format` another one?",
        ) from None


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
