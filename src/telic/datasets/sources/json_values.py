"""JSON of exports and APIs: values one a line, or documents over many lines, and their parts by name.

A part that has another type than its format says is a fault of the file, named by file and line, never an error of the
program: an export may be cut off, be an error page, or come from another tool.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from telic.errors import DataError

from .files import SourceFile
from .json_records import document_text, not_json, refuse_odd_values, text_lines

__all__ = ["Place", "child", "children", "json_values"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something stands, for messages.

    Attributes:
        file: name of the file.
        line: line on which it begins, from 1.
    """

    file: str
    line: int

    def error(self, said: str, hint: str) -> DataError:
        """The error that says ``FILE line N SAID``."""
        return DataError(f"{self.file} line {self.line} {said}", hint=hint, line=self.line)


def json_values(source: SourceFile) -> Iterator[tuple[Place, Any]]:
    """Place and value of each JSON value of a file, in its order.

    Where the first line is a value by itself, every line is one, and a file may have any size. Otherwise the file holds
    one document over many lines, or several one after the other (as ``kubectl get --watch -o json`` writes them), and
    may have ``LONGEST_LINE`` bytes.

    Raises:
        DataError: it is not JSON, too long, or nested too deep.
    """
    lines = text_lines(source)
    number, first = next(lines, (0, ""))
    if not number:
        return
    decoder = json.JSONDecoder()
    try:
        decoder.decode(first)
    except RecursionError as problem:
        raise not_json(f"{source.name} line {number}", problem) from None
    except ValueError:
        yield from _documents(source, decoder)
        return
    for at, line in _again(number, first, lines):
        try:
            value = decoder.decode(line)
        except (ValueError, RecursionError) as problem:
            raise not_json(f"{source.name} line {at}", problem) from None
        refuse_odd_values(f"{source.name} line {at}", line, value)
        yield Place(file=source.name, line=at), value


def _again(number: int, first: str, rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield number, first
    yield from rest


def _documents(source: SourceFile, decoder: json.JSONDecoder) -> Iterator[tuple[Place, Any]]:
    text = document_text(source)
    end, line, counted = 0, 1, 0
    while True:
        begin = _next(text, end)
        if begin >= len(text):
            return
        line, counted = line + text.count("\n", counted, begin), begin
        try:
            value, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError) as problem:
            at = getattr(problem, "lineno", line)
            raise not_json(f"{source.name} line {at}", problem) from None
        refuse_odd_values(f"{source.name} line {line}", text[begin:end], value)
        yield Place(file=source.name, line=line), value


def _next(text: str, end: int) -> int:
    while end < len(text) and text[end] in " \t\r\n":
        end += 1
    return end


def child(parent: Mapping[str, Any], key: str, place: Place) -> dict[str, Any]:
    """The object of that name; empty where there is none.

    Raises:
        DataError: it is something else than an object.
    """
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise place.error(
            f"has {type(value).__name__} for `{key}`, which must be an object.",
            "Is the file damaged, or `data.format` another one?",
        )
    return value


def children(parent: Mapping[str, Any], key: str, place: Place) -> list[dict[str, Any]]:
    """The objects of the list of that name; none where there is no list.

    Raises:
        DataError: it is something else than a list of objects.
    """
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise place.error(
            f"has no list of objects for `{key}`.", "Is the file damaged, or `data.format` another one?"
        )
    return value
