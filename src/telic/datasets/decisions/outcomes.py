"""What came of a decision, though it was noted later: outcomes and labels joined to the decision that they belong to.

An outcome belongs to the last act before it (or at its very time) that has its key or, without a key, is about the
same. So a label that comes late goes back to the act that it judges, not to the one that was last when it came in.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from telic.contract import LateOutcome, Stream
from telic.datasets.sources.rows import RowNames
from telic.reports import Finding, Severity
from telic.typing import LongArray

from .acts import Acts
from .as_of import as_of, seconds_between
from .first_rows import FirstRows
from .needs import DELAY
from .reading import columns_by_name
from .states import Matching, taken
from .stream_table import StreamTable, coded, shared_keys

__all__ = ["Joined", "outcome_columns"]


class Joined:
    """What became of a stream of outcomes, bucket by bucket.

    Args:
        rule: how outcomes find theirs.
        stream: the contract's entry of theirs.
    """

    def __init__(self, rule: LateOutcome, stream: Stream) -> None:
        self.rule, self.matching = rule, Matching(stream)
        self.n = self.used = self.before = self.late = self.matched = 0
        self.without = FirstRows()

    def finding(self, rows: RowNames) -> Finding:
        """The same in words.

        Args:
            rows: names of the outcomes.
        """
        rule, replaced, none = self.rule, self.matched - self.used, self.without.count
        words = [f"{self.used:,} decisions have an outcome of stream `{rule.stream}`"]
        if replaced:
            words.append(
                f"{replaced:,} outcomes gave way to a {'later' if rule.keep == 'last' else 'first'} one"
            )
        if none:
            words.append(
                f"{none:,} of {self.n:,} outcomes belong to no decision ({self.before:,} of them come before it): "
                f"{self.without.named(rows)}"
            )
        if self.late:
            words.append(f"{self.late:,} come more than {rule.within_seconds:g} s after it and were left out")
        lost = none + self.late
        return Finding(
            code="outcomes-joined",
            severity=Severity.WARNING
            if lost > 0.05 * max(self.n, 1)
            else Severity.NOTICE
            if lost
            else Severity.INFO,
            message="; ".join(words) + ".",
            hint="Outcomes before their decision tell of a clock that is off." if self.before else "",
            evidence={
                "stream": rule.stream,
                "outcomes": self.n,
                "joined": self.used,
                "replaced": replaced,
                "without_decision": none,
                "before_decision": self.before,
                "too_late": self.late,
            },
        )


def outcome_columns(acts: Acts, table: StreamTable, found: Joined) -> dict[str, pa.ChunkedArray]:
    """``stream.column`` and ``stream.delay_seconds`` for each decision; missing where nothing is known of it.

    Args:
        acts: the decisions; nothing comes of the moments at which nothing was done.
        table: the stream of outcomes, stitched.
        found: told what found no decision, and what the rule is.
    """
    rule = found.rule
    keys, row_keys = _keys(acts, rule, table, found)
    of = as_of(row_keys, table.times, keys[: acts.n_acts], acts.times[: acts.n_acts], same_time=True)
    of = np.where(row_keys < 0, -1, of)
    delays = seconds_between(table.times, acts.times, of)
    late = np.zeros(len(of), dtype=bool) if rule.within_seconds is None else delays > rule.within_seconds
    matched = (of >= 0) & ~late
    rows = _one_a_decision(of, table.times, matched, rule.keep, len(acts))
    found.n += len(table)
    found.used += int(np.sum(rows >= 0))
    found.before += int(np.sum((of < 0) & np.isin(row_keys, keys[keys >= 0])))
    found.late += int(late.sum())
    found.matched += int(matched.sum())
    found.without.add(table.places[of < 0])
    name = table.stream.name
    columns = {f"{name}.{c}": taken(v, rows) for c, v in columns_by_name(table).items()}
    waits = np.where(rows >= 0, delays[np.maximum(rows, 0)], 0.0) if len(delays) else np.zeros(len(rows))
    columns[f"{name}.{DELAY}"] = pa.chunked_array([pa.array(waits, mask=rows < 0)])
    return columns


def _keys(acts: Acts, rule: LateOutcome, table: StreamTable, found: Joined) -> tuple[LongArray, LongArray]:
    if rule.key:
        ours = [coded(acts.columns[f"key:{c}"]) for c in rule.key]
        theirs = [coded(table.columns[f"key:{c}"]) for c in rule.key_there or rule.key]
        keys, row_keys = shared_keys([ours, theirs], [len(acts), len(table)])
        # An act without the key is about no outcome, not about those that lack it too.
        return np.where(keys < 0, -2, keys), row_keys
    keys, row_keys = acts.keys([name for name, _ in table.stream.entities], table)
    found.matching.seen(keys, row_keys)
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
