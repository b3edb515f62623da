"""The likelihood of decisions in an infinite-horizon world, discounted or ending in absorbing states."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from telic.features import FeatureMap
from telic.mdp import TabularMDP
from telic.planning import policy_system, solve_soft
from telic.reports import Finding, Outcome
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

from .counted import AbstractCountedLikelihood, check_rationality, data_digest, failed_evaluation
from .counts import Counts, check_possible, count_cells
from .design import Design
from .protocol import Evaluation
from .stationary import StationaryPoint

__all__ = ["DiscountedLikelihood"]

SOFT_TOLERANCE = 1e-12
"""Residual of the forward problem relative to max(1, max|V|); far below what a score of 1e-8 a decision
needs.
"""


@dataclass(frozen=True, eq=False)
class DiscountedLikelihood(AbstractCountedLikelihood):
    """Exact log-likelihood of choices of a soft-optimal expert, ``r = phi theta``.

    Attributes:
        mdp: the world.
        features: phi.
        data: demonstrations with states, or counts over cells ``s * A + a``.
        rationality: inverse temperature beta, above 0.

    Raises:
        ImpossibleDemonstrationsError: the world gives probability 0 to what was seen.
        DataError, FeatureError, SettingsError: the inputs do not fit each other.
    """

    mdp: TabularMDP
    features: FeatureMap
    data: Demonstrations | Counts
    rationality: float = 1.0
    _cache: _Cache = field(default_factory=lambda: _Cache(), repr=False)

    def __post_init__(self) -> None:
        check_rationality(self.rationality)
        _ = self.design, self.counts

    @cached_property
    def counts(self) -> Counts:
        """Counts over cells ``s * A + a``."""
        if isinstance(self.data, Counts):
            return self.data
        check_possible(self.data, self.mdp)
        states, _ = self.data.require_states()
        S, A = self.mdp.n_states, self.mdp.n_actions
        cells = states.astype(np.int64) * A + self.data.actions
        return count_cells(cells, self.data, S * A)

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

    @property
    def n_pairs(self) -> int:
        """State-action pairs of the world, which set the cost of a Hessian."""
        return self.mdp.n_states * self.mdp.n_actions

    @property
    def warm_start(self) -> FloatArray | None:
        """``(S,)`` value function from which the next forward solve starts; it changes the time, not the
        answer.
        """
        return self._cache.value

    def start_from(self, value: FloatArray | None) -> None:
        """Sets ``warm_start``."""
        self._cache.value, self._cache.point, self._cache.weights = value, None, None

    def evaluate(self, weights: FloatArray, *, order: int = 0) -> Evaluation:
        """Value, score, Hessian and information at ``(K,)`` weights; see ``ChoiceLikelihood``."""
        point = self._point(weights)
        if point is None:
            return failed_evaluation(self._cache.outcome, self._cache.residual, self._cache.findings)
        score = point.score() if order >= 1 else None
        hessian, information = point.hessian_and_information() if order >= 2 else (None, None)
        if any(x is not None and not np.all(np.isfinite(x)) for x in (score, hessian)):
            return failed_evaluation(Outcome.SINGULAR, self._cache.residual, self._cache.findings)
        return Evaluation(
            value=point.log_likelihood,
            score=score,
            hessian=hessian,
            information=information,
            outcome=Outcome.SUCCESS,
            bellman_residual=self._cache.residual,
            findings=self._cache.findings,
        )

    def hessian_vector(self, weights: FloatArray, direction: FloatArray) -> FloatArray:
        """``(K,)`` Hessian times a direction; NaN where the forward problem has no solution."""
        point = self._point(weights)
        return np.full(self.n_weights, np.nan) if point is None else point.hessian_vector(direction)

    def cluster_scores(self, weights: FloatArray) -> FloatArray:
        """``(N, K)`` score of every trajectory."""
        point, columns = self._point(weights), self.counts.columns
        if columns is None:
            return np.zeros((0, self.n_weights))
        return (
            np.full((self.n_clusters, self.n_weights), np.nan)
            if point is None
            else point.cluster_scores(columns)
        )

    def outer_product(self, weights: FloatArray) -> FloatArray:
        """``(K, K)`` sum over decisions of score times score transposed."""
        point = self._point(weights)
        if point is None:
            return np.full((self.n_weights, self.n_weights), np.nan)
        return point.outer_product(self.counts.squares)

    def cell_log_probs(self, weights: FloatArray) -> FloatArray:
        """``(S * A,)`` log policy; NaN where the forward problem has no solution."""
        point = self._point(weights)
        return np.full(self.n_pairs, np.nan) if point is None else point.log_policy.ravel()

    def reweighted(self, cluster_weights: FloatArray) -> DiscountedLikelihood:
        """The same with every decision of trajectory i counted ``cluster_weights[i]`` times."""
        counts = self.counts.reweighted(cluster_weights)
        return replace(self, data=counts, _cache=_Cache(value=self._cache.value))

    def _point(self, weights: FloatArray) -> StationaryPoint | None:
        cache = self._cache
        if cache.weights is not None and np.array_equal(cache.weights, weights):
            return cache.point
        start = self._foreseen(weights)
        asked = np.array(weights, dtype=np.float64)
        cache.weights, cache.point = None, None  # nothing is remembered of weights whose solution raises
        solution = solve_soft(
            self.mdp,
            self.design.reward(asked),
            rationality=self.rationality,
            tolerance=SOFT_TOLERANCE,
            initial_value=start,
        )
        if not solution.outcome.ok and cache.value is not None:  # a far warm start must not decide the answer
            solution = solve_soft(
                self.mdp,
                self.design.reward(asked),
                rationality=self.rationality,
                tolerance=SOFT_TOLERANCE,
            )
        cache.weights = asked
        cache.outcome, cache.residual, cache.findings = (
            solution.outcome,
            float(solution.residual),
            solution.findings,
        )
        if not solution.outcome.ok:
            return None
        policy = np.exp(solution.log_policy)
        cache.value = solution.value
        cache.point = StationaryPoint(
            design=self.design,
            transition=self.mdp.transition,
            transition_transposed=self._transposed,
            discount=float(self.mdp.discount),
            rationality=self.rationality,
            policy=policy,
            log_policy=solution.log_policy,
            totals=self.counts.totals.reshape(policy.shape),
            system=policy_system(self.mdp, policy),
        )
        return cache.point

    def _foreseen(self, weights: FloatArray) -> FloatArray | None:
        """The value function at nearby weights by its tangent at the last ones: one solve with the system at
        hand, which saves Newton steps that each need a new one.
        """
        cache = self._cache
        if cache.point is None or cache.weights is None:
            return cache.value
        point = cache.point
        along = (point.policy * self.design.reward(weights - cache.weights)).sum(axis=1)
        assert cache.value is not None
        foreseen = cache.value + point.system.solve(along)
        return foreseen if np.all(np.isfinite(foreseen)) else cache.value

    @cached_property
    def _transposed(self) -> sp.csr_array:
        return sp.csr_array(self.mdp.transition.T)


@dataclass
class _Cache:
    """The last point evaluated and the value function it left; holds nothing that an answer depends on."""

    weights: FloatArray | None = None
    point: StationaryPoint | None = None
    value: FloatArray | None = None
    outcome: Outcome = Outcome.SUCCESS
    residual: float = np.inf
    findings: tuple[Finding, ...] = ()
