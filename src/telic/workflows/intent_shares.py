"""How common each intent is from period to period, with intervals, and whether that changes.

The intents stay those of the fitted mixture. With ``L_uj`` the likelihood of unit u under intent j (known up to a
factor from the mixture's probabilities and shares), the shares of a period maximise
``sum_u log sum_j share_j L_uj`` over its units. The interval of one share has equal tails of its posterior under
Jeffreys' prior, the other intents in their estimated proportions: that likelihood is a polynomial of the share, so the
posterior is a mixture of Beta distributions and exact. An end is moved to 0 or 1 where the likelihood ratio does not
speak against that share. Where every unit is surely of one intent or another this is the modified Jeffreys interval of
a binomial share (Brown, Cai and DasGupta).

Whether shares change is tested by permutation: if they do not, units are as good in one period as in another, and so
the spread of the periods' mean probabilities is one of those that dealing the units anew gives. The level of that test
is exact.

References:
    Brown, Cai and DasGupta (2001), Interval estimation for a binomial proportion, Statistical Science 16, 101-133;
    Good (2005), Permutation, Parametric and Bootstrap Tests of Hypotheses, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from telic.typing import FloatArray, LongArray

__all__ = ["PeriodShares", "change_of_shares", "periods_of", "share_interval", "shares_by_period"]

UNITS_A_PERIOD = 8
"""Units from which a further period is made; fewer make intervals that tell nothing."""

MOST_PERIODS = 10

PERMUTATIONS = 999
"""Dealings behind a test: its smallest p-value is one in a thousand."""

EM_STEPS = 2_000
EM_GAIN = 1e-9
"""Change of a share at which shares are found."""

LEAST_SHARE = 1e-12
"""Share below which an intent of the mixture has no likelihood to go by."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PeriodShares:
    """Shares of the intents in each period.

    Attributes:
        shares: ``(B, J)`` each row sums to 1.
        lower, upper: ``(B, J)`` ends of the intervals.
    """

    shares: Float[np.ndarray, "B J"]
    lower: Float[np.ndarray, "B J"]
    upper: Float[np.ndarray, "B J"]


