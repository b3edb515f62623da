"""What was known when deciding: the last state before each decision, its age, and what is too old to count."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from telic.errors import DataError
from telic.reports import Finding, Severity
from telic.typing import BoolArray, LongArray

from .acts import Acts
from .as_of import as_of
from .needs import AGE
from .reading import columns_by_name
from .stream_table import StreamTable

__all__ = ["require_match", "state_columns", "taken"]

STALE_SHARE = 0.05
"""Share of decisions without a state of its age that is worth a warning."""


def state_columns(acts: Acts, table: StreamTable, findings: list[Finding]) -> dict[str, pa.ChunkedArray]:
    """``stream.column`` and ``stream.age_seconds`` for each decision; missing where nothing was known, or too old.

    The age is kept where the state is too old, so that it can be seen.

    Args:
        acts: the decisions.
        table: a stream of state, stitched.
        findings: told the ages.

    Raises:
        DataError: the stream is about none of those that decisions are about.
    """
    stream = table.stream
    keys, row_keys = acts.keys([name for name, _ in stream.entities], table)
    require_match(acts, table, keys, row_keys)
    rows = as_of(keys, acts.times, row_keys, table.times, same_time=stream.same_time == "include")
    found = rows >= 0
    ages = np.where(found, acts.times - table.times[np.maximum(rows, 0)], np.nan)
    assert not np.any(ages < 0), "a state from the future"
    limit = stream.max_age_seconds
    stale = found & (ages > limit) if limit is not None else np.zeros(len(rows), dtype=bool)
    findings.append(_ages(stream.name, ages, found, stale, limit))
    known = np.where(stale, -1, rows)
    columns = {f"{stream.name}.{c}": taken(v, known) for c, v in columns_by_name(table).items()}
    columns[f"{stream.name}.{AGE}"] = pa.chunked_array([pa.array(ages, mask=~found)])
    return columns


def require_match(acts: Acts, table: StreamTable, keys: LongArray, row_keys: LongArray) -> None:
    """Nothing, where the stream is about some of those that decisions are about."""
    if not len(table) or not table.stream.entities or np.isin(keys[keys >= 0], row_keys).any():
        return
    raise DataError(
        f"Stream `{table.stream.name}` is about nobody that a decision is about. "
        + "; ".join(
            f"{name}: decisions have {_some(acts.entities[name].texts)}, the stream {_some(c.texts)}"
            for name, c in table.entities.items()
        )
        + ".",
        hint="Are these the right columns in `entities`, and do both write names alike?",
    )


def taken(column: pa.ChunkedArray, rows: LongArray) -> pa.ChunkedArray:
    """``(n,)`` values at these rows, missing for row -1."""
    return column.take(pa.array(rows, mask=rows < 0))


def _some(texts: tuple[str, ...]) -> str:
    return ", ".join(f"`{t}`" for t in texts[:3]) + (", ..." if len(texts) > 3 else "")


def _ages(name: str, ages: np.ndarray, found: BoolArray, stale: BoolArray, limit: float | None) -> Finding:
    n, none, old = len(ages), int(np.sum(~found)), int(stale.sum())
    known = ages[found]
    told = {
        "stream": name,
        "decisions": n,
        "without": none,
        "stale": old,
        "median_seconds": float(np.median(known)) if len(known) else None,
        "p95_seconds": float(np.quantile(known, 0.95)) if len(known) else None,
        "max_seconds": float(known.max()) if len(known) else None,
    }
    ages_words = (
        f"{told['median_seconds']:.3g} s old in the median, {told['p95_seconds']:.3g} s for one in twenty, "
        f"{told['max_seconds']:.3g} s at most"
        if len(known)
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
        message=f"State of stream `{name}` at decisions is {ages_words}{'; ' if missing else ''}{'; '.join(missing)}.",
        hint="Say what a missing value means in `missing` of its observations." if none + old else "",
        evidence=told,
    )
