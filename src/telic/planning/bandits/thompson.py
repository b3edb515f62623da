"""Each alternative with the probability that it is the best, given what was seen; rewards are 0 or 1.

Success probabilities have Beta posteriors, and the probability that alternative a is the best is an integral over one
variable,

    p(a) = int_0^1 f_a(x) prod_{b != a} F_b(x) dx = int_0^1 prod_{b != a} F_b(F_a^-1(u)) du,

taken by Gauss and Legendre's rule in pieces that crowd towards both ends, so the propensities of the usual rule (draw
from every posterior, take the largest) are known, not estimated from more draws. Averaged over uniform priors the
regret of T steps is at most ``sqrt(A T log(A) / 2)``.

References:
    Thompson (1933), Biometrika 25, 285-294. Russo and Van Roy (2016), An information-theoretic analysis of Thompson
    sampling, proposition 1 and corollary 1 (the bound).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.errors import DataError, SettingsError
from telic.typing import FloatArray

from .bandit import Tally, check_arms, tallied

__all__ = ["Thompson"]

NODES = 12
"""Of each piece of the integral."""

EDGES = np.array([0.0, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.15, 0.3, 0.5])
"""Pieces of [0, 1/2], narrower towards 0, where quantiles bend most; mirrored for the other half."""


@dataclass(frozen=True, kw_only=True)
class Thompson:
    """The bandit.

    Attributes:
        n_actions: A.
        successes: of the prior, a number of imagined successes of each alternative, above 0.
        failures: of the prior, likewise.
    """

    n_actions: int
    successes: float = 1.0
    failures: float = 1.0

    def __post_init__(self) -> None:
        check_arms(self.n_actions)
        if not (0.0 < self.successes < np.inf and 0.0 < self.failures < np.inf):
            raise SettingsError(
                f"The prior must be finite and above 0, got {self.successes} and {self.failures}.",
                hint="1 and 1: every probability is as likely.",
            )

    def init(self) -> Tally:
        """The state before anything was tried."""
        return Tally(np.zeros(self.n_actions), np.zeros(self.n_actions))

    def posterior(self, state: Tally) -> tuple[FloatArray, FloatArray]:
        """``(A,)`` and ``(A,)``: the parameters of the Beta posteriors."""
        return self.successes + state.sums, self.failures + state.counts - state.sums

    def probabilities(self, state: Tally, context: FloatArray | None = None) -> FloatArray:
        """``(A,)`` probability of each alternative to be the best, to about 1e-8."""
        del context
        from scipy import special

        alpha, beta = self.posterior(state)
        x = special.betaincinv(alpha[:, None], beta[:, None], U[None, :])
        below = special.betainc(alpha[:, None, None], beta[:, None, None], x[None])
        below[np.arange(self.n_actions), np.arange(self.n_actions)] = 1.0
        p = np.prod(below, axis=0) @ WEIGHTS
        return np.asarray(p / p.sum())

    def learn(self, state: Tally, action: int, reward: float, context: FloatArray | None = None) -> Tally:
        """The state after a reward was seen.

        Raises:
            DataError: the reward is neither 0 nor 1.
        """
        del context
        if reward not in (0.0, 1.0):
            raise DataError(f"A reward must be 0 or 1, got {reward}.", hint="Say what counts as a success.")
        return tallied(state, action, reward)


def _rule() -> tuple[FloatArray, FloatArray]:
    """Places in (0, 1) and weights."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.concatenate([EDGES, 1.0 - EDGES[-2::-1]])
    half = 0.5 * np.diff(edges)[:, None]
    places = (edges[:-1, None] + half * (nodes + 1.0)).ravel()
    return places, (half * weights).ravel()


U, WEIGHTS = _rule()
