"""The smooth part of what a fit maximises: log-likelihood minus the squared penalty, in the free numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.reports import Outcome
from telic.typing import FloatArray

from .likelihood import ChoiceLikelihood
from .parameters import LinearCoordinates

__all__ = ["Objective", "Point"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Point:
    """The objective at one place.

    Attributes:
        psi: ``(P,)`` free numbers.
        value: log-likelihood minus the squared penalty; -inf where the forward problem fails.
        choice_log_likelihood: without the penalty.
        score: ``(P,)`` gradient of ``value``, for order 1 and above.
        curvature: ``(P, P)`` minus the Hessian of ``value``, for order 2.
        information: ``(P, P)`` expected information of the likelihood alone, for order 2.
        outcome: of the forward problem.
        bellman_residual: of the forward problem.
    """

    psi: FloatArray
    value: float
    choice_log_likelihood: float
    score: FloatArray | None
    curvature: FloatArray | None
    information: FloatArray | None
    outcome: Outcome
    bellman_residual: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Objective:
    """Log-likelihood minus ``l2 * sum psi^2``.

    Attributes:
        likelihood: of the choices.
        parameters: from free numbers to weights.
        l2: strength of the squared penalty.
        l1: strength of the absolute penalty; the optimiser handles it, it is not in ``value``.
    """

    likelihood: ChoiceLikelihood
    parameters: LinearCoordinates
    l2: float
    l1: float

    def at(self, psi: FloatArray, *, order: int) -> Point:
        """Value and derivatives up to ``order``."""
        e = self.likelihood.evaluate(self.parameters.expand(psi), order=order)
        pull = self.parameters
        score = None if e.score is None else pull.pull(e.score) - 2.0 * self.l2 * psi
        curvature = None if e.hessian is None else -pull.pull_matrix(e.hessian)
        if curvature is not None and self.l2:
            curvature = curvature + 2.0 * self.l2 * np.eye(len(psi))
        return Point(
            psi=psi,
            value=e.value - self.l2 * float(psi @ psi),
            choice_log_likelihood=e.value,
            score=score,
            curvature=curvature,
            information=None if e.information is None else pull.pull_matrix(e.information),
            outcome=e.outcome,
            bellman_residual=e.bellman_residual,
        )

    def curvature_vector(self, psi: FloatArray, direction: FloatArray) -> FloatArray:
        """Minus the Hessian times a direction, without forming it."""
        along = self.parameters.direction(direction)
        product = self.likelihood.hessian_vector(self.parameters.expand(psi), along)
        return 2.0 * self.l2 * direction - self.parameters.pull(product)

    def projected_score(self, point: Point) -> FloatArray:
        """The score that is zero exactly at the optimum: with the absolute penalty, its smallest
        subgradient.
        """
        assert point.score is not None
        if not self.l1:
            return point.score
        g, psi = point.score, point.psi
        at_zero = np.sign(g) * np.maximum(np.abs(g) - self.l1, 0.0)
        return np.where(psi != 0, g - self.l1 * np.sign(psi), at_zero)

    def total(self, point: Point) -> float:
        """What is maximised, the absolute penalty included."""
        return point.value - self.l1 * float(np.abs(point.psi).sum())
