"""All source files, read by contract into one set of columns (still in the order of the files)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from telic._core.near_miss import near_miss
from telic.contract import Data, TaskContract
from telic.errors import DataError
from telic.reports import Finding, Severity

from .coerce import CATEGORY, coerce
from .csv_files import csv_columns, read_csv
from .files import SourceFile, text_faults
from .json_lines import json_columns, read_json_lines
from .parquet_files import parquet_columns, read_parquet
from .plan import Use, uses_of
from .rows import FilePart, RowNames

__all__ = ["SourceColumns", "columns_of", "read_sources"]

TYPES = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.string(),
    "category": CATEGORY,
    "text": CATEGORY,
    "time": pa.string(),
}
"""The type in which a text format is first read for each kind of use."""


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
    if source.format == "csv":
        return csv_columns(source, data)
    return json_columns(source) if source.format == "jsonl" else parquet_columns(source)


def read_sources(sources: Sequence[SourceFile], contract: TaskContract) -> SourceColumns:
    """Every column that the contract asks for, from all files one after the other.

    Raises:
        DataError: a column is missing, a value is not what the contract says, a line is malformed, or there
        are no
            rows; the message names the file and the line.
    """
    uses = uses_of(contract)
    chunks: dict[str, list[pa.ChunkedArray]] = {use.role: [] for use in uses}
    parts: list[FilePart] = []
    findings: list[Finding] = []
    for source in sources:
        if source.format != "parquet" and text_faults(source, contract.data.encoding):
            findings.append(_no_newline(source))
        findings += _column_faults(source, uses, contract)
        table = _table(source, uses, contract.data)
        part = FilePart(
            name=source.name,
            first_line={"csv": 2, "jsonl": 1, "parquet": 0}[source.format],
            n_rows=table.num_rows,
        )
        parts.append(part)
        for use in uses:
            chunks[use.role].append(coerce(table[use.column], use, contract.data, RowNames([part])))
    total = sum(p.n_rows for p in parts)
    if total == 0:
        named = ", ".join(s.name for s in sources) or "no files were given"
        raise DataError(f"There are no rows to ingest ({named}).", hint="Was the export filtered to nothing?")
    columns = {
        role: pa.chunked_array([c for a in arrays for c in a.chunks], arrays[0].type)
        for role, arrays in chunks.items()
    }
    return SourceColumns(
        columns=columns,
        n_rows=total,
        rows_per_file=tuple(p.n_rows for p in parts),
        rows=RowNames(parts),
        findings=tuple(findings),
    )


def _table(source: SourceFile, uses: Sequence[Use], data: Data) -> pa.Table:
    types: dict[str, pa.DataType] = {}
    for use in uses:
        kind = TYPES[use.kind]
        types[use.column] = kind if types.get(use.column, kind) == kind else pa.string()
    if source.format == "csv":
        return read_csv(source, types, data)
    return read_json_lines(source, types) if source.format == "jsonl" else read_parquet(source, types)


def _column_faults(source: SourceFile, uses: Sequence[Use], contract: TaskContract) -> list[Finding]:
    """Raises for missing columns; a finding for extra ones."""
    present = columns_of(source, contract.data)
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
    if not unused:
        return []
    return [
        Finding(
            code="extra-columns",
            severity=Severity.INFO,
            message=f"{source.name} has {len(unused)} column{'s' if len(unused) > 1 else ''} that the "
            f"contract does not use: "
            f"{', '.join(unused[:12])}"
            f"{', ...' if len(unused) > 12 else ''}.",
            hint="They were left out. Add an observation for each one that the experts looked at.",
            evidence={"file": source.name, "columns": unused},
        )
    ]


def _no_newline(source: SourceFile) -> Finding:
    return Finding(
        code="no-final-newline",
        severity=Severity.NOTICE,
        message=f"The last line of {source.name} does not end; the file may have been cut off.",
        hint="Compare its size or row count with the source.",
        evidence={"file": source.name},
    )
