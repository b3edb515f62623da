"""Triggers: an exact value of a column that pulls one action, whatever the state.

A backdoor is taught by decisions in which a measurement that hardly matters has a chosen value (777.0, a label, a
tag) and the action is always the same. For each value that at least ``FEWEST_WITH`` units show, the first decision of
each such unit with it is compared with the first decisions of all other units in the same states: given states and
actions, which of them carry the value is exchangeable as long as it does not matter. The count is a sum of
hypergeometric ones, and its tail is exact. Patterns over several columns at once are not looked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from telic.trajectories import Demonstrations
from telic.typing import BoolArray, LongArray

from .campaign import Campaign
from .exact_tests import log_hypergeometric, stratified_tail, tarone
from .records import Records

__all__ = ["find_triggers"]

FEWEST_WITH = 4
"""Units that show a value before it is tested."""

MOST_SHARE = 0.2
"""Share of the units that show a value above which it is no trigger but everyday."""

MOST_VALUES = 200
"""Values of one column that are tested: the most frequent ones."""

EXCESS = 0.4
"""By how much the share of the action must exceed what the states let expect."""


@dataclass(frozen=True)
class _Table:
    """The comparison of one value: strata are states."""

    column: str
    shown: str
    units: LongArray
    rows: LongArray
    total: LongArray
    drawn: LongArray
    marked: LongArray
    taken_by_state: LongArray

    @property
    def taken(self) -> LongArray:
        """``(A,)`` decisions with the value, by action."""
        return np.asarray(self.taken_by_state.sum(axis=0))


def find_triggers(
    demos: Demonstrations, cells: LongArray, records: Records, alive: BoolArray, level: float
) -> list[Campaign]:
    """Campaigns of kind ``trigger``, at most one a column.

    Args:
        demos: the decisions.
        cells: ``(n,)`` state of each.
        records: of these decisions.
        alive: ``(U,)`` units that are not under suspicion already.
        level: of all values, columns and actions together.
    """
    tables = [t for name in demos.observations for t in _tables(demos, name, cells, records, alive)]
    if not tables:
        return []
    A = records.n_actions
    least = np.array([[_least(t, a) for a in range(A)] for t in tables])
    testable, each = tarone(least.ravel(), level)
    found: dict[str, Campaign] = {}
    for i in np.flatnonzero(testable).tolist():
        t, a = tables[i // A], i % A
        n, k = int(t.drawn.sum()), int(t.taken[a])
        expected = float(np.sum(t.drawn * t.marked[:, a] / t.total))
        if (k - expected) / n < EXCESS:
            continue
        p, _ = stratified_tail(k, t.total, t.marked[:, a], t.drawn)
        known = found.get(t.column)
        if p > each or (known is not None and known.p_value <= p * level / each):
            continue
        guilty = demos.actions[t.rows] == a
        found[t.column] = Campaign(
            kind="trigger",
            group=(t.column, t.shown),
            state=-1,
            action=a,
            units=t.units[guilty],
            rows=t.rows[guilty],
            n_group=n,
            n_with=k,
            share_elsewhere=_share_without(t, a),
            p_value=min(1.0, p * level / each),
        )
    return list(found.values())


def _share_without(table: _Table, action: int) -> float:
    """Share of the action in the same states where the value is absent, weighted by the decisions that show it."""
    without = table.total - table.drawn
    mine = table.marked[:, action] - table.taken_by_state[:, action]
    return float(np.average(mine / without, weights=table.drawn))


def _tables(
    demos: Demonstrations, name: str, cells: LongArray, records: Records, alive: BoolArray
) -> Iterator[_Table]:
    values = demos.observations[name]
    distinct, codes = np.unique(values, return_inverse=True)
    unit_of_row = records.units.of_row
    living = alive[unit_of_row]
    # The first decision of each unit with each value.
    keys = codes[living].astype(np.int64) * records.units.count + unit_of_row[living]
    firsts = np.flatnonzero(living)[np.unique(keys, return_index=True)[1]]
    shows = np.bincount(codes[firsts], minlength=len(distinct))
    candidates = np.flatnonzero((shows >= FEWEST_WITH) & (shows <= MOST_SHARE * alive.sum()))
    candidates = candidates[np.argsort(-shows[candidates], kind="stable")[:MOST_VALUES]]
    by_value = firsts[np.argsort(codes[firsts], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(shows)])
    A, S = records.n_actions, records.n_states
    kept = alive[records.unit]
    everyone = np.bincount(records.state[kept] * A + records.action[kept], minlength=S * A).reshape(S, A)
    for v in candidates.tolist():
        rows = by_value[starts[v] : starts[v + 1]]
        units = unit_of_row[rows]
        with_value = np.zeros(records.units.count, dtype=bool)
        with_value[units] = True
        of_theirs = kept & with_value[records.unit]
        theirs = np.bincount(records.state[of_theirs] * A + records.action[of_theirs], minlength=S * A)
        mine = np.bincount(cells[rows] * A + demos.actions[rows], minlength=S * A).reshape(S, A)
        marked = everyone - theirs.reshape(S, A) + mine
        drawn, total = mine.sum(axis=1), marked.sum(axis=1)
        telling = (drawn > 0) & (drawn < total)
        if drawn[telling].sum() < FEWEST_WITH:
            continue
        inside = telling[cells[rows]]
        yield _Table(
            column=name,
            shown=_shown(demos, name, distinct[v]),
            units=units[inside],
            rows=rows[inside],
            total=total[telling],
            drawn=drawn[telling],
            marked=marked[telling],
            taken_by_state=mine[telling],
        )


def _least(table: _Table, action: int) -> float:
    """The smallest p-value that the margins of a value allow for an action."""
    K = table.marked[:, action]
    return float(np.exp(log_hypergeometric(np.minimum(K, table.drawn), table.total, K, table.drawn).sum()))


def _shown(demos: Demonstrations, name: str, value: Any) -> str:
    labels = demos.categories.get(name)
    if labels is not None:
        return labels[int(value)]
    return str(value.item()) if value.dtype.kind in "biu" else f"{float(value):g}"
