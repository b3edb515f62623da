"""The policy kept: the best that shows its budgets, and a certificate that choosing does not spoil."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from telic.errors import SettingsError
from telic.evaluation.budget_certificate import certify_budgets
from telic.evaluation.budget_choice import choose_within_budgets


def coins(shares, returns, key):
    """Candidates whose episodes fail with given chances and return given numbers."""
    rng = np.random.default_rng(key)

    def draw(i, stage, n):
        return np.full(n, returns[i]), (rng.random((n, 1)) < shares[i]).astype(float)

    return draw


def test_the_largest_return_among_those_within_budget_is_kept() -> None:
    found = choose_within_budgets(
        coins([0.5, 0.01, 0.01, 0.02], [9.0, 1.0, 3.0, 2.0], 0), 4, [0.1], n_choose=300, n_certify=300
    )
    assert found.index == 2 and found.mean_return == 3.0
    assert found.certificate.is_satisfied and found.certificate.n_episodes == 300
    assert [c.is_satisfied for c in found.screening] == [False, True, True, True]


def test_where_none_is_within_budget_the_nearest_is_kept_and_nothing_is_claimed() -> None:
    found = choose_within_budgets(coins([0.9, 0.3, 0.6], [1, 2, 3], 1), 3, [0.1], n_choose=200, n_certify=200)
    assert found.index == 1 and not found.certificate.is_satisfied


def test_choosing_among_many_that_exceed_a_budget_does_not_spoil_the_certificate() -> None:
    """20 candidates that fail .1001 of the time under a budget of .1, 100 times; choosing and certifying on the same
    episodes would let more than alpha through, on fresh ones it does not."""
    times, candidates, alpha, n = 100, 20, 0.1, 100
    wrong = same = 0
    for key in range(times):
        kept = choose_within_budgets(
            coins([0.1001] * candidates, [0.0] * candidates, key),
            candidates,
            [0.1],
            n_choose=n,
            n_certify=n,
            alpha=alpha,
        )
        wrong += kept.certificate.is_satisfied
        same += kept.screening[kept.index].is_satisfied
    assert wrong <= binom.ppf(0.9999, times, alpha)
    assert same > binom.ppf(0.9999, times, alpha)


def test_nothing_to_choose_from_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 1, got 0, 5 and 5"):
        choose_within_budgets(coins([], [], 0), 0, [0.1], n_choose=5, n_certify=5)
    assert certify_budgets(np.zeros((99, 1)), [0.1]).is_satisfied
