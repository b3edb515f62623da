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
from .exact_tests import log_hypergeometric, stratified_tail, tarone
from .groups import Groups
from .records import Records
from .roles import overdispersion, role_tail

__all__ = ["EXCESS", "FEWEST", "targeted_campaign"]

EXCESS = 0.5
"""By how much the share of the action must exceed that of the others: smaller differences are habits, not campaigns."""

FEWEST = 3
"""Units that a campaign must have."""

USUAL = 0.5
"""Share of an action in a region above which taking it is what most do, and no campaign."""

ELSEWHERE = 10
"""Records of a group outside the region below which nothing tells its role from a campaign."""


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
) -> tuple[Campaign | None, list[Campaign]]:
    """The surest campaign that forces an action in a region, or None; and the groups that stand out as a role may.

    Args:
        kinds: records by state first, then by wider regions.
        groups: who could be one campaign.
        alive: ``(U,)`` units that are not under suspicion already.
        level: of all tables together.
    """
    tables = [_tables(records, groups, alive) for records in kinds]
    least = np.exp(np.concatenate([t.least.ravel() for t in tables]))
    if not len(least):
        return None, []
    _, each = tarone(least, level)
    best: Campaign | None = None
    habits: dict[int, Campaign] = {}
    for records, t in zip(kinds, tables, strict=True):
        worth = (np.exp(t.least) <= each) & (t.k >= FEWEST) & (t.k / t.n[:, None] - t.share >= EXCESS)
        for i, a in np.argwhere(worth).tolist():
            strata = slice(int(t.begin[i]), int(t.begin[i + 1]))
            p, _ = stratified_tail(int(t.k[i, a]), t.N[strata], t.K[strata, a], t.drawn[strata])
            if p > each:
                continue
            group = int(t.group[i])
            as_role = _role_tail(records, tables[0], t, i, a)
            is_role = as_role > each
            known = habits.get(group) if is_role else best
            p_value = min(1.0, max(p, 0.0 if is_role else as_role) * level / each)
            if known is not None and known.p_value <= p_value:
                continue
            guilty = alive[records.unit] & groups.has(group, records.piece)
            guilty &= (records.region == t.region[i]) & (records.action == a)
            seen = Campaign(
                kind="targeted",
                group=groups.name(group),
                state=int(t.region[i]),
                action=a,
                units=records.unit[guilty],
                rows=records.row[guilty],
                n_group=int(t.n[i]),
                n_with=int(t.k[i, a]),
                share_elsewhere=float(t.share[i, a]),
                p_value=p_value,
            )
            if is_role:
                habits[group] = seen
            else:
                best = seen
    return best, list(habits.values())


def _tables(records: Records, groups: Groups, alive: BoolArray) -> _Tables:
    from scipy import sparse

    keep = alive[records.unit]
    region, action = records.region[keep], records.action[keep]
    A, S = records.n_actions, records.n_states
    # A stratum is a state within a region; states lie in one region each, so the state alone names it.
    cell = records.state[keep] * A + action
    region_of = np.zeros(S, dtype=np.int64)
    region_of[records.state[keep]] = region
    marked = np.bincount(cell, minlength=S * A).reshape(S, A)
    one = np.ones(len(cell), dtype=np.int64)
    counts = (
        groups.table
        @ sparse.csr_array((one, (records.piece[keep], cell)), shape=(groups.table.shape[1], S * A))
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


def _role_tail(records: Records, by_state: _Tables, found: _Tables, which: int, action: int) -> float:
    """How likely a group does so in a region if groups differ there as much as they do elsewhere; 1 if unknown.

    Args:
        records: in which the region was found.
        by_state: the tables of single states.
        found: the tables of these records.
        which: the table in question.
        action: of the campaign.
    """
    inside = np.unique(records.state[records.region == found.region[which]])
    outside = ~np.isin(by_state.region, inside)
    mine = outside & (by_state.group == found.group[which])
    n = int(found.n[which])
    if by_state.n[mine].sum() < max(ELSEWHERE, n):
        return 1.0
    first = by_state.begin[:-1]  # a state is its own only stratum
    K, N = by_state.K[first], by_state.N[first]
    rho = max(overdispersion(by_state.k[who], by_state.n[who], K[who], N[who]) for who in (outside, mine))
    strata = slice(int(found.begin[which]), int(found.begin[which + 1]))
    others = int((found.N[strata] - found.drawn[strata]).sum())
    share = (float(found.share[which, action]) * others + 0.5) / (others + 1)
    return role_tail(int(found.k[which, action]), n, share, rho)
