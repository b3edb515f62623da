"""The rows of a stream that count: those that its ``where`` lets through and that say whom they are about."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from telic.datasets.sources.rows import RowNames
from telic.errors import DataError
from telic.reports import Finding, Severity

from .first_rows import FirstRows
from .stream_table import StreamTable, coded

__all__ = ["Selection", "selected"]

LEAST = 4
"""Texts that are remembered: three to show, and whether there are more."""


class Selection:
    """What was found while the rows of a stream were looked at, some after the other.

    Attributes:
        stream: its entry of the contract.
        n_rows: rows that were looked at.
        n_left: those that ``where`` left out.
        n_chosen: those that count.
        nobody: those that do not say whom they are about.
        least: shared name to the first of its texts, in order.
        ranges: column of numbers to its least and greatest value, where one is finite.
    """

    def __init__(self, table: StreamTable) -> None:
        self.stream = table.stream
        self.n_rows = self.n_left = self.n_chosen = 0
        self.nobody = FirstRows()
        self.least: dict[str, tuple[str, ...]] = dict.fromkeys(table.entities, ())
        self.ranges: dict[str, tuple[float, float]] = {}

    def tell(self, rows: RowNames, findings: list[Finding]) -> None:
        """What was left out.

        Args:
            rows: names of the rows.
            findings: told.

        Raises:
            DataError: no row is left.
        """
        name = self.stream.name
        if self.n_left == self.n_rows:
            raise DataError(
                f"None of the {self.n_rows:,} rows of stream `{name}` is one that its `where` asks for.",
                hint="Compare the values in `where` with those of the file, letter by letter.",
            )
        if self.n_left:
            findings.append(
                Finding(
                    code="stream-rows-left-out",
                    severity=Severity.INFO,
                    message=f"{self.n_left:,} of {self.n_rows:,} rows of stream `{name}` are not what its `where` asks "
                    "for.",
                    evidence={"stream": name, "count": self.n_left, "rows": self.n_rows},
                )
            )
        if not self.n_chosen:
            raise DataError(
                f"No row of stream `{name}` says whom it is about ({', '.join(k for k, _ in self.stream.entities)}).",
                hint="Are `entities` the right columns?",
            )
        if self.nobody.count:
            findings.append(
                Finding(
                    code="stream-rows-about-nobody",
                    severity=Severity.WARNING,
                    message=f"{self.nobody.count:,} of {self.n_rows - self.n_left:,} rows of stream `{name}` do not "
                    f"say whom they are about and were left out: {self.nobody.named(rows)}.",
                    hint="Fill in the columns of `entities`.",
                    evidence={"stream": name, "count": self.nobody.count},
                )
            )


def selected(table: StreamTable, found: Selection) -> StreamTable:
    """The rows that count.

    Args:
        table: some rows of a stream.
        found: told what was left out.
    """
    chosen = np.ones(len(table), dtype=bool)
    for column, wanted in table.stream.where:
        named = coded(table.columns[f"where:{column}"])
        chosen &= np.isin(named.codes, [i for i, text in enumerate(named.texts) if text in wanted])
    about = np.ones(len(table), dtype=bool)
    for name, entity in table.entities.items():
        about &= entity.codes >= 0
        found.least[name] = tuple(sorted({*found.least[name], *entity.texts[:LEAST]})[:LEAST])
    counts = chosen & about
    found.n_rows += len(table)
    found.n_left += int(np.sum(~chosen))
    found.n_chosen += int(counts.sum())
    found.nobody.add(table.places[chosen & ~about])
    if not counts.all():
        table = table.take(counts)
    if table.stream.role == "state":
        _widen(found.ranges, table)
    return table


def _widen(ranges: dict[str, tuple[float, float]], table: StreamTable) -> None:
    for role, column in table.columns.items():
        if role.startswith("column:") and not pa.types.is_dictionary(column.type):
            values = column.cast(pa.float64()).fill_null(float("nan")).to_numpy()
            if np.isfinite(values).any():
                low, high = ranges.get(role, (np.inf, -np.inf))
                ranges[role] = min(low, float(np.nanmin(values))), max(high, float(np.nanmax(values)))
