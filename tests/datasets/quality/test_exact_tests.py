"""Exact tests against other implementations: Fisher's test of SciPy, brute force over all pairings, Tarone by hand."""

import itertools

import numpy as np
import pytest
from scipy.stats import fisher_exact

from telic.datasets.quality.exact_tests import stratified_tail, tarone, upper_tails


@pytest.mark.parametrize("key", range(5))
def test_one_stratum_is_fishers_test(key):
    g = np.random.default_rng(key)
    k, n_not, m_not, rest = (g.integers(0, 12, 20) for _ in range(4))
    total, marked, drawn = k + n_not + m_not + rest, k + m_not, k + n_not
    p = upper_tails(k, total, marked, drawn)
    for i in range(20):
        table = [[k[i], n_not[i]], [m_not[i], rest[i]]]
        assert p[i] == pytest.approx(fisher_exact(table, alternative="greater").pvalue, rel=1e-9)


def test_two_strata_are_all_pairings():
    strata = [(5, 2, 3), (4, 3, 2)]  # total, marked, drawn
    counts = np.zeros(6)
    draws = [list(itertools.combinations(range(N), n)) for N, _, n in strata]
    for first, second in itertools.product(*draws):
        k = sum(i < strata[0][1] for i in first) + sum(i < strata[1][1] for i in second)
        counts[k] += 1
    N, K, n = (np.array(x) for x in zip(*strata, strict=True))
    for k in range(5):
        p, least = stratified_tail(k, N, K, n)
        assert p == pytest.approx(counts[k:].sum() / counts.sum(), abs=1e-12)
        assert least == pytest.approx(counts[4] / counts.sum(), abs=1e-12)


def test_tarone_counts_only_what_could_reach_the_level():
    # At .05 / 2 = .025 two tables can, at .05 / 1 three: so the family counts two.
    testable, each = tarone(np.array([0.001, 0.02, 0.04, 0.3, 0.9]), 0.05)
    assert testable.tolist() == [True, True, False, False, False]
    assert each == 0.025
