"""Mostly the best mean so far, now and then anything.

    p(a) = eps / A + (1 - eps) 1[a in best] / |best|

``best`` are the alternatives of the largest mean; those never tried come first. With a fixed ``eps`` the regret grows
by ``eps`` times the mean gap a step for ever, in exchange for a floor ``eps / A`` under every propensity.

Reference: Sutton and Barto (2018), Reinforcement Learning, section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.typing import FloatArray

from .bandit import Tally, check_arms, tallied

__all__ = ["EpsilonGreedy"]


@dataclass(frozen=True, kw_only=True)
class EpsilonGreedy:
    """The bandit.

    Attributes:
        n_actions: A.
        epsilon: share of choices made evenly among all, in [0, 1]. More learns faster and costs more for ever.
    """

    n_actions: int
    epsilon: float = 0.1

    def __post_init__(self) -> None:
        check_arms(self.n_actions, epsilon=(self.epsilon, 0.0, 1.0))

    def init(self) -> Tally:
        """The state before anything was tried."""
        return Tally(np.zeros(self.n_actions), np.zeros(self.n_actions))

    def probabilities(self, state: Tally, context: FloatArray | None = None) -> FloatArray:
        """``(A,)`` probability of each alternative now."""
        del context
        means = np.where(state.counts > 0, state.sums / np.maximum(state.counts, 1.0), np.inf)
        best = means == means.max()
        p: FloatArray = self.epsilon / self.n_actions + (1.0 - self.epsilon) * best / best.sum()
        return p

    def learn(self, state: Tally, action: int, reward: float, context: FloatArray | None = None) -> Tally:
        """The state after a reward was seen."""
        del context
        return tallied(state, action, reward)
