"""T13: two weightings of (progress, smoothness), w = (1 - t, t) with t uniform; expert (.9, .8), shortcut (1, .2).

The expert is worth .9 - .1 t, the shortcut 1 - .8 t: equal at t = 1/7. By hand, exactly: the expert is preferred for
6/7 of t; its regret (1/10 - 7t/10)+ is at most 1/10 and on average (1/10)(1/7)/2 = 1/140 = .00714; that of the
shortcut, (7t/10 - 1/10)+, is at most 3/5 and on average (3/5)(6/7)/2 = 9/35 = .25714 (CERTIFICATION.md prints .00714
and .25714). Tolerance 1e-9. Over draws the same to their Monte Carlo error; the key was fixed before the first run.
"""

from __future__ import annotations

import numpy as np
import pytest

from telic.evaluation import disagreement, plan_regret, segment_regret

PLANS = np.array([[0.9, 0.8], [1.0, 0.2]])
NAMES = ("expert", "shortcut")
KEY = 20261301


def test_exact_along_the_segment() -> None:
    found = segment_regret(PLANS, np.array([1.0, 0.0]), np.array([0.0, 1.0]), names=NAMES)
    assert found.thresholds[0, 1] == pytest.approx(1 / 7, abs=1e-9)
    assert found.best_shares == pytest.approx([6 / 7, 1 / 7], abs=1e-9)
    assert found.worst == pytest.approx([0.10, 0.60], abs=1e-9)
    assert found.means == pytest.approx([1 / 140, 9 / 35], abs=1e-9)
    assert found.means == pytest.approx([0.00714, 0.25714], abs=5e-6)


def test_over_draws_within_their_error() -> None:
    t = np.random.default_rng(KEY).random(20_000)
    found = plan_regret(PLANS, np.stack([1 - t, t], axis=1), names=NAMES, level=0.9)
    assert np.all(np.abs(found.means - [1 / 140, 9 / 35]) < 4 * found.mean_errors)
    assert found.best_shares[0] == pytest.approx(6 / 7, abs=4 * np.sqrt(6 / 49 / 20_000))
    assert np.all(found.worst <= [0.1, 0.6]) and found.worst == pytest.approx([0.1, 0.6], abs=1e-3)
    # t uniform: the shortcut's 90 % point is at t = .9, and beyond it the mean regret is that at t = .95. The
    # expert's is at the t with a chance of 1/10 below it, 1/10, beyond it the mean is that at t = .05.
    assert found.conditional_values_at_risk[1] == pytest.approx(
        0.7 * 0.95 - 0.1, abs=4 * found.conditional_errors[1]
    )
    assert found.conditional_values_at_risk[0] == pytest.approx(
        0.1 - 0.7 * 0.05, abs=4 * found.conditional_errors[0]
    )
    low, high = found.value_at_risk_intervals[1]
    assert low < 0.7 * 0.9 - 0.1 < high
    assert {found.best(c) for c in ("mean", "conditional_value_at_risk", "worst")} == {"expert"}


def test_the_pair_is_what_the_rewards_disagree_on() -> None:
    t = np.random.default_rng(KEY).random(20_000)
    found = disagreement(PLANS, np.stack([1 - t, t], axis=1), names=NAMES)
    assert len(found.pairs) == 1
    pair = found.pairs[0]
    assert {pair.first, pair.second} == set(NAMES)
    chance = pair.probability if pair.first == "expert" else 1 - pair.probability
    assert chance == pytest.approx(6 / 7, abs=4 * np.sqrt(6 / 49 / 20_000))
    assert pair.regret == pytest.approx(1 / 140, abs=4 * 0.02 / np.sqrt(20_000))
