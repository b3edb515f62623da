"""What came of a decision, though it was noted later: outcomes and labels joined to the decision that they belong to.

An outcome belongs to the last act before it (or at its very time) that has its key or, without a key, is about the
same. So a label that comes late goes back to the act that it judges, not to the one that was last when it came in.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from telic.contract import LateOutcome
from telic.datasets.sources.labels import labels_and_codes
from telic.reports import Finding, Severity
from telic.typing import LongArray

from .acts import Acts
from .as_of import as_of
from .needs import DELAY
from .reading import columns_by_name
from .states import require_match, taken
from .stream_table import Coded, StreamTable, shared_keys

__all__ = ["outcome_columns"]


def outcome_columns(
    acts: Acts, rule: LateOutcome, table: StreamTable, findings: list[Finding]
) -> dict[str, pa.ChunkedArray]:
    """``stream.column`` and ``stream.delay_seconds`` for each decision; missing where nothing is known of it.

    Args:
        acts: the decisions; nothing comes of the moments at which nothing was done.
        rule: how outcomes find theirs.
        table: the stream of outcomes, stitched.
        findings: told what found no decision.

    Raises:
        DataError: the stream is about none of those that decisions are about.
    """
    keys, row_keys = _keys(acts, rule, table)
    of = as_of(row_keys, table.times, keys[: acts.n_acts], acts.times[: acts.n_acts], same_time=True)
    of = np.where(row_keys < 0, -1, of)
    delays = np.where(of >= 0, table.times - acts.times[np.maximum(of, 0)], np.nan)
    late = np.zeros(len(of), dtype=bool) if rule.within_seconds is None else delays > rule.within_seconds
    matched = (of >= 0) & ~late
    rows = _one_a_decision(of, table.times, matched, rule.keep, len(acts))
    findings.append(_finding(table, rule, of, late, matched, rows, row_keys, keys))
    name = table.stream.name
    columns = {f"{name}.{c}": taken(v, rows) for c, v in columns_by_name(table).items()}
    waits = np.where(rows >= 0, delays[np.maximum(rows, 0)], 0.0) if len(delays) else np.zeros(len(rows))
    columns[f"{name}.{DELAY}"] = pa.chunked_array([pa.array(waits, mask=rows < 0)])
    return columns


def _keys(acts: Acts, rule: LateOutcome, table: StreamTable) -> tuple[LongArray, LongArray]:
    if rule.key:
        ours = [_coded(acts.columns[f"key:{c}"]) for c in rule.key]
        theirs = [_coded(table.columns[f"key:{c}"]) for c in rule.key_there or rule.key]
        keys, row_keys = shared_keys([ours, theirs], [len(acts), len(table)])
        # An act without the key is about no outcome, not about those that lack it too.
        return np.where(keys < 0, -2, keys), row_keys
    keys, row_keys = acts.keys([name for name, _ in table.stream.entities], table)
    require_match(acts, table, keys, row_keys)
    return keys, row_keys


def _one_a_decision(of: LongArray, times: np.ndarray, matched: np.ndarray, keep: str, n: int) -> LongArray:
    """``(n,)`` the outcome of each decision: the last (or first) of its outcomes, -1 where there is none."""
    rows = np.full(n, -1, dtype=np.int64)
    chosen = np.flatnonzero(matched)
    by_time = chosen[np.argsort(times[chosen], kind="stable")]
    if keep == "first":
        by_time = by_time[::-1]
    rows[of[by_time]] = by_time  # of several assignments the last one stays
    return rows


def _coded(column: pa.ChunkedArray) -> Coded:
    codes, texts = labels_and_codes(column)
    return Coded(codes=codes, texts=texts)


def _finding(
    table: StreamTable,
    rule: LateOutcome,
    of: LongArray,
    late: np.ndarray,
    matched: np.ndarray,
    rows: LongArray,
    row_keys: LongArray,
    keys: LongArray,
) -> Finding:
    n, used = len(table), int(np.sum(rows >= 0))
    none = int(np.sum(of < 0))
    before = int(np.sum((of < 0) & np.isin(row_keys, keys[keys >= 0])))
    replaced = int(matched.sum()) - used
    words = [f"{used:,} decisions have an outcome of stream `{table.stream.name}`"]
    if replaced:
        words.append(f"{replaced:,} outcomes gave way to a {'later' if rule.keep == 'last' else 'first'} one")
    if none:
        words.append(
            f"{none:,} of {n:,} outcomes belong to no decision ({before:,} of them come before it): "
            f"{table.first(np.flatnonzero(of < 0))}"
        )
    if late.any():
        words.append(
            f"{int(late.sum()):,} come more than {rule.within_seconds:g} s after it and were left out"
        )
    lost = none + int(late.sum())
    return Finding(
        code="outcomes-joined",
        severity=Severity.WARNING if lost > 0.05 * max(n, 1) else Severity.NOTICE if lost else Severity.INFO,
        message="; ".join(words) + ".",
        hint="Outcomes before their decision tell of a clock that is off." if before else "",
        evidence={
            "stream": table.stream.name,
            "outcomes": n,
            "joined": used,
            "replaced": replaced,
            "without_decision": none,
            "before_decision": before,
            "too_late": int(late.sum()),
        },
    )
