"""The path model of 2008: whole paths are chosen by their reward, as if their luck could be chosen too.

    P(path) proportional to exp(beta sum_t r(s_t, a_t)) prod_t P(s_t+1 | s_t, a_t),

for a fixed number of decisions H. Backwards from ``V_H = 0``,

    Q_t(s,a) = r(s,a) + (1/beta) log sum_s' P(s'|s,a) exp(beta V_t+1(s')),   V_t = (1/beta) log sum_a
    exp(beta Q_t),

the actions follow ``pi_t = exp(beta (Q_t - V_t))`` and the model believes in the transitions
``P~_t(s'|s,a) proportional to P(s'|s,a) exp(beta V_t+1(s'))``. Where the dynamics are stochastic these are
not the transitions of the world: good luck counts as chosen. The log-likelihood of a path is linear in the
weights minus ``beta V_0(s_0)``, which is convex, so its derivatives are means and covariances of path
features under the model.

Reference: Ziebart, Maas, Bagnell and Dey (2008), Maximum entropy inverse reinforcement learning, AAAI, eq. 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from telic.mdp import FiniteHorizonMDP
from telic.planning.bellman import allowed_pairs, check_rationality, check_reward, soft_maximum
from telic.policies import TabularPolicy
from telic.reports import Outcome
from telic.typing import FloatArray

from .likelihood.design import Design

__all__ = ["PathDerivatives", "PathSolution", "path_derivatives", "solve_paths"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PathSolution:
    """The path model of one reward.

    Attributes:
        value: ``(H + 1, S)`` V of each time; the last row is 0.
        action_value: ``(H, S, A)`` Q; -inf where an action is not available.
        belief: ``(H, nnz)`` what the model believes of each stored transition of the world, in CSR order.
        rationality: beta.
        outcome: ``SUCCESS`` or ``NON_FINITE``.
    """

    value: FloatArray
    action_value: FloatArray
    belief: FloatArray
    rationality: float
    outcome: Outcome

    @cached_property
    def log_policy(self) -> FloatArray:
        """``(H, S, A)`` log-probabilities of actions."""
        return np.asarray(self.rationality * (self.action_value - self.value[:-1, :, None]))

    @cached_property
    def policy(self) -> TabularPolicy:
        """The policy, indexed by time."""
        return TabularPolicy(table=np.exp(self.log_policy))


@dataclass(frozen=True, kw_only=True, eq=False)
class PathDerivatives:
    """Derivatives of ``sum_i beta V_0(s_i0)`` by the weights.

    Attributes:
        mean: ``(K,)`` expected features of the paths, times beta.
        covariance: ``(K, K)`` their covariance, times beta squared.
        values: ``(H + 1, S, K)`` derivative of V of each time.
    """

    mean: FloatArray
    covariance: FloatArray
    values: FloatArray


def solve_paths(world: FiniteHorizonMDP, reward: FloatArray, *, rationality: float = 1.0) -> PathSolution:
    """The values, policy and beliefs of the path model.

    Args:
        world: the dynamics and the horizon, undiscounted.
        reward: ``(S, A)``.
        rationality: inverse temperature beta.

    Raises:
        DynamicsError: the reward does not fit.
        SettingsError: ``rationality`` is not positive and finite.
    """
    check_rationality(rationality)
    R, beta, H = check_reward(reward, world), float(rationality), world.horizon
    S, A = R.shape
    P = world.transition
    allowed = allowed_pairs(world)
    row = np.repeat(np.arange(S * A), np.diff(P.indptr))
    with np.errstate(divide="ignore"):
        log_p = np.log(P.data)
    V, Q, belief = np.zeros((H + 1, S)), np.empty((H, S, A)), np.empty((H, len(row)))
    for t in range(H - 1, -1, -1):
        reach = log_p + beta * V[t + 1][P.indices]
        top = np.full(S * A, -np.inf)
        np.maximum.at(top, row, reach)
        centre = np.where(np.isfinite(top), top, 0.0)
        mass = np.exp(reach - centre[row])
        total = np.bincount(row, weights=mass, minlength=S * A)
        belief[t] = mass / total[row]
        with np.errstate(divide="ignore"):
            Q[t] = R + ((centre + np.log(total)) / beta).reshape(S, A)
        if allowed is not None:
            Q[t][~allowed] = -np.inf
        V[t], _ = soft_maximum(Q[t], beta)
    finite = bool(np.all(np.isfinite(V)))
    return PathSolution(
        value=V,
        action_value=Q,
        belief=belief,
        rationality=beta,
        outcome=Outcome.SUCCESS if finite else Outcome.NON_FINITE,
    )


def path_derivatives(
    world: FiniteHorizonMDP, design: Design, solution: PathSolution, starts: FloatArray
) -> PathDerivatives:
    """Mean and covariance of the features of the model's paths.

    Args:
        world: as solved.
        design: phi.
        solution: the model.
        starts: ``(S,)`` weight of paths from each first state.
    """
    P, H, beta = world.transition, world.horizon, solution.rationality
    S, A, K = world.n_states, world.n_actions, design.n_weights
    row = np.repeat(np.arange(S * A), np.diff(P.indptr))
    pi = np.exp(solution.log_policy)
    flow = np.empty((H, S))  # weight of paths in each state at each time, under the model's own beliefs
    flow[0] = starts
    for t in range(H - 1):
        pairs = (flow[t][:, None] * pi[t]).ravel()
        flow[t + 1] = np.bincount(P.indices, weights=pairs[row] * solution.belief[t], minlength=S)
    phi = np.broadcast_to(design.block(0, S), (S, A, K)).reshape(S * A, K)
    values, covariance = np.zeros((H + 1, S, K)), np.zeros((K, K))
    for t in range(H - 1, -1, -1):
        reached = phi[row] + values[t + 1][P.indices]
        weight = (pi[t].ravel())[row] * solution.belief[t]
        for k in range(K):
            values[t, :, k] = np.bincount(row // A, weights=weight * reached[:, k], minlength=S)
        reached -= values[t][row // A]
        covariance += (reached * (weight * flow[t][row // A])[:, None]).T @ reached
    return PathDerivatives(mean=beta * (starts @ values[0]), covariance=beta**2 * covariance, values=values)
