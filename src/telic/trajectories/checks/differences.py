"""Do the demonstrators act alike in the same situations, and if not, who and where?

Demonstrators are compared within situations, so that one who works nights is not blamed for the nights. The
null hypothesis is one policy for all: given the situation, who decided says nothing about the action. Under
it every pairing of the decisions of a situation with their demonstrators is equally likely. Few decisions are
tested by drawing such pairings (exact up to the number drawn), many by their exact moments
(``telic._core.contingency``). One demonstrator against the rest, and then situation by situation, is
corrected by Holm's method.

A difference can have three reasons that this test cannot tell apart: another taste, something seen that the
contract does not have, or cells so coarse that the demonstrators worked in different parts of them.

References:
    Holm (1979), A simple sequentially rejective multiple test procedure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from telic._core.codes import counted
from telic._core.contingency import stratified_independence
from telic.typing import BoolArray, FloatArray, LongArray

__all__ = ["LEVEL", "Differences", "demonstrator_differences", "holm"]

LEVEL = 0.01
"""Level of the test of all demonstrators together: one clean log in a hundred is flagged."""

DRAWN_ROWS = 500
"""Informative decisions up to which pairings are drawn instead of approximated."""

DRAWS = 999
"""Pairings drawn; the smallest p-value they can give is 0.001."""

DRAWN_CELLS = 1_000_000
"""Table cells filled at a time: about 8 MB."""

MIN_SHARED = 10
"""Decisions that both sides need in a situation to be compared there alone."""

MOST_PLACES = 200
"""Situations compared one by one: those with the most decisions of both sides."""

MOST_PEOPLE = 50
"""Demonstrators up to which it is sought who differs; with more, only the test of all together is made."""


@dataclass(frozen=True, kw_only=True)
class Differences:
    """How the demonstrators differ.

    Attributes:
        p_value: of all together; 1 where nothing can be compared.
        odd: demonstrators that had to be set aside, most different first, until the others agree; empty where they
            all agree. All of them (D) when no more than half agree.
        odd_p: Holm-corrected p-value of each of ``odd`` against those that were left.
        distance: total variation between the action shares of each of ``odd`` and the rest's, averaged over shared
            situations with its decisions as weights.
        situation: the situation in which each of ``odd`` differs most (smallest p-value), or -1.
        situation_p: its Holm-corrected p-value.
        n_rows: decisions that carry information: in situations with two demonstrators and two actions.
    """

    p_value: float
    odd: tuple[int, ...]
    odd_p: tuple[float, ...]
    distance: tuple[float, ...]
    situation: tuple[int, ...]
    situation_p: tuple[float, ...]
    n_rows: int


def demonstrator_differences(
    demonstrators: LongArray, actions: LongArray, situations: LongArray, *, key: int = 0
) -> Differences:
    """Whether demonstrators act differently in the same situations, and who and where.

    Who: as long as those that are left differ, the one that differs most from the rest is set aside. (Compared once
    with the rest, everybody differs from a rest that holds one odd one out.)

    Args:
        demonstrators: ``(n,)`` who decided, 0 to D - 1.
        actions: ``(n,)`` what was done.
        situations: ``(n,)`` where.
        key: of the pairings drawn when there are few decisions.
    """
    log = _Log(demonstrators, actions, situations)
    overall = log.compare(log.everyone, None, key)
    odd, p_values = _set_aside(log, key, overall.p_value)
    usual = log.everyone if len(odd) == log.n_people else log.without(odd)
    distance, places = [], []
    for i, d in enumerate(odd):
        both = usual | log.only(d)
        distance.append(_distance(log, both, d))
        places.append(_place(log, both, d, key + 1 + i))
    return Differences(
        p_value=overall.p_value,
        odd=tuple(odd),
        odd_p=tuple(p_values),
        distance=tuple(distance),
        situation=tuple(place for place, _ in places),
        situation_p=tuple(p for _, p in places),
        n_rows=overall.n_rows,
    )


class _Log:
    """The decisions, and how often each (situation, demonstrator, action) occurs: what nearly every question needs."""

    def __init__(self, demonstrators: LongArray, actions: LongArray, situations: LongArray) -> None:
        self.demonstrators, self.actions, self.situations = demonstrators, actions, situations
        (self.where, self.who, self.what), self.times = counted(situations, demonstrators, actions)
        self.everyone = np.zeros(int(demonstrators.max(initial=-1)) + 1, dtype=bool)
        self.everyone[self.who] = True
        self.n_people = int(self.everyone.sum())

    @cached_property
    def by_situation(self) -> LongArray:
        """``(n,)`` decisions sorted by situation, in their order within each."""
        return np.argsort(self.situations, kind="stable")

    def only(self, person: int) -> BoolArray:
        """``(D,)`` one demonstrator."""
        return np.asarray(np.arange(len(self.everyone)) == person)

    def without(self, odd: list[int]) -> BoolArray:
        """``(D,)`` all but some demonstrators."""
        return self.everyone & ~np.isin(np.arange(len(self.everyone)), odd)

    def compare(self, people: BoolArray, one: int | None, key: int, place: int | None = None) -> _Test:
        """The test among ``people``; of ``one`` against the others where given; in one place where given."""
        cells = np.arange(len(self.where)) if place is None else np.arange(*self._cells(place))
        cells = cells[people[self.who[cells]]]
        rows, where = self.who[cells], self.where[cells]
        rows = rows if one is None else (rows == one).astype(np.int64)
        keep = _informative(rows, self.what[cells], where)
        n = int(self.times[cells[keep]].sum())
        if n == 0:
            return _Test(p_value=1.0, score=0.0, n_rows=0)
        if n <= DRAWN_ROWS:
            return self._draw(people, one, key, place)
        test = stratified_independence(
            rows[keep], self.what[cells[keep]], where[keep], self.times[cells[keep]]
        )
        score = (test.statistic - test.mean) / np.sqrt(test.variance) if test.variance > 0 else 0.0
        return _Test(p_value=test.p_value, score=float(score), n_rows=n)

    def _cells(self, place: int) -> tuple[int, int]:
        begin, end = (int(np.searchsorted(self.where, place, side=side)) for side in ("left", "right"))
        return begin, end

    def _draw(self, people: BoolArray, one: int | None, key: int, place: int | None) -> _Test:
        """The test by pairings of the decisions themselves."""
        if place is None:
            chosen = np.flatnonzero(people[self.demonstrators])
        else:
            cells = slice(*self._cells(place))
            begin = int(self.times[: cells.start].sum())
            chosen = self.by_situation[begin : begin + int(self.times[cells].sum())]
            chosen = chosen[people[self.demonstrators[chosen]]]
        rows, actions, situations = self.demonstrators[chosen], self.actions[chosen], self.situations[chosen]
        rows = rows if one is None else (rows == one).astype(np.int64)
        keep = _informative(rows, actions, situations)
        return _drawn(rows[keep], actions[keep], situations[keep], key)


def _set_aside(log: _Log, key: int, overall: float) -> tuple[list[int], list[float]]:
    """Demonstrators to set aside until the others agree, and the corrected p-value of each."""
    count = log.n_people
    if overall >= LEVEL or count < 2 or count > MOST_PEOPLE:
        return [], []
    everyone = [int(d) for d in np.flatnonzero(log.everyone)]
    if count == 2:
        return everyone, [overall] * count
    odd: list[int] = []
    p_values: list[float] = []
    remaining = overall
    while remaining < LEVEL and len(odd) < count // 2:
        left = log.without(odd)
        people = [d for d in everyone if d not in odd]
        tests = [log.compare(left, d, key + 1 + d) for d in people]
        worst = min(range(len(people)), key=lambda i: (tests[i].p_value, -tests[i].score))
        odd.append(people[worst])
        p_values.append(min(1.0, len(people) * tests[worst].p_value))
        remaining = log.compare(log.without(odd), None, key).p_value
    if remaining < LEVEL:
        return everyone, [overall] * count
    return odd, p_values


def holm(p_values: FloatArray) -> FloatArray:
    """Holm-corrected p-values, in the order given."""
    order = np.argsort(p_values)
    m = len(p_values)
    stepped = np.maximum.accumulate(p_values[order] * (m - np.arange(m)))
    corrected = np.empty(m)
    corrected[order] = np.minimum(1.0, stepped)
    return corrected


@dataclass(frozen=True, kw_only=True)
class _Test:
    """One comparison: its p-value, how many standard deviations it is out (for ties), and on how many rows."""

    p_value: float
    score: float
    n_rows: int


def _informative(rows: LongArray, columns: LongArray, strata: LongArray) -> BoolArray:
    """Rows of strata with at least two labels of each kind."""
    S = int(strata.max(initial=-1)) + 1
    good = np.ones(S, dtype=bool)
    for labels in (rows, columns):
        width = int(labels.max(initial=0)) + 1
        pairs = np.unique(strata * width + labels)
        good &= np.bincount(pairs // width, minlength=S) >= 2
    return np.asarray(good[strata])


def _drawn(rows: LongArray, columns: LongArray, strata: LongArray, key: int) -> _Test:
    """The larger of two standardised statistics among drawn pairings.

    Both kinds of difference count: of any shape in each stratum (sum of X^2), and alike in all strata (square of
    the summed tables of observed minus expected). Each is divided by its spread over the drawings, then the larger
    one is compared with its own distribution, so that looking twice costs nothing.
    """
    by_stratum = np.argsort(strata, kind="stable")
    rows, columns, strata = (
        np.unique(x[by_stratum], return_inverse=True)[1] for x in (rows, columns, strata)
    )
    n, R, C, S = len(rows), int(rows.max()) + 1, int(columns.max()) + 1, int(strata.max()) + 1
    n_s = np.bincount(strata, minlength=S).astype(np.float64)
    r = np.bincount(strata * R + rows, minlength=S * R).reshape(S, R, 1).astype(np.float64)
    c = np.bincount(strata * C + columns, minlength=S * C).reshape(S, 1, C).astype(np.float64)
    expected = r * c / n_s[:, None, None]
    weight = np.divide(1.0, expected, out=np.zeros_like(expected), where=expected > 0)
    pooled = expected.sum(axis=0)
    pooled_weight = np.divide(1.0, pooled, out=np.zeros_like(pooled), where=pooled > 0)
    rng = np.random.default_rng(key)
    seen = [_statistics(columns[None, :], rows, strata, expected, weight, pooled_weight)]
    batch = max(1, DRAWN_CELLS // max(n, S * R * C))
    for start in range(0, DRAWS, batch):
        count = min(batch, DRAWS - start)
        shuffled = np.argsort(
            strata + rng.random((count, n)), axis=1
        )  # strata are sorted: shuffles within them
        seen.append(_statistics(columns[shuffled], rows, strata, expected, weight, pooled_weight))
    values = np.concatenate(seen)
    spread = values.std(axis=0)
    scores = np.max((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0), axis=1)
    return _Test(p_value=float(np.mean(scores >= scores[0] - 1e-12)), score=float(scores[0]), n_rows=n)


def _statistics(
    paired: LongArray,
    rows: LongArray,
    strata: LongArray,
    expected: FloatArray,
    weight: FloatArray,
    pooled_weight: FloatArray,
) -> FloatArray:
    """``(B, 2)`` both statistics of ``(B, n)`` pairings."""
    (S, R, C), B = expected.shape, len(paired)
    cell = (strata * R + rows) * C + paired + np.arange(B)[:, None] * (S * R * C)
    gap = np.bincount(cell.ravel(), minlength=B * S * R * C).reshape(B, S, R, C) - expected
    anywhere = np.einsum("bsrc,bsrc,src->b", gap, gap, weight)
    alike = np.sum(gap.sum(axis=1) ** 2 * pooled_weight, axis=(1, 2))
    return np.stack([anywhere, alike], axis=1)


def _distance(log: _Log, both: BoolArray, person: int) -> float:
    here, there = _action_counts(log, both, person)
    shared = (here.sum(axis=1) > 0) & (there.sum(axis=1) > 0)
    if not shared.any():
        return float("nan")
    a, b = here[shared], there[shared]
    apart = 0.5 * np.abs(a / a.sum(axis=1, keepdims=True) - b / b.sum(axis=1, keepdims=True)).sum(axis=1)
    return float(np.average(apart, weights=a.sum(axis=1)))


def _action_counts(log: _Log, both: BoolArray, person: int) -> tuple[FloatArray, FloatArray]:
    """``(S, A)`` decisions of one demonstrator and of the others."""
    A, S = int(log.what.max(initial=0)) + 1, int(log.where.max(initial=0)) + 1
    cell, mine = log.where * A + log.what, log.who == person
    here, there = (
        np.bincount(cell[m], weights=log.times[m], minlength=S * A).reshape(S, A).astype(np.float64)
        for m in (mine, both[log.who] & ~mine)
    )
    return here, there


def _place(log: _Log, both: BoolArray, person: int, key: int) -> tuple[int, float]:
    """The situation in which one demonstrator differs most from the rest, with its Holm-corrected p-value."""
    here, there = _action_counts(log, both, person)
    shared = np.minimum(here.sum(axis=1), there.sum(axis=1))
    places = np.flatnonzero(shared >= MIN_SHARED)
    places = places[np.argsort(-shared[places], kind="stable")[:MOST_PLACES]]
    if not len(places):
        return -1, 1.0
    p = np.array([log.compare(both, person, key + i, int(s)).p_value for i, s in enumerate(places)])
    return int(places[np.argmin(p)]), float(holm(p).min())
