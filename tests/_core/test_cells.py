"""Cells of about equal counts, also where one value fills most of a column."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telic._core.cells import equal_count_cells


def test_distinct_numbers_are_quartered():
    counts = np.bincount(equal_count_cells(np.random.default_rng(0).permutation(1000.0 + np.arange(1000)), 4))
    assert np.all(np.abs(counts - 250) <= 5)


@pytest.mark.parametrize("zeros", [0.6, 0.9, 0.97])
def test_a_frequent_value_has_a_cell_of_its_own(zeros):
    g = np.random.default_rng(1)
    values = np.where(g.random(10_000) < zeros, 0.0, g.gamma(2, 3, 10_000))
    cells = equal_count_cells(values, 4)
    of_zero = np.unique(cells[values == 0])
    assert len(of_zero) == 1
    assert not np.any(cells[values > 0] == of_zero[0])
    assert len(np.unique(cells[values > 0])) >= 2


def test_missing_values_and_constants():
    np.testing.assert_array_equal(equal_count_cells(np.array([np.nan, np.nan]), 4), [-1, -1])
    cells = equal_count_cells(np.array([5.0, np.nan, 5.0]), 4)
    assert cells[0] == cells[2] >= 0
    assert cells[1] == -1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80), st.integers(2, 9))
def test_cells_rise_with_values(values, count):
    array = np.array(values)
    cells = equal_count_cells(array, count)
    order = np.argsort(array)
    assert np.all(np.diff(cells[order]) >= 0)
    assert np.all(cells >= 0)
