"""Columns that equal later states: 100 planted and 100 clean logs (``reproductions/future_values.py`` has 200 each)."""

from __future__ import annotations

import numpy as np
from leaky_logs import DESIGNS, leaky_log

from telic.datasets.decisions import future_matches


def named(key, design, **kwargs):
    keys, times, columns, states = leaky_log(key, design, **kwargs)
    return {m.column for m in future_matches(keys, times, columns, states)}


def test_planted_future_values_are_named():
    for design in DESIGNS:
        found = sum("planted" in named(1000 + k, design, planted=True) for k in range(25))
        assert found >= 24, design


def test_honest_columns_are_not():
    for design in DESIGNS:
        alarms = sum(bool(named(k, design)) for k in range(25))
        assert alarms <= 1, design


def test_the_row_and_lead_are_told():
    keys, times = np.zeros(60, dtype=np.int64), np.arange(60) + 0.5
    values = np.random.default_rng(0).normal(size=62)
    from telic.datasets.decisions.leakage import Series

    states = {"m.x": Series(keys=np.zeros(62, dtype=np.int64), times=np.arange(62.0), values=values)}
    [match] = future_matches(keys, times, {"ahead": values[2:62], "now": values[:60]}, states)
    assert (match.column, match.state, match.lead) == ("ahead", "m.x", 2)
    assert (match.n_matches, match.n_changed) == (60, 60)
    # The exact lower bound of 60 of 60 at level .01 over 2 columns x 1 state x 3 leads: (.01 / 6) ** (1 / 60).
    assert abs(match.least_share - (0.01 / 6) ** (1 / 60)) < 1e-12


def test_a_negation_of_two_values_is_honest():
    from telic.datasets.decisions.leakage import Series

    up = np.random.default_rng(1).integers(0, 2, 301).astype(float)
    keys, times = np.zeros(300, dtype=np.int64), np.arange(300) + 0.5
    states = {"m.up": Series(keys=np.zeros(301, dtype=np.int64), times=np.arange(301.0), values=up)}
    assert future_matches(keys, times, {"down": 1 - up[:300]}, states) == []
    assert [m.column for m in future_matches(keys, times, {"next": up[1:]}, states)] == ["next"]
