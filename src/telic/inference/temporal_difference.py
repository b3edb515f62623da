"""Expected discounted sums of features and entropy along the experts' own way, from transitions alone.

Under choice probabilities ``p`` let ``u_k(x, a)`` be the expected discounted sum of feature k after taking
``a`` in ``x`` (not counting ``phi_k(x, a)`` itself), and ``u_e`` the same of the entropy of choice:

    u_k(x, a) = E[ sum_b p(b|x') (phi_k(x', b) + gamma u_k(x', b)) | x, a ],
    u_e(x, a) = E[ sum_b p(b|x') (-(1/beta) log p(b|x') + gamma u_e(x', b)) | x, a ].

With ``u(x, a) = psi(x) . (w + w_a)`` these are solved by least-squares temporal differences (Bradtke and
Barto 1996): no model of the transitions, no table of states, one linear system of size ``B (A + 1)`` for all
K + 1 right-hand sides. ``w_a``, what sets action a apart, carries a ridge of ``ridge`` decisions, so that a
rarely taken action borrows from the others. Immediate features are exact; only what follows is approximated
by the basis.

References: Bradtke and Barto (1996), Machine Learning 22, 33-57; Adusumilli and Eckardt (2025),
Temporal-difference estimation of dynamic discrete choice models (linear semi-gradient).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.typing import FloatArray

__all__ = ["TransitionRows", "ValueFit", "fit_value_terms", "moment_rows", "noise_moments"]

CHUNK_ROWS = 8_192
"""Rows taken at a time, so that memory stays near ``CHUNK_ROWS * B * A`` numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TransitionRows:
    """Transitions as the temporal-difference equations see them.

    Attributes:
        basis: ``(m, B)`` psi of the measurements before.
        actions: ``(m,)`` action taken.
        next_basis: ``(m, B)`` psi of the measurements after; rows of ``ended`` do not count.
        next_features: ``(m, A, K)`` features of every action after.
        ended: ``(m,)`` True where the task ended with this action, so that nothing follows.
        weights: ``(m,)`` weight of each row.
        surprises: ``(m, C)`` what happened next that has mean zero given the measurements whatever the action
            was; C may be 0.
    """

    basis: FloatArray
    actions: NDArray[Any]
    next_basis: FloatArray
    next_features: FloatArray
    ended: NDArray[np.bool_]
    weights: FloatArray
    surprises: FloatArray

    @property
    def n_actions(self) -> int:
        """A."""
        return int(self.next_features.shape[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueFit:
    """What follows each action, as coefficients on the basis.

    Attributes:
        coefficients: ``(A + 1, B, K + 1)``: common part first, then what sets each action apart; the last
            column is the entropy.
        solution: ``(B (A + 1) + C, K + 1)`` the same with the coefficients of the surprises below.
        matrix: the system that was solved, ridge included.
        condition: its condition number.
    """

    coefficients: FloatArray
    solution: FloatArray
    matrix: FloatArray
    condition: float

    def continuation(self, basis: FloatArray) -> FloatArray:
        """``(n, A, K + 1)`` expected discounted sums after every action, of rows ``(n, B)``."""
        common = basis @ self.coefficients[0]
        own = np.einsum("nb,abk->nak", basis, self.coefficients[1:])
        return np.asarray(common[:, None, :] + own)


def fit_value_terms(
    rows: TransitionRows, next_log_probs: FloatArray, *, discount: float, rationality: float, ridge: float
) -> ValueFit:
    """The temporal-difference solution under given choice probabilities.

    Args:
        rows: transitions.
        next_log_probs: ``(m, A)`` log choice probabilities after each row.
        discount: gamma.
        rationality: beta.
        ridge: decisions with which ``w_a`` is held to zero.
    """
    B, A, K = rows.basis.shape[1], rows.n_actions, rows.next_features.shape[2]
    n_values = B * (A + 1)
    size = n_values + rows.surprises.shape[1]
    matrix, right = np.zeros((size, size)), np.zeros((size, K + 1))
    gram = np.zeros(size)
    for part in _parts(rows):
        now, after, aims = _regressors(rows, part), *_after(rows, next_log_probs, part, rationality)
        weighted = now * rows.weights[part, None]
        gram += (weighted * now).sum(axis=0)
        matrix += weighted.T @ now
        matrix[:, :n_values] -= discount * (weighted.T @ after)
        right += weighted.T @ aims
    # Only what sets actions apart is held to zero; the rest gets what settles a column that is never active.
    matrix[np.diag_indices(size)] += 1e-10 * max(float(gram.max(initial=0.0)), 1e-300)
    apart = np.arange(B, n_values)
    matrix[apart, apart] += ridge
    solution = np.linalg.solve(matrix, right)
    return ValueFit(
        coefficients=solution[:n_values].reshape(A + 1, B, K + 1),
        solution=solution,
        matrix=matrix,
        condition=float(np.linalg.cond(matrix)),
    )


def moment_rows(
    rows: TransitionRows,
    next_log_probs: FloatArray,
    fit: ValueFit,
    weights: FloatArray,
    *,
    discount: float,
    rationality: float,
    slopes: FloatArray,
) -> FloatArray:
    """``(m, K)``: each transition's pull on the score of a second stage that depends on the value terms.

    The coefficients of reward ``phi theta`` solve ``sum_i xi_i delta_i = 0`` with temporal-difference errors
    ``delta``; a small change of row i's weight moves them by ``matrix^-1 xi_i delta_i``.

    Args:
        rows: transitions.
        next_log_probs: as in the fit.
        fit: the fit.
        weights: ``(K,)`` theta.
        discount: gamma.
        rationality: beta.
        slopes: ``(K, A + 1, B)`` derivative of the second stage's score by the coefficients.
    """
    K, n_values = slopes.shape[0], slopes[0].size
    padded = np.zeros((K, len(fit.matrix)))
    padded[:, :n_values] = slopes.reshape(K, -1)
    direction = np.linalg.solve(fit.matrix.T, padded.T)
    combined = fit.solution @ np.append(weights, 1.0)
    out = np.empty((len(rows.basis), K))
    for part in _parts(rows):
        now, after, aims = _regressors(rows, part), *_after(rows, next_log_probs, part, rationality)
        error = aims @ np.append(weights, 1.0) + discount * (after @ combined[:n_values]) - now @ combined
        out[part] = (now @ direction) * (rows.weights[part] * error)[:, None]
    return out


def noise_moments(
    rows: TransitionRows,
    next_log_probs: FloatArray,
    fit: ValueFit,
    choice_weights: FloatArray,
    basis: FloatArray,
    *,
    discount: float,
    rationality: float,
) -> FloatArray:
    """``(K + 1, K + 1)``: what the sampling noise of the value terms adds to the second moments of a design.

    The noise of the coefficients is ``matrix^-1 sum_i xi_i delta_i``; its expected contribution to
    ``sum_x Cov_p(u_k, u_l)`` is ``sum_i q_i delta_ik delta_il`` with
    ``q_i = xi_i' matrix^-T W matrix^-1 xi_i`` and ``W = sum_x Cov_p(xi)``. A logit on a design with that
    noise is pulled towards zero (errors in variables; Nakamura 1990, Biometrika 77, 127-137); the moments
    say by how much. The last row and column belong to the entropy.

    Args:
        rows: transitions.
        next_log_probs: as in the fit.
        fit: the fit.
        choice_weights: ``(n, A)`` choice probabilities of the decisions, times their weights.
        basis: ``(n, B)`` psi of the decisions.
        discount: gamma.
        rationality: beta.
    """
    B, A, size = basis.shape[1], rows.n_actions, len(fit.matrix)
    W = np.zeros((size, size))
    total = np.maximum(choice_weights.sum(axis=1, keepdims=True), 1e-300)
    for a in range(A):
        for b in range(A):
            load = (a == b) * choice_weights[:, a] - choice_weights[:, a] * choice_weights[:, b] / total[:, 0]
            W[B * (a + 1) : B * (a + 2), B * (b + 1) : B * (b + 2)] = (basis * load[:, None]).T @ basis
    inner = np.linalg.solve(fit.matrix.T, np.linalg.solve(fit.matrix.T, W).T)
    n_values = B * (A + 1)
    moments = np.zeros((fit.solution.shape[1],) * 2)
    for part in _parts(rows):
        now, after, aims = _regressors(rows, part), *_after(rows, next_log_probs, part, rationality)
        errors = aims + discount * (after @ fit.solution[:n_values]) - now @ fit.solution
        q = np.einsum("mi,mi->m", now @ inner, now) * rows.weights[part] ** 2
        moments += (errors * q[:, None]).T @ errors
    m = float(np.count_nonzero(rows.weights))
    return np.asarray(moments * m / max(m - size, 1.0))


def _parts(rows: TransitionRows) -> Iterator[slice]:
    m = len(rows.basis)
    return (slice(start, min(start + CHUNK_ROWS, m)) for start in range(0, m, CHUNK_ROWS))


def _regressors(rows: TransitionRows, part: slice) -> FloatArray:
    """``(m, B (A + 1) + C)``: the basis, the basis of the action taken, the surprises."""
    psi, taken = rows.basis[part], rows.actions[part]
    own = [psi * (taken == a)[:, None] for a in range(rows.n_actions)]
    return np.concatenate([psi, *own, rows.surprises[part]], axis=1)


def _after(
    rows: TransitionRows, next_log_probs: FloatArray, part: slice, rationality: float
) -> tuple[FloatArray, FloatArray]:
    """The expected basis after each row ``(m, B (A + 1))`` and its targets ``(m, K + 1)``; 0 where it
    ended.
    """
    going = ~rows.ended[part]
    p = np.exp(next_log_probs[part]) * going[:, None]
    psi = np.where(going[:, None], rows.next_basis[part], 0.0)
    after = np.concatenate([psi, *(psi * p[:, a : a + 1] for a in range(rows.n_actions))], axis=1)
    with np.errstate(invalid="ignore"):
        entropy = -np.where(p > 0, p * next_log_probs[part], 0.0).sum(axis=1) / rationality
    features = np.einsum("na,nak->nk", p, np.where(going[:, None, None], rows.next_features[part], 0.0))
    return after, np.concatenate([features, entropy[:, None]], axis=1)
