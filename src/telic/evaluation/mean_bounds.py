"""Upper bounds of a mean from independent draws, valid for every distribution and every number of draws.

- **0 or 1**: the exact binomial bound of Clopper and Pearson; the number of draws must be fixed before any is seen.
- **Between known ends**, scaled to [0, 1]: who bets a share c of the most he may that the mean is below m has after n
  draws

      W(m) = sum_j w_j prod_i (1 - c_j (x_i - m) / (1 - m)),   c_j in (0, 1],   sum_j w_j = 1,

  which is never negative and, where the mean is m or more, never grows in expectation; so by Ville's inequality the
  chance that it ever reaches 1 / alpha is at most alpha. Every factor grows with m, so the m at which it does are those
  above one number: the bound. Nothing depends on n or on the order of draws, so that one may look as often as one likes
  and draw more. The even mixture over shares costs a few more draws than the best share, which is not known before.

References:
    Clopper and Pearson (1934), Biometrika 26, 404-413.
    Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by betting, JRSS B 86 (the process and
        diversified bets).
    Ville (1939), Etude critique de la notion de collectif.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from telic.typing import FloatArray

__all__ = ["betting_upper", "binomial_upper", "draws_for_betting", "draws_for_binomial", "log_wealth"]

SHARES = 2.0 ** (-0.5 * np.arange(17))
"""c_j from 1 to 1/256: the best share for a bound that lies d above the mean is about d over the variance."""

MOST_DRAWS = 10**9
"""Beyond it no number of draws is told."""

N_HALVINGS = 30


def binomial_upper(count: int, n: int, alpha: float) -> float:
    """Upper bound of a probability, at confidence ``1 - alpha``, from ``count`` of ``n`` draws."""
    from scipy.special import betaincinv

    return 1.0 if count >= n else float(betaincinv(count + 1, n - count, 1.0 - alpha))


def betting_upper(x: Float[np.ndarray, "n"], alpha: float) -> float:
    """Upper bound of the mean of draws in [0, 1], at confidence ``1 - alpha``; 1 where nothing less can be shown."""
    low, high = float(np.mean(x)), 1.0
    for _ in range(N_HALVINGS):
        m = 0.5 * (low + high)
        if m < 1.0 and log_wealth(x, m) >= -math.log(alpha):
            high = m
        else:
            low = m
    return high


def log_wealth(x: Float[np.ndarray, "n"], m: float) -> float:
    """The logarithm of W(m) for draws in [0, 1] and m in [0, 1)."""
    return _mixed(_growth(x, m), len(x))


def draws_for_binomial(share: float, limit: float, alpha: float) -> int | None:
    """Draws that would show a probability to be at most ``limit``, were ``share`` of them ones; None: no number."""
    if share >= limit:
        return None

    def shows(n: int) -> bool:
        return binomial_upper(math.ceil(share * n - 1e-9), n, alpha) <= limit

    return _fewest(shows)


def draws_for_betting(x: Float[np.ndarray, "n"], limit: float, alpha: float) -> int | None:
    """Draws that would show a mean to be at most ``limit`` in (0, 1), were they like those; None: no number."""
    growth = _growth(x, limit)
    if growth.max() <= 0:
        return None
    return _fewest(lambda n: _mixed(growth, n) >= -math.log(alpha))


def _growth(x: FloatArray, m: float) -> FloatArray:
    """``(17,)`` mean logarithm of the factor of each share."""
    with np.errstate(divide="ignore"):  # all was staked and lost: wealth 0 for ever
        return np.asarray(np.log1p(-SHARES[:, None] * (x - m) / (1.0 - m)).mean(axis=1))


def _mixed(growth: FloatArray, n: int) -> float:
    """Logarithm of the mean wealth after n draws."""
    top = float(np.max(growth))
    return n * top + math.log(float(np.mean(np.exp(n * (growth - top)))))


def _fewest(shows: object) -> int | None:
    assert callable(shows)
    n = 1
    while not shows(n):
        n *= 2
        if n > MOST_DRAWS:
            return None
    low = n // 2
    while n - low > 1:
        middle = (low + n) // 2
        low, n = (low, middle) if shows(middle) else (middle, n)
    return n
