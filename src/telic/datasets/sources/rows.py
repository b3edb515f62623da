"""Where a row came from: the file and the line that an error message names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from telic.errors import DataError
from telic.typing import LongArray

from .plan import Use

__all__ = ["FilePart", "RowNames", "bad_values"]

SHOWN = 3
"""Rows named in a message; ``data["rows"]`` of the error has more."""


@dataclass(frozen=True, kw_only=True)
class FilePart:
    """The rows of one file.

    Attributes:
        name: file name without its folder.
        first_line: line of the first row (2 under a CSV's header), or 0 where rows have no lines (Parquet).
        n_rows: number of rows.
        namer: a row in words, where rows come from several files; None: by its number.
    """

    name: str
    first_line: int
    n_rows: int
    namer: Callable[[int], str] | None = None


class RowNames:
    """Names of rows that were counted through several files, one after the other."""

    def __init__(self, parts: Sequence[FilePart]) -> None:
        self.parts = tuple(parts)
        self._ends = np.cumsum([p.n_rows for p in self.parts])

    def name(self, row: int) -> str:
        """``decisions.csv line 14`` or ``decisions.parquet row 13`` (both counted from 1)."""
        i = int(np.searchsorted(self._ends, row, side="right"))
        part = self.parts[i]
        inside = row - int(self._ends[i] - part.n_rows)
        if part.namer is not None:
            return part.namer(inside)
        if part.first_line:
            return f"{part.name} line {inside + part.first_line}"
        return f"{part.name} row {inside + 1}"

    @property
    def total(self) -> int:
        """Number of rows in all files."""
        return sum(p.n_rows for p in self.parts)

    def require_any(self, files: Sequence[str]) -> None:
        """Nothing, where there are rows; else a ``DataError``.

        Args:
            files: names of the files that were read.
        """
        if not self.total:
            named = ", ".join(files) or "no files were given"
            raise DataError(
                f"There are no rows to ingest ({named}).", hint="Was the export filtered to nothing?"
            )

    def first(self, rows: LongArray) -> str:
        """The first few rows by name, and how many more there are."""
        return self.first_of(rows, len(rows))

    def first_of(self, rows: Sequence[int] | LongArray, count: int) -> str:
        """The same where only the first rows are at hand, and the number of all."""
        more = f" and {count - SHOWN:,} more" if count > SHOWN else ""
        return ", ".join(self.name(int(r)) for r in rows[:SHOWN]) + more


def bad_values(
    use: Use, what: str, column: pa.ChunkedArray, bad: Any, rows: RowNames, hint: str
) -> DataError:
    """The error that counts the bad values of a column and names the first of them.

    Args:
        use: whose column it is.
        what: what was expected, as in "must hold numbers".
        column: the values as they stand.
        bad: ``(n,)`` booleans (numpy or Arrow).
        rows: names of the rows.
        hint: what to do.
    """
    flags = np.asarray(bad.combine_chunks().fill_null(False) if isinstance(bad, pa.ChunkedArray) else bad)
    places = np.flatnonzero(flags)
    shown = "; ".join(f"{column[int(i)].as_py()!r} in {rows.name(int(i))}" for i in places[:SHOWN])
    more = f"; and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
    return DataError(
        f"Column `{use.column}` ({use.field}) {what}; {len(places):,} of {len(column):,} values "
        f"{'is' if len(places) == 1 else 'are'} not: {shown}{more}.",
        hint=hint,
        column=use.column,
        rows=places[:20].tolist(),
        count=len(places),
    )
