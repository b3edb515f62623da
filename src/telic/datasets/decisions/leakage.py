"""Columns that hold what was not known yet: values of a later state, written beside the decision.

An export is often made after the fact, and a column that was filled in then makes any policy look clairvoyant. What
gives it away is equality: where the state changes after a decision, an honest column holds the old value, another
quantity, or a guess that is sometimes off; a copied one holds the new value nearly always. A column is named where,
among the decisions after which the state changed, the share that equal the new value is above ``HONEST`` with
confidence ``1 - LEVEL`` (exact binomial bound, Bonferroni over columns, states and leads). A state with two values
that changes can only become the other one, which its negation says honestly; so the column must also equal the state
where that did not change, and beat what the old value alone foretells.

What it cannot see: a copy with noise or in other units, one in fewer than ``HONEST`` of the rows, and one of a state
that hardly ever changes. What it also names: a column that holds what the act itself set (rightly), and a fresh
reading whose stream of state notes the same reading just after the decision (only a look at the clocks tells).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from telic._core.codes import counted
from telic.typing import FloatArray

from .as_of import as_of, first_after

__all__ = ["HONEST", "LEADS", "LEVEL", "FutureMatch", "Series", "future_matches"]

HONEST = 0.8
"""Share of changed values that an honest column may foresee exactly."""

LEADS = (1, 2, 3)
"""How many rows of state after the decision are looked at, one by one."""

LEVEL = 0.01
"""Probability of naming an honest column that foresees as much as ``HONEST``, over all comparisons."""

FEW = 20
"""Decisions without a change of state below which they do not tell a copy from a negation."""

TOLERANCE = 1e-6
"""Largest distance of equal numbers, as a share of the range of the state: less than any log's rounding."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One column of a stream of state.

    Attributes:
        keys: ``(m,)`` whom each row is about.
        times: ``(m,)`` seconds.
        values: ``(m,)`` float64 (NaN: missing) or text codes as float64; comparable with those of the decisions.
    """

    keys: NDArray[Any]
    times: FloatArray
    values: FloatArray


@dataclass(frozen=True, kw_only=True)
class FutureMatch:
    """A column that equals a later state.

    Attributes:
        column: of the decisions.
        state: of the stream, as ``stream.column``.
        lead: which row of state after the decision.
        n_matches, n_changed: decisions that equal it, of those after which the state changed.
        least_share: lower bound of their ratio.
        rows: first matching decisions.
    """

    column: str
    state: str
    lead: int
    n_matches: int
    n_changed: int
    least_share: float
    rows: tuple[int, ...]


def future_matches(
    keys: NDArray[Any],
    times: FloatArray,
    columns: Mapping[str, FloatArray],
    states: Mapping[str, Series],
    *,
    level: float = LEVEL,
) -> list[FutureMatch]:
    """The columns that equal later states, each with the state and lead that it equals most.

    Args:
        keys: ``(n,)`` whom each decision is about.
        times: ``(n,)`` seconds.
        columns: name to ``(n,)`` values of the decisions, NaN where missing.
        states: ``stream.column`` to its series.
        level: probability of naming an honest column, over the comparisons of this call.
    """
    comparisons = max(1, len(columns) * len(states) * len(LEADS))
    found: dict[str, FutureMatch] = {}
    for state, series in states.items():
        now = _at(series, as_of(keys, times, series.keys, series.times, same_time=True))
        spread = (
            np.nanmax(series.values) - np.nanmin(series.values) if np.isfinite(series.values).any() else 0.0
        )
        for lead in LEADS:
            then = _at(series, first_after(keys, times, series.keys, series.times, lead=lead))
            for name, values in columns.items():
                match = _match(name, values, state, now, then, lead, TOLERANCE * spread, level / comparisons)
                best = found.get(name)
                if match is not None and (best is None or match.least_share > best.least_share):
                    found[name] = match
    return list(found.values())


def _match(
    name: str,
    values: FloatArray,
    state: str,
    now: FloatArray,
    then: FloatArray,
    lead: int,
    tolerance: float,
    level: float,
) -> FutureMatch | None:
    known = np.isfinite(now) & np.isfinite(then) & np.isfinite(values)
    changed = np.abs(then - now) > tolerance
    rows, still = np.flatnonzero(known & changed), np.flatnonzero(known & ~changed)
    n = len(rows)
    if not n:
        return None
    equal = np.abs(values[rows] - then[rows]) <= tolerance
    hits = int(equal.sum())
    least = float(betaincinv(hits, n - hits + 1, level)) if hits else 0.0
    if least <= HONEST or least <= _foretold(now[rows], then[rows], len(still)):
        return None
    if len(still) and np.mean(np.abs(values[still] - then[still]) <= tolerance) <= HONEST:
        return None
    return FutureMatch(
        column=name,
        state=state,
        lead=lead,
        n_matches=hits,
        n_changed=n,
        least_share=least,
        rows=tuple(rows[equal][:20].tolist()),
    )


def _foretold(now: FloatArray, then: FloatArray, n_still: int) -> float:
    """Share of changes that the old value alone foretells: the commonest new value after each old one that recurs.

    Where enough decisions see no change, they tell a copy from what the old value says, and nothing is foretold.
    """
    if n_still >= FEW:
        return 0.0
    (old, _), counts = counted(*(np.unique(v, return_inverse=True)[1] for v in (now, then)))
    starts = np.flatnonzero(np.append(True, old[1:] != old[:-1]))
    sizes, most = np.add.reduceat(counts, starts), np.maximum.reduceat(counts, starts)
    return float(most[sizes > 1].sum() / len(now))


def _at(series: Series, rows: NDArray[Any]) -> FloatArray:
    """``(n,)`` values of these rows, NaN for row -1."""
    if not len(series.values):
        return np.full(len(rows), np.nan)
    return np.where(rows >= 0, series.values[np.maximum(rows, 0)], np.nan)
