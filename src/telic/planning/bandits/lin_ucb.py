"""Rewards linear in a context, one weight vector an alternative; the largest plausible reward is tried.

    M_a = lambda I + sum x x',   b_a = sum r x,   theta_a = M_a^-1 b_a
    score(a) = theta_a . x + alpha sqrt(x' M_a^-1 x)

over the steps at which a was tried. Without ``epsilon`` the choice is certain (propensity 1; ties are shared) and a log
of it supports no weighting; ``epsilon`` mixes in even choices.

With ``alpha`` the radius of the confidence sets of Abbasi-Yadkori, Pal and Szepesvari, for noise of scale s, contexts
of length at most 1 and all weights together of length at most S, the regret is, with probability ``1 - delta``, at most
``4 sqrt(T d log(lambda + T / d)) (sqrt(lambda) S + s sqrt(2 log(1 / delta) + d log(1 + T / (lambda d))))``, where d
counts the weights of all alternatives.

References:
    Li, Chu, Langford and Schapire (2010), A contextual-bandit approach to personalized news article recommendation,
    algorithm 1. Abbasi-Yadkori, Pal and Szepesvari (2011), Improved algorithms for linear stochastic bandits,
    theorem 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from telic.errors import DataError, SettingsError
from telic.typing import FloatArray

from .bandit import check_arms

__all__ = ["LinUcb", "LinUcbState"]


class LinUcbState(NamedTuple):
    """``inverse`` ``(A, D, D)`` of M and ``b`` ``(A, D)``."""

    inverse: FloatArray
    b: FloatArray


@dataclass(frozen=True, kw_only=True)
class LinUcb:
    """The bandit.

    Attributes:
        n_actions: A.
        n_features: D, numbers of a context; put a 1 among them for a level of its own.
        alpha: width of what is plausible. More tries longer.
        ridge: lambda, above 0. More trusts the first rewards less.
        epsilon: share of choices made evenly among all, in [0, 1].
    """

    n_actions: int
    n_features: int
    alpha: float = 1.0
    ridge: float = 1.0
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        check_arms(self.n_actions, epsilon=(self.epsilon, 0.0, 1.0), alpha=(self.alpha, 0.0, 1e9))
        if not (self.n_features >= 1 and 0.0 < self.ridge < math.inf):
            raise SettingsError(
                f"`n_features` must be at least 1 and `ridge` above 0, got {self.n_features} and {self.ridge}.",
                hint="1 is a usual ridge where contexts are of length about 1.",
            )

    def init(self) -> LinUcbState:
        """The state before anything was tried."""
        A, D = self.n_actions, self.n_features
        return LinUcbState(np.broadcast_to(np.eye(D) / self.ridge, (A, D, D)).copy(), np.zeros((A, D)))

    def scores(self, state: LinUcbState, context: FloatArray | None) -> FloatArray:
        """``(A,)`` the largest plausible reward of each alternative."""
        x = self._checked(context)
        spread = state.inverse @ x
        means = np.einsum("ad,ad->a", state.b, spread)
        scores: FloatArray = means + self.alpha * np.sqrt(np.maximum(spread @ x, 0.0))
        return scores

    def probabilities(self, state: LinUcbState, context: FloatArray | None = None) -> FloatArray:
        """``(A,)`` probability of each alternative now."""
        scores = self.scores(state, context)
        best = scores == scores.max()
        p: FloatArray = self.epsilon / self.n_actions + (1.0 - self.epsilon) * best / best.sum()
        return p

    def learn(
        self, state: LinUcbState, action: int, reward: float, context: FloatArray | None = None
    ) -> LinUcbState:
        """The state after a reward was seen (Sherman and Morrison's formula).

        Raises:
            DataError: the reward or the context is not finite.
        """
        x = self._checked(context)
        if not math.isfinite(reward):
            raise DataError(
                f"A reward must be finite, got {reward}.", hint="Leave out a choice without an outcome."
            )
        inverse, b = state.inverse.copy(), state.b.copy()
        v = inverse[action] @ x
        inverse[action] -= np.outer(v, v) / (1.0 + x @ v)
        b[action] += reward * x
        return LinUcbState(inverse, b)

    def _checked(self, context: FloatArray | None) -> FloatArray:
        if context is None or context.shape != (self.n_features,) or not np.all(np.isfinite(context)):
            raise DataError(
                f"A context must be {self.n_features} finite numbers, got {context}.",
                hint="A vector of ones where there is none.",
            )
        return np.asarray(context, dtype=np.float64)
