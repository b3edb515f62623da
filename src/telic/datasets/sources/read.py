"""All source files, read by contract into one set of columns (still in the order of the files).

A file passes by in pieces, and each piece is turned into what the contract says before the next one comes: what stays
are numbers, times and codes, never the text. A column with a value that breaks the contract is set aside, and
read once more by itself at the end of its file, so that the error counts all that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from telic._core.near_miss import near_miss
from telic.contract import Data, TaskContract
from telic.datasets.privacy.guard import guard_of, watching
from telic.errors import DataError
from telic.reports import Finding, Severity

from .coerce import CATEGORY, coerce
from .csv_files import csv_columns, csv_pieces
from .event_format import event_columns, event_findings, event_pieces
from .files import PLAIN_FORMATS, SourceFile, Table, text_faults
from .formats import event_format
from .json_lines import json_columns, json_pieces
from .kept import InMemory, Kept, Passed
from .late_columns import extra_columns
from .parquet_files import parquet_columns, parquet_pieces
from .pieces import AGAIN, PIECE_ROWS, Pieces, whole_table
from .plan import Use, uses_of
from .rows import FilePart, RowNames
from .times import first_zoned_and_zoneless, ways_of_writing

__all__ = ["SourceColumns", "columns_of", "pass_by", "read_sources", "read_uses", "release"]

TYPES = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.string(),
    "category": CATEGORY,
    "text": CATEGORY,
    "time": pa.string(),
}
"""The type in which a text format is first read for each kind of use."""

FIRST_LINE = {"csv": 2, "jsonl": 1}
"""Line of the first row of a file; in other formats rows are counted, not lines."""


@dataclass(kw_only=True)
class SourceColumns:
    """What was read.

    Attributes:
        columns: role (see ``plan.Use``) to its values, missing ones null. Consumers may take columns out to
        free
            their memory.
        n_rows: rows in all files.
        rows_per_file: number of rows of each file, in order.
        rows: names of the rows, for messages.
        findings: extra columns, missing newlines.
    """

    columns: dict[str, pa.ChunkedArray]
    n_rows: int
    rows_per_file: tuple[int, ...]
    rows: RowNames
    findings: tuple[Finding, ...]


def columns_of(source: SourceFile, data: Data) -> list[str]:
    """Names of the columns of a file (keys of its first lines, for JSON), dotted where they are nested."""
    if source.table is not None:
        return list(source.table.column_names)
    match source.format:
        case "csv":
            return csv_columns(source, data)
        case "jsonl":
            return json_columns(source)
        case "parquet":
            return parquet_columns(source)
        case name:
            return event_columns(source, event_format(name))


def read_sources(sources: Sequence[SourceFile], contract: TaskContract) -> SourceColumns:
    """Every column that the contract asks for, from all files one after the other.

    Raises:
        DataError: a column is missing, a value is not what the contract says, a line is malformed, or there
        are no
            rows; the message names the file and the line.
    """
    guard = watching() or guard_of(contract)
    with guard.watches() if guard is not None else nullcontext():
        return read_uses(sources, uses_of(contract), contract.data)


def read_uses(sources: Sequence[SourceFile], uses: Sequence[Use], data: Data) -> SourceColumns:
    """The columns of these uses, from all files one after the other; errors as ``read_sources``.

    Args:
        sources: the files.
        uses: what is wanted; under the guard that watches (``telic.datasets.privacy``), where there is one.
        data: the reading rules.
    """
    kept = InMemory(u.role for u in uses)
    passed = pass_by(sources, uses, data, kept)
    passed.rows.require_any([s.name for s in sources])
    release()
    return SourceColumns(
        columns={role: pa.chunked_array(arrays, arrays[0].type) for role, arrays in kept.chunks.items()},
        n_rows=sum(passed.rows_per_file),
        rows_per_file=passed.rows_per_file,
        rows=passed.rows,
        findings=passed.findings,
    )


def pass_by(sources: Sequence[SourceFile], uses: Sequence[Use], data: Data, kept: Kept) -> Passed:
    """What is known of all files, after their values were given to ``kept``; arguments and errors as ``read_uses``.

    Args:
        sources: the files.
        uses: what is wanted.
        data: the reading rules.
        kept: is given the values.
    """
    uses = _guarded(uses)
    parts: list[FilePart] = []
    findings: list[Finding] = []
    for source in sources:
        if source.format in FIRST_LINE and text_faults(source, data.encoding):
            findings.append(_no_newline(source))
        findings += _column_faults(source, uses, data)
        kept.begin()
        n_rows, noticed = _columns(source, uses, data, kept)
        findings += noticed
        if source.format not in PLAIN_FORMATS and source.table is None:
            findings += event_findings(source, event_format(source.format))
        parts += _row_names(source, n_rows).parts
    return Passed(
        rows_per_file=tuple(p.n_rows for p in parts), rows=RowNames(parts), findings=tuple(findings)
    )


def _guarded(uses: Sequence[Use]) -> Sequence[Use]:
    """The uses, each with what protects its column."""
    guard = watching()
    if guard is None:
        return uses
    return [replace(u, guard=guard.of_column(u.column, field=u.field, role=u.role) or u.guard) for u in uses]


def _coerced(column: pa.ChunkedArray, use: Use, data: Data, rows: RowNames) -> pa.ChunkedArray:
    """The column as ``coerce`` gives it, protected; errors say nothing of protected values."""
    if use.guard is None:
        return coerce(column, use, data, rows)
    try:
        plain = coerce(column, use, data, rows)
    except DataError as error:
        places = np.asarray(error.data.get("rows", ()), dtype=np.int64)
        raise use.guard.withheld(error, use.field, use.column, rows.first(places)) from None
    return use.guard.apply(plain)


def release() -> None:
    """Give the memory of columns that are gone back to the machine; Arrow would keep it for its next ones."""
    pa.default_memory_pool().release_unused()


def _columns(source: SourceFile, uses: Sequence[Use], data: Data, kept: Kept) -> tuple[int, list[Finding]]:
    """The number of rows of one file, and what was noticed, after its values were given away."""
    faulty: set[str] = set()
    ways: set[bool] = set()
    n_rows, zoned, zoneless = 0, -1, -1
    for piece in _pieces(source, uses, data):
        if piece is AGAIN:
            kept.forget()
            faulty, ways = set(), set()
            n_rows, zoned, zoneless = 0, -1, -1
            continue
        rows = _row_names(source, piece.num_rows)
        before, n_rows = n_rows, n_rows + piece.num_rows
        columns: dict[str, list[pa.Array]] = {}
        for use in uses:
            if use.role in faulty:
                continue
            try:
                columns[use.role] = _coerced(piece[use.column], use, data, rows).chunks
            except DataError:
                faulty.add(use.role)
            if use.kind == "time":
                with_zone, without = first_zoned_and_zoneless(piece[use.column], data)
                zoned = before + with_zone if zoned < 0 <= with_zone else zoned
                zoneless = before + without if zoneless < 0 <= without else zoneless
                ways |= ways_of_writing(piece[use.column], data)
                if len(ways) > 1:
                    faulty.add(use.role)
        kept.add(columns, piece.num_rows)
    for use in uses:
        if use.role in faulty:
            alone = whole_table(_pieces(source, uses, data), [use.column])[use.column]
            kept.late(use.role, _coerced(alone, use, data, _row_names(source, n_rows)).chunks)
    findings = []
    if min(zoned, zoneless) >= 0 and data.zone is None:
        names = _row_names(source, n_rows)
        findings.append(_mixed_zones(data, names.name(zoned), names.name(zoneless)))
    return n_rows, findings


def _mixed_zones(data: Data, zoned: str, zoneless: str) -> Finding:
    return Finding(
        code="mixed-zones",
        severity=Severity.WARNING,
        message=f"Some times of `{data.time}` have a zone ({zoned}) and some have none ({zoneless}); those were taken"
        " as UTC.",
        hint="If they are not UTC, rows are in the wrong order: write the zone behind every time.",
        evidence={"zoned": zoned, "zoneless": zoneless},
    )


def _row_names(source: SourceFile, n_rows: int) -> RowNames:
    first = FIRST_LINE.get(source.format, 0)
    return RowNames([FilePart(name=source.name, first_line=first, n_rows=n_rows, namer=source.namer)])


def _pieces(source: SourceFile, uses: Sequence[Use], data: Data) -> Pieces:
    types: dict[str, pa.DataType] = {}
    for use in uses:
        kind = TYPES[use.kind]
        types[use.column] = kind if types.get(use.column, kind) == kind else pa.string()
    if source.table is not None:
        return _slices(source.table.select(list(types)))
    match source.format:
        case "csv":
            return csv_pieces(source, types, data)
        case "jsonl":
            return json_pieces(source, types)
        case "parquet":
            return parquet_pieces(source, types)
        case name:
            return event_pieces(source, event_format(name), types)


def _slices(table: Table) -> Pieces:
    for start in range(0, max(table.num_rows, 1), PIECE_ROWS):
        yield table.slice(start, PIECE_ROWS)


def _column_faults(source: SourceFile, uses: Sequence[Use], data: Data) -> list[Finding]:
    """Raises for missing columns; a finding for extra ones."""
    present = columns_of(source, data)
    wanted = {use.column: use for use in uses}
    missing = [use for column, use in wanted.items() if column not in present]
    if missing:
        extra = [c for c in present if c not in wanted]
        lines = "\n".join(
            f"  `{u.column}` ({u.field}).{near_miss(u.column, extra or present)}" for u in missing
        )
        raise DataError(
            f"{source.name} lacks {len(missing)} column{'s' if len(missing) > 1 else ''} that the "
            f"contract names:\n{lines}",
            hint=f"The file has: {', '.join(present)}. Correct the contract, or `data.delimiter` if this "
            f"looks like one column.",
            missing=[u.column for u in missing],
            present=present,
        )
    unused = [c for c in present if c not in wanted]
    return [extra_columns(source.name, unused)] if unused else []


def _no_newline(source: SourceFile) -> Finding:
    return Finding(
        code="no-final-newline",
        severity=Severity.NOTICE,
        message=f"The last line of {source.name} does not end; the file may have been cut off.",
        hint="Compare its size or row count with the source.",
        evidence={"file": source.name},
    )
