"""As-of joins against the definition, written as a loop: the last row before each moment, never a later one."""

from __future__ import annotations

import numpy as np
import pytest

from telic.datasets.decisions import as_of
from telic.datasets.decisions.as_of import first_after


def by_hand(keys, times, row_keys, row_times, same_time):
    found = []
    for k, t in zip(keys, times, strict=True):
        best = -1
        for i, (rk, rt) in enumerate(zip(row_keys, row_times, strict=True)):
            known = rt < t or (same_time and rt == t)
            if rk == k and known and (best < 0 or rt >= row_times[best]):
                best = i
        found.append(best)
    return found


@pytest.mark.parametrize("same_time", [False, True])
def test_it_is_the_definition(same_time):
    rng = np.random.default_rng(0)
    for _ in range(40):
        n, m = rng.integers(0, 30, 2)
        keys, row_keys = rng.integers(-1, 4, n), rng.integers(0, 3, m)
        times, row_times = rng.integers(0, 12, n).astype(float), rng.integers(0, 12, m).astype(float)
        found = as_of(keys, times, row_keys, row_times, same_time=same_time)
        assert found.tolist() == by_hand(keys, times, row_keys, row_times, same_time)


def test_no_row_is_from_the_future_or_of_another():
    rng = np.random.default_rng(1)
    keys, row_keys = rng.integers(0, 50, 20_000), rng.integers(0, 60, 50_000)
    times, row_times = rng.uniform(0, 1e4, 20_000), rng.uniform(0, 1e4, 50_000)
    rows = as_of(keys, times, row_keys, row_times)
    found = rows >= 0
    assert found.mean() > 0.9
    assert np.all(row_times[rows[found]] < times[found])
    assert np.all(row_keys[rows[found]] == keys[found])


def test_the_row_after():
    row_keys, row_times = np.array([0, 0, 0, 1]), np.array([1.0, 2.0, 3.0, 9.0])
    keys, times = np.array([0, 0, 0, 1]), np.array([0.0, 1.0, 3.0, 5.0])
    assert first_after(keys, times, row_keys, row_times).tolist() == [0, 1, -1, 3]
    assert first_after(keys, times, row_keys, row_times, lead=2).tolist() == [1, 2, -1, -1]
    assert first_after(keys, times, row_keys[:0], row_times[:0]).tolist() == [-1, -1, -1, -1]
