"""Comparisons to be asked all at once: each tells most beside those before it, not alone.

The best few of a ranking are often the same question in other words, and the second answer then tells little. The
answers to m comparisons are given one by one, independently given the weights, so that a set tells

    gain = H(Y_1 .. Y_m) - sum_j E[H(Y_j | theta)]     (nats),

with the entropy of all 2^m patterns of answers, exact over the draws. The set is grown by the comparison that adds most
(greedy); as information is submodular here, it tells at least the share 1 - 1/e of what the best set would (Krause and
Guestrin 2005; Nemhauser, Wolsey and Fisher 1978).

References: Krause and Guestrin (2005), Near-optimal nonmyopic value of information in graphical models, UAI;
Nemhauser, Wolsey and Fisher (1978), Mathematical Programming 14, 265-294.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, SettingsError
from telic.typing import FloatArray

from .belief import WeightBelief
from .information import TINY, answer_chances, sampling_error
from .questions import ComparisonQuestion

__all__ = ["MOST_TOGETHER", "QuestionSet", "answer_patterns", "ask_together", "gain_together"]

MOST_TOGETHER = 10
"""Comparisons of a set: the patterns of their answers are 2 to this power."""


@dataclass(frozen=True, kw_only=True, eq=False)
class QuestionSet:
    """Comparisons to be asked together.

    Attributes:
        chosen: place of each in the candidates, the one that tells most first.
        added: ``(m,)`` nats that each adds to those before it.
        gain: nats that all answers are expected to tell.
        standard_error: of the gain, by the number of draws.
    """

    chosen: tuple[int, ...]
    added: Float[np.ndarray, "m"]
    gain: float
    standard_error: float


def ask_together(belief: WeightBelief, candidates: Sequence[ComparisonQuestion], count: int) -> QuestionSet:
    """The comparisons that together are expected to tell most, grown one by one.

    Args:
        belief: draws or grid.
        candidates: to choose from.
        count: of the set; all candidates where there are fewer.

    Raises:
        DataError: there are no candidates.
        NumericalError: the draws are used up.
        SettingsError: ``count`` is below 1 or above 10.
    """
    if not 1 <= count <= MOST_TOGETHER:
        raise SettingsError(
            f"Between 1 and {MOST_TOGETHER} questions can be chosen together, got {count}.",
            hint="Ask some, give the answers, and ask again: later questions then know the first answers.",
        )
    if not candidates:
        raise DataError("There are no questions to choose from.", hint="Rank comparisons first.")
    weights, p = belief.answer()
    z = np.array([q.rationality * q.difference for q in candidates]) @ weights.T
    first, entropy = answer_chances(z)
    noise = entropy @ p
    patterns = np.ones((1, len(p)))
    chosen: list[int] = []
    added: list[float] = []
    told = 0.0
    for _ in range(min(count, len(candidates))):
        joint = patterns * p
        yes = joint @ first.T
        no = joint.sum(axis=1)[:, None] - yes
        gains = _entropy_sum(yes) + _entropy_sum(no) - noise - sum(float(noise[i]) for i in chosen)
        gains[chosen] = -np.inf
        best = int(np.argmax(gains))
        chosen.append(best)
        added.append(max(float(gains[best]) - told, 0.0))
        told = float(gains[best])
        patterns = np.concatenate([patterns * first[best], patterns * (1.0 - first[best])])
    divergence = _divergence(patterns, p)
    return QuestionSet(
        chosen=tuple(chosen),
        added=np.array(added),
        gain=max(float(divergence @ p), 0.0),
        standard_error=float(sampling_error(divergence[None], belief)[0]),
    )


def answer_patterns(belief: WeightBelief, asked: Float[np.ndarray, "m K"]) -> Float[np.ndarray, "patterns n"]:
    """``(2^m, n)`` probability of every pattern of answers at every draw.

    Args:
        belief: draws or grid.
        asked: rationality times features of the first less those of the second plan, of each comparison.

    Raises:
        SettingsError: there are more than 10.
    """
    if len(asked) > MOST_TOGETHER:
        raise SettingsError(
            f"At most {MOST_TOGETHER} questions can be looked at together, got {len(asked)}.",
            hint="Look at fewer.",
        )
    weights, _ = belief.answer()
    patterns = np.ones((1, len(weights)))
    for z in asked @ weights.T:
        p = answer_chances(z)[0]
        patterns = np.concatenate([patterns * p, patterns * (1.0 - p)])
    return patterns


def gain_together(belief: WeightBelief, asked: Float[np.ndarray, "m K"]) -> tuple[float, float]:
    """Nats that the answers to all these comparisons are expected to tell, and the standard error.

    Args:
        belief: draws or grid.
        asked: as in ``answer_patterns``.
    """
    _, p = belief.answer()
    divergence = _divergence(answer_patterns(belief, asked), p)
    return max(float(divergence @ p), 0.0), float(sampling_error(divergence[None], belief)[0])


def _divergence(patterns: FloatArray, p: FloatArray) -> FloatArray:
    """``(n,)`` divergence of each draw's patterns from those of the belief."""
    mean = patterns @ p
    gap = np.log(np.maximum(patterns, TINY)) - np.log(np.maximum(mean, TINY))[:, None]
    return np.asarray(np.einsum("mn,mn->n", patterns, gap))


def _entropy_sum(chances: FloatArray) -> FloatArray:
    """``(m,)`` sum of ``-q log q`` over the patterns, the rows."""
    return np.asarray(-np.sum(chances * np.log(np.maximum(chances, TINY)), axis=0))
