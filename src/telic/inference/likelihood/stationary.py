"""Derivatives of the log-likelihood of choices under one stationary soft policy.

With ``Q = r + gamma P V``, ``V = (1/beta) log sum_a exp(beta Q)``, ``pi = exp(beta (Q - V))``, ``M = I -
gamma P_pi``, counts ``N(s,a)`` and ``N_s = sum_a N(s,a)``:

- derivative of the value by weight k: ``V_k = M^-1 sum_a pi phi_k``, and ``Q_k = phi_k + gamma P V_k``;
- score of one decision: ``beta D_k(s,a)`` with ``D_k = Q_k - V_k``;
- adjoint: ``M' lambda = gamma P' N - N_s``; by the reward, ``dLL/dr(s,a) = beta (N(s,a) + lambda_s
  pi(a|s))``;
- Hessian: ``beta^2 sum_s lambda_s sum_a pi D_k D_l`` (``sum_a pi D_k = 0``, so this is a covariance), one
  adjoint and K forward systems, nothing unrolled;
- expected information given the visited states: the same sum with ``N_s`` in place of ``-lambda_s``.

The pair-by-weight array ``D`` is never held: it is made in blocks of states. Differentiating the fixed
point is Rust (1987), Econometrica 55; the adjoint is the implicit function theorem.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import scipy.sparse as sp

from telic.typing import FloatArray, LongArray

from .design import Design

__all__ = [
    "BLOCK_BYTES",
    "StationaryPoint",
    "SupportsSolve",
    "difference_blocks",
    "row_scores",
    "second_moments",
    "weighted_gram",
]

BLOCK_BYTES = 2_000_000
"""Size of one block of ``D``; about a second-level cache."""


@runtime_checkable
class SupportsSolve(Protocol):
    """The linear system ``M`` of a policy."""

    def solve(self, rhs: FloatArray) -> FloatArray:
        """``M^-1 rhs``; NaN where that failed."""
        ...

    def solve_transposed(self, rhs: FloatArray) -> FloatArray:
        """``M'^-1 rhs``; NaN where that failed."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class StationaryPoint:
    """One stationary soft policy, the counts of decisions under it, and the derivatives of their likelihood.

    Attributes:
        design: phi.
        transition: CSR ``(S * A, S)``.
        transition_transposed: its transpose in CSR.
        discount: gamma.
        rationality: beta.
        policy: ``(S, A)``; rows of 0 where no decision is taken.
        log_policy: ``(S, A)``; -inf where the policy is 0.
        totals: ``(S, A)`` counts.
        system: solves ``M``.
    """

    design: Design
    transition: sp.csr_array
    transition_transposed: sp.csr_array
    discount: float
    rationality: float
    policy: FloatArray
    log_policy: FloatArray
    totals: FloatArray
    system: SupportsSolve

    @cached_property
    def log_likelihood(self) -> float:
        """Nats, summed over decisions."""
        seen = self.totals > 0
        return float(self.totals[seen] @ self.log_policy[seen])

    @cached_property
    def adjoint(self) -> FloatArray:
        """``(S,)`` lambda."""
        inflow = self.discount * np.asarray(self.transition_transposed @ self.totals.ravel())
        return self.system.solve_transposed(inflow - self.totals.sum(axis=1))

    @cached_property
    def value_derivative(self) -> FloatArray:
        """``(S, K)`` V_k."""
        return self.system.solve(self.design.average(self.policy))

    def score(self) -> FloatArray:
        """``(K,)`` by the adjoint; no forward system."""
        pairs = self.totals + self.adjoint[:, None] * self.policy
        return self.rationality * self.design.pull_back(pairs)

    def blocks(self) -> Iterator[tuple[int, int, FloatArray]]:
        """Blocks of ``D`` as ``(first cell, last cell + 1, (cells, K))``."""
        V_k = self.value_derivative
        return difference_blocks(self.design, self.transition, self.discount, V_k, V_k)

    def hessian_and_information(self) -> tuple[FloatArray, FloatArray]:
        """``(K, K)`` Hessian and expected information."""
        weights = [self.adjoint[:, None] * self.policy, self.totals.sum(axis=1)[:, None] * self.policy]
        curvature, information = second_moments(self.blocks(), weights, self.design.n_weights)
        beta2 = self.rationality**2
        return beta2 * curvature, beta2 * information

    def outer_product(self, squares: FloatArray) -> FloatArray:
        """``(K, K)`` sum of outer products of decision scores; ``squares`` are sums of squared weights
        ``(S, A)``.
        """
        return self.rationality**2 * second_moments(self.blocks(), [squares], self.design.n_weights)[0]

    def cluster_scores(self, columns: sp.csc_array) -> FloatArray:
        """``(N, K)`` scores by cluster; ``columns`` are the counts by cluster ``(N, S * A)``."""
        return self.rationality * row_scores(self.blocks(), columns, self.design.n_weights)

    def difference_rows(self, cells: LongArray) -> FloatArray:
        """``(m, K)`` rows of ``D`` at some cells ``s * A + a``."""
        V_k = self.value_derivative
        rows = self.discount * np.asarray(self.transition[cells] @ V_k)
        rows += self.design.rows(cells)
        rows -= V_k[cells // self.policy.shape[1]]
        return rows

    def hessian_vector(self, direction: FloatArray) -> FloatArray:
        """``(K,)``: one forward and one transposed system."""
        S, A = self.policy.shape
        along = self.design.reward(direction)
        V_v = self.system.solve((self.policy * along).sum(axis=1))
        D_v = along + self.discount * np.asarray(self.transition @ V_v).reshape(S, A) - V_v[:, None]
        y = self.adjoint[:, None] * self.policy * D_v
        inflow = self.discount * np.asarray(self.transition_transposed @ y.ravel())
        u = self.system.solve_transposed(inflow - y.sum(axis=1))
        return self.rationality**2 * self.design.pull_back(y + u[:, None] * self.policy)


def difference_blocks(
    design: Design, transition: sp.csr_array, discount: float, now: FloatArray, later: FloatArray
) -> Iterator[tuple[int, int, FloatArray]]:
    """Blocks of ``D = phi + gamma P V_later - V_now`` as ``(first cell, last cell + 1, (cells, K))``.

    Args:
        design: phi.
        transition: CSR ``(S * A, S)``.
        discount: gamma.
        now: ``(S, K)`` derivative of the value of the state where the decision is taken.
        later: ``(S, K)`` derivative of the value of the state it leads to.
    """
    S, A, K = design.n_states, design.n_actions, design.n_weights
    step = max(1, BLOCK_BYTES // (8 * A * K))
    for start in range(0, S, step):
        stop = min(S, start + step)
        if discount:
            part = transition if stop - start == S else transition[start * A : stop * A]
            D = np.asarray(part @ later).reshape(stop - start, A, K)
            D *= discount
            D += design.block(start, stop)
            D -= now[start:stop, None, :]
        else:
            D = design.block(start, stop) - np.broadcast_to(now[start:stop, None, :], (stop - start, A, K))
        yield start * A, stop * A, D.reshape(-1, K)


def second_moments(
    blocks: Iterator[tuple[int, int, FloatArray]], weights: Sequence[FloatArray], n_weights: int
) -> list[FloatArray]:
    """``sum over cells of w D D'`` for each ``w`` (flat or ``(S, A)``), skipping cells of weight 0."""
    flat = [w.ravel() for w in weights]
    sums = [np.zeros((n_weights, n_weights)) for _ in flat]
    for start, stop, D in blocks:
        for w, total in zip(flat, sums, strict=True):
            total += weighted_gram(D, w[start:stop])
    return [(m + m.T) / 2 for m in sums]


def weighted_gram(D: FloatArray, weights: FloatArray) -> FloatArray:
    """``(K, K)``: ``sum of w D D'`` over the rows of ``D``, skipping those of weight 0."""
    used = np.flatnonzero(weights)
    if 2 * len(used) < len(weights):
        D, weights = D[used], weights[used]
    if not len(weights):
        return np.zeros((D.shape[1], D.shape[1]))
    if weights.min() >= 0:  # a product with its own transpose costs half
        half = D * np.sqrt(weights)[:, None]
        return np.asarray(half.T @ half)
    if weights.max() <= 0:
        half = D * np.sqrt(-weights)[:, None]
        return np.asarray(-(half.T @ half))
    return np.asarray((D * weights[:, None]).T @ D)


def row_scores(
    blocks: Iterator[tuple[int, int, FloatArray]], columns: sp.csc_array, n_weights: int
) -> FloatArray:
    """``columns @ D`` summed over blocks: ``(N, K)``."""
    out = np.zeros((columns.shape[0], n_weights))
    for start, stop, D in blocks:
        part = columns[:, start:stop]
        if part.nnz:
            out += part @ D
    return out
