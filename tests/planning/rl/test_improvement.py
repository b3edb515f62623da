"""The comparison of two policies: by hand, by the rate of false alarms on controls, and at the door."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import DataError, SettingsError
from telic.planning.rl.improvement import episodes_needed, improvement


def test_all_changes_of_signs_are_counted_by_hand() -> None:
    old, new = np.array([1.0, 5.0, 2.0, 0.0, 4.0]), np.array([4.0, 4.0, 4.0, 5.0, 5.0])
    d = new - old  # 3, -1, 2, 5, 1
    sums = [np.dot(s, d) for s in itertools.product([1, -1], repeat=5)]
    found = improvement(old, new, confidence=0.9)
    assert found.p_value == np.mean([s >= d.sum() for s in sums]) == 3 / 32
    assert found.is_better
    assert not improvement(old, new, confidence=0.95).is_better
    assert (found.old, found.new, found.difference) == (2.4, 4.4, 2.0)
    # Just below the bound the same test refutes a smaller difference, just above it does not.
    for shift, is_refuted in ((found.low - 1e-6, True), (found.low + 1e-6, False)):
        e = d - shift
        p = np.mean([np.dot(s, e) >= e.sum() - 1e-12 for s in itertools.product([1, -1], repeat=5)])
        assert (p <= 0.1) == is_refuted


def test_policies_that_are_one_are_never_better() -> None:
    same = np.array([-130.0, -240.0, -1.0, -380.0, -120.0, -118.0])
    found = improvement(same, same.copy())
    assert (found.p_value, found.is_better) == (1.0, False)
    assert found.low <= 0


@pytest.mark.parametrize("n", [8, 20])
def test_false_alarms_on_controls_are_no_more_than_stated(n) -> None:
    """1,000 controls with heavy tails and no difference: the exact one-sided binomial test at 1e-4 of a rate of .05."""
    rng = np.random.default_rng(n)
    alarms = 0
    for i in range(1_000):
        start = rng.standard_t(2, n) * 50.0  # what a beginning is worth, to both
        old, new = (start + rng.exponential(30.0, n) for _ in range(2))
        alarms += improvement(old, new, key=i).is_better
    assert stats.binomtest(alarms, 1_000, 0.05, alternative="greater").pvalue > 1e-4
    # And they are not so few that nothing would ever be found: at n = 20 sampling of signs is fine enough for .05.
    assert stats.binomtest(alarms, 1_000, 0.02, alternative="less").pvalue > 1e-4


def test_a_real_difference_is_found_and_its_bound_covers_it() -> None:
    """300 pairs that differ by 1 standard deviation on 12 beginnings: power of a t-test there is .94."""
    rng, found, covered = np.random.default_rng(0), 0, 0
    for _ in range(300):
        start = rng.normal(size=12) * 10.0
        told = improvement(start, start + 1.0 + rng.normal(size=12))
        found += told.is_better
        covered += told.low <= 1.0
    assert stats.binomtest(found, 300, 0.9, alternative="less").pvalue > 1e-4
    assert stats.binomtest(covered, 300, 0.95, alternative="less").pvalue > 1e-4


def test_too_few_episodes_are_refused_with_how_many_are_needed() -> None:
    assert [episodes_needed(c) for c in (0.5, 0.9, 0.95, 0.99, 0.875)] == [1, 4, 5, 7, 3]
    with pytest.raises(DataError, match=r"needs at least 5 episodes of each policy, got 4"):
        improvement(np.zeros(4), np.ones(4))
    with pytest.raises(DataError, match="of the same beginnings, got 5 and 6"):
        improvement(np.zeros(5), np.ones(6))
    with pytest.raises(DataError, match="Returns must be finite"):
        improvement(np.zeros(5), np.array([0, 1, np.nan, 1, 1]))
    for wrong in (0.4, 1.0):
        with pytest.raises(SettingsError, match="must lie in"):
            episodes_needed(wrong)
