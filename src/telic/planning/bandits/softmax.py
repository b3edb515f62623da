"""Alternatives in proportion to the exponential of their mean so far.

    p(a) = exp(m_a / tau) / sum_b exp(m_b / tau)

with ``m`` the means, and ``initial`` for what was never tried. No alternative ever has probability 0; nearly equal ones
are chosen nearly alike. With a fixed ``tau`` the regret of a step tends to ``sum_a p(a) (max mu - mu_a)`` at the true
means.

Reference: Luce (1959), Individual Choice Behavior; Sutton and Barto (2018), Reinforcement Learning, section 2.8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from telic.errors import SettingsError
from telic.typing import FloatArray

from .bandit import Tally, check_arms, tallied

__all__ = ["Softmax"]


@dataclass(frozen=True, kw_only=True)
class Softmax:
    """The bandit.

    Attributes:
        n_actions: A.
        temperature: tau, in the unit of rewards, above 0. Less goes for the best so far, more tries around.
        initial: mean of what was never tried; large values try everything first.
    """

    n_actions: int
    temperature: float = 0.1
    initial: float = 1.0

    def __post_init__(self) -> None:
        check_arms(self.n_actions)
        if not (0.0 < self.temperature < math.inf and math.isfinite(self.initial)):
            raise SettingsError(
                f"`temperature` must be finite and above 0 and `initial` finite, got {self.temperature} and"
                f" {self.initial}.",
                hint="A tenth of the range of rewards is a start.",
            )

    def init(self) -> Tally:
        """The state before anything was tried."""
        return Tally(np.zeros(self.n_actions), np.zeros(self.n_actions))

    def probabilities(self, state: Tally, context: FloatArray | None = None) -> FloatArray:
        """``(A,)`` probability of each alternative now."""
        del context
        means = np.where(state.counts > 0, state.sums / np.maximum(state.counts, 1.0), self.initial)
        shares = np.exp((means - means.max()) / self.temperature)
        p: FloatArray = shares / shares.sum()
        return p

    def learn(self, state: Tally, action: int, reward: float, context: FloatArray | None = None) -> Tally:
        """The state after a reward was seen."""
        del context
        return tallied(state, action, reward)
