"""The likelihood of decisions on the way to destinations: one destination a trajectory, undiscounted.

Each destination is a stationary problem with value 0 at the destination. In a deterministic world one
sparse factorisation serves all destinations (``telic.planning.solve_soft_goals``), for values and for
derivatives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from telic.errors import DataError
from telic.features import FeatureMap
from telic.mdp import GoalConditionedMDP
from telic.planning import SoftGoalSolution, goal_system, solve_soft_goals
from telic.reports import Outcome
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import FloatArray, IntArray, LongArray

from .counted import AbstractCountedLikelihood, check_rationality, data_digest, failed_evaluation, nans
from .counts import Counts, check_possible, count_cells, impossible
from .design import Design
from .protocol import Evaluation
from .stationary import StationaryPoint

__all__ = ["GoalLikelihood"]

SOFT_TOLERANCE = 1e-12
"""Residual of the forward problem relative to max(1, max|V|)."""


@dataclass(frozen=True, eq=False)
class GoalLikelihood(AbstractCountedLikelihood):
    """Exact log-likelihood of choices of a soft-optimal expert on the way to a destination.

    Attributes:
        mdp: the world.
        features: phi; rewards must be negative enough that arriving is worth more than wandering.
        data: demonstrations with states and ``goals``.
        rationality: inverse temperature beta, above 0.

    Raises:
        ImpossibleDemonstrationsError: the world gives probability 0 to what was seen, a decision is taken
            at the destination, or leads where the destination cannot be reached.
        DataError, FeatureError, SettingsError: the inputs do not fit each other.
    """

    mdp: GoalConditionedMDP
    features: FeatureMap
    data: Demonstrations
    rationality: float = 1.0
    _cache: _Cache = field(default_factory=lambda: _Cache(), repr=False)

    def __post_init__(self) -> None:
        check_rationality(self.rationality)
        _ = self.design
        self._check()

    @cached_property
    def goals(self) -> IntArray:
        """``(G,)`` destinations that some trajectory with decisions has."""
        return np.unique(self._goal_of_rows).astype(np.int32)

    @cached_property
    def counts(self) -> Counts:
        """Counts over the pairs of destination and cell that were seen (``seen_cells``), destination by
        destination.
        """
        _, position = np.unique(self._keys, return_inverse=True)
        return count_cells(position, self.data, len(self.seen_cells))

    @cached_property
    def seen_cells(self) -> LongArray:
        """``(U,)`` ``(i_goal * S + s) * A + a`` of what was seen, sorted."""
        return np.unique(self._keys)

    @cached_property
    def design(self) -> Design:
        """Phi as an operator."""
        return Design(features=self.features, n_states=self.mdp.n_states, n_actions=self.mdp.n_actions)

    @property
    def discount(self) -> float | None:
        """None: undiscounted, with an end."""
        return None

    def digests(self) -> dict[str, str]:
        """Digests of world, features and data."""
        return {"world": self.mdp.digest, "features": self.features.digest, "data": data_digest(self.data)}

    def evaluate(self, weights: FloatArray, *, order: int = 0) -> Evaluation:
        """Value, score, Hessian and information at ``(K,)`` weights; see ``ChoiceLikelihood``."""
        solution = self._solution(weights)
        if not solution.outcome.ok:
            return failed_evaluation(solution.outcome, float(solution.residual), solution.findings)
        K, A = self.n_weights, self.mdp.n_actions
        value, score, hessian, information = 0.0, np.zeros(K), np.zeros((K, K)), np.zeros((K, K))
        if order == 0:
            for i, part, cells in self._parts():
                rows = solution.log_policy_rows(i, cells // A)
                value += float(self.counts.totals[part] @ rows[np.arange(len(cells)), cells % A])
        else:
            for _, _, _, point in self._points(solution):
                value += point.log_likelihood
                score += point.score()
                if order >= 2:
                    H, F = point.hessian_and_information()
                    hessian += H
                    information += F
        if not np.isfinite(value) or not np.all(np.isfinite(score)) or not np.all(np.isfinite(hessian)):
            return failed_evaluation(Outcome.NON_FINITE, float(solution.residual), solution.findings)
        return Evaluation(
            value=value,
            score=score if order >= 1 else None,
            hessian=hessian if order >= 2 else None,
            information=information if order >= 2 else None,
            outcome=Outcome.SUCCESS,
            bellman_residual=float(solution.residual),
            findings=solution.findings,
        )

    def hessian_vector(self, weights: FloatArray, direction: FloatArray) -> FloatArray:
        """``(K,)`` Hessian times a direction: one forward and one transposed system a destination."""
        solution = self._solution(weights)
        if not solution.outcome.ok:
            return nans(self.n_weights)
        out = np.zeros(self.n_weights)
        for _, _, _, point in self._points(solution):
            out += point.hessian_vector(direction)
        return out

    def cluster_scores(self, weights: FloatArray) -> FloatArray:
        """``(N, K)`` score of every trajectory."""
        solution, columns = self._solution(weights), self.counts.columns
        out = np.zeros((self.n_clusters, self.n_weights))
        if columns is None or not solution.outcome.ok:
            return out if columns is None else nans(*out.shape)
        for _, part, cells, point in self._points(solution):
            out += columns[:, part] @ point.difference_rows(cells)
        return self.rationality * out

    def outer_product(self, weights: FloatArray) -> FloatArray:
        """``(K, K)`` sum over decisions of score times score transposed."""
        solution, K = self._solution(weights), self.n_weights
        if not solution.outcome.ok:
            return nans(K, K)
        total = np.zeros((K, K))
        for _, part, cells, point in self._points(solution):
            rows = point.difference_rows(cells)
            total += (rows * self.counts.squares[part, None]).T @ rows
        return self.rationality**2 * (total + total.T) / 2

    def cell_log_probs(self, weights: FloatArray) -> FloatArray:
        """``(U,)`` log probability of the choices of ``seen_cells``; NaN where there is no solution."""
        solution, A = self._solution(weights), self.mdp.n_actions
        out = nans(len(self.seen_cells))
        if solution.outcome.ok:
            for i, part, cells in self._parts():
                rows = solution.log_policy_rows(i, cells // A)
                out[part] = rows[np.arange(len(cells)), cells % A]
        return out

    def reweighted(self, cluster_weights: FloatArray) -> GoalLikelihood:
        """The same with every decision of trajectory i counted ``cluster_weights[i]`` times."""
        self.counts.reweighted(cluster_weights)  # the door
        rows = np.asarray(cluster_weights)[source_index(self.data)[self.data.trajectory_index]]
        before = 1.0 if self.data.weights is None else self.data.weights
        return replace(self, data=replace(self.data, weights=rows * before), _cache=_Cache())

    @cached_property
    def _keys(self) -> LongArray:
        states, _ = self.data.require_states()
        i_goal = np.searchsorted(self.goals, self._goal_of_rows)
        return np.asarray((i_goal * self.mdp.n_states + states) * self.mdp.n_actions + self.data.actions)

    @cached_property
    def _goal_of_rows(self) -> LongArray:
        if self.data.goals is None:
            raise DataError(
                "A goal-conditioned likelihood needs the destination of each trajectory; `goals` is missing.",
                hint="Set `Demonstrations.goals` to one state a trajectory.",
            )
        return self.data.goals[self.data.trajectory_index].astype(np.int64)

    @cached_property
    def _transposed(self) -> sp.csr_array:
        return sp.csr_array(self.mdp.transition.T)

    def _check(self) -> None:
        """The door: destinations are known, and every decision can be part of a way to its own."""
        check_possible(self.data, self.mdp)
        unknown = np.setdiff1d(self.goals, self.mdp.goals)
        if len(unknown):
            raise DataError(
                f"{len(unknown)} destinations of the demonstrations are not goals of the world (first: "
                f"{unknown[:5].tolist()}).",
                hint="Add them to `GoalConditionedMDP.goals`.",
                goals=unknown[:20].tolist(),
            )
        S, A = self.mdp.n_states, self.mdp.n_actions
        states, _ = self.data.require_states()
        problems = []
        at_goal = np.flatnonzero(states == self._goal_of_rows)
        if len(at_goal):
            problems.append(("a decision at the destination, where the problem has ended", at_goal))
        system = goal_system(self.mdp, np.zeros((S, A)))
        lost_keys = []
        for i, _, cells in self._parts():
            inside, allowed = system.reaching(int(self.goals[i]))
            if inside.all():
                continue
            escapes = np.asarray(self.mdp.transition[cells] @ (~inside).astype(np.float64)).ravel() > 0
            lost = escapes | ~inside[cells // A]
            if allowed is not None:
                lost |= ~allowed.ravel()[cells]
            lost &= cells // A != int(self.goals[i])
            lost_keys.append(cells[lost] + i * S * A)
        if lost_keys:
            rows = np.flatnonzero(np.isin(self._keys, np.concatenate(lost_keys)))
            if len(rows):
                problems.append(("a state or a next state that cannot surely reach the destination", rows))
        if problems:
            raise impossible(self.data, problems)

    def _parts(self) -> Iterator[tuple[int, slice, LongArray]]:
        """``(i_goal, slice of the counts, cells s * A + a)`` of every destination."""
        size = self.mdp.n_states * self.mdp.n_actions
        edges = np.searchsorted(self.seen_cells, np.arange(len(self.goals) + 1, dtype=np.int64) * size)
        for i in range(len(self.goals)):
            part = slice(int(edges[i]), int(edges[i + 1]))
            yield i, part, self.seen_cells[part] - i * size

    def _points(self, solution: SoftGoalSolution) -> Iterator[tuple[int, slice, LongArray, StationaryPoint]]:
        """The stationary problem of every destination, one after the other."""
        S, A = self.mdp.n_states, self.mdp.n_actions
        for i, part, cells in self._parts():
            totals = np.zeros(S * A)
            totals[cells] = self.counts.totals[part]
            log_policy = solution.log_policy(i)
            yield (
                i,
                part,
                cells,
                StationaryPoint(
                    design=self.design,
                    transition=self.mdp.transition,
                    transition_transposed=self._transposed,
                    discount=1.0,
                    rationality=self.rationality,
                    policy=np.exp(log_policy),
                    log_policy=log_policy,
                    totals=totals.reshape(S, A),
                    system=_OneGoal(solution=solution, i_goal=i),
                ),
            )

    def _solution(self, weights: FloatArray) -> SoftGoalSolution:
        cache = self._cache
        if cache.solution is None or cache.weights is None or not np.array_equal(cache.weights, weights):
            cache.weights = np.array(weights, dtype=np.float64)
            cache.solution = solve_soft_goals(
                self.mdp,
                self.design.reward(cache.weights),
                goals=self.goals,
                rationality=self.rationality,
                tolerance=SOFT_TOLERANCE,
            )
        return cache.solution


@dataclass(frozen=True, kw_only=True, eq=False)
class _OneGoal:
    """The linear system of one destination."""

    solution: SoftGoalSolution
    i_goal: int

    def solve(self, rhs: FloatArray) -> FloatArray:
        return self.solution.solve(self.i_goal, rhs)

    def solve_transposed(self, rhs: FloatArray) -> FloatArray:
        return self.solution.solve_transposed(self.i_goal, rhs)


@dataclass
class _Cache:
    """The last weights and their solution; holds nothing that an answer depends on."""

    weights: FloatArray | None = None
    solution: SoftGoalSolution | None = None
