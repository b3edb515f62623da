"""The check for columns of decisions that equal later states, over all observations that a contract takes from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from telic.contract import TaskContract
from telic.datasets.sources.labels import labels_and_codes
from telic.datasets.sources.plan import Kind
from telic.reports import Finding, Severity
from telic.typing import FloatArray

from .acts import Acts
from .disk import Disk
from .leakage import LEADS, LEVEL, TOLERANCE, FutureCounts, FutureMatch, Series
from .reading import columns_by_name
from .stream_table import StreamTable

__all__ = ["FutureValues"]

TEXTS = ("category", "text")
"""Kinds of columns that hold texts."""


class FutureValues:
    """Looks for them, bucket by bucket.

    Args:
        contract: names the observations.
        kinds: name of each column of decisions to what it must be.
        states: streams of state with the names of their columns, which are texts or not.
        ranges: stream and column of numbers to its least and greatest value.
        disk: for what does not fit into memory.
    """

    def __init__(
        self,
        contract: TaskContract,
        kinds: Mapping[str, Kind],
        states: Mapping[str, Mapping[str, Kind]],
        ranges: Mapping[tuple[str, str], tuple[float, float]],
        disk: Disk | None,
    ) -> None:
        self._observed = sorted({o.column for o in contract.observations} & set(kinds))
        self._kinds = kinds
        n_states = sum(len(columns) for columns in states.values())
        self._counts: dict[tuple[str, str], FutureCounts] = {}
        for stream, columns in states.items():
            for name, kind in columns.items():
                alike = self._alike(is_text=kind in TEXTS)
                low, high = ranges.get((stream, name), (0.0, 0.0))
                self._counts[stream, name] = FutureCounts(
                    alike,
                    f"{stream}.{name}",
                    level=LEVEL / n_states / max(1, len(alike) * len(LEADS)),
                    tolerance=0.0 if kind in TEXTS else TOLERANCE * (high - low),
                    disk=disk,
                )

    def _alike(self, *, is_text: bool) -> list[str]:
        """Numbers are compared with numbers and texts with texts."""
        return [name for name in self._observed if (self._kinds[name] in TEXTS) == is_text]

    def seen(self, acts: Acts, table: StreamTable) -> None:
        """A bucket.

        Args:
            acts: its decisions, without moments at which nothing was done.
            table: a stream of state, stitched.
        """
        keys, row_keys = acts.keys([name for name, _ in table.stream.entities], table)
        for name, state in columns_by_name(table).items():
            is_text = pa.types.is_dictionary(state.type)
            columns, series, texts = _comparable(
                {c: acts.columns[c] for c in self._alike(is_text=is_text)}, state
            )
            self._counts[table.stream.name, name].seen(
                keys,
                acts.times,
                columns,
                Series(keys=row_keys, times=table.times, values=series),
                acts.named,
                texts,
            )

    def findings(self, named: Callable[[int, int], str]) -> list[Finding]:
        """A warning for each observation among the columns of decisions that holds what was not known yet.

        Args:
            named: a decision in words, by its stream and place.
        """
        found: dict[str, FutureMatch] = {}
        for counts in self._counts.values():
            for match in counts.matches():
                best = found.get(match.column)
                if best is None or match.least_share > best.least_share:
                    found[match.column] = match
        return [_finding(match, [named(row[0], row[-1]) for row in match.rows]) for match in found.values()]


def _comparable(
    columns: dict[str, pa.ChunkedArray], state: pa.ChunkedArray
) -> tuple[dict[str, FloatArray], FloatArray, Sequence[str] | None]:
    """The columns and the state as numbers, and what they are codes of: codes mean the same on both sides."""
    if not pa.types.is_dictionary(state.type):
        return {n: _numbers(c) for n, c in columns.items()}, _numbers(state), None
    texts = {n: labels_and_codes(c) for n, c in columns.items()}
    codes, known = labels_and_codes(state)
    every = list(dict.fromkeys([*known, *(t for _, ts in texts.values() for t in ts)]))
    place = {t: float(i) for i, t in enumerate(every)}

    def numbers(values: np.ndarray, names: tuple[str, ...]) -> FloatArray:
        return np.asarray(np.array([place[t] for t in names] + [np.nan])[values])

    return {n: numbers(c, ts) for n, (c, ts) in texts.items()}, numbers(codes, known), every


def _numbers(column: pa.ChunkedArray) -> FloatArray:
    return np.asarray(column.cast(pa.float64()).fill_null(float("nan")).to_numpy())


def _finding(match: FutureMatch, rows: list[str]) -> Finding:
    nth = {1: "next", 2: "next but one", 3: "third next"}[match.lead]
    return Finding(
        code="future-values",
        severity=Severity.WARNING,
        message=f"Column `{match.column}` equals the {nth} value of `{match.state}` in {match.n_matches:,} of "
        f"{match.n_changed:,} decisions after which it changed (at least {match.least_share:.0%}): it holds what was "
        f"not known when deciding (first in {rows[0]}).",
        hint="Take the observation out of the contract, or use the value that the stream of state had before; if that "
        "stream notes what the column read only just after the decision, say so in its `clock`.",
        evidence={
            "column": match.column,
            "state": match.state,
            "lead": match.lead,
            "matches": match.n_matches,
            "changed": match.n_changed,
            "least_share": match.least_share,
            "rows": rows,
        },
    )
