"""Fragments of one log, written in several places, put together: each event once, in order of time.

Split a log in any way, also with overlaps, and stitch it: the rows are those of the log. What makes two rows one event
is the contract's ``identity``; without it, rows of states and outcomes that are equal in all that is read (acts are
never merged by chance: two equal acts in one second may be two).
"""

from __future__ import annotations

import numpy as np

from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import LongArray

from .as_of import in_order
from .stream_table import StreamTable, codes_of, shared_keys

__all__ = ["stitched"]


def stitched(table: StreamTable, findings: list[Finding]) -> StreamTable:
    """Each event once, by whom it is about and time; rows of one time stay in the order of the files.

    Args:
        table: rows in the order of the files.
        findings: told of repeats and of rows out of order.

    Raises:
        DataError: rows of one identity differ, or different states of one thing have one time.
    """
    stream = table.stream
    [keys] = shared_keys([list(table.entities.values())], [len(table)])
    if stream.identity:
        table, keys = _kept(table, keys, _repeats_by_identity(table), findings)
    backwards = int(np.sum((np.diff(table.times) < 0) & (np.diff(keys) == 0)))
    if backwards:
        findings.append(
            Finding(
                code="stream-out-of-order",
                severity=Severity.NOTICE,
                message=f"In {backwards:,} places time runs backwards in stream `{stream.name}`; it was sorted.",
                hint="If the files are in order and the times are not, state its clock.",
                evidence={"stream": stream.name, "count": backwards},
            )
        )
    order = in_order(keys, table.times)
    if order is not None:
        table, keys = table.take(order), keys[order]
    if not stream.identity and stream.role != "decisions":
        table, keys = _kept(table, keys, _equal_repeats(table, keys), findings)
    return _one_state_a_time(table, keys, findings) if stream.role == "state" else table


def _kept(
    table: StreamTable, keys: LongArray, repeats: LongArray, findings: list[Finding]
) -> tuple[StreamTable, LongArray]:
    """The table and its keys without these rows."""
    if not len(repeats):
        return table, keys
    name = table.stream.name
    findings.append(
        Finding(
            code="stream-repeats",
            severity=Severity.INFO,
            message=f"{len(repeats):,} of {len(table):,} rows of stream `{name}` repeat an earlier one and count once.",
            evidence={"stream": name, "count": len(repeats), "rows": len(table)},
        )
    )
    keep = np.ones(len(table), dtype=bool)
    keep[repeats] = False
    return table.take(keep), keys[keep]


def _repeats_by_identity(table: StreamTable) -> LongArray:
    """Rows whose identity an earlier row has; a row that lacks part of it is like no other."""
    columns = [table.columns[f"identity:{c}"] for c in table.stream.identity]
    keys = codes_of(columns)
    named = np.ones(len(table), dtype=bool)
    for column in columns:
        named &= np.asarray(column.is_valid().combine_chunks().to_numpy(zero_copy_only=False))
    counts = np.bincount(keys[named], minlength=int(keys.max(initial=0)) + 1)
    several = np.flatnonzero(named & (counts[keys] > 1))
    _, first, back = np.unique(keys[several], return_index=True, return_inverse=True)
    content = _content(table.take(several))
    differing = several[content != content[first[back]]]
    if len(differing):
        raise DataError(
            f"Rows of stream `{table.stream.name}` with one identity ({', '.join(table.stream.identity)}) must be "
            f"equal in all that is read; {len(differing):,} differ from an earlier one: {table.first(differing)}.",
            hint="Is the identity that of a request, which has several rows? Add a column, or leave `identity` out.",
            rows=table.places[differing][:20].tolist(),
        )
    return np.delete(several, first)


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


def _one_state_a_time(table: StreamTable, keys: LongArray, findings: list[Finding]) -> StreamTable:
    same = np.flatnonzero((keys[1:] == keys[:-1]) & (table.times[1:] == table.times[:-1]))
    if not len(same):
        return table
    name = table.stream.name
    if table.stream.duplicates == "error":
        raise DataError(
            f"Stream `{name}` has {len(same):,} rows of the time of another row about the same, with other values: "
            f"{table.first(same + 1)}.",
            hint="If the last one counts, set `duplicates: last`; if they are several measurements, add what tells "
            "them apart to `where` or `entities`.",
            rows=table.places[same + 1][:20].tolist(),
        )
    findings.append(
        Finding(
            code="stream-same-time",
            severity=Severity.NOTICE,
            message=f"{len(same):,} rows of stream `{name}` were replaced by a later one of the same time.",
            evidence={"stream": name, "count": len(same)},
        )
    )
    keep = np.ones(len(table), dtype=bool)
    keep[same] = False
    return table.take(keep)
