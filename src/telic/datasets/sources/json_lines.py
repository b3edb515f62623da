"""JSON lines: one object a line; nested keys are reached with dots (``pod.cpu``)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.json as pajson

from telic.errors import DataError

from .files import SourceFile, text_stream
from .pieces import AGAIN, PIECE_BYTES, Pieces

__all__ = ["json_columns", "json_pieces"]

PARSED_BYTES = 4 * PIECE_BYTES
"""Bytes of whole lines taken from the file at a time, parsed in pieces side by side."""

SNIFFED_LINES = 200


def json_columns(source: SourceFile) -> list[str]:
    """Keys of the first lines, dotted where they are nested, in order of appearance."""
    return list(_kinds(source)[0])


def json_pieces(source: SourceFile, types: Mapping[str, pa.DataType]) -> Pieces:
    """The columns in ``types``, in the types that the file itself gives them.

    Args:
        source: the file.
        types: source column to the Arrow type wanted; a number may stay an integer and text may stay text.

    Raises:
        DataError: a line is not a JSON object, or a key changes between number and text (the line is named).
    """
    found, paths = _kinds(source)
    kinds = {name: _type(found[name], types[name]) for name in types if name in found}
    try:
        yield from _read(source, kinds, paths, types)
        return
    except pa.ArrowInvalid:  # perhaps only a 2.5 after many whole numbers
        kinds = {name: pa.float64() if kind == pa.int64() else kind for name, kind in kinds.items()}
    yield AGAIN
    try:
        yield from _read(source, kinds, paths, types)
    except pa.ArrowInvalid as problem:
        raise _malformed(source, list(types), str(problem)) from None


def _read(
    source: SourceFile,
    kinds: Mapping[str, pa.DataType],
    paths: Mapping[str, tuple[str, ...]],
    types: Mapping[str, pa.DataType],
) -> Iterator[pa.Table]:
    schema = pa.schema(_nested({paths[name]: kind for name, kind in kinds.items()}))
    for lines in _whole_lines(source):
        table = pajson.read_json(
            pa.BufferReader(lines),
            # One thread is not helped by a second that it waits for.
            read_options=pajson.ReadOptions(block_size=PIECE_BYTES, use_threads=pa.cpu_count() > 1),
            parse_options=pajson.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="ignore", newlines_in_values=False
            ),
        )
        while any(pa.types.is_struct(f.type) for f in table.schema):
            table = table.flatten()
        for name in types:
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(table.num_rows, types[name]))
        yield table.select(list(types))


def _whole_lines(source: SourceFile) -> Iterator[bytes]:
    """The bytes of the file, cut between lines; nothing but empty lines is one piece, for the error it makes."""
    rest, some = b"", False
    with text_stream(source.path) as stream:
        while piece := stream.read(PARSED_BYTES):
            end = piece.rfind(b"\n") + 1
            if not end:
                rest += piece
                continue
            lines = b"".join(
                (rest, memoryview(piece)[:end])
            )  # copied once: these are most of the bytes of a log
            rest = piece[end:]
            if not lines.isspace():
                some = True
                yield lines
    if rest.strip() or not some:
        yield rest


def _kinds(source: SourceFile) -> tuple[dict[str, set[str]], dict[str, tuple[str, ...]]]:
    """Dotted key to the kinds of value it has in the first lines, and to the keys that lead there.

    A key may itself have dots in it, as attributes of traces do: ``{"pod.cpu": 1}`` and ``{"pod": {"cpu": 1}}`` are
    both reached as ``pod.cpu``, but not in one file.
    """
    found: dict[str, set[str]] = {}
    paths: dict[str, tuple[str, ...]] = {}
    for number, line in itertools.islice(_lines(source), SNIFFED_LINES):
        for path, value in _leaves(_parse(source, number, line)):
            name = ".".join(path)
            found.setdefault(name, set()).add(_kind(value))
            if paths.setdefault(name, path) != path:
                raise DataError(
                    f"{source.name} line {number}: `{name}` stands for two ways of nesting its keys in this file.",
                    hint="Write it in one way throughout.",
                    line=number,
                )
    return found, paths


def _lines(source: SourceFile) -> Iterator[tuple[int, bytes]]:
    with text_stream(source.path) as stream:
        rest, number = b"", 0
        while piece := stream.read(1 << 20):
            lines = (rest + piece).split(b"\n")
            rest = lines.pop()
            for line in lines:
                number += 1
                if line.strip():
                    yield number, line
        if rest.strip():
            yield number + 1, rest


def _parse(source: SourceFile, number: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as problem:
        tail = (
            " Is it one JSON array instead of one object a line?"
            if number == 1 and line.lstrip().startswith(b"[")
            else ""
        )
        raise DataError(
            f"{source.name} line {number} is not JSON: {getattr(problem, 'msg', problem)}.{tail}",
            hint="Each line must be one whole object; was the file cut off?",
            line=number,
        ) from None
    if not isinstance(value, dict):
        raise DataError(
            f"{source.name} line {number} must be a JSON object, got {_kind(value)}.",
            hint="Write one object a line (JSON lines), not one array.",
            line=number,
        )
    return value


def _leaves(value: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, (*above, key))
        else:
            yield (*above, key), inner


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "text" if isinstance(value, str) else "list"


def _type(kinds: set[str], wanted: pa.DataType) -> pa.DataType:
    """The Arrow type that reads a key of these kinds without changing its meaning."""
    if "text" in kinds:
        return pa.string()
    if "true or false" in kinds:
        return pa.bool_()
    if kinds <= {"null"}:
        return pa.string() if pa.types.is_dictionary(wanted) else wanted
    if pa.types.is_floating(wanted) or "number" in kinds:
        return pa.float64()
    return pa.int64()


def _nested(types: Mapping[tuple[str, ...], pa.DataType]) -> list[pa.Field]:
    """Fields of a schema in which keys that lead on are structs."""
    inner: dict[str, dict[tuple[str, ...], pa.DataType]] = {}
    for path, kind in types.items():
        inner.setdefault(path[0], {})[path[1:]] = kind
    return [
        pa.field(head, parts[()]) if () in parts else pa.field(head, pa.struct(_nested(parts)))
        for head, parts in inner.items()
    ]


def _malformed(source: SourceFile, names: list[str], problem: str) -> DataError:
    """Read line by line to say which one is broken, or where a key changes its kind."""
    first: dict[str, tuple[str, int]] = {}
    for number, line in _lines(source):
        try:
            leaves = {".".join(path): v for path, v in _leaves(_parse(source, number, line))}
        except DataError as error:
            return error
        for name in names:
            kind = _kind(leaves.get(name)).replace("integer", "number")
            if kind == "null":
                continue
            before, at = first.setdefault(name, (kind, number))
            if kind != before:
                return DataError(
                    f"{source.name}: `{name}` is {before} in line {at} and {kind} in line {number}.",
                    hint="Write the key in one kind throughout.",
                    line=number,
                )
    return DataError(
        f"{source.name} could not be read as JSON lines: {problem}.",
        hint="Write one object a line.",
        raw=[problem],
    )
