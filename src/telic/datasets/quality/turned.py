"""Choices turned round: a group with more than its share of the units whose choices are least expected.

Each unit is scored by how unexpected its choices are, given the states and what those who decided usually do there
(``roles.expected_shares``), in standard deviations (so that long and short units compare). Which units are among the
tenth with the highest scores does not depend on their group as long as all act alike, so the number in a group is
hypergeometric. As for the others (``roles``), the group must also stand out against how much groups differ.
"""

from __future__ import annotations

import numpy as np

from telic.typing import BoolArray, FloatArray, LongArray

from .campaign import Campaign
from .exact_tests import log_hypergeometric, tarone, upper_tails
from .groups import Groups
from .records import Records
from .roles import expected_shares, overdispersion, role_tail
from .targeted import FEWEST

__all__ = ["turned_campaign"]

ODD_SHARE = 0.1
"""Share of units, the least expected ones, among which a group's excess is looked for."""

ODD_SURPRISE = 1.0
"""Standard deviations by which the choices of an odd unit are less expected than the shares let expect."""

BESIDE = 2
"""Windows before and after one that are not used to tell how much windows differ."""

ODD_EXCESS = 3.0
"""How many times its share a group must have there."""


def turned_campaign(records: Records, groups: Groups, alive: BoolArray, level: float) -> Campaign | None:
    """The surest group with too many of the least expected units, or None; a person's way of acting is not judged.

    Args:
        records: by state.
        groups: who could be one campaign.
        alive: ``(U,)`` units that are not under suspicion already.
        level: of all groups together.
    """
    score = _surprise(records, alive)
    units = np.flatnonzero(alive & np.isfinite(score))
    # Nobody is odd who does what is expected of them, however much the others do.
    n_odd = min(int(ODD_SHARE * len(units)), int(np.sum(score[units] > ODD_SURPRISE)))
    asked = np.array(
        [g for g in range(len(groups.names)) if groups.kind(g) != "demonstrator"], dtype=np.int64
    )
    if n_odd < FEWEST or not len(asked):
        return None
    is_odd = np.zeros(records.units.count, dtype=bool)
    is_odd[units[np.argsort(-score[units], kind="stable")[:n_odd]]] = True
    table = groups.units(records.units)[asked][:, units]
    n = np.asarray(table.sum(axis=1)).ravel().astype(np.int64)
    k = np.asarray(table @ is_odd[units].astype(np.int64)).ravel()
    N, K = np.full(len(n), len(units)), np.full(len(n), n_odd)
    least = np.exp(log_hypergeometric(np.minimum(n, K), N, K, n))
    testable, each = tarone(np.where((n >= FEWEST) & (n < len(units)), least, 1.0), level)
    chosen = np.flatnonzero(testable & (k >= FEWEST) & (k * len(units) >= ODD_EXCESS * n_odd * n))
    if not len(chosen):
        return None
    p = upper_tails(k[chosen], N[chosen], K[chosen], n[chosen])
    i = int(chosen[np.argmin(p)])
    as_role = role_tail(int(k[i]), int(n[i]), n_odd / len(units), _scatter(groups, asked, i, k, n))
    if max(float(p.min()), as_role) > each:
        return None
    inside = np.asarray(table[[i]].sum(axis=0)).ravel() > 0
    guilty = units[inside & is_odd[units]]
    return Campaign(
        kind="turned",
        group=groups.name(int(asked[i])),
        state=-1,
        action=-1,
        units=guilty,
        rows=records.units.begin[guilty],
        n_group=int(n[i]),
        n_with=int(k[i]),
        share_elsewhere=float((n_odd - k[i]) / max(1, len(units) - n[i])),
        p_value=min(1.0, float(p.min()) * level / each),
    )


def _scatter(groups: Groups, asked: LongArray, found: int, k: LongArray, n: LongArray) -> float:
    """Overdispersion of the shares of odd units between the other groups of the kind, and of the size if windows."""
    kinds = np.array([groups.kind(int(g)) for g in asked])
    peers = np.flatnonzero(kinds == kinds[found])
    if kinds[found] == "time":
        peers = peers[n[peers] == n[found]]
        # What goes on beyond the window would be in those beside it: they begin half a window apart.
        apart = peers[np.abs(peers - found) > 2 * BESIDE].tolist()
    else:
        apart = [int(g) for g in peers if not _overlap(groups, int(asked[g]), int(asked[found]))]
    counts = np.stack([k[apart], n[apart] - k[apart]], axis=1)
    total = np.broadcast_to(counts.sum(axis=0), counts.shape)
    rho = overdispersion(counts, n[apart], total, total.sum(axis=1))
    # Few groups of few units: what the estimate scatters by without any overdispersion is taken off, twice.
    noise = np.sqrt(2.0 / len(apart)) / float(np.mean(n[apart])) if apart else 0.0
    return max(0.0, rho - 2 * noise)


def _overlap(groups: Groups, one: int, other: int) -> bool:
    """Whether two groups have a piece in common."""
    of_one, of_other = (
        groups.table.indices[groups.table.indptr[g] : groups.table.indptr[g + 1]] for g in (one, other)
    )
    return bool(np.isin(of_one, of_other).any())


def _surprise(records: Records, alive: BoolArray) -> FloatArray:
    """``(U,)`` how unexpected each unit's choices are, in standard deviations; NaN where nothing can be said."""
    U = records.units.count
    share = expected_shares(records, alive)
    keep = alive[records.unit]
    unit, action, share = records.unit[keep], records.action[keep], share[keep]
    nats = -np.log(share)
    mean = np.sum(share * nats, axis=1)
    variance = np.sum(share * nats**2, axis=1) - mean**2
    gap = np.bincount(unit, weights=nats[np.arange(len(unit)), action] - mean, minlength=U)
    spread = np.bincount(unit, weights=variance, minlength=U)
    return np.where(spread > 0, gap / np.sqrt(np.where(spread > 0, spread, 1.0)), np.nan)
