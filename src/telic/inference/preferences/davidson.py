"""One answer to "which of the two?": first, second, or a tie.

With ``z`` the difference of the two rewards times rationality and ``v`` the tie strength (Davidson 1970),

    p(first) = e^(z/2) / D,  p(second) = e^(-z/2) / D,  p(tie) = v / D,  D = e^(z/2) + e^(-z/2) + v.

It is the logit of three options worth ``z/2``, ``-z/2`` and ``log v``: concave in ``(z, log v)``. Without ties
(``v = 0``) it is Bradley and Terry's logit of ``z``; a tie then counts as half a win of each side,
``(log p(first) + log p(second)) / 2``, which favours neither. ``v = 1`` makes two equal alternatives tie one
time in three.

References: Bradley and Terry (1952), Biometrika 39, 324-345; Davidson (1970), On extending the Bradley-Terry
model to accommodate ties in paired comparison experiments, JASA 65, 317-328, equation 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.typing import FloatArray

__all__ = ["AnswerTerms", "answer_probabilities", "answer_terms"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerTerms:
    """Log-likelihood of each answer with its derivatives by ``z`` and ``t = log v``; all ``(M,)``.

    Attributes:
        log_likelihood: nats.
        by_z, by_t: first derivatives.
        zz, zt, tt: minus the second derivatives, which do not depend on the answer.
    """

    log_likelihood: FloatArray
    by_z: FloatArray
    by_t: FloatArray
    zz: FloatArray
    zt: FloatArray
    tt: FloatArray


def answer_probabilities(z: FloatArray, log_tie: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """``(log p(first), log p(second), log p(tie))``; ``log_tie`` is -inf where there are no ties."""
    total = np.logaddexp(np.logaddexp(z / 2, -z / 2), log_tie)
    return z / 2 - total, -z / 2 - total, log_tie - total


def answer_terms(z: FloatArray, preferred: FloatArray, log_tie: float) -> AnswerTerms:
    """The terms of a likelihood.

    Args:
        z: ``(M,)`` differences, first minus second.
        preferred: ``(M,)`` 1 first, 0 second, 0.5 tie.
        log_tie: log of the tie strength; -inf takes a tie as half a win of each side.
    """
    first, second, tie = answer_probabilities(z, log_tie)
    p1, p2, pt = np.exp(first), np.exp(second), np.exp(tie)
    is_tie = preferred == 0.5
    has_ties = np.isfinite(log_tie)
    of_tie = tie if has_ties else (first + second) / 2
    gap = p1 - p2
    return AnswerTerms(
        log_likelihood=np.where(is_tie, of_tie, np.where(preferred > 0.5, first, second)),
        # Without cancellation where the answer is sure.
        by_z=np.where(is_tie, -gap / 2, np.where(preferred > 0.5, p2 + pt / 2, -p1 - pt / 2)),
        by_t=np.where(is_tie, 1.0, 0.0) - pt if has_ties else np.zeros_like(z),
        # 1 - gap^2 cancels for sure answers: p1 + p2 - (p1 - p2)^2 = 4 p1 p2 + pt (p1 + p2).
        zz=p1 * p2 + pt * (p1 + p2) / 4,
        zt=-pt * gap / 2,
        tt=pt * (p1 + p2),
    )
