"""Renumbering and counting, against numpy's sort and Python's dictionaries."""

from collections import Counter

import numpy as np
import pytest

from telic._core.codes import counted, renumber
from telic._core.contingency import stratified_independence


@pytest.mark.parametrize("spread", [1, 7, 10**4, 10**12])
@pytest.mark.parametrize("n", [0, 1, 2000])
def test_renumbering_is_unique_with_its_inverse(n, spread):
    values = np.random.default_rng(n).integers(-spread, spread, n)
    distinct, places = renumber(values)
    expected = np.unique(values, return_inverse=True)
    np.testing.assert_array_equal(distinct, expected[0])
    np.testing.assert_array_equal(places, expected[1])


def test_places_come_in_the_type_asked_for():
    assert renumber(np.array([5, 3, 5]), np.int32)[1].dtype == np.int32
    assert renumber(np.array([0, 1, 0], dtype=np.int32), np.int32)[1].tolist() == [0, 1, 0]


def test_tuples_are_counted_in_order():
    g = np.random.default_rng(3)
    a, b, c = g.integers(-2, 3, 500), g.integers(0, 10**10, 500) // 10**9, g.integers(0, 2, 500)
    weights = g.random(500)
    parts, times = counted(a, b, c)
    expected = Counter(zip(a.tolist(), b.tolist(), c.tolist(), strict=True))
    assert list(zip(*(p.tolist() for p in parts), strict=True)) == sorted(expected)
    assert times.tolist() == [expected[k] for k in sorted(expected)]
    total = counted(a, weights=weights)[1]
    np.testing.assert_allclose(total, [weights[a == v].sum() for v in range(-2, 3)])


def test_counted_triples_are_tested_like_the_rows_they_stand_for():
    g = np.random.default_rng(5)
    strata, rows, columns = g.integers(0, 9, 3000), g.integers(0, 4, 3000), g.integers(0, 3, 3000)
    columns[rows == 1] //= 2
    (s, r, c), times = counted(strata, rows, columns)
    assert stratified_independence(r, c, s, times) == stratified_independence(rows, columns, strata)
    assert stratified_independence(r[::-1], c[::-1], s[::-1], times[::-1]).n_rows == 3000
