"""The conditional logit: choices among alternatives whose value is linear in the weights, plus a known
offset.

In group g (a state, or a decision) alternative a is worth ``H[g, a] theta + c[g, a]`` and is chosen with
probability

    p(a | g) = exp(beta (H[g, a] theta + c[g, a])) / sum_b exp(beta (H[g, b] theta + c[g, b])).

The log-likelihood ``sum_ga n[g, a] log p(a | g)`` is concave in ``theta``; its score is
``beta sum n (H - Hbar)`` and minus its Hessian is ``beta^2 sum_g n_g Cov_p(H)``. Damped Newton in the
identified subspace, to a score of ``tolerance`` per decision in units of the spread of each column. The
maximum does not exist when some direction ranks every choice at least as high as its alternatives (Albert
and Anderson 1984): then a linear program finds that direction and the fit stops with ``SEPARATION``.

References: McFadden (1974), Conditional logit analysis of qualitative choice behavior; Albert and Anderson
(1984), Biometrika 71, 1-10.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from telic.reports import Outcome
from telic.typing import BoolArray, FloatArray

from .uncertainty import complement, null_space

__all__ = ["ConditionalLogit", "LogitFit"]

ROUNDING = 1e-9
"""Spread of a column relative to its largest entry that the linear solves behind it can cause."""

COLLAPSED = 1e-3
"""Information of a direction, relative to that of undecided choosers, below which separation is tested
for."""

SEPARATION_ROWS = 200_000
"""Comparisons handed to the linear program of the separation test; beyond it the heaviest groups are
taken."""

MAX_HALVINGS = 40
"""Step halvings of one Newton step."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LogitFit:
    """The maximum of a conditional logit, or why there is none.

    Attributes:
        weights: ``(K,)``, without component in the null directions.
        outcome: ``SUCCESS``, ``SEPARATION``, ``MAX_ITERATIONS`` or ``NON_FINITE``.
        iterations: Newton steps.
        value: log-likelihood in nats, without the penalty.
        score_norm: largest entry of the penalised score on the identified part, per decision.
        null_directions: ``(nullity, K)`` orthonormal rows that change no choice probability of the groups
            seen.
        separating: ``(K,)`` direction in which the likelihood rises for ever, where ``outcome`` is
            ``SEPARATION``.
    """

    weights: FloatArray
    outcome: Outcome
    iterations: int
    value: float
    score_norm: float
    null_directions: FloatArray
    separating: FloatArray | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ConditionalLogit:
    """Counts of choices among alternatives with linear values.

    Attributes:
        design: ``(G, A, K)`` H.
        offset: ``(G, A)`` c.
        counts: ``(G, A)`` weighted number of choices n.
        allowed: ``(G, A)`` alternatives that exist; entries of the others do not count.
        rationality: inverse temperature beta.
        l2: penalty ``l2 * |theta|^2`` taken from the log-likelihood.
    """

    design: FloatArray
    offset: FloatArray
    counts: FloatArray
    allowed: BoolArray
    rationality: float = 1.0
    l2: float = 0.0

    @property
    def n_weights(self) -> int:
        """K."""
        return int(self.design.shape[2])

    @cached_property
    def group_counts(self) -> FloatArray:
        """``(G,)`` decisions a group."""
        return np.asarray(self.counts.sum(axis=1))

    @cached_property
    def total(self) -> float:
        """Sum of the weights of all decisions."""
        return float(self.counts.sum())

    @cached_property
    def spread(self) -> FloatArray:
        """``(K, K)`` Gram matrix of H within groups, over equally likely alternatives, per decision."""
        uniform = self.allowed / np.maximum(self.allowed.sum(axis=1, keepdims=True), 1)
        return self._covariance(uniform) / max(self.total, 1e-300)

    @cached_property
    def null_directions(self) -> FloatArray:
        """``(nullity, K)`` directions that change no choice probability of the groups seen."""
        seen = self.allowed & (self.group_counts > 0)[:, None]
        magnitude = np.abs(self.design[seen]).max(axis=0, initial=0.0)
        return null_space(self.spread, (ROUNDING * magnitude) ** 2)

    def log_probabilities(self, weights: FloatArray) -> FloatArray:
        """``(G, A)``; -inf where an alternative does not exist."""
        z = np.where(self.allowed, self.rationality * (self.design @ weights + self.offset), -np.inf)
        top = z.max(axis=1, keepdims=True)
        z = z - np.where(np.isfinite(top), top, 0.0)
        with np.errstate(divide="ignore"):
            return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))

    def value(self, weights: FloatArray) -> float:
        """Log-likelihood in nats, without the penalty."""
        return float(
            np.sum(np.where(self.counts > 0, self.counts * _finite(self.log_probabilities(weights)), 0.0))
        )

    def deviations(self, weights: FloatArray) -> FloatArray:
        """``(G, A, K)``: the score of one decision of each cell, ``beta (H - Hbar)``."""
        p = np.exp(self.log_probabilities(weights))
        mean = np.einsum("ga,gak->gk", p, self.design)
        return np.asarray(
            np.where(self.allowed[:, :, None], self.rationality * (self.design - mean[:, None]), 0.0)
        )

    def score(self, weights: FloatArray) -> FloatArray:
        """``(K,)`` first derivative of ``value``."""
        residual = self.counts - self.group_counts[:, None] * np.exp(self.log_probabilities(weights))
        return np.asarray(self.rationality * np.einsum("ga,gak->k", residual, self.design))

    def information(self, weights: FloatArray) -> FloatArray:
        """``(K, K)`` minus the second derivative of ``value``."""
        return self.rationality**2 * self._covariance(np.exp(self.log_probabilities(weights)))

    def outer_product(self, weights: FloatArray, squares: FloatArray | None = None) -> FloatArray:
        """``(K, K)`` sum over decisions of score times score; ``squares`` are ``(G, A)`` sums of squared
        weights.
        """
        cells = self.deviations(weights).reshape(-1, self.n_weights)
        w = (self.counts if squares is None else squares).ravel()
        return np.asarray((cells * w[:, None]).T @ cells)

    def fit(
        self, *, initial: FloatArray | None = None, tolerance: float = 1e-10, max_iterations: int = 100
    ) -> LogitFit:
        """The penalised maximum.

        Args:
            initial: where to start; zero by default.
            tolerance: largest score per decision, in units of the spread of each column, at which to stop.
            max_iterations: limit of Newton steps.
        """
        K = self.n_weights
        null = self.null_directions if self.l2 == 0 else np.empty((0, K))
        basis = complement(null)
        sizes = np.sqrt(np.maximum(np.diag(self.spread), 0.0))
        sizes = np.where(sizes > 0, sizes, 1.0)
        theta = np.zeros(K) if initial is None else basis @ (basis.T @ initial)
        value = self._penalised(theta)
        outcome, iterations = Outcome.MAX_ITERATIONS, 0
        if not np.isfinite(value) or not np.all(np.isfinite(self.design[self.allowed])):
            return LogitFit(
                weights=theta,
                outcome=Outcome.NON_FINITE,
                iterations=0,
                value=np.nan,
                score_norm=np.nan,
                null_directions=null,
            )
        suspected = False
        for iterations in range(max_iterations + 1):
            score = basis.T @ (self.score(theta) - 2 * self.l2 * theta)
            if np.abs(basis @ score / sizes).max(initial=0.0) <= tolerance * max(self.total, 1e-300):
                outcome = Outcome.SUCCESS
                break
            if not suspected and self.l2 == 0 and self._is_collapsed(theta, basis):
                suspected = True
                direction = self.separating_direction(basis)
                if direction is not None:
                    return self._ended(theta, Outcome.SEPARATION, iterations, null, basis, direction)
            if iterations == max_iterations:
                break
            curvature = basis.T @ (self.information(theta) + 2 * self.l2 * np.eye(K)) @ basis
            step = basis @ _solve_positive(curvature, score)
            length = 1.0
            for _ in range(MAX_HALVINGS):
                trial = theta + length * step
                trial_value = self._penalised(trial)
                if trial_value >= value - 1e-12 * abs(value):
                    break
                length /= 2
            else:
                break
            theta, value = trial, trial_value
        if self.l2 == 0 and not suspected and (not outcome.ok or self._is_collapsed(theta, basis)):
            direction = self.separating_direction(basis)
            if direction is not None:
                return self._ended(theta, Outcome.SEPARATION, iterations, null, basis, direction)
        return self._ended(theta, outcome, iterations, null, basis, None)

    def separating_direction(self, basis: FloatArray | None = None) -> FloatArray | None:
        """``(K,)`` unit-norm direction along which no choice gets less likely and some get more, or None.

        Solved as the linear program: maximise the sum of all (H_chosen - H_other) v over |v|_inf <= 1 (in
            units of
        the spread), with every such difference >= 0.
        """
        from scipy.optimize import linprog

        K = self.n_weights
        U = np.eye(K) if basis is None else basis
        seen = np.argwhere(self.counts > 0)
        A = self.design.shape[1]
        limit = max(SEPARATION_ROWS // max(A - 1, 1), 1)
        if len(seen) > limit:
            heaviest = np.argsort(-self.counts[seen[:, 0], seen[:, 1]], kind="stable")[:limit]
            seen = seen[np.sort(heaviest)]
        difference = self.design[seen[:, 0], seen[:, 1]][:, None, :] - self.design[seen[:, 0]]
        kept = self.allowed[seen[:, 0]].copy()
        kept[np.arange(len(seen)), seen[:, 1]] = False
        rows = difference[kept] @ U
        scale = np.abs(rows).max(axis=0, initial=0.0)
        rows = rows / np.where(scale > 0, scale, 1.0)
        rows = np.unique(rows, axis=0) if len(rows) < 50_000 else rows
        answer = linprog(
            -rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1), method="highs"
        )
        if answer.status != 0 or -float(answer.fun or 0.0) <= 1e-7 * max(len(rows), 1):
            return None
        direction = U @ (answer.x / np.where(scale > 0, scale, 1.0))
        return np.asarray(direction / np.linalg.norm(direction))

    def _is_collapsed(self, theta: FloatArray, basis: FloatArray) -> bool:
        """True when some direction tells next to nothing any more, as on the way to a separated weight."""
        first = basis.T @ self.spread @ basis
        sizes = np.sqrt(np.diag(first))
        if not len(sizes):
            return False
        values, vectors = np.linalg.eigh(first / np.outer(sizes, sizes))
        half = vectors / np.sqrt(np.maximum(values, 1e-300))
        now = (basis.T @ self.information(theta) @ basis) / np.outer(sizes, sizes)
        left = np.linalg.eigvalsh(half.T @ now @ half)[0]
        return bool(left < COLLAPSED * self.rationality**2 * self.total)

    def _ended(
        self,
        theta: FloatArray,
        outcome: Outcome,
        iterations: int,
        null: FloatArray,
        basis: FloatArray,
        direction: FloatArray | None,
    ) -> LogitFit:
        score = basis @ (basis.T @ (self.score(theta) - 2 * self.l2 * theta))
        return LogitFit(
            weights=theta,
            outcome=outcome,
            iterations=iterations,
            value=self.value(theta),
            score_norm=float(np.abs(score).max(initial=0.0)) / max(self.total, 1e-300),
            null_directions=null,
            separating=direction,
        )

    def _penalised(self, theta: FloatArray) -> float:
        return self.value(theta) - self.l2 * float(theta @ theta)

    def _covariance(self, p: FloatArray) -> FloatArray:
        """``sum_g n_g Cov_p(H)``, centred before it is squared."""
        mean = np.einsum("ga,gak->gk", p, np.where(self.allowed[:, :, None], self.design, 0.0))
        centred = np.where(self.allowed[:, :, None], self.design - mean[:, None], 0.0).reshape(
            -1, self.n_weights
        )
        w = (self.group_counts[:, None] * p).ravel()
        return np.asarray((centred * w[:, None]).T @ centred)


def _solve_positive(matrix: FloatArray, rhs: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    floor = 1e-15 * max(float(values.max(initial=0.0)), 1e-300)
    return np.asarray(vectors @ ((vectors.T @ rhs) / np.maximum(values, floor)))


def _finite(values: FloatArray) -> FloatArray:
    return np.maximum(values, -1e300)
