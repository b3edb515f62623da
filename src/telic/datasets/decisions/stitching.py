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
    table = _once(table, findings)
    [keys] = shared_keys([list(table.entities.values())], [len(table)])
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
    return _one_state_a_time(table, keys, findings) if stream.role == "state" else table


def _once(table: StreamTable, findings: list[Finding]) -> StreamTable:
    stream = table.stream
    if not stream.identity and stream.role == "decisions":
        return table
    content = _content(table)
    if stream.identity:
        columns = [table.columns[f"identity:{c}"] for c in stream.identity]
        keys = codes_of(columns)
        named = np.ones(len(table), dtype=bool)
        for column in columns:
            named &= np.asarray(column.is_valid().combine_chunks().to_numpy(zero_copy_only=False))
        keys = np.where(
            named, keys, keys.max(initial=0) + 1 + np.arange(len(keys))
        )  # without a name: never one
    else:
        keys = content
    _, first, back = np.unique(keys, return_index=True, return_inverse=True)
    differing = np.flatnonzero(content != content[first[back]])
    if len(differing):
        raise DataError(
            f"Rows of stream `{stream.name}` with one identity ({', '.join(stream.identity)}) must be equal in all "
            f"that is read; {len(differing):,} differ from an earlier one: {table.first(differing)}.",
            hint="Is the identity that of a request, which has several rows? Add a column, or leave `identity` out.",
            rows=table.places[differing][:20].tolist(),
        )
    repeats = len(table) - len(first)
    if not repeats:
        return table
    findings.append(
        Finding(
            code="stream-repeats",
            severity=Severity.INFO,
            message=f"{repeats:,} of {len(table):,} rows of stream `{stream.name}` repeat an earlier one "
            "and count once.",
            evidence={"stream": stream.name, "count": repeats, "rows": len(table)},
        )
    )
    return table.take(np.sort(first))


def _content(table: StreamTable) -> LongArray:
    """``(n,)`` one number for each distinct row: its time, whom it is about and every column."""
    times = np.unique(table.times, return_inverse=True)[1].astype(np.int64)
    columns = [*table.entities.values(), *table.columns.values()]
    if not columns:
        return times
    rest = codes_of(columns)
    _, places = np.unique(rest * (int(times.max(initial=0)) + 1) + times, return_inverse=True)
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
