"""What was known when deciding: the last state before each decision, its age, and what is too old to count."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from telic.contract import Stream
from telic.datasets.partitions.middle import at_ranks, median
from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import BoolArray, FloatArray, LongArray

from .acts import Acts
from .as_of import as_of, seconds_between
from .disk import Disk
from .needs import AGE
from .numbers import Numbers
from .reading import columns_by_name
from .stream_table import StreamTable

__all__ = ["Ages", "Matching", "state_columns", "taken"]

STALE_SHARE = 0.05
"""Share of decisions without a state of its age that is worth a warning."""


class Matching:
    """Whether a stream is about anybody that decisions are about, bucket by bucket.

    Args:
        stream: its entry of the contract.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._some_rows = self._some_match = False

    def seen(self, keys: LongArray, row_keys: LongArray) -> None:
        """A bucket.

        Args:
            keys: ``(n,)`` whom its decisions are about.
            row_keys: ``(m,)`` whom its rows are about, by the same numbers.
        """
        self._some_rows |= bool(len(row_keys))
        self._some_match = self._some_match or bool(np.isin(keys[keys >= 0], row_keys).any())

    def require(self, acting: Mapping[str, tuple[str, ...]], there: Mapping[str, tuple[str, ...]]) -> None:
        """Nothing, where there is one.

        Args:
            acting: shared name to the first of whom decisions are about.
            there: the same of the stream.

        Raises:
            DataError: it is about none of them.
        """
        if not self._some_rows or not self._stream.entities or self._some_match:
            return
        raise DataError(
            f"Stream `{self._stream.name}` is about nobody that a decision is about. "
            + "; ".join(
                f"{name}: decisions have {_some(acting[name])}, the stream {_some(texts)}"
                for name, texts in there.items()
            )
            + ".",
            hint="Are these the right columns in `entities`, and do both write names alike?",
        )


class Ages:
    """How old state was at decisions, bucket by bucket.

    Args:
        stream: its entry of the contract.
        disk: for the ages; None: they stay in memory.
    """

    def __init__(self, stream: Stream, disk: Disk | None) -> None:
        self.matching = Matching(stream)
        self._stream = stream
        self._n = self._stale = 0
        self._most = -np.inf
        self._ages = Numbers(disk, np.float64)

    def seen(self, ages: FloatArray, stale: BoolArray) -> None:
        """A bucket.

        Args:
            ages: ``(n,)`` seconds, NaN where nothing was known.
            stale: ``(n,)`` whether it is too old.
        """
        known = ages[np.isfinite(ages)]
        self._n += len(ages)
        self._stale += int(stale.sum())
        self._most = max(self._most, float(known.max(initial=-np.inf)))
        self._ages.add(known)

    def finding(self) -> Finding:
        """The ages in words."""
        n, old, limit = self._n, self._stale, self._stream.max_age_seconds
        none, name = n - self._ages.n, self._stream.name
        middle, p95 = median(self._ages.pieces), self._quantile(0.95)
        words = (
            f"{middle:.3g} s old in the median, {p95:.3g} s for one in twenty, {self._most:.3g} s at most"
            if self._ages.n
            else "never known"
        )
        missing = []
        if none:
            missing.append(f"{none:,} of {n:,} decisions have none before them")
        if old:
            missing.append(f"{old:,} have one older than {limit:g} s, which counts as missing")
        share = (none + old) / max(n, 1)
        return Finding(
            code="state-ages",
            severity=Severity.WARNING
            if share > STALE_SHARE
            else Severity.NOTICE
            if none + old
            else Severity.INFO,
            message=f"State of stream `{name}` at decisions is {words}{'; ' if missing else ''}{'; '.join(missing)}.",
            hint="Say what a missing value means in `missing` of its observations." if none + old else "",
            evidence={
                "stream": name,
                "decisions": n,
                "without": none,
                "stale": old,
                "median_seconds": middle,
                "p95_seconds": p95,
                "max_seconds": self._most if self._ages.n else None,
            },
        )

    def _quantile(self, share: float) -> float | None:
        """As ``np.quantile`` has it: between the two ages next to that rank, in proportion."""
        if not self._ages.n:
            return None
        rank = (self._ages.n - 1) * share
        low = int(rank)
        two = at_ranks(self._ages.pieces, [low, min(low + 1, self._ages.n - 1)])
        return float(np.quantile(two, rank - low))


def state_columns(acts: Acts, table: StreamTable, found: Ages) -> dict[str, pa.ChunkedArray]:
    """``stream.column`` and ``stream.age_seconds`` for each decision; missing where nothing was known, or too old.

    The age is kept where the state is too old, so that it can be seen.

    Args:
        acts: the decisions.
        table: a stream of state, stitched.
        found: told the ages.
    """
    stream = table.stream
    keys, row_keys = acts.keys([name for name, _ in stream.entities], table)
    found.matching.seen(keys, row_keys)
    rows = as_of(keys, acts.times, row_keys, table.times, same_time=stream.same_time == "include")
    ages = seconds_between(acts.times, table.times, rows)
    assert not np.any(ages < 0), "a state from the future"
    limit = stream.max_age_seconds
    stale = ages > limit if limit is not None else np.zeros(len(rows), dtype=bool)
    found.seen(ages, stale)
    known = np.where(stale, -1, rows)
    columns = {f"{stream.name}.{c}": taken(v, known) for c, v in columns_by_name(table).items()}
    columns[f"{stream.name}.{AGE}"] = pa.chunked_array([pa.array(ages, mask=rows < 0)])
    return columns


def taken(column: pa.ChunkedArray, rows: LongArray) -> pa.ChunkedArray:
    """``(n,)`` values at these rows, missing for row -1."""
    return column.take(pa.array(rows, mask=rows < 0))


def _some(texts: tuple[str, ...]) -> str:
    return ", ".join(f"`{t}`" for t in texts[:3]) + (", ..." if len(texts) > 3 else "")
