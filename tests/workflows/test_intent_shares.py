"""Shares of intents by period: intervals against other formulas, periods, and the test that shares change."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from telic.workflows.intent_shares import (
    change_of_shares,
    likelihoods_of,
    periods_of,
    share_interval,
    shares_by_period,
)
from telic.workflows.moments import moment_labels


@pytest.mark.parametrize(("inside", "n"), [(3, 10), (0, 8), (20, 20), (1, 30)])
def test_units_of_known_intent_give_the_jeffreys_interval(inside, n):
    known = (np.arange(n) < inside).astype(float)
    low, high = share_interval(known, 1.0 - known, level=0.9)
    expected = stats.beta.ppf([0.05, 0.95], inside + 0.5, n - inside + 0.5)
    np.testing.assert_allclose([low, high], expected, atol=1e-8)


def test_units_of_uncertain_intent_give_the_posterior_by_quadrature():
    rng = np.random.default_rng(2)
    a, b = rng.random(12), rng.random(12)
    grid = np.linspace(0, 1, 100_001)[1:-1]
    density = np.prod(a[:, None] * grid + b[:, None] * (1 - grid), axis=0) / np.sqrt(grid * (1 - grid))
    mass = np.cumsum(density) / density.sum()
    expected = [grid[np.searchsorted(mass, q)] for q in (0.025, 0.975)]
    np.testing.assert_allclose(share_interval(a, b, level=0.95), expected, atol=2e-3)


def test_shares_maximise_the_likelihood_of_their_period():
    rng = np.random.default_rng(5)
    L = rng.random((40, 3)) ** 3
    found = shares_by_period(L, np.zeros(40, dtype=np.int64), level=0.95)
    best = np.log(L @ found.shares[0]).sum()
    for other in rng.dirichlet(np.ones(3) * 5, size=300):
        assert np.log(L @ other).sum() <= best + 1e-9
    assert np.all(found.lower <= found.shares)
    assert np.all(found.shares <= found.upper)


def test_an_end_is_reached_where_nothing_speaks_against_it():
    rng = np.random.default_rng(7)
    llr = rng.normal(-2.0, 2.0, size=12)  # nobody has the first intent, but no unit is sure
    L = np.stack([np.minimum(1, np.exp(llr)), np.minimum(1, np.exp(-llr))], axis=1)
    found = shares_by_period(L, np.zeros(12, dtype=np.int64), level=0.95)
    assert found.lower[0, 0] == 0.0
    assert found.upper[0, 1] == 1.0
    assert 0.1 < found.upper[0, 0] < 0.9


def test_intervals_of_uncertain_units_hold_the_share():
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(100):
        has = rng.random(12) < 0.3
        llr = rng.normal(np.where(has, 2.0, -2.0), 2.0)
        L = np.stack([np.minimum(1, np.exp(llr)), np.minimum(1, np.exp(-llr))], axis=1)
        found = shares_by_period(L, np.zeros(12, dtype=np.int64), level=0.95)
        held += bool(found.lower[0, 0] <= 0.3 <= found.upper[0, 0])
    assert held >= 87  # at a coverage of 95 % fewer happen once in 2,000 such tests


def test_likelihoods_are_the_probabilities_without_the_shares():
    L, shares = np.array([[1.0, 0.2, 0.0], [0.5, 1.0, 0.0]]), np.array([0.9, 0.1, 0.0])
    r = L * shares / (L @ shares)[:, None]
    np.testing.assert_allclose(likelihoods_of(r, shares), L, atol=1e-12)


def test_periods_have_about_as_many_units_and_keep_together_what_begins_together():
    period, edges = periods_of(np.repeat(np.arange(10.0), 4))
    counts = np.bincount(period)
    assert len(counts) == 5
    assert counts.tolist() == [8] * 5
    assert edges.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 9.0]
    period, edges = periods_of(np.array([3.0, 3.0, 3.0, 3.0]))
    assert period.tolist() == [0, 0, 0, 0]
    assert edges.tolist() == [3.0, 3.0]


def test_a_change_is_seen_and_none_is_not():
    period = np.repeat(np.arange(4), 10)
    rng = np.random.default_rng(0)
    constant = rng.random(40) < 0.5
    changing = rng.random(40) < np.repeat([0.05, 0.3, 0.7, 0.95], 10)
    p = [
        change_of_shares(np.stack([x, ~x], axis=1).astype(float), period, key=1) for x in (constant, changing)
    ]
    assert p[0] > 0.05
    assert p[1] == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("moments", "labels"),
    [
        ([0.0, 5 * 86400.0], ["day 0", "day 5"]),
        ([0.0, 3600.0], ["0 s", "3,600 s"]),
        ([1.7723520e9, 1.7723520e9 + 10 * 86400], ["2026-03-01", "2026-03-11"]),
        ([1.7723520e9, 1.7723520e9 + 5400], ["2026-03-01T08:00", "2026-03-01T09:30"]),
    ],
)
def test_moments_are_as_short_as_their_span_allows(moments, labels):
    assert moment_labels(np.array(moments)) == labels
