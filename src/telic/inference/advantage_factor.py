"""How features change the differences between actions: one small triangular factor for each world.

A soft policy depends on the weights through ``Q(s,a) - V(s)`` alone. Under any fixed policy that reaches
every action and state, the derivative of those differences by weight k is the advantage of feature k,

    D_k(s,a) = phi_k(s,a) + gamma (P V_k)(s,a) - V_k(s),    V_k = M^-1 sum_a pi phi_k,    M = I - gamma P_pi,

and a direction v of the weights leaves every soft policy of every strength alone exactly where ``D v = 0``:
then ``phi v = V_v - gamma P V_v`` is potential shaping (Ng, Harada and Russell 1999). The converse holds
because ``V_v`` is then the value of v under *every* policy. So the question "what can choices in this world
never tell?" is the null space of D, with one row for each state and action.

D is never held. Its triangular factor R (``R'R = D'D``, K x K) is gathered from blocks of rows by repeated
QR, which loses nothing to squaring: singular values of D come out to rounding. Policies: uniform where the
discount is below 1; undiscounted, one that surely arrives, which keeps the linear systems well conditioned.
Fixed horizons are walked backwards in time; destinations are taken one after the other.

References: Ng, Harada and Russell (1999), ICML, theorem 1; Cao, Cohen and Szpruch (2021), NeurIPS, theorem 1;
Kim et al. (2021), ICML; Demmel et al. (2012), SIAM J. Sci. Comput. 34, A206, for QR of tall matrices by
blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from telic.errors import DynamicsError, SettingsError
from telic.features import FeatureMap
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.planning import goal_system, policy_system
from telic.planning.absorption import arrival_actions
from telic.planning.bellman import BellmanOperator, allowed_pairs, policy_chain
from telic.planning.linear import PolicySystem, choose_method
from telic.reports import Outcome
from telic.typing import BoolArray, FloatArray

from .likelihood.design import Design
from .likelihood.stationary import difference_blocks

__all__ = ["MAX_WEIGHTS", "AdvantageFactor", "World", "advantage_factor", "uniform_policy"]

World = TabularMDP | FiniteHorizonMDP | GoalConditionedMDP

MAX_WEIGHTS = 2_000
"""Weights up to which a dense K x K factor is formed."""

QR_ROWS = 4
"""Blocks are gathered until they have this many times K rows, so that one QR pays for itself."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AdvantageFactor:
    """What the differences between actions in one world depend on.

    Attributes:
        factor: ``(K, K)`` upper triangular R with ``R'R = D'D``; NaN unless ``outcome`` is ``SUCCESS``.
        n_rows: number of states and actions (and times, and destinations) behind it.
        magnitude: ``(K,)`` largest ``|phi_k|`` or ``|V_k|`` met: the size against which rounding is measured.
        noise: relative size of the rounding in D, from the residual of the linear systems.
        is_constant: ``(K,)``: the feature has one value everywhere.
        differs_by_action: ``(K,)``: the feature itself differs between actions of some state.
        n_goals: destinations looked at; 0 for worlds without.
        outcome: ``SUCCESS``, or why a linear system had no solution.
    """

    factor: FloatArray
    n_rows: int
    magnitude: FloatArray
    noise: float
    is_constant: BoolArray
    differs_by_action: BoolArray
    n_goals: int = 0
    outcome: Outcome = Outcome.SUCCESS


def advantage_factor(world: World, features: FeatureMap) -> AdvantageFactor:
    """The factor of one world; see the module.

    Args:
        world: any kind.
        features: phi, of this world.

    Raises:
        FeatureError: the features do not fit the world.
        SettingsError: more than ``MAX_WEIGHTS`` features.
    """
    K = features.n_features
    if K > MAX_WEIGHTS:
        raise SettingsError(
            f"Null directions of at most {MAX_WEIGHTS} weights can be told, got {K}.",
            hint="For a reward that is free in every state use `free_reward_ambiguity`.",
        )
    design = Design(features=features, n_states=world.n_states, n_actions=world.n_actions)
    gather = _Gather(design, allowed_pairs(world))
    if isinstance(world, TabularMDP):
        outcome = _discounted(world, design, gather)
    elif isinstance(world, FiniteHorizonMDP):
        outcome = _finite(world, design, gather)
    elif isinstance(world, GoalConditionedMDP):
        outcome = _goals(world, design, gather)
    else:
        raise DynamicsError(
            f"No identifiability for a world of type {type(world).__name__}.",
            hint="Use a TabularMDP, a FiniteHorizonMDP or a GoalConditionedMDP.",
        )
    return gather.result(outcome)


def uniform_policy(world: TabularMDP | FiniteHorizonMDP) -> FloatArray:
    """``(S, A)``: every available action with the same probability; rows of 0 where nobody decides."""
    allowed = allowed_pairs(world)
    if allowed is None:
        return np.full((world.n_states, world.n_actions), 1.0 / world.n_actions)
    counts = allowed.sum(axis=1, keepdims=True)
    return np.asarray(allowed / np.where(counts > 0, counts, 1))


def _discounted(world: TabularMDP, design: Design, gather: _Gather) -> Outcome:
    if world.discount < 1.0:
        policy = uniform_policy(world)
    else:
        allowed = allowed_pairs(world)
        ends = world.absorbing if world.absorbing is not None else np.zeros(world.n_states, dtype=bool)
        policy = np.zeros((world.n_states, world.n_actions))
        chosen = arrival_actions(world.transition, world.n_actions, allowed, ends)
        policy[np.arange(world.n_states), chosen] = 1.0
        policy[ends] = 0.0
    answer = policy_system(world, policy).report(design.average(policy))
    if not answer.outcome.ok:
        return answer.outcome
    gather.add(
        difference_blocks(design, world.transition, float(world.discount), answer.x, answer.x),
        answer.x,
        answer.residual,
    )
    return Outcome.SUCCESS


