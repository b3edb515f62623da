"""Clocks: an injected offset and drift are found within the stated bound; the bound is as wide as it says.

Sample sizes are reduced (100 logs each); ``reproductions/clock_skew.py`` has them in full.
"""

from __future__ import annotations

import numpy as np
import pytest

from telic.datasets.decisions import estimate_clock
from telic.errors import DataError

DAY = 86_400.0


def log(key, n=200, offset=0.0, drift=0.0, noise=0.2):
    rng = np.random.default_rng(key)
    there = np.sort(1.7e9 + rng.uniform(0, DAY, n))
    middle = np.median(there)
    here = there + offset + drift * (there - middle) + rng.normal(0, noise, n)
    return here, there, middle


def test_an_injected_skew_is_recovered_within_the_bound():
    held = 0
    for key in range(100):
        offset, drift = np.random.default_rng(500 + key).normal(0, [40, 1e-4])
        here, there, middle = log(key, offset=offset, drift=drift)
        found = estimate_clock(here, there)
        at = np.linspace(there[0], there[-1], 20)
        wrong = found.corrected(at + offset + drift * (at - middle)) - at
        held += bool(np.all(np.abs(wrong) <= found.bound(at)))
        assert found.bound(at).max() < 1.0
    # 97 % is promised; 90 of 100 or fewer would come about with probability .001 (binomial).
    assert held >= 91


def test_a_right_clock_is_seldom_called_wrong():
    alarms = sum(estimate_clock(*log(key)[:2]).is_off for key in range(100))
    # At most 3 % are promised; 10 of 100 or more would come about with probability .001.
    assert alarms <= 9


def test_wrong_matches_do_no_harm():
    here, there, _ = log(3, offset=12.0)
    here[::5] += 5_000  # a fifth of the matches belong to other events
    found = estimate_clock(here, there)
    assert abs(found.offset - 12.0) < 0.3


def test_stamps_cut_to_seconds_widen_the_interval_by_a_second():
    here, there, _ = log(4, offset=2.4, noise=0.0)
    found = estimate_clock(np.floor(here), np.floor(there), with_drift=False)
    low, high = found.offset_interval
    assert low <= 2.4 <= high
    assert high - low >= 2.0


def test_a_stated_lag_is_no_offset():
    here, there, _ = log(5, offset=7.0)
    assert abs(estimate_clock(here, there, lag_seconds=5.0).offset - 2.0) < 0.1


def test_a_clock_that_jumps_is_not_called_steady():
    here, there, middle = log(6, noise=0.1)
    here[there > middle - DAY / 4] += 3.0
    assert not estimate_clock(here, there).is_steady
    assert sum(not estimate_clock(*log(key)[:2]).is_steady for key in range(100)) <= 2


def test_too_few_events_say_so():
    with pytest.raises(DataError, match="at least 8 events that both logs hold, got 7"):
        estimate_clock(np.arange(7.0), np.arange(7.0))
