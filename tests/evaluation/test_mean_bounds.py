"""Upper bounds of a mean: exact laws of the process, exact error by enumeration, another implementation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from telic.evaluation.mean_bounds import (
    betting_upper,
    binomial_upper,
    draws_for_betting,
    draws_for_binomial,
    log_wealth,
)


@pytest.mark.parametrize(("count", "n"), [(0, 1), (0, 50), (3, 40), (40, 40), (17, 900)])
def test_the_binomial_bound_is_that_of_scipy(count, n) -> None:
    """The upper end of a two-sided exact interval at 90 % is the one-sided bound at 95 %."""
    expected = binomtest(count, n).proportion_ci(confidence_level=0.9, method="exact").high
    assert binomial_upper(count, n, 0.05) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("n", [1, 7, 30])
@pytest.mark.parametrize("m", [0.05, 0.4, 0.9])
def test_wealth_is_a_fair_game_where_the_mean_is_the_limit_and_a_losing_one_above(n, m) -> None:
    """Expected wealth by enumeration of all counts of ones: 1 at mean m, at most 1 at larger means."""
    with np.errstate(divide="ignore"):
        wealth = np.array([np.exp(log_wealth(np.repeat([1.0, 0.0], [k, n - k]), m)) for k in range(n + 1)])
    assert binom.pmf(np.arange(n + 1), n, m) @ wealth == pytest.approx(1.0, rel=1e-9)
    for more in (m + 0.01, 0.5 * (1 + m), 1.0):
        assert binom.pmf(np.arange(n + 1), n, min(more, 1.0)) @ wealth <= 1.0


def test_the_betting_bound_is_below_a_mean_no_more_often_than_stated() -> None:
    """Exactly, by enumeration: P(bound < p) over 30 draws of a coin, for 19 means."""
    n, alpha = 30, 0.1
    bounds = np.array([betting_upper(np.repeat([1.0, 0.0], [k, n - k]), alpha) for k in range(n + 1)])
    assert np.all(np.diff(bounds) >= 0) and bounds[-1] == pytest.approx(1.0)
    for p in np.linspace(0.05, 0.95, 19):
        assert binom.pmf(np.arange(n + 1), n, p) @ (bounds < p) <= alpha


def test_the_betting_bound_holds_however_often_one_looks() -> None:
    """2,000 streams of 300 draws of a beta distribution, looked at after each: how often the mean is ever excluded.

    At most alpha = .1 of them by Ville's inequality; above .1267, four standard errors more, has a chance below 1e-4.
    """
    rng, mean = np.random.default_rng(0), 0.25
    x = rng.beta(1.0, 3.0, (2_000, 300))
    shares = 2.0 ** (-0.5 * np.arange(17))
    running = np.cumsum(np.log1p(-shares[:, None, None] * (x - mean) / (1 - mean)), axis=2)
    wealth = np.exp(running).mean(axis=0)
    np.testing.assert_allclose(np.log(wealth[0, 99]), log_wealth(x[0, :100], mean), rtol=1e-9)
    ever = (wealth >= 10.0).any(axis=1)
    assert ever.mean() <= 0.1 + 4 * np.sqrt(0.1 * 0.9 / 2_000)


def test_the_betting_bound_closes_in_and_uses_small_spreads() -> None:
    """Draws within .01 of .3: closer than the bound of Hoeffding, which does not know the spread."""
    x = np.random.default_rng(1).uniform(0.29, 0.31, 1_000)
    found = [betting_upper(x[:n], 0.05) for n in (10, 100, 1_000)]
    assert found[0] > found[1] > found[2] > 0.3
    assert found[2] - x.mean() < 0.25 * np.sqrt(np.log(20) / 2_000)


def test_as_many_draws_as_told_show_it_and_fewer_do_not() -> None:
    share, limit = 0.04, 0.06
    n = draws_for_binomial(share, limit, 0.05)
    assert n is not None
    assert binomial_upper(int(np.ceil(share * n)), n, 0.05) <= limit
    x = np.array([0.1, 0.3, 0.2, 0.5])
    found = draws_for_betting(x, 0.35, 0.05)
    assert found is not None
    again = -(-found // 4)
    assert betting_upper(np.tile(x, again), 0.05) <= 0.35
    assert betting_upper(np.tile(x, found // 4 - 1), 0.05) > 0.35
    assert draws_for_binomial(0.06, 0.06, 0.05) is None
    assert draws_for_betting(x, 0.27, 0.05) is None
