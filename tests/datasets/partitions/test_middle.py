"""Medians of numbers that are not in memory, against numpy's."""

from collections import Counter

import numpy as np
import pytest

from telic.datasets.partitions.middle import median, median_of_counts


def samples():
    g = np.random.default_rng(3)
    return [
        g.normal(size=1001),
        g.normal(size=1000) * 1e-300,
        np.round(g.normal(size=500)),
        np.array([-0.0, 0.0, 1.0]),
        np.array([5.0]),
        np.array([-1e308, 1e308]),
        np.full(64, 60.0),
        g.integers(-3, 4, 99).astype(float),
    ]


@pytest.mark.parametrize("values", samples(), ids=range(8))
def test_the_median(values):
    pieces = np.array_split(values, 4)
    expected = float(np.median(values))
    assert median(lambda: iter(pieces)) == expected
    assert median_of_counts([Counter(p.tolist()) for p in pieces]) == expected


def test_of_nothing():
    assert median(lambda: iter([np.zeros(0)])) is None
    assert median_of_counts([{}, {}]) is None
