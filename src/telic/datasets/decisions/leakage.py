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

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from telic._core.codes import counted
from telic.typing import FloatArray, LongArray

from .as_of import as_of, first_after
from .disk import Disk
from .numbers import Numbers

__all__ = [
    "HONEST",
    "LEADS",
    "LEVEL",
    "TOLERANCE",
    "FutureCounts",
    "FutureMatch",
    "Row",
    "Series",
    "future_matches",
]

Row: TypeAlias = Any
"""What a decision is called: a number, or a tuple by which decisions are ordered."""

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

SHOWN = 20
"""Decisions that are named."""

MOST_PAIRS = 1 << 21
"""Pairs of values that are counted at a time."""


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
    rows: tuple[Row, ...]


class FutureCounts:
    """How often columns of decisions equal later values of one state, added up over buckets.

    Args:
        columns: names of the columns.
        state: ``stream.column``.
        level: probability of naming an honest column, for each comparison.
        tolerance: largest distance of values that count as equal.
        disk: for pairs of old and new values; None: they stay in memory.
    """

    def __init__(
        self,
        columns: Collection[str],
        state: str,
        *,
        level: float,
        tolerance: float,
        disk: Disk | None = None,
    ) -> None:
        self._state, self._level, self._tolerance = state, level, tolerance
        self._counts = {
            (lead, name): _Counts(Numbers(disk, np.uint64, 2)) for lead in LEADS for name in columns
        }

    def seen(
        self,
        keys: NDArray[Any],
        times: FloatArray,
        columns: Mapping[str, FloatArray],
        series: Series,
        named: Callable[[LongArray], Sequence[Row]],
        texts: Sequence[str] | None = None,
    ) -> None:
        """A bucket.

        Args:
            keys: ``(n,)`` whom each decision is about.
            times: ``(n,)`` seconds.
            columns: name to ``(n,)`` values of the decisions, NaN where missing.
            series: the state, by the same keys.
            named: some decisions by what they are called; of all buckets the least names are kept.
            texts: what the values are codes of; None: they are numbers.
        """
        at = as_of(keys, times, series.keys, series.times, same_time=True)
        now = _at(series, at)
        for lead in LEADS:
            then = _at(series, first_after(keys, times, series.keys, series.times, lead=lead))
            for name, values in columns.items():
                counts = self._counts[lead, name]
                known = np.isfinite(now) & np.isfinite(then) & np.isfinite(values)
                changed = np.abs(then - now) > self._tolerance
                rows, still = np.flatnonzero(known & changed), np.flatnonzero(known & ~changed)
                equal = np.abs(values[rows] - then[rows]) <= self._tolerance
                counts.n_changed += len(rows)
                counts.hits += int(equal.sum())
                counts.n_still += len(still)
                counts.still_equal += int(np.sum(np.abs(values[still] - then[still]) <= self._tolerance))
                counts.rows = sorted([*counts.rows, *named(rows[equal][:SHOWN])])[:SHOWN]
                if counts.n_still >= FEW:
                    counts.pairs.clear()
                else:
                    counts.pairs.add(np.stack([_bits(v[rows], texts) for v in (now, then)], axis=1))

    def matches(self) -> list[FutureMatch]:
        """The columns that equal later values, each with the lead at which it does most."""
        found: dict[str, FutureMatch] = {}
        for (lead, name), counts in self._counts.items():
            least = counts.least_share(self._level)
            best = found.get(name)
            if least is not None and (best is None or least > best.least_share):
                found[name] = FutureMatch(
                    column=name,
                    state=self._state,
                    lead=lead,
                    n_matches=counts.hits,
                    n_changed=counts.n_changed,
                    least_share=least,
                    rows=tuple(counts.rows),
                )
        return list(found.values())


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
        some = np.isfinite(series.values).any()
        spread = float(np.nanmax(series.values) - np.nanmin(series.values)) if some else 0.0
        counts = FutureCounts(columns, state, level=level / comparisons, tolerance=TOLERANCE * spread)
        counts.seen(keys, times, columns, series, lambda rows: rows.tolist())
        for match in counts.matches():
            best = found.get(match.column)
            if best is None or match.least_share > best.least_share:
                found[match.column] = match
    return list(found.values())


class _Counts:
    """Of one column and lead.

    Attributes:
        n_changed, hits: decisions after which the state changed, and those of them that equal the new value.
        n_still, still_equal: decisions after which it did not, and those of them that equal it.
        rows: the first that equal a new value.
        pairs: ``(n, 2)`` old and new value of each change, while they may be needed.
    """

    def __init__(self, pairs: Numbers) -> None:
        self.n_changed = self.hits = self.n_still = self.still_equal = 0
        self.rows: list[Row] = []
        self.pairs = pairs

    def least_share(self, level: float) -> float | None:
        """Lower bound of the share of changes that the column foresees; None: it may be honest."""
        n, hits = self.n_changed, self.hits
        least = float(betaincinv(hits, n - hits + 1, level)) if hits else 0.0
        if least <= HONEST or least <= self._foretold():
            return None
        if self.n_still and self.still_equal / self.n_still <= HONEST:
            return None
        return least

    def _foretold(self) -> float:
        """Share of changes that the old value alone foretells: the commonest new value after each old one that recurs.

        Where enough decisions see no change, they tell a copy from what the old value says, and nothing is foretold.
        """
        if self.n_still >= FEW:
            return 0.0
        foretold, parts = 0, 1 + self.pairs.n // MOST_PAIRS
        for part in range(parts):
            several = [p[p[:, 0] % np.uint64(parts) == np.uint64(part)] for p in self.pairs.pieces()]
            pairs = np.concatenate(several)
            (old, _), counts = counted(*(np.unique(v, return_inverse=True)[1] for v in pairs.T))
            starts = np.flatnonzero(np.append(True, old[1:] != old[:-1])[: len(old)])
            if len(starts):
                sizes, most = np.add.reduceat(counts, starts), np.maximum.reduceat(counts, starts)
                foretold += int(most[sizes > 1].sum())
        return foretold / self.n_changed


def _bits(values: FloatArray, texts: Sequence[str] | None) -> NDArray[np.uint64]:
    """``(n,)`` numbers that are equal where the values are, whatever the codes of a bucket."""
    if texts is None:
        return np.ascontiguousarray(values + 0.0).view(np.uint64)
    used, places = np.unique(values.astype(np.int64), return_inverse=True)
    return np.array([_digest(texts[code]) for code in used.tolist()], dtype=np.uint64)[places]


def _digest(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


def _at(series: Series, rows: NDArray[Any]) -> FloatArray:
    """``(n,)`` values of these rows, NaN for row -1."""
    if not len(series.values):
        return np.full(len(rows), np.nan)
    return np.where(rows >= 0, series.values[np.maximum(rows, 0)], np.nan)
