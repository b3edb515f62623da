"""The check for columns of decisions that equal later states, over all observations that a contract takes from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from telic.contract import TaskContract
from telic.datasets.sources.labels import labels_and_codes
from telic.reports import Finding, Severity
from telic.typing import FloatArray

from .acts import Acts
from .leakage import LEVEL, FutureMatch, Series, future_matches
from .reading import columns_by_name
from .stream_table import StreamTable

__all__ = ["future_findings"]


def future_findings(acts: Acts, states: Sequence[StreamTable], contract: TaskContract) -> list[Finding]:
    """A warning for each observation among the columns of decisions that holds what was not known yet.

    Args:
        acts: the decisions, without moments at which nothing was done.
        states: streams of state.
        contract: names the observations.
    """
    observed = {o.column for o in contract.observations} & set(acts.columns)
    n_states = sum(len(columns_by_name(table)) for table in states)
    found: dict[str, FutureMatch] = {}
    for table in states:
        keys, row_keys = acts.keys([name for name, _ in table.stream.entities], table)
        for name, state in columns_by_name(table).items():
            # Numbers are compared with numbers and texts with texts, whose codes must mean the same on both sides.
            columns, series = _comparable({c: acts.columns[c] for c in sorted(observed)}, state)
            matches = future_matches(
                keys,
                acts.times,
                columns,
                {f"{table.stream.name}.{name}": Series(keys=row_keys, times=table.times, values=series)},
                level=LEVEL / n_states,
            )
            for match in matches:
                best = found.get(match.column)
                if best is None or match.least_share > best.least_share:
                    found[match.column] = match
    return [_finding(match, acts) for match in found.values()]


def _comparable(
    columns: dict[str, pa.ChunkedArray], state: pa.ChunkedArray
) -> tuple[dict[str, FloatArray], FloatArray]:
    if not pa.types.is_dictionary(state.type):
        plain = {n: _numbers(c) for n, c in columns.items() if not pa.types.is_dictionary(c.type)}
        return plain, _numbers(state)
    texts = {n: labels_and_codes(c) for n, c in columns.items() if pa.types.is_dictionary(c.type)}
    codes, known = labels_and_codes(state)
    place = {
        t: float(i)
        for i, t in enumerate(dict.fromkeys([*known, *(t for _, ts in texts.values() for t in ts)]))
    }

    def numbers(values: np.ndarray, names: tuple[str, ...]) -> FloatArray:
        return np.asarray(np.array([place[t] for t in names] + [np.nan])[values])

    return {n: numbers(c, ts) for n, (c, ts) in texts.items()}, numbers(codes, known)


def _numbers(column: pa.ChunkedArray) -> FloatArray:
    return np.asarray(column.cast(pa.float64()).fill_null(float("nan")).to_numpy())


def _finding(match: FutureMatch, acts: Acts) -> Finding:
    nth = {1: "next", 2: "next but one", 3: "third next"}[match.lead]
    return Finding(
        code="future-values",
        severity=Severity.WARNING,
        message=f"Column `{match.column}` equals the {nth} value of `{match.state}` in {match.n_matches:,} of "
        f"{match.n_changed:,} decisions after which it changed (at least {match.least_share:.0%}): it holds what was "
        f"not known when deciding (first in {acts.name(match.rows[0])}).",
        hint="Take the observation out of the contract, or use the value that the stream of state had before; if that "
        "stream notes what the column read only just after the decision, say so in its `clock`.",
        evidence={
            "column": match.column,
            "state": match.state,
            "lead": match.lead,
            "matches": match.n_matches,
            "changed": match.n_changed,
            "least_share": match.least_share,
            "rows": [acts.name(r) for r in match.rows],
        },
    )
