"""Moments against brute force over all pairings; one stratum of CMH against scipy's Pearson test."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats as st

from telic._core.contingency import stratified_independence


def _pearson(rows: np.ndarray, columns: np.ndarray) -> float:
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1)
    expected = np.outer(table.sum(1), table.sum(0)) / len(rows)
    return float(((table - expected) ** 2 / np.where(expected > 0, expected, 1)).sum())


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ([0, 0, 1, 1, 2, 2, 2], [0, 1, 0, 1, 1, 1, 2]),
        ([0, 1, 1, 1], [0, 0, 1, 1]),
        ([0, 0, 0, 1, 1, 2], [1, 0, 0, 0, 1, 1]),
    ],
)
def test_mean_and_variance_equal_those_over_all_pairings(rows: list[int], columns: list[int]) -> None:
    r, c = np.array(rows), np.array(columns)
    every = np.array([_pearson(r, np.array(p)) for p in itertools.permutations(columns)])
    got = stratified_independence(r, c, np.zeros(len(r), dtype=np.int64))
    assert got.statistic == pytest.approx(_pearson(r, c), abs=1e-12)
    assert got.mean == pytest.approx(every.mean(), rel=1e-12)
    assert got.variance == pytest.approx(every.var(), rel=1e-10)


def test_strata_add_up() -> None:
    rng = np.random.default_rng(5)
    rows, columns = rng.integers(0, 3, 60), rng.integers(0, 4, 60)
    strata = np.repeat([7, 9], 30)
    parts = [
        stratified_independence(rows[strata == s], columns[strata == s], strata[strata == s]) for s in (7, 9)
    ]
    both = stratified_independence(rows, columns, strata)
    assert both.statistic == pytest.approx(sum(p.statistic for p in parts))
    assert both.variance == pytest.approx(sum(p.variance for p in parts))
    assert both.n_strata == 2


def test_one_stratum_alike_is_the_pearson_test_up_to_n_minus_1() -> None:
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(0, 3, 400), rng.integers(0, 3, 400)
    table = np.zeros((3, 3))
    np.add.at(table, (rows, columns), 1)
    chi2, _, df, _ = st.chi2_contingency(table)
    got = stratified_independence(rows, columns, np.zeros(400, dtype=np.int64))
    assert got.degrees == df
    assert got.p_alike == pytest.approx(st.chi2.sf(chi2 * 399 / 400, df), rel=1e-9)


def test_nothing_to_compare_gives_one() -> None:
    one = np.zeros(50, dtype=np.int64)
    assert stratified_independence(one, np.arange(50), one).p_value == 1.0
    assert stratified_independence(np.arange(50), np.arange(50), np.arange(50)).p_value == 1.0
    assert stratified_independence(one[:0], one[:0], one[:0]).p_value == 1.0


def test_uniform_p_values_in_sparse_tables() -> None:
    """False alarms at level .05 in 400 data sets of 60 strata x 6 rows; central 99.9 % interval."""
    rng = np.random.default_rng(20)
    alarms = {"p_anywhere": 0, "p_alike": 0, "p_value": 0}
    strata = np.repeat(np.arange(60), 6)
    for _ in range(400):
        test = stratified_independence(
            rng.choice(5, 360, p=[0.6, 0.1, 0.1, 0.1, 0.1]), rng.integers(0, 3, 360), strata
        )
        for name in alarms:
            alarms[name] += getattr(test, name) < 0.05
    high = st.binom.ppf(0.9995, 400, 0.05)
    low = st.binom.ppf(0.0005, 400, 0.05)
    assert alarms["p_value"] <= high
    assert low <= alarms["p_anywhere"] <= high
    assert low <= alarms["p_alike"] <= high
