"""Dual ascent by its formulas, and what episodes cost by a loop over decisions."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.planning.rl.multipliers import DualAscent, Spent, judged, require_budgets  # noqa: E402
from telic.reports import Outcome  # noqa: E402

BUDGETS = jnp.array([2.0, 0.0])


def test_prices_move_by_the_stated_formula() -> None:
    """Two rounds by hand: unit = the larger of budget and root mean square of all episodes so far."""
    ascent = DualAscent(rate=0.5, damping=2.0, most=10.0, smoothing=0.25)
    first = np.array([[3.0, 1.0], [5.0, 0.0], [99.0, 99.0]])
    now = ascent.ascend(
        ascent.init(2), jnp.asarray(first, jnp.float32), jnp.array([True, True, False]), BUDGETS
    )
    unit = np.array([np.sqrt((9 + 25) / 2), np.sqrt(0.5)])
    away = (np.array([4.0, 0.5]) - [2.0, 0.0]) / unit
    rho = 0.5 * away
    np.testing.assert_allclose(now.log_price, rho, rtol=1e-5)
    np.testing.assert_allclose(now.charged, np.exp(np.minimum(rho + 2.0 * away, np.log(11.0))) - 1, rtol=1e-5)
    np.testing.assert_allclose(now.measured, [4.0, 0.5])
    then = ascent.ascend(now, jnp.array([[[0.0, 0.0]]]), jnp.array([[True]]), BUDGETS)
    unit = np.maximum([2.0, 0.0], [np.sqrt(34 / 3), np.sqrt(1 / 3)])
    away = (0.0 - np.array([2.0, 0.0])) / unit
    np.testing.assert_allclose(then.log_price, np.maximum(rho + 0.5 * away, 0.0), rtol=1e-5)
    np.testing.assert_allclose(then.measured, [3.0, 0.375])


def test_nothing_moves_where_no_episode_was_over() -> None:
    ascent = DualAscent()
    before = ascent.init(2)
    after = ascent.ascend(before, jnp.full((3, 2), 7.0), jnp.zeros(3, bool), BUDGETS)
    for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(before), strict=True):
        np.testing.assert_array_equal(a, b)


def test_prices_stay_between_nothing_and_the_most() -> None:
    ascent = DualAscent(rate=100.0, most=5.0)
    one = jnp.ones((1, 1), jnp.float32)
    over, budget = jnp.array([True]), jnp.array([2.0])
    dear = ascent.ascend(ascent.init(1), 9 * one, over, budget)
    assert float(dear.charged[0]) == pytest.approx(5.0, rel=1e-5)
    cheap = ascent.ascend(dear, 0 * one, over, budget)
    assert float(cheap.charged[0]) == 0.0


def test_the_saddle_point_of_a_bilinear_game_is_reached_with_damping_and_circled_without() -> None:
    """A share x of work earns x and costs x, budget .3, x climbing at a steady speed: the price is 1 there."""

    def end(damping):
        ascent = DualAscent(rate=0.2, damping=damping)
        x, now, path = 0.9, ascent.init(1), []
        ascend = jax.jit(ascent.ascend)
        for _ in range(400):
            now = ascend(now, jnp.array([[x]], jnp.float32), jnp.array([True]), jnp.array([0.3]))
            x = float(np.clip(x + 0.05 * (1.0 - float(now.charged[0])), 0.0, 1.0))
            path.append(x)
        return np.array(path[-100:]), float(now.charged[0])

    still, price = end(1.0)
    assert np.abs(still - 0.3).max() < 0.01 and price == pytest.approx(1.0, abs=0.01)
    circling, _ = end(0.0)
    assert np.abs(circling - 0.3).max() > 0.1


def test_what_episodes_cost_is_what_a_loop_adds_up() -> None:
    rng = np.random.default_rng(0)
    T, E, K, discount = 9, 3, 2, 0.8
    costs, over = rng.uniform(size=(T, E, K)).astype(np.float32), rng.random((T, E)) < 0.3
    _, totals = jax.lax.scan(
        lambda s, x: s.add(*x, discount), Spent.none(E, K), (jnp.asarray(costs), jnp.asarray(over))
    )
    for e in range(E):
        begun = 0
        for t in range(T):
            expected = sum(discount ** (i - begun) * costs[i, e] for i in range(begun, t + 1))
            np.testing.assert_allclose(totals[t, e], expected, rtol=1e-5)
            begun = t + 1 if over[t, e] else begun


def test_a_price_at_the_most_with_the_cost_above_its_budget_is_said() -> None:
    ascent = DualAscent(most=10.0)
    now = ascent.init(2)._replace(
        log_price=jnp.array([jnp.log(11.0), jnp.log(11.0)]), measured=jnp.array([2.5, 0.0])
    )
    outcome, found = judged(ascent, now, (2.0, 0.0), ("heat", "falls"))
    assert outcome is Outcome.INFEASIBLE and len(found) == 1
    assert found[0].evidence == {"cost": "heat", "budget": 2.0, "measured": 2.5}
    assert "heat stays above its budget of 2: it is 2.5 an episode" in found[0].message
    assert judged(ascent, ascent.init(2), (2.0, 0.0), ("heat", "falls")) == (Outcome.SUCCESS, ())


@pytest.mark.parametrize(
    ("budgets", "message"),
    [
        ((1.0,), r"one a cost \(heat, falls\), got 1"),
        ((1.0, -2.0), r"budget of falls .* got -2\.0"),
        ((np.nan, 1.0), "heat"),
    ],
)
def test_budgets_that_do_not_fit_are_refused(budgets, message) -> None:
    with pytest.raises(SettingsError, match=message):
        require_budgets(budgets, ("heat", "falls"))
