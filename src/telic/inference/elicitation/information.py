"""How much the answer to a question tells: mutual information of answer and weights, exactly over draws.

With the probability ``p_i(y)`` of answer y at draw i, of probability ``omega_i``, and ``p = sum_i omega_i p_i``:

    gain = H(p) - sum_i omega_i H(p_i) = sum_i omega_i KL(p_i | p)     (nats, Lindley 1956)

``KL(p_i | p)`` less the gain is also the influence of draw i on the gain, so its spread gives the standard error
``sqrt(sum_i omega_i^2 (KL_i - gain)^2 / e)``, with e the effective draws behind each draw. Over a finite number of
draws the gain is low by about gain / effective draws (``p`` bends towards the draws); it is not corrected.

Of a comparison ``p_i = sigma(z_i)``, and ``H(p_i) = log(1 + exp(-|z|)) + |z| sigma(-|z|)``.

Reference: Lindley (1956), Ann. Math. Stat. 27, 986-1005; Houlsby, Huszar, Ghahramani and Lengyel (2011),
arXiv:1112.5745.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from telic.typing import FloatArray

from .belief import WeightBelief

__all__ = ["AnyFloats", "comparison_divergences", "comparison_gain", "sampling_error", "tied"]

AnyFloats: TypeAlias = NDArray[np.float64] | NDArray[np.float32]
"""Candidates are sifted in single precision, twice as fast, and what is told is computed in double."""

TINY = float(np.finfo(np.float32).tiny)

SURE = 2.0
"""Standard errors of a difference between gains under which two questions are tied."""


def answer_chances(z: AnyFloats) -> tuple[AnyFloats, AnyFloats]:
    """Probability that the first is preferred, and the entropy of the answer, at each log-odds."""
    size = np.abs(z)
    a = np.exp(-size)
    larger = 1.0 / (1.0 + a)
    smaller = a * larger
    return 0.5 + np.copysign(larger - 0.5, z), size * smaller - np.log(larger)


def comparison_gain(z: AnyFloats, probabilities: AnyFloats) -> AnyFloats:
    """``(m,)`` nats of ``(m, n)`` log-odds of m comparisons at n draws."""
    p, h = answer_chances(z)
    return np.asarray(np.maximum(_entropy(p @ probabilities) - h @ probabilities, 0.0))


def comparison_divergences(z: FloatArray, probabilities: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``(m, n)`` divergence of each draw's answer from the belief's, and ``(m,)`` chance of the first."""
    p, h = answer_chances(z)
    mean = p @ probabilities
    first, second = np.log(np.maximum(mean, TINY)), np.log(np.maximum(1.0 - mean, TINY))
    return np.asarray(-(p * first[:, None] + (1.0 - p) * second[:, None]) - h), np.asarray(mean)


def sampling_error(divergences: FloatArray, belief: WeightBelief, n_used: int | None = None) -> FloatArray:
    """``(m,)`` standard errors of the gains from ``(m, n)`` divergences at the draws; 0 where the belief is exact.

    Args:
        divergences: of the draws of the belief, or of ``n_used`` draws picked by their probability.
        belief: whose draws they are.
        n_used: None: all draws, with their probabilities.
    """
    if belief.is_exact and n_used is None:
        return np.zeros(len(divergences))
    if n_used is None:
        p = belief.probabilities
        spread = divergences - (divergences @ p)[:, None]
        return np.asarray(np.sqrt(((p * spread) ** 2).sum(axis=1) / belief.efficiency))
    worth = float(n_used) if belief.is_exact else min(float(n_used), belief.effective_draws)
    return np.asarray(divergences.std(axis=1, ddof=1) / np.sqrt(worth))


def tied(divergences: FloatArray, belief: WeightBelief, n_used: int | None = None) -> int:
    """How many of the questions, best first, cannot be told from the best one; 1 where it is alone.

    The same draws stand behind every gain, so it is the standard error of the difference that counts.
    """
    p = belief.probabilities if n_used is None else np.full(divergences.shape[1], 1.0 / divergences.shape[1])
    behind = divergences[0] - divergences
    error = sampling_error(behind, belief, n_used)
    is_tied = behind @ p <= SURE * error + 1e-12
    return int(np.argmin(is_tied)) if not is_tied.all() else len(is_tied)


def _entropy(p: AnyFloats) -> AnyFloats:
    q = 1.0 - p
    return np.asarray(-(p * np.log(np.maximum(p, TINY)) + q * np.log(np.maximum(q, TINY))))
