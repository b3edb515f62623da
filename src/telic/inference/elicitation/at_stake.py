"""What an answer would settle: claims that it would decide, and trade-offs that it would narrow.

A claim ``c' theta > 0`` holds with the share of the belief on its side; it is open while that share lies between
1 - level and level. An answer settles it where the share given the answer is no longer between them, so that the chance
of settling is the probability of the answers that do. A trade-off of two weights, at its present value, is a
combination of them, and what answers take off its standard deviation is

    1 - sqrt( E[ Var(c' theta | answer) ] / Var(c' theta) ).

Both are exact over the draws of the belief.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from telic.errors import FeatureError, SettingsError
from telic.typing import FloatArray

from .belief import WeightBelief

__all__ = ["AtStake", "Effect"]

TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What answers are expected to do.

    Attributes:
        settles: open claim to the chance that it is settled.
        narrows: trade-off to the share of its standard deviation that is taken off, in [0, 1].
        tells: open claim to the nats that they tell about its truth; ln 2 settles one that was even.
    """

    settles: Mapping[str, float] = field(default_factory=dict)
    narrows: Mapping[str, float] = field(default_factory=dict)
    tells: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class AtStake:
    """Claims and trade-offs that answers are judged by.

    Attributes:
        claims: in words.
        claim_coefficients: ``(C, K)`` of the combinations that are claimed to be above 0.
        tradeoffs: in words.
        tradeoff_coefficients: ``(T, K)`` combinations of weights.
        level: share of the belief from which a claim counts as settled, in (0.5, 1).
    """

    claims: tuple[str, ...]
    claim_coefficients: Float[np.ndarray, "C K"]
    tradeoffs: tuple[str, ...]
    tradeoff_coefficients: Float[np.ndarray, "T K"]
    level: float | int = 0.95

    def __post_init__(self) -> None:
        rows = (len(self.claim_coefficients), len(self.tradeoff_coefficients))
        if rows != (len(self.claims), len(self.tradeoffs)):
            raise FeatureError(
                f"{len(self.claims)} claims and {len(self.tradeoffs)} trade-offs need as many rows, got "
                f"{rows[0]} and {rows[1]}.",
                hint="One row each, one column a weight.",
            )
        if not 0.5 < self.level < 1:
            raise SettingsError(
                f"`level` of a claim must lie strictly between 0.5 and 1, got {self.level}.",
                hint="0.95 is usual.",
            )

    def values(self, weights: Float[np.ndarray, "n K"]) -> FloatArray:
        """``(n, C + T)`` whether each draw has each claim true (1 or 0), and its combinations of the trade-offs."""
        truth = (weights @ self.claim_coefficients.T > 0).astype(np.float64)
        return np.concatenate([truth, weights @ self.tradeoff_coefficients.T], axis=1)

    def now(self, belief: WeightBelief) -> FloatArray:
        """``(C,)`` share of the belief on the side of each claim."""
        weights, p = belief.answer()
        return np.asarray(p @ self.values(weights)[:, : len(self.claims)])

    def is_open(self, share: FloatArray | float) -> np.ndarray:
        """Whether shares of the belief leave a claim open."""
        return np.asarray((share > 1 - self.level) & (share < self.level))

    def told_by_comparisons(
        self, belief: WeightBelief, chances_first: Float[np.ndarray, "m n"]
    ) -> Float[np.ndarray, "m C"]:
        """Nats that each of m comparisons tells about the truth of each claim.

        Args:
            belief: before the answer.
            chances_first: probability of the first at each draw.
        """
        weights, p = belief.answer()
        truth = self.values(weights)[:, : len(self.claims)]
        share, first = p @ truth, chances_first @ p
        both = (chances_first * p) @ truth
        given_first = both / np.maximum(first, TINY)[:, None]
        given_second = (share - both) / np.maximum(1.0 - first, TINY)[:, None]
        left = first[:, None] * _binary_entropy(given_first)
        left += (1.0 - first)[:, None] * _binary_entropy(given_second)
        return np.asarray(np.maximum(_binary_entropy(share) - left, 0.0))

    def effect(
        self,
        belief: WeightBelief,
        chances: Float[np.ndarray, "m"],
        means: Float[np.ndarray, "m Q"],
        squares: Float[np.ndarray, "m Q"],
        *,
        picked: Float[np.ndarray, "n K"] | None = None,
    ) -> Effect:
        """What answers do.

        Args:
            belief: before them.
            chances: of the m answers.
            means: of ``values`` given each answer.
            squares: means of squared ``values`` given each answer.
            picked: draws, equally likely, that the means were taken over; None: those of the belief. What is known
                before must be known by the same draws, or their sampling error would pass for an effect.
        """
        C = len(self.claims)
        weights, p = belief.answer() if picked is None else (picked, np.full(len(picked), 1.0 / len(picked)))
        values = self.values(weights)
        share = p @ values
        settled = chances @ ~self.is_open(means[:, :C])
        told = np.maximum(_binary_entropy(share[:C]) - chances @ _binary_entropy(means[:, :C]), 0.0)
        now = self.now(belief)
        open_claims = [(i, name) for i, name in enumerate(self.claims) if bool(self.is_open(now[i]))]
        before = p @ values**2 - share**2
        after = chances @ np.maximum(squares - means**2, 0.0)
        kept = np.sqrt(np.clip(after / np.maximum(before, TINY), 0.0, 1.0))
        return Effect(
            settles={name: min(float(settled[i]), 1.0) for i, name in open_claims},
            tells={name: float(told[i]) for i, name in open_claims},
            narrows={name: float(1.0 - kept[C + i]) for i, name in enumerate(self.tradeoffs)},
        )

    def effect_of_answers(self, belief: WeightBelief, answers: Float[np.ndarray, "m n"]) -> Effect:
        """What answers do whose ``(m, n)`` probabilities at each draw are known; they sum to 1 over the answers."""
        weights, p = belief.answer()
        values, joint = self.values(weights), answers * p
        chances = joint.sum(axis=1)
        given = joint / np.maximum(chances, TINY)[:, None]
        return self.effect(belief, chances, given @ values, given @ values**2)


def _binary_entropy(share: FloatArray) -> FloatArray:
    """Nats of a claim that holds with these shares."""
    p = np.clip(share, 0.0, 1.0)
    q = 1.0 - p
    return np.asarray(-p * np.log(np.maximum(p, TINY)) - q * np.log(np.maximum(q, TINY)))
