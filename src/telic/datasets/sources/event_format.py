"""Formats of foreign logs: each turns one file into flat records, and the contract says what the columns mean.

A format knows how its files are laid out and nothing else: it takes no decision about states, actions or people. Its
records are flat (``objectRef.namespace``), so that a contract names their fields as it names the columns of a CSV, and
pass by in small tables, so that a file of any size takes little memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from telic.errors import DataError
from telic.reports import Finding

from .files import SourceFile
from .pieces import Pieces

__all__ = ["EventFormat", "Record", "Value", "event_columns", "event_findings", "event_pieces"]

Value: TypeAlias = str | int | float | bool | None
Record: TypeAlias = Mapping[str, Value]

PIECE_RECORDS = 1 << 14
"""Records turned into one table: some 16 MB of Python objects at a time."""

SNIFFED_RECORDS = 1 << 14
"""Records in which the columns of a file are looked for, beside those that every file of the format has."""


@dataclass(frozen=True, kw_only=True)
class EventFormat:
    """How the files of one kind of log are read.

    Attributes:
        name: what ``data.format`` of the contract says, for example ``kubernetes-audit``.
        title: the format in words, with its version, for messages and docs.
        columns: columns that every file has, each with its meaning and unit; a file may have further ones
            (labels, attributes), which are found by looking.
        records: the records of a file in its order, flat; raises ``DataError`` naming file and line. Exactly one of
            ``records`` and ``tables``.
        tables: the columns asked for (all for None), as a stream of tables; for formats that are columns already.
        is_folder: True where a source is a folder, not a file.
        notices: what the format itself says about a file that can be read all the same (frames that are missing,
            files that lie elsewhere), as findings; None: nothing.
    """

    name: str
    title: str
    columns: Mapping[str, str]
    records: Callable[[SourceFile], Iterator[Record]] | None = None
    tables: Callable[[SourceFile, Sequence[str] | None], Iterator[pa.Table]] | None = None
    is_folder: bool = False
    notices: Callable[[SourceFile], Iterable[Finding]] | None = None

    def __post_init__(self) -> None:
        assert (self.records is None) != (self.tables is None), self.name


def event_columns(source: SourceFile, form: EventFormat) -> list[str]:
    """Names of the columns: those of the format first, then the file's own in order of appearance."""
    found = dict.fromkeys(form.columns)
    if form.records is not None:
        for record in itertools.islice(form.records(source), SNIFFED_RECORDS):
            found.update(dict.fromkeys(record))
    elif form.tables is not None:
        first = next(iter(form.tables(source, None)), None)
        found.update(dict.fromkeys(() if first is None else first.column_names))
    return list(found)


def event_findings(source: SourceFile, form: EventFormat) -> tuple[Finding, ...]:
    """What the format noticed about a file, beside what the contract asks of its columns."""
    return () if form.notices is None else tuple(form.notices(source))


def event_pieces(source: SourceFile, form: EventFormat, wanted: Iterable[str]) -> Pieces:
    """The columns in ``wanted``, piece by piece; a column that a piece lacks is null there.

    Raises:
        DataError: the file is not of this format, or has no records.
    """
    columns = list(wanted)
    some = False
    for table in _tables(source, form, columns):
        some = some or table.num_rows > 0
        for name in columns:
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(table.num_rows))
        yield table.select(columns)
    if not some:
        raise DataError(
            f"{source.name} holds no records of the format {form.name} ({form.title}).",
            hint="Was the export filtered to nothing, or is `data.format` another one?",
        )


def _tables(source: SourceFile, form: EventFormat, columns: list[str]) -> Iterator[pa.Table]:
    if form.tables is not None:
        yield from form.tables(source, columns)
    elif form.records is not None:
        records = form.records(source)
        while piece := list(itertools.islice(records, PIECE_RECORDS)):
            yield pa.table({name: _array([record.get(name) for record in piece]) for name in columns})


def _array(values: list[Value]) -> pa.Array:
    """The values as one Arrow column: numbers as numbers, a mixture as text (``True`` is then ``true``)."""
    kinds = {bool if isinstance(v, bool) else type(v) for v in values if v is not None}
    huge = int in kinds and any(type(v) is int and not -(2**63) <= v < 2**63 for v in values)
    if kinds == {int, float} and not huge:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    if len(kinds) > 1 or huge:
        return pa.array([None if v is None else _text(v) for v in values], pa.string())
    return pa.array(values)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
