"""The posterior of Rust's bus engines by summing prior times likelihood over a grid, without any code of telic.

The outside answer of ``bus_posterior.py``. The likelihood of each point is found by backward induction over the bins,
with Newton's method for the value of a new engine; everything else is sums and splines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

BINS, DISCOUNT = 90, 0.9999

BOX = ((4.5, 24.0), (0.2, 8.0))
"""Replacement cost and operating cost of the grid; ``Surface.edge`` says how little lies outside."""


@dataclass(frozen=True)
class Surface:
    """Log posterior on a grid, and what follows from summing it.

    Attributes:
        axes: the two axes, replacement cost first.
        log: ``(n, m)`` log posterior, 0 at its highest point.
    """

    axes: tuple[np.ndarray, np.ndarray]
    log: np.ndarray

    def marginal(self, k: int) -> np.ndarray:
        """Density of one of the two on its axis, summing to 1 over its steps (trapezoids: it ends at 0)."""
        p = np.exp(self.log).sum(axis=1 - k)
        return p / (p.sum() * self.step(k))

    def step(self, k: int) -> float:
        """Distance of points of an axis."""
        return float(self.axes[k][1] - self.axes[k][0])

    def moments(self, k: int) -> tuple[float, float]:
        """Mean and standard deviation of one of the two."""
        x, p = self.axes[k], self.marginal(k) * self.step(k)
        mean = float(p @ x)
        return mean, float(np.sqrt(p @ (x - mean) ** 2))

    def cdf(self, k: int) -> Any:
        """Distribution function, from a spline through the marginal density."""
        from scipy.interpolate import CubicSpline

        return CubicSpline(self.axes[k], self.marginal(k)).antiderivative()

    def quantile(self, k: int, q: float) -> float:
        """Where the distribution function is ``q``."""
        from scipy.optimize import brentq

        cdf = self.cdf(k)
        return float(brentq(lambda x: cdf(x) - q, *self.axes[k][[0, -1]], xtol=1e-10))

    def threshold(self, mass: float) -> float:
        """Log posterior on the edge of the region of highest density that holds this mass."""
        ranked = np.sort(self.log.ravel())[::-1]
        held = np.cumsum(np.exp(ranked))
        return float(ranked[np.searchsorted(held, mass * held[-1])])

    def at(self, points: np.ndarray) -> np.ndarray:
        """Log posterior between the points of the grid, by a cubic spline."""
        from scipy.interpolate import RectBivariateSpline

        return np.asarray(RectBivariateSpline(*self.axes, self.log).ev(points[:, 0], points[:, 1]))

    def edge(self) -> float:
        """Largest density on the edge of the grid, relative to the highest."""
        sides = (self.log[0], self.log[-1], self.log[:, 0], self.log[:, -1])
        return float(np.exp(max(side.max() for side in sides)))


def log_likelihood(cost: np.ndarray, wear: np.ndarray, steps: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Choice log-likelihood at each pair of replacement and operating cost, without any code of telic.

    With ``E`` the value of replacing, the value of bin x solves ``V(x) = log(exp(-.001 w x + g sum_j p_j V(x + j)) +
    exp(E))``: from the last bin down one unknown at a time. ``E + cost - g sum_j p_j V(j)`` is concave and increasing
    in E, so Newton's method finds its root from anywhere; the same holds for V(x).

    Args:
        cost: of an engine, replacement cost.
        wear: operating cost, of the same shape.
        steps: chance of moving on by 0, 1, ... bins in a month.
        counts: ``(bins, 2)`` months in each bin in which the engine was kept, or replaced.
    """
    E = np.zeros_like(cost)
    V, slope = _values(E, wear, steps, None)
    for _ in range(200):
        ahead = sum(p * V[j] for j, p in enumerate(steps))
        change = sum(p * slope[j] for j, p in enumerate(steps))
        move = (E + cost - DISCOUNT * ahead) / (1.0 - DISCOUNT * change)
        E = E - move
        V, slope = _values(E, wear, steps, V - slope * move)
        if np.abs(move).max() < 1e-9:
            break
    replace = E - V  # log probability
    keep = np.log(-np.expm1(np.minimum(replace, -1e-300)))
    return np.asarray(np.tensordot(counts[:, 0], keep, axes=1) + np.tensordot(counts[:, 1], replace, axes=1))


def _values(
    E: np.ndarray, wear: np.ndarray, steps: np.ndarray, near: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Value of each bin where replacing is worth E, and its derivative in E; ``near`` is where to start."""
    V, slope = np.empty((BINS, *E.shape)), np.empty((BINS, *E.shape))
    for x in reversed(range(BINS)):
        further = [(p, min(x + j, BINS - 1)) for j, p in enumerate(steps)]
        stay = DISCOUNT * sum(p for p, to in further if to == x)
        fixed = sum((DISCOUNT * p * V[to] for p, to in further if to != x), -0.001 * wear * x)
        moved = sum((DISCOUNT * p * slope[to] for p, to in further if to != x), np.zeros_like(E))
        v = near[x] if near is not None else V[x + 1] if x < BINS - 1 else E + 1.0
        for _ in range(100):
            kept = fixed + stay * v
            here = np.logaddexp(kept, E)
            share = np.exp(kept - here)
            move = (v - here) / (1.0 - stay * share)
            v = v - move
            if np.abs(move).max() < 1e-11 * (1.0 + np.abs(v).max()):
                break
        share = np.exp(fixed + stay * v - np.logaddexp(fixed + stay * v, E))
        V[x] = v
        slope[x] = (1.0 - share + share * moved) / (1.0 - stay * share)
    return V, slope


def surface(steps: np.ndarray, counts: np.ndarray, points: int, prior_sd: float) -> Surface:
    """Prior times likelihood on ``points`` x ``points`` of the box; normal priors around 0."""
    axes = (np.linspace(*BOX[0], points), np.linspace(*BOX[1], points))
    cost, wear = np.meshgrid(*axes, indexing="ij")
    log = log_likelihood(cost, wear, steps, counts) - 0.5 * (cost**2 + wear**2) / prior_sd**2
    return Surface(axes, log - log.max())
