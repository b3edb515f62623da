"""Rows that break the contract: counted before anything is said, so that several parts of a log can be told as one.

A check gives a ``Fault`` for each part of the rows that it sees. Faults of one check merge, and the message about all
rows is the same whether they were looked at at once or part by part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from telic.errors import DataError
from telic.typing import LongArray

from .rows import RowNames

__all__ = ["Fault", "Spread", "all_faults", "fault_of", "first_error"]

KEPT_ROWS = 20
"""Rows that an error names in its data."""

KEPT_VALUES = 20
"""Different numbers that an error names."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Of the known values of a column, good and bad.

    Attributes:
        count: how many there are.
        nonzero: how many of them are not 0.
        least, most: of all.
    """

    count: int
    nonzero: int
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Rows that break one rule.

    Attributes:
        tell: the error about them, from all that is here and the names of all rows.
        count: how many rows there are; 0: the rule holds, and only ``spread`` says something.
        rows: the first ``KEPT_ROWS`` of them, rising, counted through all files.
        texts: what they hold, where it is text.
        values: what they hold, where it is numbers: the least ``KEPT_VALUES`` different ones.
        first: the value of the first row, where it is a number.
        equal: how many of them equal another row in everything.
        spread: of the column.
        rank: of two faults of one check with different ranks only the lesser is told.
    """

    tell: Callable[[Fault, RowNames], DataError]
    count: int
    rows: tuple[int, ...] = ()
    texts: frozenset[str] = frozenset()
    values: tuple[float, ...] = ()
    first: float = 0.0
    equal: int = 0
    spread: Spread | None = None
    rank: str = ""

    def and_(self, other: Fault) -> Fault:
        """The fault of the rows of both."""
        if self.rank != other.rank:
            return min(self, other, key=lambda f: f.rank)
        mine, its = self.rows or (np.inf,), other.rows or (np.inf,)
        return Fault(
            tell=self.tell,
            count=self.count + other.count,
            rows=tuple(sorted((*self.rows, *other.rows))[:KEPT_ROWS]),
            texts=self.texts | other.texts,
            values=tuple(sorted({*self.values, *other.values})[:KEPT_VALUES]),
            first=self.first if mine[0] <= its[0] else other.first,
            equal=self.equal + other.equal,
            spread=_both(self.spread, other.spread),
            rank=self.rank,
        )


def fault_of(
    tell: Callable[[Fault, RowNames], DataError], places: LongArray, first_row: int, texts: Iterable[str] = ()
) -> Fault:
    """The fault of the rows at some places.

    Args:
        tell: see ``Fault``.
        places: ``(k,)`` rising.
        first_row: row of place 0, counted through all files.
        texts: what the rows hold.
    """
    rows = tuple((places[:KEPT_ROWS] + first_row).tolist())
    return Fault(tell=tell, count=len(places), rows=rows, texts=frozenset(texts))


def all_faults(several: Iterable[Mapping[str, Fault]]) -> dict[str, Fault]:
    """The faults of all parts together, by check."""
    merged: dict[str, Fault] = {}
    for faults in several:
        for check, fault in faults.items():
            merged[check] = merged[check].and_(fault) if check in merged else fault
    return merged


def first_error(
    faults: Mapping[str, Fault], order: Sequence[str], rows: RowNames, *, open_checks: Iterable[str] = ()
) -> DataError | None:
    """The error of the first check that found something; None where none did, or one before it was not made yet.

    Args:
        faults: by check.
        order: all checks, in the order in which they are told.
        rows: names of all rows.
        open_checks: checks that are still to be made.
    """
    waiting = set(open_checks)
    for check in order:
        if check in waiting:
            return None
        if check in faults and faults[check].count:
            return faults[check].tell(faults[check], rows)
    return None


def _both(one: Spread | None, other: Spread | None) -> Spread | None:
    if one is None or other is None:
        return one or other
    return Spread(
        count=one.count + other.count,
        nonzero=one.nonzero + other.nonzero,
        least=min(one.least, other.least),
        most=max(one.most, other.most),
    )
