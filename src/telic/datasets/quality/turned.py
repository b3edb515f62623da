"""Choices turned round: a group with more than its share of the units whose choices are least expected.

Each unit is scored by how unexpected its choices are, given the shares of all units in the same states, in standard
deviations (so that long and short units compare). Which units are among the tenth with the highest scores does not
depend on their group as long as all act alike, so the number in a group is hypergeometric.
"""

from __future__ import annotations

import numpy as np

from telic.typing import BoolArray, FloatArray

from .campaign import Campaign
from .exact_tests import log_hypergeometric, tarone, upper_tails
from .groups import Groups
from .records import Records
from .targeted import FEWEST

__all__ = ["turned_campaign"]

ODD_SHARE = 0.1
"""Share of units, the least expected ones, among which a group's excess is looked for."""

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
    n_odd = int(ODD_SHARE * len(units))
    asked = np.array(
        [g for g in range(len(groups.names)) if groups.kind(g) != "demonstrator"], dtype=np.int64
    )
    if n_odd < FEWEST or not len(asked):
        return None
    is_odd = np.zeros(records.units.count, dtype=bool)
    is_odd[units[np.argsort(-score[units], kind="stable")[:n_odd]]] = True
    table = groups.table[asked][:, units]
    n = np.asarray(table.sum(axis=1)).ravel().astype(np.int64)
    k = np.asarray(table @ is_odd[units].astype(np.int64)).ravel()
    N, K = np.full(len(n), len(units)), np.full(len(n), n_odd)
    least = np.exp(log_hypergeometric(np.minimum(n, K), N, K, n))
    testable, each = tarone(np.where((n >= FEWEST) & (n < len(units)), least, 1.0), level)
    chosen = np.flatnonzero(testable & (k >= FEWEST) & (k >= ODD_EXCESS * ODD_SHARE * n))
    if not len(chosen):
        return None
    p = upper_tails(k[chosen], N[chosen], K[chosen], n[chosen])
    i = int(chosen[np.argmin(p)])
    if p.min() > each:
        return None
    guilty = units[groups.has(int(asked[i]), units) & is_odd[units]]
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


def _surprise(records: Records, alive: BoolArray) -> FloatArray:
    """``(U,)`` how unexpected each unit's choices are, in standard deviations; NaN where nothing can be said.

    Expected are the shares of all units in the same states, half a decision added to each action.
    """
    A, S, U = records.n_actions, records.n_states, records.units.count
    keep = alive[records.unit]
    unit, state, action = (x[keep] for x in (records.unit, records.state, records.action))
    counts = np.bincount(state * A + action, minlength=S * A).reshape(S, A).astype(np.float64)
    share = (counts + 0.5) / (counts.sum(axis=1, keepdims=True) + 0.5 * A)
    nats = -np.log(share)
    mean = np.sum(share * nats, axis=1)
    variance = np.sum(share * nats**2, axis=1) - mean**2
    gap = np.bincount(unit, weights=nats[state, action] - mean[state], minlength=U)
    spread = np.bincount(unit, weights=variance[state], minlength=U)
    return np.where(spread > 0, gap / np.sqrt(np.where(spread > 0, spread, 1.0)), np.nan)
