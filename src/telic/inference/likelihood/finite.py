"""The likelihood of decisions in a problem of fixed length: everything is indexed by time.

With ``V_H = 0``, ``Q_t = r + gamma P V_{t+1}``, ``pi_t = exp(beta (Q_t - V_t))`` and counts ``N_t(s, a)``:

- backward: ``V_{k,t} = sum_a pi_t (phi_k + gamma P V_{k,t+1})``, ``D_{k,t} = Q_{k,t} - V_{k,t}``;
- forward adjoint: ``lambda_t = gamma P' (N_{t-1} + lambda_{t-1} pi_{t-1}) - N_{t,s}``;
- ``dLL/dr = beta sum_t (N_t + lambda_t pi_t)``; Hessian ``beta^2 sum_t sum_s lambda_t(s) sum_a pi_t D_k
  D_l``.

Only two time slices of ``V_k`` are ever held, so memory is that of the policy table, ``T S A``, and no
more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from telic.errors import DataError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP
from telic.planning import solve_soft_finite
from telic.reports import Outcome
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .counted import AbstractCountedLikelihood, check_rationality, data_digest, failed_evaluation, nans
from .counts import Counts, check_possible, count_cells
from .design import Design
from .protocol import Evaluation
from .stationary import BLOCK_BYTES, weighted_gram

__all__ = ["FiniteHorizonLikelihood"]


@dataclass(frozen=True, eq=False)
class FiniteHorizonLikelihood(AbstractCountedLikelihood):
    """Exact log-likelihood of choices of a soft-optimal expert with a fixed number of decisions ahead.

    Attributes:
        mdp: the world; its horizon is the number of decisions, and step t of a trajectory is decision t.
        features: phi, the same at all times.
        data: demonstrations with states, or counts over cells ``(t * S + s) * A + a``.
        rationality: inverse temperature beta, above 0.

    Raises:
        ImpossibleDemonstrationsError: the world gives probability 0 to what was seen.
        DataError, FeatureError, SettingsError: the inputs do not fit each other.
    """

    mdp: FiniteHorizonMDP
    features: FeatureMap
    data: Demonstrations | Counts
    rationality: float = 1.0
    _cache: _Cache = field(default_factory=lambda: _Cache(), repr=False)

    def __post_init__(self) -> None:
        check_rationality(self.rationality)
        _ = self.design, self.counts

    @cached_property
    def counts(self) -> Counts:
        """Counts over cells ``(t * S + s) * A + a``."""
        T, S, A = self._shape
        if isinstance(self.data, Counts):
            if self.data.totals.shape != (T * S * A,):
                raise DataError(
                    f"Counts must have {T} * {S} * {A} cells, got {self.data.totals.shape[0]}.",
                    hint="Time is the slowest axis, then state, then action.",
                )
            return self.data
        check_possible(self.data, self.mdp)
        states, _ = self.data.require_states()
        steps = self.data.step_index
        late = np.flatnonzero(steps >= T)
        if len(late):
            raise DataError(
                f"A trajectory has at most {T} decisions in this world; {len(late)} rows come later "
                f"(first: row {late[0]}).",
                hint="Raise `horizon`, or cut the trajectories.",
                rows=late[:20].tolist(),
            )
        cells = (steps * S + states) * A + self.data.actions
        return count_cells(cells, self.data, T * S * A)

    @cached_property
    def design(self) -> Design:
        """Phi as an operator."""
        return Design(features=self.features, n_states=self.mdp.n_states, n_actions=self.mdp.n_actions)

    @property
    def discount(self) -> float | None:
        """Per decision."""
        return float(self.mdp.discount)

    def digests(self) -> dict[str, str]:
        """Digests of world, features and data."""
        return {"world": self.mdp.digest, "features": self.features.digest, "data": data_digest(self.data)}

    def evaluate(self, weights: FloatArray, *, order: int = 0) -> Evaluation:
        """Value, score, Hessian and information at ``(K,)`` weights; see ``ChoiceLikelihood``."""
        log_policy = self._log_policy(weights)
        if log_policy is None:
            return failed_evaluation(Outcome.NON_FINITE, np.inf)
        score = hessian = information = None
        if order >= 1:
            score = self.rationality * self.design.pull_back(self._pairs())
        if order >= 2:
            hessian, information = self._second_derivatives()
        return Evaluation(
            value=float(self._seen_totals @ log_policy.ravel()[self._seen]),
            score=score,
            hessian=hessian,
            information=information,
            outcome=Outcome.SUCCESS,
            bellman_residual=self._cache.residual,
        )

    def hessian_vector(self, weights: FloatArray, direction: FloatArray) -> FloatArray:
        """``(K,)`` Hessian times a direction: one backward and one forward sweep."""
        if self._log_policy(weights) is None:
            return nans(self.n_weights)
        (T, S, A), gamma, P = self._shape, self.mdp.discount, self.mdp.transition
        policy, adjoint = self._policy(), self._adjoint()
        along = self.design.reward(direction)
        y = np.empty((T, S, A))
        V = np.zeros(S)
        for t in range(T - 1, -1, -1):
            Q = along + gamma * np.asarray(P @ V).reshape(S, A)
            V = np.einsum("sa,sa->s", policy[t], Q)
            y[t] = adjoint[t][:, None] * policy[t] * (Q - V[:, None])
        pairs = self._carry_forward(y, policy)
        return self.rationality**2 * self.design.pull_back(pairs)

    def cluster_scores(self, weights: FloatArray) -> FloatArray:
        """``(N, K)`` score of every trajectory."""
        columns = self.counts.columns
        out = np.zeros((self.n_clusters, self.n_weights))
        if columns is None:
            return out
        if self._log_policy(weights) is None:
            return nans(*out.shape)
        size = self._shape[1] * self._shape[2]
        for t, start, stop, D in self._blocks():
            part = columns[:, t * size + start : t * size + stop]
            if part.nnz:
                out += part @ D
        return self.rationality * out

    def outer_product(self, weights: FloatArray) -> FloatArray:
        """``(K, K)`` sum over decisions of score times score transposed."""
        K = self.n_weights
        if self._log_policy(weights) is None:
            return nans(K, K)
        squares = self.counts.squares.reshape(self._shape[0], -1)
        total = np.zeros((K, K))
        for t, start, stop, D in self._blocks():
            total += weighted_gram(D, squares[t, start:stop])
        return self.rationality**2 * (total + total.T) / 2

    def cell_log_probs(self, weights: FloatArray) -> FloatArray:
        """``(T * S * A,)`` log policy; NaN where the forward problem has no solution."""
        log_policy = self._log_policy(weights)
        return nans(len(self.counts.totals)) if log_policy is None else log_policy.ravel()

    def reweighted(self, cluster_weights: FloatArray) -> FiniteHorizonLikelihood:
        """The same with every decision of trajectory i counted ``cluster_weights[i]`` times."""
        return replace(self, data=self.counts.reweighted(cluster_weights), _cache=_Cache())

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.mdp.horizon, self.mdp.n_states, self.mdp.n_actions

    @cached_property
    def _seen(self) -> np.ndarray:
        return np.flatnonzero(self.counts.totals)

    @cached_property
    def _seen_totals(self) -> FloatArray:
        return np.asarray(self.counts.totals[self._seen])

    @cached_property
    def _transposed(self) -> sp.csr_array:
        return sp.csr_array(self.mdp.transition.T)

    def _log_policy(self, weights: FloatArray) -> FloatArray | None:
        cache = self._cache
        if cache.weights is None or not np.array_equal(cache.weights, weights):
            cache.weights, cache.policy, cache.adjoint, cache.pairs = (
                np.array(weights, dtype=np.float64),
                None,
                None,
                None,
            )
            solution = solve_soft_finite(
                self.mdp, self.design.reward(cache.weights), rationality=self.rationality
            )
            cache.log_policy = solution.log_policy if solution.outcome.ok else None
            cache.residual = 0.0 if solution.outcome.ok else np.inf  # backward induction leaves rounding only
        return cache.log_policy

    def _policy(self) -> FloatArray:
        cache = self._cache
        if cache.policy is None:
            assert cache.log_policy is not None
            cache.policy = np.exp(cache.log_policy)
        return cache.policy

    def _adjoint(self) -> FloatArray:
        """``(T, S)`` lambda."""
        if self._cache.adjoint is None:
            self._pairs()
        assert self._cache.adjoint is not None
        return self._cache.adjoint

    def _pairs(self) -> FloatArray:
        """``(S, A)``: ``sum_t N_t + lambda_t pi_t``."""
        cache = self._cache
        if cache.pairs is None:
            policy = self._policy()
            (T, S, A), gamma = self._shape, self.mdp.discount
            N = self.counts.totals.reshape(T, S, A)
            adjoint = np.empty((T, S))
            total = np.zeros((S, A))
            inflow = np.zeros(S)
            for t in range(T):
                adjoint[t] = inflow - N[t].sum(axis=1)
                mass = adjoint[t][:, None] * policy[t]
                mass += N[t]
                total += mass
                if t + 1 < T:
                    inflow = gamma * np.asarray(self._transposed @ mass.ravel())
            cache.adjoint, cache.pairs = adjoint, total
        return cache.pairs

    def _carry_forward(self, y: FloatArray, policy: FloatArray) -> FloatArray:
        """``(S, A)``: ``sum_t y_t + u_t pi_t`` with ``u_t = gamma P' (y_{t-1} + u_{t-1} pi_{t-1}) - sum_a
        y_t``.
        """
        (T, S, A), gamma = self._shape, self.mdp.discount
        total, inflow = np.zeros((S, A)), np.zeros(S)
        for t in range(T):
            u = inflow - y[t].sum(axis=1)
            mass = u[:, None] * policy[t] + y[t]
            total += mass
            inflow = gamma * np.asarray(self._transposed @ mass.ravel())
        return total

    def _second_derivatives(self) -> tuple[FloatArray, FloatArray]:
        T, S, A = self._shape
        K, policy, adjoint = self.n_weights, self._policy(), self._adjoint()
        visits = self.counts.totals.reshape(T, S, A).sum(axis=2)
        curvature, information = np.zeros((K, K)), np.zeros((K, K))
        for t, start, stop, D in self._blocks():
            pi = policy[t].reshape(-1)[start:stop]
            states = slice(start // A, stop // A)
            curvature += weighted_gram(D, np.repeat(adjoint[t, states], A) * pi)
            information += weighted_gram(D, np.repeat(visits[t, states], A) * pi)
        beta2 = self.rationality**2
        return beta2 * (curvature + curvature.T) / 2, beta2 * (information + information.T) / 2

    def _blocks(self) -> Iterator[tuple[int, int, int, FloatArray]]:
        """Blocks of ``D`` as ``(t, first cell, last cell + 1, (cells, K))``, last time first."""
        (T, S, A), K, gamma = self._shape, self.n_weights, self.mdp.discount
        step = max(1, BLOCK_BYTES // (8 * A * K))
        edges = [(s, min(S, s + step)) for s in range(0, S, step)]
        parts = [self.mdp.transition[s0 * A : s1 * A] for s0, s1 in edges]
        policy = self._policy()
        later = np.zeros((S, K))
        for t in range(T - 1, -1, -1):
            now = np.empty((S, K))
            for (s0, s1), P in zip(edges, parts, strict=True):
                if t + 1 < T and gamma:
                    D = np.asarray(P @ later).reshape(s1 - s0, A, K)
                    if gamma != 1.0:
                        D *= gamma
                    D += self.design.block(s0, s1)
                else:
                    D = np.broadcast_to(self.design.block(s0, s1), (s1 - s0, A, K)).copy()
                now[s0:s1] = np.einsum("sa,sak->sk", policy[t, s0:s1], D)
                D -= now[s0:s1, None, :]
                yield t, s0 * A, s1 * A, D.reshape(-1, K)
            later = now

    @classmethod
    def from_occupancy(
        cls,
        mdp: FiniteHorizonMDP,
        features: FeatureMap,
        occupancy: Float[np.ndarray, "T S A"],
        *,
        n_trajectories: int | None = None,
        rationality: float = 1.0,
    ) -> FiniteHorizonLikelihood:
        """The likelihood of an exact expert occupancy instead of rows.

        Args:
            mdp: the world.
            features: phi.
            occupancy: probability of each state and action at each time; each time sums to 1.
            n_trajectories: trajectories that stand behind it, for standard errors; None states none.
            rationality: inverse temperature.
        """
        mu = np.asarray(occupancy, dtype=np.float64)
        if mu.shape != (mdp.horizon, mdp.n_states, mdp.n_actions):
            raise DataError(
                f"`occupancy` must have shape {(mdp.horizon, mdp.n_states, mdp.n_actions)}, got {mu.shape}.",
                hint="Use `telic.planning.occupancy_finite`.",
            )
        totals = mu.ravel() * (1.0 if n_trajectories is None else float(n_trajectories))
        counts = Counts(
            by_cluster=None,
            totals=totals,
            squares=totals,
            n_decisions=round(float(totals.sum())),
            is_sampled=n_trajectories is not None,
        )
        return cls(mdp, features, counts, rationality)


@dataclass
class _Cache:
    """The last weights and what was computed for them; holds nothing that an answer depends on."""

    weights: FloatArray | None = None
    log_policy: FloatArray | None = None
    policy: FloatArray | None = None
    adjoint: FloatArray | None = None
    pairs: FloatArray | None = None
    residual: float = np.inf
