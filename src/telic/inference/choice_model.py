"""Choice probabilities as a function of measurements: a multinomial logit on a basis.

    p(a | x) proportional to exp(psi(x) . w_a),   w_0 = 0,

by Newton's method on the log-likelihood minus ``ridge / 2 * |w|^2`` (without the first basis function). It
is the first stage of estimators that need the experts' choice probabilities and nothing else about them.

Reference: Boehning (1992), Annals of the Institute of Statistical Mathematics 44, 197-200.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.reports import Outcome
from telic.typing import BoolArray, FloatArray

__all__ = ["ChoiceModel", "fit_choice_model"]

CHUNK_ROWS = 65_536
"""Rows taken at a time, so that memory stays near ``CHUNK_ROWS * B`` numbers."""

MAX_ITERATIONS = 50
"""Newton steps; a logit needs about 8."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ChoiceModel:
    """A fitted multinomial logit.

    Attributes:
        coefficients: ``(B, A)``; column 0 is zero.
        outcome: ``SUCCESS`` or ``MAX_ITERATIONS``.
        log_likelihood: nats of the rows it was fitted on.
    """

    coefficients: FloatArray
    outcome: Outcome
    log_likelihood: float

    def log_probabilities(self, basis: FloatArray, allowed: BoolArray | None = None) -> FloatArray:
        """``(n, A)`` log-probabilities of rows ``(n, B)``; -inf where not allowed."""
        return log_softmax(basis @ self.coefficients, allowed)


def fit_choice_model(
    basis: FloatArray,
    actions: NDArray[Any],
    n_actions: int,
    weights: FloatArray,
    *,
    allowed: BoolArray | None = None,
    ridge: float = 1.0,
    tolerance: float = 1e-8,
) -> ChoiceModel:
    """The penalised maximum-likelihood multinomial logit.

    Args:
        basis: ``(n, B)``, columns of similar size.
        actions: ``(n,)`` action indices.
        n_actions: A.
        weights: ``(n,)`` weight of each row.
        allowed: ``(n, A)`` actions that could be taken; None: all.
        ridge: strength of the penalty, in decisions; keeps probabilities away from 0 and 1 where data are
            few.
        tolerance: score per decision at which to stop.
    """
    n, B = basis.shape
    A = n_actions
    W = np.zeros((B, A))
    penalty = np.full(B, ridge)
    penalty[0] = ridge * 1e-6
    total = float(weights.sum())
    value = _objective(basis, actions, weights, allowed, W, penalty)
    outcome = Outcome.MAX_ITERATIONS
    for _ in range(MAX_ITERATIONS):
        gradient, curvature = np.zeros((A - 1, B)), np.zeros((A - 1, B, A - 1, B))
        for start in range(0, n, CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            X, w = basis[part], weights[part]
            P = np.exp(log_softmax(X @ W, None if allowed is None else allowed[part]))
            residual = -P
            residual[np.arange(len(X)), actions[part]] += 1.0
            gradient += ((w[:, None] * residual[:, 1:]).T) @ X
            for a in range(1, A):
                for b in range(a, A):
                    load = w * P[:, a] * ((a == b) - P[:, b])
                    curvature[a - 1, :, b - 1, :] += (X * load[:, None]).T @ X
        for a in range(A - 1):
            for b in range(a):
                curvature[a, :, b, :] = curvature[b, :, a, :].T
        gradient -= penalty * W[:, 1:].T
        if np.abs(gradient).max(initial=0.0) <= tolerance * max(total, 1e-300):
            outcome = Outcome.SUCCESS
            break
        square = curvature.reshape((A - 1) * B, (A - 1) * B)
        square[np.diag_indices(len(square))] += np.tile(penalty, A - 1) + 1e-12 * total
        step = np.linalg.solve(square, gradient.ravel()).reshape(A - 1, B).T
        length = 1.0
        while length > 1e-8:
            trial = W.copy()
            trial[:, 1:] += length * step
            trial_value = _objective(basis, actions, weights, allowed, trial, penalty)
            if trial_value >= value - 1e-12 * abs(value):
                break
            length /= 2
        W, value = trial, trial_value
    plain = _objective(basis, actions, weights, allowed, W, np.zeros(B))
    return ChoiceModel(coefficients=W, outcome=outcome, log_likelihood=plain)


def log_softmax(z: FloatArray, allowed: BoolArray | None) -> FloatArray:
    """``(n, A)`` log-probabilities of scores ``z``; -inf where not allowed."""
    if allowed is not None:
        z = np.where(allowed, z, -np.inf)
    z = z - z.max(axis=1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))


def _objective(
    basis: FloatArray,
    actions: NDArray[Any],
    weights: FloatArray,
    allowed: BoolArray | None,
    W: FloatArray,
    penalty: FloatArray,
) -> float:
    logp = log_softmax(basis @ W, allowed)[np.arange(len(basis)), actions]
    return float(weights @ logp) - 0.5 * float(penalty @ (W**2).sum(axis=1))