def _finite(world: FiniteHorizonMDP, design: Design, gather: _Gather) -> Outcome:
    policy = uniform_policy(world)
    chain = policy_chain(world.transition, policy)
    mean = design.average(policy)
    later = np.zeros_like(mean)
    for _ in range(world.horizon):
        now = mean + world.discount * np.asarray(chain @ later)
        gather.add(difference_blocks(design, world.transition, float(world.discount), now, later), now, 0.0)
        later = now
    return Outcome.SUCCESS


def _goals(world: GoalConditionedMDP, design: Design, gather: _Gather) -> Outcome:
    S, A, K = design.n_states, design.n_actions, design.n_weights
    system = goal_system(world, np.zeros((S, A)))
    for goal in np.asarray(world.goals).tolist():
        operator, _ = system.operator(goal)
        policy = _arrival_policy(operator, goal)
        chain = policy_chain(world.transition, policy)
        solver = PolicySystem(chain=chain, discount=1.0, method=choose_method(chain))
        answer = solver.report(design.average(policy))
        if not answer.outcome.ok:
            return answer.outcome
        gather.allowed = operator.allowed
        gather.add(
            difference_blocks(design, world.transition, 1.0, answer.x, answer.x), answer.x, answer.residual
        )
        gather.n_goals += 1
        if gather.rank_is_full(K):
            break
    return Outcome.SUCCESS


def _arrival_policy(operator: BellmanOperator, goal: int) -> FloatArray:
    """A policy that surely arrives, on the states that can; elsewhere nobody decides."""
    S, A = operator.reward.shape
    target = np.zeros(S, dtype=bool)
    target[goal] = True
    chosen = arrival_actions(operator.transition, A, operator.allowed, target)
    policy = np.zeros((S, A))
    policy[np.arange(S), chosen] = 1.0
    if operator.absorbing is not None:
        policy[operator.absorbing] = 0.0
    return policy


class _Gather:
    """Rows of D, gathered into one triangular factor."""

    def __init__(self, design: Design, allowed: BoolArray | None) -> None:
        K = design.n_weights
        self.design, self.allowed = design, allowed
        self.factor = np.zeros((0, K))
        self.n_rows, self.noise, self.n_goals = 0, 0.0, 0
        self.magnitude = np.zeros(K)
        self.low, self.high = np.full(K, np.inf), np.full(K, -np.inf)
        self.differs = np.zeros(K, dtype=bool)
        self._look_at_features()

    def add(self, blocks: Iterable[tuple[int, int, FloatArray]], value: FloatArray, residual: float) -> None:
        """One more family of rows, with the values they were made from."""
        self.noise = max(self.noise, residual)
        self.magnitude = np.maximum(self.magnitude, np.abs(value).max(axis=0, initial=0.0))
        flat = None if self.allowed is None else self.allowed.ravel()
        waiting: list[FloatArray] = []
        count, K = 0, self.design.n_weights
        for start, stop, D in blocks:
            rows = D if flat is None else D[flat[start:stop]]
            waiting.append(rows)
            count += len(rows)
            self.n_rows += len(rows)
            if count >= QR_ROWS * K:
                self._fold(waiting)
                waiting, count = [], 0
        self._fold(waiting)

    def rank_is_full(self, n_weights: int) -> bool:
        """True where no later row can lower the nullity (with a margin against rounding)."""
        sizes = np.linalg.norm(self.factor, axis=0)
        if len(self.factor) < n_weights or np.any(sizes <= 0):
            return False
        return bool(np.linalg.svd(self.factor / sizes, compute_uv=False)[-1] > 1e-6)

    def result(self, outcome: Outcome) -> AdvantageFactor:
        K = self.design.n_weights
        R = np.zeros((K, K))
        R[: len(self.factor)] = self.factor
        if not outcome.ok:
            R[:] = np.nan
        return AdvantageFactor(
            factor=R,
            n_rows=self.n_rows,
            magnitude=self.magnitude,
            noise=max(self.noise, float(np.finfo(np.float64).eps)),
            is_constant=np.asarray(self.high - self.low <= 0.0),
            differs_by_action=self.differs,
            n_goals=self.n_goals,
            outcome=outcome,
        )

    def _fold(self, waiting: list[FloatArray]) -> None:
        if waiting:
            self.factor = np.asarray(np.linalg.qr(np.concatenate([self.factor, *waiting]), mode="r"))

    def _look_at_features(self) -> None:
        allowed = self.allowed
        for start, stop, phi in _feature_blocks(self.design):
            part: BoolArray = np.ones(phi.shape[:2], dtype=bool) if allowed is None else allowed[start:stop]
            if self.design.is_of_state:
                part = np.asarray(part.any(axis=1, keepdims=True))
            if not part.any():
                continue
            seen = phi[part]
            self.low, self.high = (
                np.minimum(self.low, seen.min(axis=0)),
                np.maximum(self.high, seen.max(axis=0)),
            )
            if not self.design.is_of_state:
                top = np.where(part[..., None], phi, -np.inf).max(axis=1)
                bottom = np.where(part[..., None], phi, np.inf).min(axis=1)
                self.differs |= (top > bottom).any(axis=0)
        self.magnitude = np.maximum(np.abs(self.low), np.abs(self.high))
        self.magnitude[~np.isfinite(self.magnitude)] = 0.0


def _feature_blocks(design: Design) -> Iterator[tuple[int, int, FloatArray]]:
    step = max(1, 2_000_000 // (8 * design.n_actions * design.n_weights))
    for start in range(0, design.n_states, step):
        stop = min(design.n_states, start + step)
        yield start, stop, design.block(start, stop)
