"""Choices where each listed option can be taken with a chance of its own, independently: the random-subset logit.

An expert who chooses by a logit among the options that can be taken chooses i of a list C with probability

    p(i) = a_i * integral_0^inf w_i exp(-t w_i) prod_{j != i} (1 - a_j + a_j exp(-t w_j)) dt / (1 - prod_j (1 - a_j)),

with ``w = exp(v)``, because a logit is a race of exponential clocks and a clock that does not run never rings (the
denominator: something could be taken). It equals the sum over all 2^A subsets (Manski 1977) at the cost of one
integral, done by the trapezoid rule in log t, which converges geometrically there: to about 1e-8 of p(i).

With every a equal to 1 this is the conditional logit. The chances a are given, never estimated here: which options
could be taken and which are preferred cannot both be told from choices alone.

References: Manski (1977), The structure of random utility models, Theory and Decision 8, 229-254; Swait and Ben-Akiva
(1987), Transportation Research B 21, 91-102; Trefethen and Weideman (2014), SIAM Review 56, for the rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.reports import Outcome
from telic.trajectories import ChoiceSets
from telic.typing import FloatArray

from .listed import ListedChoices

__all__ = ["SubsetFit", "fit_random_subsets", "subset_log_likelihood"]

STEP = 0.5
"""Between two nodes in log t; the error is about exp(-pi^2 / STEP)."""

EARLIEST = -19.0
"""Log of the first time, before which a share of exp(EARLIEST) of the race is decided."""

BEYOND = 4.0
"""Log of the last time after which the clock of what was taken is silent, in units of its mean."""

SMALL_STEP = 1e-6
"""Score per decision, in standard errors of one decision, at which to stop."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SubsetFit:
    """The weights where the chance that each option could be taken is given.

    Attributes:
        weights: ``(K,)``.
        value: log-likelihood in nats.
        outcome: ``SUCCESS``, or why there is no maximum.
    """

    weights: Float[np.ndarray, "K"]
    value: float
    outcome: Outcome


def subset_log_likelihood(
    listed: ListedChoices, weights: Float[np.ndarray, "K"], available: Float[np.ndarray, "m"]
) -> tuple[float, Float[np.ndarray, "K"]]:
    """The log-likelihood in nats and its derivative by the weights.

    Args:
        listed: choices.
        weights: of the features.
        available: ``(m,)`` chance of each listed option to be one that could be taken.
    """
    sets = listed.sets
    v = listed.padded(sets.features @ weights + sets.known_value)
    a = listed.padded(available)
    v = v - np.where(listed.allowed, v, -np.inf).max(axis=1, keepdims=True)
    v = np.where(listed.allowed, np.maximum(v, -300.0), 0.0)
    w = np.exp(v)
    mine = listed.taken > 0
    w_i = w[mine][:, None]
    last = float(-v[mine].min()) + BEYOND
    total = np.zeros(len(v))
    slopes = np.zeros_like(v)
    for tau in np.arange(EARLIEST, last + STEP, STEP):
        t = np.exp(tau)
        silent = np.exp(-t * w)
        clock = 1.0 - a + a * silent
        others = np.where(mine, 1.0, clock)
        g = (t * w_i[:, 0]) * np.exp(-t * w_i[:, 0]) * others.prod(axis=1)
        rate = -a * t * w * silent / np.maximum(clock, 1e-300)
        total += g
        slopes += g[:, None] * np.where(mine, 1.0 - t * w_i, rate)
    total = np.maximum(total, 1e-300)
    possible = 1.0 - np.where(listed.allowed, 1.0 - a, 1.0).prod(axis=1)
    value = float(np.sum(np.log(a[mine]) + np.log(STEP * total) - np.log(possible)))
    rows = (slopes / total[:, None])[listed.places]
    return value, np.asarray(rows @ sets.features)


def fit_random_subsets(
    sets: ChoiceSets, available: Float[np.ndarray, "m"], *, initial: FloatArray | None = None
) -> SubsetFit:
    """The weights where the chance that each listed option could be taken is given.

    Args:
        sets: choices among listed options.
        available: ``(m,)`` chance of each listed option, in (0, 1]; for example the share of visits to a state in which
            an action was counted as available.
        initial: ``(K,)`` where to start.

    Raises:
        SettingsError: a chance lies outside (0, 1].
    """
    a = np.asarray(available, dtype=np.float64)
    if a.shape != (sets.n_listed,) or not np.all((a > 0) & (a <= 1)):
        raise SettingsError(
            f"`available` must be {sets.n_listed} chances in (0, 1], one a listed option, got shape {a.shape}"
            + (f" from {a.min():.3g} to {a.max():.3g}." if a.size else "."),
            hint="An option that could certainly not be taken does not belong in the list.",
        )
    return climb(ListedChoices(sets), a, initial)


def climb(listed: ListedChoices, available: FloatArray, initial: FloatArray | None = None) -> SubsetFit:
    """``fit_random_subsets`` without its checks."""
    from scipy.optimize import minimize

    logit = listed.logit()
    start = logit.fit()
    if not start.outcome.ok:
        return SubsetFit(weights=np.full(logit.n_weights, np.nan), value=np.nan, outcome=start.outcome)
    values, vectors = np.linalg.eigh(logit.information(start.weights))
    kept = values > 1e-12 * max(float(values.max(initial=0.0)), 1e-300)
    back = vectors[:, kept] / np.sqrt(values[kept])
    origin = start.weights

    def loss(z: FloatArray) -> tuple[float, FloatArray]:
        value, slope = subset_log_likelihood(listed, origin + back @ z, available)
        return -value, -(back.T @ slope)

    first = np.zeros(back.shape[1])
    if initial is not None:
        first = np.sqrt(values[kept]) * (vectors[:, kept].T @ (initial - origin))
    # In these units one standard error of the logit has length 1.
    size = float(np.sqrt(listed.sets.n_decisions))
    found = minimize(
        loss, first, jac=True, method="BFGS", options={"gtol": SMALL_STEP * size, "maxiter": 200}
    )
    steep = float(np.abs(found.jac).max(initial=0.0))
    reached = bool(np.isfinite(found.fun)) and steep <= 1e-4 * size
    return SubsetFit(
        weights=np.asarray(origin + back @ found.x),
        value=-float(found.fun),
        outcome=Outcome.SUCCESS if reached else Outcome.MAX_ITERATIONS,
    )
