"""Targeted campaigns: in one region the units of a group take one action more often than all others do there.

For a group, a region and an action the count is compared with the other units, state by state within the region: under
the hypothesis that all act alike it is a sum of hypergeometric counts, whose tail is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from telic.typing import BoolArray, FloatArray, LongArray

from .campaign import Campaign
from .exact_tests import log_hypergeometric, stratified_tail, tarone, upper_tails
from .groups import Groups
from .records import Records

__all__ = ["EXCESS", "FEWEST", "targeted_campaign"]

EXCESS = 0.5
"""By how much the share of the action must exceed that of the others: smaller differences are habits, not campaigns."""

FEWEST = 3
"""Units that a campaign must have."""

USUAL = 0.5
"""Share of an action in a region above which taking it is what most do, and no campaign."""

WIDE = 0.25
"""Share of a person's other states in which a choice stands out, from which it is a taste and not a campaign."""

STANDS_OUT = 0.05
"""p-value of a state, corrected for its actions, from which it counts for that."""


@dataclass(frozen=True)
class _Tables:
    """Every (group, region, action) with its strata.

    Attributes:
        group, region: ``(t,)`` of each table; action varies over the second axis below.
        least: ``(t, A)`` log of the smallest p-value possible.
        k, n, share: ``(t, A)`` count, ``(t,)`` records of the group, ``(t, A)`` expected share by the others.
        begin: ``(t + 1,)`` where the strata of each table begin.
        N, K, drawn: ``(strata,)``, ``(strata, A)``, ``(strata,)`` records in all, those with the action, the group's.
    """

    group: LongArray
    region: LongArray
    least: FloatArray
    k: LongArray
    n: LongArray
    share: FloatArray
    begin: LongArray
    N: LongArray
    K: LongArray
    drawn: LongArray


def targeted_campaign(
    kinds: Sequence[Records], groups: Groups, alive: BoolArray, level: float
) -> Campaign | None:
    """The surest campaign that forces an action in a region, or None.

    Args:
        kinds: records by state first, then by wider regions.
        groups: who could be one campaign.
        alive: ``(U,)`` units that are not under suspicion already.
        level: of all tables together.
    """
    tables = [_tables(records, groups, alive) for records in kinds]
    least = np.exp(np.concatenate([t.least.ravel() for t in tables]))
    if not len(least):
        return None
    _, each = tarone(least, level)
    best: Campaign | None = None
    for records, t in zip(kinds, tables, strict=True):
        worth = (np.exp(t.least) <= each) & (t.k >= FEWEST) & (t.k / t.n[:, None] - t.share >= EXCESS)
        for i, a in np.argwhere(worth).tolist():
            strata = slice(int(t.begin[i]), int(t.begin[i + 1]))
            p, _ = stratified_tail(int(t.k[i, a]), t.N[strata], t.K[strata, a], t.drawn[strata])
            if p > each or (best is not None and best.p_value <= p * level / each):
                continue
            group = int(t.group[i])
            if groups.kind(group) == "demonstrator" and _is_taste(records, tables[0], t, i):
                continue
            guilty = alive[records.unit] & groups.has(group, records.unit)
            guilty &= (records.region == t.region[i]) & (records.action == a)
            best = Campaign(
                kind="targeted",
                group=groups.name(group),
                state=int(t.region[i]),
                action=a,
                units=records.unit[guilty],
                rows=records.row[guilty],
                n_group=int(t.n[i]),
                n_with=int(t.k[i, a]),
                share_elsewhere=float(t.share[i, a]),
                p_value=min(1.0, p * level / each),
            )
    return best


def _tables(records: Records, groups: Groups, alive: BoolArray) -> _Tables:
    from scipy import sparse

    keep = alive[records.unit]
    unit, region, action = (x[keep] for x in (records.unit, records.region, records.action))
    A, S = records.n_actions, records.n_states
    # A stratum is a state within a region; states lie in one region each, so the state alone names it.
    cell = records.state[keep] * A + action
    region_of = np.zeros(S, dtype=np.int64)
    region_of[records.state[keep]] = region
    marked = np.bincount(cell, minlength=S * A).reshape(S, A)
    one = np.ones(len(unit), dtype=np.int64)
    counts = (
        groups.table @ sparse.csr_array((one, (unit, cell)), shape=(groups.table.shape[1], S * A))
    ).tocoo()
    strata, place = np.unique(counts.row.astype(np.int64) * S + counts.col // A, return_inverse=True)
    k = np.zeros((len(strata), A), dtype=np.int64)
    k[place, counts.col % A] = counts.data
    group, state = strata // S, strata % S
    n, N, K = k.sum(axis=1), marked.sum(axis=1)[state], marked[state]
    telling = n < N
    group, state, k, n, N, K = (x[telling] for x in (group, state, k, n, N, K))
    order = np.lexsort((region_of[state], group))
    group, state, k, n, N, K = (x[order] for x in (group, state, k, n, N, K))
    where = region_of[state]
    fresh = np.flatnonzero(
        np.concatenate([[True], (np.diff(group) != 0) | (np.diff(where) != 0)])[: len(group)]
    )
    if not len(fresh):
        nothing = np.zeros(0, dtype=np.int64)
        return _Tables(
            nothing, nothing, np.zeros((0, A)), np.zeros((0, A), dtype=np.int64), nothing,
            np.zeros((0, A)), np.zeros(1, dtype=np.int64), nothing, np.zeros((0, A), dtype=np.int64), nothing,
        )  # fmt: skip
    least = log_hypergeometric(np.minimum(K, n[:, None]), N[:, None], K, n[:, None])
    elsewhere = n[:, None] * (K - k) / (N - n)[:, None]
    total = np.add.reduceat(n, fresh)
    # Margins may choose what is tested: they say nothing about which units took the action.
    usual = np.add.reduceat(K, fresh, axis=0) > USUAL * np.add.reduceat(N, fresh)[:, None]
    return _Tables(
        group=group[fresh],
        region=where[fresh],
        least=np.where((total[:, None] >= FEWEST) & ~usual, np.add.reduceat(least, fresh, axis=0), 0.0),
        k=np.add.reduceat(k, fresh, axis=0),
        n=total,
        share=np.add.reduceat(elsewhere, fresh, axis=0) / total[:, None],
        begin=np.append(fresh, len(group)),
        N=N,
        K=K,
        drawn=n,
    )


def _is_taste(records: Records, by_state: _Tables, found: _Tables, which: int) -> bool:
    """Whether a person's choices also stand out in many of the states outside the region in question.

    Args:
        records: in which the region was found.
        by_state: the tables of single states.
        found: the tables of these records.
        which: the table in question.
    """
    inside = np.unique(records.state[records.region == found.region[which]])
    mine = np.flatnonzero(
        (by_state.group == found.group[which]) & (by_state.n >= FEWEST) & ~np.isin(by_state.region, inside)
    )
    if len(mine) < FEWEST:
        return False
    A = by_state.k.shape[1]
    strata = by_state.begin[mine]  # a state is its own only stratum
    p = np.stack(
        [
            upper_tails(by_state.k[mine, a], by_state.N[strata], by_state.K[strata, a], by_state.n[mine])
            for a in range(A)
        ]
    )
    return bool(np.mean(A * p.min(axis=0) < STANDS_OUT) > WIDE)