def periods_of(begins: Float[np.ndarray, "U"]) -> tuple[LongArray, FloatArray]:
    """``(U,)`` period of each unit, earliest first, and ``(B + 1,)`` the first begin of each and the last of all.

    Periods have about as many units each; units that begin together stay together. One period where all do.

    Args:
        begins: when each unit began; any unit of time.
    """
    U = len(begins)
    wanted = min(MOST_PERIODS, max(2, U // UNITS_A_PERIOD))
    order = np.sort(begins)
    firsts = np.unique(order[(np.arange(wanted) * U) // wanted])
    return np.searchsorted(firsts, begins, side="right") - 1, np.append(firsts, order[-1])


def shares_by_period(
    likelihoods: Float[np.ndarray, "U J"], period: Int[np.ndarray, "U"], *, level: float
) -> PeriodShares:
    """The share of each intent in each period, with intervals.

    Args:
        likelihoods: of each unit under each intent, up to a factor for each unit.
        period: of each unit, from 0; none is empty.
        level: coverage of each interval, in (0, 1).
    """
    B, J = int(period.max()) + 1, likelihoods.shape[1]
    shares, lower, upper = np.zeros((B, J)), np.zeros((B, J)), np.ones((B, J))
    for b in range(B):
        mine = likelihoods[period == b]
        shares[b] = _most_likely(mine)
        for j in range(J):
            others = np.delete(shares[b], j)
            others = others / others.sum() if others.sum() > 0 else np.full(J - 1, 1.0 / (J - 1))
            rest = np.delete(mine, j, axis=1) @ others
            low, high = share_interval(mine[:, j], rest, level=level)
            none_has, all_have = (
                _is_possible(mine[:, j], rest, shares[b, j], end, level) for end in (0.0, 1.0)
            )
            lower[b, j] = 0.0 if none_has else min(low, shares[b, j])
            upper[b, j] = 1.0 if all_have else max(high, shares[b, j])
    return PeriodShares(shares=shares, lower=lower, upper=upper)


def share_interval(
    inside: Float[np.ndarray, "n"], outside: Float[np.ndarray, "n"], *, level: float
) -> tuple[float, float]:
    """Equal-tailed posterior interval of a share under Jeffreys' prior.

    Args:
        inside: likelihood of each unit if it belongs to the share, up to a factor for each unit.
        outside: the same if it does not.
        level: probability inside the interval, in (0, 1).
    """
    from scipy.optimize import brentq
    from scipy.special import betainc, betaln

    n = len(inside)
    coefficients = np.ones(1)  # of share^m (1 - share)^(n - m), scaled so that the largest is 1
    for a, b in zip(inside.tolist(), outside.tolist(), strict=True):
        scale = max(a, b)
        coefficients = np.append(coefficients * (b / scale), 0.0) + np.append(0.0, coefficients * (a / scale))
        coefficients /= coefficients.max()
    m = np.arange(n + 1)
    with np.errstate(divide="ignore"):
        logs = np.log(coefficients) + betaln(m + 0.5, n - m + 0.5)
    weights = np.exp(logs - logs.max())
    kept = weights > 0
    m, weights = m[kept], weights[kept] / weights.sum()

    def below(share: float) -> float:
        return float(weights @ betainc(m + 0.5, n - m + 0.5, share))

    tail = (1.0 - level) / 2.0
    low, high = (brentq(lambda x, t=t: below(x) - t, 0.0, 1.0, xtol=1e-10) for t in (tail, 1.0 - tail))
    return float(low), float(high)


def change_of_shares(
    responsibilities: Float[np.ndarray, "U J"], period: Int[np.ndarray, "U"], *, key: int
) -> float:
    """The chance of so much difference between periods where shares do not change.

    Args:
        responsibilities: probability of each unit to have each intent.
        period: of each unit, from 0.
        key: of the dealings.
    """
    rng = np.random.default_rng(key)
    observed = _spread(responsibilities, period)
    dealt = [_spread(responsibilities, rng.permutation(period)) for _ in range(PERMUTATIONS)]
    at_least = sum(d >= observed * (1.0 - 1e-12) for d in dealt)
    return (1.0 + at_least) / (1.0 + PERMUTATIONS)


def likelihoods_of(responsibilities: FloatArray, shares: FloatArray) -> FloatArray:
    """``(U, J)`` likelihood of each unit under each intent, the largest of each unit 1.

    Args:
        responsibilities: ``(U, J)`` probabilities under the mixture.
        shares: ``(J,)`` of the mixture; an intent without one has no likelihood.
    """
    known = shares > LEAST_SHARE
    ratio = np.where(known, responsibilities / np.where(known, shares, 1.0), 0.0)
    return np.asarray(ratio / ratio.max(axis=1, keepdims=True))


def _is_possible(inside: FloatArray, outside: FloatArray, best: float, end: float, level: float) -> bool:
    """Whether the likelihood ratio of the best share over that of an end is below the chi-square of the level."""
    from scipy.special import gammaincinv

    with np.errstate(divide="ignore"):
        there, at_best = (float(np.log(inside * s + outside * (1.0 - s)).sum()) for s in (end, best))
    return 2.0 * (at_best - there) <= 2.0 * float(gammaincinv(0.5, level))


def _most_likely(likelihoods: FloatArray) -> FloatArray:
    """``(J,)`` shares by EM; the likelihood is concave in them, so any top is the top."""
    J = likelihoods.shape[1]
    shares = np.full(J, 1.0 / J)
    for _ in range(EM_STEPS):
        joint = likelihoods * shares
        new = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
        moved, shares = float(np.abs(new - shares).max()), new
        if moved < EM_GAIN:
            break
    return np.asarray(shares)


def _spread(rows: FloatArray, period: LongArray) -> float:
    """Sum over periods of units times the squared distance of their mean from that of all."""
    counts = np.bincount(period).astype(np.float64)
    means = np.stack([np.bincount(period, weights=column) for column in rows.T], axis=1) / counts[:, None]
    return float(counts @ ((means - rows.mean(axis=0)) ** 2).sum(axis=1))
