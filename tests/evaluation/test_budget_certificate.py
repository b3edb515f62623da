"""What fresh episodes show of budgets: how often it is wrong where the truth is exact, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from telic.errors import DataError, SettingsError
from telic.evaluation.budget_certificate import BudgetCertificate, certify_budgets

ALPHA, EPISODES, POLICIES, HORIZON = 0.1, 60, 400, 12


def episodes_of_policies(key):
    """``(POLICIES, EPISODES, 2)`` costs of random policies in a world of 3 states and 2 actions, and their exact means.

    The first cost is the mean of the decisions' costs, in [0, 1]; the second is whether state 2 was ever entered.
    """
    rng = np.random.default_rng(key)
    P, c = rng.dirichlet([6.0, 6.0, 0.3], (3, 2)), rng.uniform(0.0, 0.6, (3, 2))
    pi = rng.dirichlet(np.ones(2), (POLICIES, 3))
    step = np.einsum("psa,sat->pst", pi, P)
    per_state = np.einsum("psa,sa->ps", pi, c)
    d = np.tile(np.eye(3)[0], (POLICIES, 1))
    safe, exact = d.copy(), np.zeros((POLICIES, 2))
    for _ in range(HORIZON):
        exact[:, 0] += (d * per_state).sum(1) / HORIZON
        d = np.einsum("ps,pst->pt", d, step)
        safe = np.einsum("ps,pst->pt", safe, step)
        safe[:, 2] = 0.0
    exact[:, 1] = 1.0 - safe.sum(1)
    state = np.zeros((POLICIES, EPISODES), int)
    found, i = np.zeros((POLICIES, EPISODES, 2)), np.arange(POLICIES)[:, None]
    for _ in range(HORIZON):
        action = (rng.random(state.shape) < pi[i, state, 1]).astype(int)
        found[..., 0] += c[state, action] / HORIZON
        state = (rng.random(state.shape)[..., None] > np.cumsum(P[state, action], axis=-1)).sum(-1)
        found[..., 1] = np.maximum(found[..., 1], state == 2)
    return found, exact


def satisfied(costs, budgets) -> np.ndarray:
    """Of each policy with its own budgets."""
    return np.array(
        [
            certify_budgets(c, b, ranges=[(0.0, 1.0), None], alpha=ALPHA).is_satisfied
            for c, b in zip(costs, budgets, strict=True)
        ]
    )


def test_of_400_policies_that_exceed_a_budget_no_more_than_alpha_are_let_through() -> None:
    """The hardest case: the exact cost is above one budget by a millionth, and far below the other.

    More than ``q``, the .9999 quantile of what alpha allows, would refute the stated confidence.
    """
    costs, exact = episodes_of_policies(0)
    q = binom.ppf(0.9999, POLICIES, ALPHA)
    for k in (0, 1):
        budgets = np.full_like(exact, 0.999999)
        budgets[:, k] = exact[:, k] - 1e-6
        wrong = int(satisfied(costs, budgets).sum())
        assert wrong <= q
        # The exact interval of the rate reaches down to alpha at most.
        assert binomtest(wrong, POLICIES).proportion_ci(0.95, method="exact").low <= ALPHA


def test_of_policies_with_a_wide_margin_most_are_let_through() -> None:
    """Budgets above the means by what Hoeffding's inequality would need for a power of .9 of each.

    That is ``sqrt(log(1 / a) / 2 n) + sqrt(log(1 / .1) / 2 n)`` with n episodes and level a = alpha / 2; both at once
    then have .8. Neither bound may be worse than that inequality.
    """
    costs, exact = episodes_of_policies(1)
    level = ALPHA / 2
    margin = np.sqrt(np.log(1 / level) / (2 * EPISODES)) + np.sqrt(np.log(10) / (2 * EPISODES))
    fits = (exact + margin < 1).all(axis=1)
    assert fits.sum() >= 50
    assert satisfied(costs[fits], exact[fits] + margin).mean() >= 0.8


def test_all_bounds_hold_together() -> None:
    """Of 400 policies with both budgets at the exact costs: how often any bound lies below its mean."""
    costs, exact = episodes_of_policies(2)
    wrong = 0
    for c, truth in zip(costs, exact, strict=True):
        checks = certify_budgets(c, [1.0, 1.0], ranges=[(0.0, 1.0), None], alpha=ALPHA).checks
        wrong += any(check.upper < t for check, t in zip(checks, truth, strict=True))
    assert wrong <= binom.ppf(0.9999, POLICIES, ALPHA)


def test_as_many_more_episodes_as_told_show_it_half_of_the_time_or_more() -> None:
    """From 40 episodes that do not show it, 200 times: the told number of fresh ones, with the mean as it was seen."""
    rng = np.random.default_rng(3)
    first = rng.beta(2.0, 8.0, 40)
    found = certify_budgets(first[:, None], [0.26], ranges=[(0.0, 1.0)])
    assert not found.is_satisfied and found.n_more is not None and found.n_more > 0
    n = found.n_episodes + found.n_more
    again = [
        certify_budgets(rng.choice(first, (n, 1)), [0.26], ranges=[(0.0, 1.0)]).is_satisfied
        for _ in range(200)
    ]
    assert binom.sf(sum(again) - 1, 200, 0.4) < 0.05 or np.mean(again) >= 0.4


def test_what_is_told_is_in_the_units_of_the_cost() -> None:
    rng = np.random.default_rng(4)
    x = rng.uniform(size=(50, 1))
    unit = certify_budgets(x, [0.7], ranges=[(0.0, 1.0)], names=["heat"])
    other = certify_budgets(200 * x + 100, [240.0], ranges=[(100.0, 300.0)], names=["heat"])
    assert other.checks[0].upper == pytest.approx(100 + 200 * unit.checks[0].upper)
    assert other.checks[0].is_satisfied == unit.checks[0].is_satisfied
    assert other.checks[0].estimate == pytest.approx(100 + 200 * x.mean())
    data = unit.summary().data
    assert data["checks"][0]["name"] == "heat" and data["n_episodes"] == 50


def test_looks_divide_alpha_for_costs_that_are_0_or_1() -> None:
    failed = np.zeros((100, 1))
    failed[:2] = 1.0
    once, often = (certify_budgets(failed, [0.5], looks=looks).checks[0].upper for looks in (1, 4))
    assert once == pytest.approx(binomtest(2, 100).proportion_ci(0.9, method="exact").high)
    assert often == pytest.approx(binomtest(2, 100).proportion_ci(1 - 2 * 0.0125, method="exact").high)


def test_it_says_how_many_more_and_where_no_number_would_do() -> None:
    failed = np.zeros((30, 2))
    failed[:3, 1] = 1.0
    found = certify_budgets(failed, [0.05, 0.05], names=["falls", "stops"])
    assert not found.is_satisfied and found.n_more is None
    assert "no number of episodes like these would show it" in found.sentence
    falls = certify_budgets(failed[:, :1], [0.05], names=["falls"])
    # (1 - .05)^n <= .05 first at n = 59.
    assert falls.n_more == 59 - 30
    assert "about 29 more episodes" in falls.sentence
    good = certify_budgets(np.zeros((59, 1)), [0.05])
    assert good.is_satisfied and good.n_more == 0
    assert good.sentence == "All 1 budgets are satisfied with 95 % confidence (59 episodes)."
    never = certify_budgets(np.zeros((59, 1)), [0.0])
    assert not never.is_satisfied and never.n_more is None
    assert isinstance(never, BudgetCertificate)


@pytest.mark.parametrize(
    ("costs", "budgets", "more", "message"),
    [
        (np.zeros((3, 2)), [0.1], {}, "one a cost \\(cost 0, cost 1\\), got 1"),
        (np.zeros((3, 1)), [-0.1], {"names": ["falls"]}, "budget of falls must be finite and not negative, got -0.1"),
        (np.zeros((3, 1)), [np.inf], {}, "must be finite and not negative"),
        (np.full((3, 1), 0.5), [0.1], {"names": ["heat"]}, "least and largest heat .* must be stated"),
        (np.zeros((3, 1)), [0.1], {"ranges": [(0.0, np.inf)]}, "must have finite ends in order, got 0.0 to inf"),
        (np.zeros((3, 1)), [0.1], {"ranges": [(1.0, 1.0)]}, "finite ends in order"),
        (np.zeros((3, 1)), [0.1], {"ranges": []}, "one a cost, 1, got 0"),
        (np.zeros((3, 1)), [0.1], {"alpha": 0.0}, "`alpha` must lie in"),
        (np.zeros((3, 1)), [0.1], {"looks": 0}, "`looks` must be at least 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_certified_is_refused(costs, budgets, more, message) -> None:
    with pytest.raises(SettingsError, match=message):
        certify_budgets(costs, budgets, **more)


def test_costs_that_show_nothing_are_refused_by_episode() -> None:
    costs = np.zeros((5, 2))
    costs[3, 1] = np.nan
    with pytest.raises(DataError, match="heat of episode 3 is nan"):
        certify_budgets(costs, [0.1, 0.1], names=["falls", "heat"])
    costs[3, 1] = 7.0
    with pytest.raises(DataError, match="heat of episode 3 is 7, beyond its range 0 to 2"):
        certify_budgets(costs, [0.1, 0.1], ranges=[None, (0.0, 2.0)], names=["falls", "heat"])
    with pytest.raises(DataError, match="one row an episode"):
        certify_budgets(costs[:0], [0.1, 0.1])
