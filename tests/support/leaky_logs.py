"""Logs with and without a column of future values, of several kinds of state, for the check that looks for them."""

from __future__ import annotations

import numpy as np

from telic.datasets.decisions.leakage import Series

DESIGNS = ("continuous", "queue", "phases", "polled price")
"""A load that always moves; a count that moves by a few; three phases; a price polled seldom and seen fresh."""


def leaky_log(key: int, design: str, *, planted: bool = False, n: int = 200, services: int = 3):
    """Keys, times and columns of decisions, and the series of the state.

    The honest columns are the state just before, a fresh reading at the decision, a forecast that is right most of the
    time, and noise; ``planted`` adds the value of the next row of state, missing in one of twenty rows.
    """
    rng = np.random.default_rng([key, DESIGNS.index(design)])
    m = 4 * n
    row_keys = np.repeat(np.arange(services), m // services)
    row_times = np.concatenate([np.sort(rng.uniform(0, 1000, m // services)) for _ in range(services)])
    fine = _walk(rng, design, services)
    values = fine(row_keys, row_times)
    keys, times = rng.integers(0, services, n), rng.uniform(50, 950, n)
    before = np.array(
        [np.flatnonzero((row_keys == k) & (row_times < t))[-1] for k, t in zip(keys, times, strict=True)]
    )
    after = before + 1
    right = rng.random(n) < 0.8
    columns = {
        "before": values[before],
        "fresh": fine(keys, times),
        "forecast": np.where(right, values[after], values[before]),
        "noise": rng.permutation(values[before]),
    }
    if planted:
        columns["planted"] = np.where(rng.random(n) < 0.05, np.nan, values[after])
    return keys, times, columns, {"state.x": Series(keys=row_keys, times=row_times, values=values)}


def _walk(rng, design: str, services: int):
    """The true value of each service at any time, as steps on a fine grid (a price steps rarely)."""
    steps = 40 if design == "polled price" else 4000
    shape = (services, steps)
    if design == "continuous":
        path = np.cumsum(rng.normal(0, 1, shape), axis=1)
    elif design == "queue":
        path = np.abs(np.cumsum(rng.integers(-2, 3, shape), axis=1)).astype(float)
    elif design == "phases":
        stays = rng.random(shape) < 0.97
        path = np.zeros(shape)
        for j in range(1, steps):
            path[:, j] = np.where(stays[:, j], path[:, j - 1], rng.integers(0, 3, services))
    else:
        path = np.cumsum(rng.normal(0, 1, shape), axis=1).round(2)
    return lambda k, t: path[k, np.minimum((t / 1000 * steps).astype(int), steps - 1)]
