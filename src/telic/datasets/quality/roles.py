"""Roles: groups that act otherwise nearly everywhere, or in a log where everybody does, run no campaign.

People of one desk have different work: one resolves what others pass on. Beside "all act alike", the honest null of a
group that stands out in a region is that groups *are* different, by as much as they are everywhere else. So the shares
of an action are taken to scatter between groups around the share of the others by a beta law with overdispersion
``rho``, which is measured on the states outside the region: once over all groups of the kind and once on the group's
own states; the larger counts. Under it the count in the region is beta-binomial. At ``rho`` 0 that is the binomial
law; at .3 a group that always does what hardly anybody else does is nothing special.

A group of which nothing is known outside the region can be a role or a campaign, and its decisions do not tell which;
it is not accused either.

References:
    Williams (1982), Extra-binomial variation in logistic linear models (the moment estimate of the overdispersion).
"""

from __future__ import annotations

import numpy as np

from telic.typing import BoolArray, FloatArray, LongArray

from .records import Records

__all__ = ["expected_shares", "overdispersion", "role_tail"]

FEWEST_OTHERS = 5
"""Records of others in a state below which a group's share is not compared with theirs."""


def overdispersion(k: LongArray, n: LongArray, K: LongArray, N: LongArray) -> float:
    """``rho`` in [0, 1): how much more the shares of groups scatter than those of one law would.

    Each table is weighted as one group and state, not by its decisions: a machine account with a thousand of them is
    one group still.

    Args:
        k: ``(t, A)`` decisions of a group in a state, by action.
        n: ``(t,)`` all of them.
        K: ``(t, A)`` decisions of all groups there, by action.
        N: ``(t,)`` all of them.
    """
    telling = (n >= 2) & (N - n >= FEWEST_OTHERS)
    k, n, K, N = k[telling], n[telling, None], K[telling], N[telling, None]
    others = N - n
    share = (K - k) / others
    spread = share * (1 - share)
    gap = (k - n * share) ** 2 - spread * (n + n**2 / others)
    scale = float(np.sum((n - 1) * spread))
    return float(np.clip(np.sum(gap / n) / scale, 0.0, 0.95)) if scale > 0 else 0.0


def role_tail(k: int, n: int, share: float, rho: float) -> float:
    """Probability of at least ``k`` of ``n`` where shares scatter around ``share`` with overdispersion ``rho``.

    Args:
        k: decisions with the action.
        n: decisions.
        share: of the action among the others, in (0, 1).
        rho: in [0, 1).
    """
    from scipy.stats import betabinom, binom

    if rho < 1e-6:
        return float(binom.sf(k - 1, n, share))
    concentration = (1 - rho) / rho
    return float(betabinom.sf(k - 1, n, share * concentration, (1 - share) * concentration))


def expected_shares(records: Records, alive: BoolArray) -> FloatArray:
    """``(m, A)`` how likely each action was to be taken in each record, given its state and who decided.

    The shares of a person in a state are drawn to those of everybody there, the more the less people differ: with
    overdispersion ``rho``, ``(1 - rho) / rho`` decisions of everybody are added to the person's own. Where all act
    alike the shares are those of the state. Half a decision in all is spread over the actions beside.

    Args:
        records: the decisions; those of units that are not alive say nothing.
        alive: ``(U,)`` units that are not under suspicion already.
    """
    A, S, person = records.n_actions, records.n_states, records.person
    keep = alive[records.unit]
    counts = np.bincount(records.state[keep] * A + records.action[keep], minlength=S * A).reshape(S, A)
    N = counts.sum(axis=1)
    share = (counts + 0.5 / A) / (N[:, None] + 0.5)
    pairs, pair = np.unique(person * S + records.state, return_inverse=True)
    own = np.bincount(pair[keep] * A + records.action[keep], minlength=len(pairs) * A).reshape(-1, A)
    n, state = own.sum(axis=1), pairs % S
    rho = overdispersion(own, n, counts[state], N[state])
    if rho > 0:
        own_share = (rho * own + (1 - rho) * share[state]) / (rho * n + (1 - rho))[:, None]
    else:
        own_share = share[state]
    return np.asarray(own_share[pair])
