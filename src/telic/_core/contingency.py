"""Does one label help to predict another within the same stratum? Exact moments, no simulation.

Within each stratum the pairs (row label, column label) form a table. If the two are independent there, every
pairing of the observed rows with the observed columns is equally likely. Two statistics see two kinds of
dependence:

- ``anywhere``: the sum over strata of Pearson's X^2. It sees dependence of any shape, different in every
  stratum. Written as ``n trace(K L)`` with centred kernels its mean and variance over all pairings are known
  exactly (Kazi-Aoual et al. 1995), however sparse the tables; the sum is compared with the scaled chi-square
  of the same two moments.
- ``alike``: the generalised Cochran-Mantel-Haenszel statistic (Landis, Heyman & Koch 1978, general
  association). Observed minus expected tables are summed over strata before they are squared, so that a weak
  dependence of the same direction everywhere adds up although no stratum alone could show it.

The p-value is ``min(1, 2 min(p_anywhere, p_alike))``. Checked against brute force over all pairings in
``tests/_core/test_contingency.py``.

References:
    Kazi-Aoual, Hitier, Sabatier & Lebreton (1995), Refined approximations to permutation tests for
    multivariate inference, equations 2.3 and 2.4. Landis, Heyman & Koch (1978), Average partial association
    in three-way contingency tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from telic.typing import BoolArray, FloatArray, LongArray

from .codes import counted, renumber

__all__ = ["StratifiedTest", "holm", "stratified_independence"]

ALIKE_LEVELS = 12
"""Most row or column labels for the ``alike`` statistic; its covariance has their product squared entries."""

SMALLEST_STRATUM = 4
"""Rows below which a stratum is left out: the variance formula divides by (n - 3)."""

RANK_TOLERANCE = 1e-9
"""Relative eigenvalue below which a direction of the ``alike`` covariance counts as absent."""


@dataclass(frozen=True, kw_only=True)
class StratifiedTest:
    """Whether rows and columns depend on each other within strata.

    Attributes:
        p_value: of the two statistics together; 1 where no stratum is informative.
        p_anywhere, p_alike: of each; 1 where it could not be formed.
        statistic, mean, variance: the summed X^2 and its exact moments under independence.
        degrees: degrees of freedom of the ``alike`` statistic.
        n_strata: strata with at least two row and two column labels.
        n_rows: rows in those strata.
    """

    p_value: float
    p_anywhere: float
    p_alike: float
    statistic: float
    mean: float
    variance: float
    degrees: int
    n_strata: int
    n_rows: int


def stratified_independence(
    rows: LongArray, columns: LongArray, strata: LongArray, counts: FloatArray | None = None
) -> StratifiedTest:
    """The test of independence of ``rows`` and ``columns`` within each of ``strata``.

    Args:
        rows: ``(n,)`` labels of one kind; any integers will do.
        columns: ``(n,)`` labels of the other kind.
        strata: ``(n,)`` labels of what is held fixed.
        counts: ``(n,)`` how often each triple occurs, where they were counted before; None: once each.

    Returns:
        the statistics and p-values; p-value 1 where there is nothing to compare.
    """
    from scipy.special import chdtrc

    nothing = StratifiedTest(
        p_value=1.0,
        p_anywhere=1.0,
        p_alike=1.0,
        statistic=0.0,
        mean=0.0,
        variance=0.0,
        degrees=0,
        n_strata=0,
        n_rows=0,
    )
    if not len(rows):
        return nothing
    (strata, rows, columns), times = counted(strata, rows, columns, weights=counts)
    stratum, row_codes, column_codes = (renumber(labels)[1] for labels in (strata, rows, columns))
    keep = _informative(row_codes, column_codes, stratum, times)
    if not keep.any():
        return nothing
    row_codes, column_codes, times = row_codes[keep], column_codes[keep], times[keep]
    stratum = renumber(stratum[keep])[1]
    statistic, mean, variance = _pearson_moments(row_codes, column_codes, stratum, times)
    p_anywhere = 1.0
    if variance > 0 and mean > 0:
        p_anywhere = float(chdtrc(2 * mean**2 / variance, max(statistic, 0.0) * 2 * mean / variance))
    alike, degrees = _alike(row_codes, column_codes, stratum, times)
    p_alike = float(chdtrc(degrees, alike)) if degrees else 1.0
    return StratifiedTest(
        p_value=min(1.0, 2 * min(p_anywhere, p_alike)) if degrees else p_anywhere,
        p_anywhere=p_anywhere,
        p_alike=p_alike,
        statistic=statistic,
        mean=mean,
        variance=variance,
        degrees=degrees,
        n_strata=int(stratum.max()) + 1,
        n_rows=int(times.sum()),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number after Holm (1979), in the order given."""
    m = len(p_values)
    adjusted, running = [1.0] * m, 0.0
    for rank, i in enumerate(sorted(range(m), key=p_values.__getitem__)):
        running = max(running, min(1.0, (m - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted


def _informative(rows: LongArray, columns: LongArray, stratum: LongArray, times: FloatArray) -> BoolArray:
    """``(n,)`` triples of strata that are large enough and have two labels of each kind."""
    n = np.bincount(stratum, weights=times)
    good = n >= SMALLEST_STRATUM
    for labels in (rows, columns):
        pairs = np.unique(_pair(stratum, labels))
        good &= np.bincount(pairs // (int(labels.max()) + 1), minlength=len(n)) >= 2
    return np.asarray(good[stratum])


def _pair(stratum: LongArray, labels: LongArray) -> LongArray:
    return stratum * (int(labels.max()) + 1) + labels


def _pearson_moments(
    rows: LongArray, columns: LongArray, stratum: LongArray, times: FloatArray
) -> tuple[float, float, float]:
    """The summed X^2 with its exact mean and variance over all pairings within strata."""
    S = int(stratum.max()) + 1
    n = np.bincount(stratum, weights=times)
    row_keys, row_of = np.unique(_pair(stratum, rows), return_inverse=True)
    column_keys, column_of = np.unique(_pair(stratum, columns), return_inverse=True)
    row_n, column_n = np.bincount(row_of, weights=times), np.bincount(column_of, weights=times)
    share = times**2 / (row_n[row_of] * column_n[column_of])
    statistic = n * (np.bincount(stratum, weights=share, minlength=S) - 1.0)
    # Centred kernel of "same label": its trace is (labels - 1), and it is a projection.
    moments = []
    for keys, counts, labels in ((row_keys, row_n, rows), (column_keys, column_n, columns)):
        owner = keys // (int(labels.max()) + 1)
        levels = np.bincount(owner, minlength=S).astype(np.float64)
        diagonal = np.bincount(owner, weights=1.0 / counts, minlength=S) - (2 * levels - 1) / n
        moments.append((levels - 1, diagonal))
    (t, s), (u, v) = moments
    mean = n * t * u / (n - 1)
    spread = 2 * ((n - 1) * t - t**2) * ((n - 1) * u - u**2) / ((n - 1) ** 2 * (n + 1) * (n - 2))
    shape = (n * (n + 1) * s - (n - 1) * (t**2 + 2 * t)) * (n * (n + 1) * v - (n - 1) * (u**2 + 2 * u))
    variance = n**2 * (spread + shape / ((n + 1) * n * (n - 1) * (n - 2) * (n - 3)))
    return float(statistic.sum()), float(mean.sum()), float(np.maximum(variance, 0).sum())


def _alike(rows: LongArray, columns: LongArray, stratum: LongArray, times: FloatArray) -> tuple[float, int]:
    """The general-association statistic and its degrees of freedom; (0, 0) for too many labels."""
    R, C, S = int(rows.max()) + 1, int(columns.max()) + 1, int(stratum.max()) + 1
    if R > ALIKE_LEVELS or C > ALIKE_LEVELS:
        return 0.0, 0
    n = np.bincount(stratum, weights=times).astype(np.float64)
    r = np.bincount(stratum * R + rows, weights=times, minlength=S * R).reshape(S, R).astype(np.float64)
    c = np.bincount(stratum * C + columns, weights=times, minlength=S * C).reshape(S, C).astype(np.float64)
    observed = np.bincount(rows * C + columns, weights=times, minlength=R * C)
    gap = observed - (r.T @ (c / n[:, None])).ravel()
    scale = 1.0 / (n**2 * (n - 1))
    row_part = (_spread(r, n) * scale[:, None]).reshape(S, R * R)
    covariance = (row_part.T @ _spread(c, n)).reshape(R, R, C, C).transpose(0, 2, 1, 3).reshape(R * C, R * C)
    values, vectors = np.linalg.eigh(covariance)
    present = values > RANK_TOLERANCE * max(float(values[-1]), 1e-300)
    projected = vectors[:, present].T @ gap
    return float(np.sum(projected**2 / values[present])), int(present.sum())


def _spread(counts: FloatArray, n: FloatArray) -> FloatArray:
    """``(S, L * L)``: n diag(counts) - counts counts^T of each stratum."""
    S, L = counts.shape
    outer = -counts[:, :, None] * counts[:, None, :]
    outer[:, np.arange(L), np.arange(L)] += n[:, None] * counts
    return outer.reshape(S, L * L)
