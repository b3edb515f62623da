"""Fragments of one log, written in several places, put together: each event once, in order of time.

Split a log in any way, also with overlaps, and stitch it: the rows are those of the log. What makes two rows one event
is the contract's ``identity``; without it, rows of states and outcomes that are equal in all that is read (acts are
never merged by chance: two equal acts in one second may be two).
"""

from __future__ import annotations

import numpy as np

from telic.contract import Stream
from telic.datasets.sources.rows import RowNames
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import LongArray

from .as_of import in_order
from .first_rows import FirstRows
from .stream_table import StreamTable, codes_of, shared_keys

__all__ = ["Order", "Stitching", "repeats_by_identity", "stitched"]


class Stitching:
    """What was found while the rows of a stream were put together, bucket by bucket.

    Attributes:
        stream: its entry of the contract.
        differing: rows of one identity that differ from an earlier one.
        repeats: rows that repeat an earlier one.
        backwards: places where time runs backwards in the order of the files.
        same_time: rows of the time of an earlier one about the same.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.differing, self.same_time = FirstRows(), FirstRows()
        self.repeats = self.backwards = 0

    def tell(self, n_rows: int, rows: RowNames, findings: list[Finding]) -> None:
        """What was put together.

        Args:
            n_rows: rows that count, repeats among them.
            rows: names of the rows.
            findings: told.

        Raises:
            DataError: rows of one identity differ, or different states of one thing have one time.
        """
        name = self.stream.name
        if self.differing.count:
            raise DataError(
                f"Rows of stream `{name}` with one identity ({', '.join(self.stream.identity)}) must be equal in all "
                f"that is read; {self.differing.count:,} differ from an earlier one: {self.differing.named(rows)}.",
                hint="Is the identity that of a request, which has several rows? Add a column, or leave `identity` "
                "out.",
                rows=self.differing.places,
            )
        repeats = Finding(
            code="stream-repeats",
            severity=Severity.INFO,
            message=f"{self.repeats:,} of {n_rows:,} rows of stream `{name}` repeat an earlier one and count once.",
            evidence={"stream": name, "count": self.repeats, "rows": n_rows},
        )
        backwards = Finding(
            code="stream-out-of-order",
            severity=Severity.NOTICE,
            message=f"In {self.backwards:,} places time runs backwards in stream `{name}`; it was sorted.",
            hint="If the files are in order and the times are not, state its clock.",
            evidence={"stream": name, "count": self.backwards},
        )
        told = [repeats] * bool(self.repeats) + [backwards] * bool(self.backwards)
        findings += told if self.stream.identity else told[::-1]
        if not self.same_time.count:
            return
        if self.stream.duplicates == "error":
            raise DataError(
                f"Stream `{name}` has {self.same_time.count:,} rows of the time of another row about the same, with "
                f"other values: {self.same_time.named(rows)}.",
                hint="If the last one counts, set `duplicates: last`; if they are several measurements, add what tells "
                "them apart to `where` or `entities`.",
                rows=self.same_time.places,
            )
        findings.append(
            Finding(
                code="stream-same-time",
                severity=Severity.NOTICE,
                message=f"{self.same_time.count:,} rows of stream `{name}` were replaced by a later one of the same "
                "time.",
                evidence={"stream": name, "count": self.same_time.count},
            )
        )


class Order:
    """Counts where time runs backwards between rows side by side that are about the same.

    Args:
        found: is told.
    """

    def __init__(self, found: Stitching) -> None:
        self._found = found
        self._last: tuple[list[str], float] | None = None

    def seen(self, table: StreamTable) -> None:
        """The next rows in the order of the files, without repeats by identity."""
        if not len(table):
            return
        [keys] = shared_keys([list(table.entities.values())], [len(table)])
        self._found.backwards += int(np.sum((np.diff(table.times) < 0) & (np.diff(keys) == 0)))
        about, last = ([c.texts[c.codes[i]] for c in table.entities.values()] for i in (0, -1))
        if self._last is not None:
            self._found.backwards += self._last[0] == about and bool(table.times[0] < self._last[1])
        self._last = last, float(table.times[-1])


def stitched(table: StreamTable, found: Stitching) -> StreamTable:
    """Each event once, by whom it is about and time; rows of one time stay in the order of the files.

    Args:
        table: rows in the order of the files, without repeats by identity; all that are about whom they are about.
        found: told of repeats.
    """
    stream = table.stream
    [keys] = shared_keys([list(table.entities.values())], [len(table)])
    order = in_order(keys, table.times)
    if order is not None:
        table, keys = table.take(order), keys[order]
    if not stream.identity and stream.role != "decisions":
        repeats = _equal_repeats(table, keys)
        found.repeats += len(repeats)
        if len(repeats):
            keep = np.ones(len(table), dtype=bool)
            keep[repeats] = False
            table, keys = table.take(keep), keys[keep]
    return _one_state_a_time(table, keys, found) if stream.role == "state" else table


def repeats_by_identity(table: StreamTable, found: Stitching) -> LongArray:
    """Places of rows whose identity an earlier row has; a row that lacks part of it is like no other.

    Args:
        table: rows in the order of the files; all that have one of their identities.
        found: told of repeats, and of those that differ.
    """
    columns = [table.columns[f"identity:{c}"] for c in table.stream.identity]
    keys = codes_of(columns)
    named = np.ones(len(table), dtype=bool)
    for column in columns:
        named &= np.asarray(column.is_valid().combine_chunks().to_numpy(zero_copy_only=False))
    counts = np.bincount(keys[named], minlength=int(keys.max(initial=0)) + 1)
    several = np.flatnonzero(named & (counts[keys] > 1))
    _, first, back = np.unique(keys[several], return_index=True, return_inverse=True)
    content = _content(table.take(several))
    found.differing.add(table.places[several[content != content[first[back]]]])
    repeats = np.delete(several, first)
    found.repeats += len(repeats)
    return table.places[repeats]


def _equal_repeats(table: StreamTable, keys: LongArray) -> LongArray:
    """Rows that equal an earlier one in all that is read; rows are in order, so those of one time stand together."""
    same = (keys[1:] == keys[:-1]) & (table.times[1:] == table.times[:-1])
    several = np.flatnonzero(np.append(False, same) | np.append(same, False))
    _, first = np.unique(_content(table.take(several)), return_index=True)
    return np.delete(several, first)


def _content(table: StreamTable) -> LongArray:
    """``(n,)`` one number for each distinct row: its time, whom it is about and every column."""
    times = np.unique(table.times, return_inverse=True)[1].astype(np.int64)
    columns = [*table.entities.values(), *table.columns.values()]
    if not columns:
        return times
    _, places = np.unique(codes_of(columns) * (int(times.max(initial=0)) + 1) + times, return_inverse=True)
    return np.asarray(places, dtype=np.int64)


def _one_state_a_time(table: StreamTable, keys: LongArray, found: Stitching) -> StreamTable:
    same = np.flatnonzero((keys[1:] == keys[:-1]) & (table.times[1:] == table.times[:-1]))
    if not len(same):
        return table
    found.same_time.add(table.places[same + 1] if table.stream.duplicates == "error" else table.places[same])
    keep = np.ones(len(table), dtype=bool)
    keep[same] = False
    return table.take(keep)
