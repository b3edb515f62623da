"""How often a policy is in each state and takes each action, and what it is worth.

Discounted and undiscounted: ``mu_s = rho_0 + gamma P_pi' mu_s``, one transposed solve; finite horizon: the
flow pushed forward in time. ``occupancy`` counts (sums to ``1 / (1 - gamma)``, to the expected number of
decisions when undiscounted, to H with a horizon); ``visitation`` is the same, normalised to sum to 1.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from telic.errors import DataError, DynamicsError
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.reports import Finding, Outcome
from telic.typing import FloatArray

from .absorption import can_reach, unreachable_finding
from .bellman import check_reward
from .linear import PolicySystem, check_policy, policy_system
from .solutions import require

__all__ = ["occupancy", "occupancy_finite", "policy_value", "visitation"]


def policy_value(
    mdp: TabularMDP, policy: Float[np.ndarray, "S A"], reward: Float[np.ndarray, "S A"]
) -> Float[np.ndarray, "S"]:
    """The expected (discounted) sum of rewards from each state under a policy, without entropy.

    Raises:
        DataError: the policy does not fit the world.
        DynamicsError: the reward does not fit the world.
        NumericalError: the value is not defined (an undiscounted policy that never ends) or the solve failed.
    """
    system = policy_system(mdp, policy)
    pi = check_policy(policy, mdp)
    R = check_reward(reward, mdp)
    return _solved(system, (pi * np.where(pi > 0, R, 0.0)).sum(axis=1), transposed=False, mdp=mdp)


def occupancy(
    mdp: TabularMDP, policy: Float[np.ndarray, "S A"], initial: Float[np.ndarray, "S"] | None = None
) -> Float[np.ndarray, "S A"]:
    """The expected (discounted) number of times each action is taken in each state.

    Args:
        mdp: the world.
        policy: probabilities.
        initial: distribution of the first state; default the world's own.

    Raises:
        DataError: the policy does not fit the world.
        DynamicsError: there is no initial distribution, or it is not one.
        NumericalError: the counts are infinite (an undiscounted policy that never ends) or the solve failed.
    """
    rho0 = _initial(mdp, initial)
    pi = check_policy(policy, mdp)
    mu = _solved(policy_system(mdp, policy), rho0, transposed=True, mdp=mdp)
    return np.asarray(np.maximum(mu, 0.0)[:, None] * pi)


def visitation(
    mdp: TabularMDP, policy: Float[np.ndarray, "S A"], initial: Float[np.ndarray, "S"] | None = None
) -> Float[np.ndarray, "S A"]:
    """The occupancy, normalised to sum to 1; arguments and errors as ``occupancy``."""
    mu = occupancy(mdp, policy, initial)
    total = float(mu.sum())
    return mu / total if total > 0 else mu


def occupancy_finite(
    mdp: FiniteHorizonMDP, policy: Float[np.ndarray, "T S A"], initial: Float[np.ndarray, "S"] | None = None
) -> Float[np.ndarray, "T S A"]:
    """The probability of each state and action at each time, times ``discount ** t``; sums to H when
    undiscounted.

    Args:
        mdp: the world and its horizon.
        policy: probabilities of each time.
        initial: distribution of the first state; default the world's own.

    Raises:
        DataError: the policy does not fit the world.
        DynamicsError: there is no initial distribution, or it is not one.
    """
    rho = _initial(mdp, initial)
    tables = np.asarray(policy, dtype=np.float64)
    H, S, A = mdp.horizon, mdp.n_states, mdp.n_actions
    if tables.shape != (H, S, A):
        raise DataError(
            f"`policy` must have shape (H, S, A) = ({H}, {S}, {A}), got {tables.shape}.",
            hint="Repeat a stationary policy over time.",
        )
    mu = np.empty((H, S, A))
    P_transposed = mdp.transition.T
    for t in range(H):
        np.multiply(rho[:, None], check_policy(tables[t], mdp), out=mu[t])
        rho = mdp.discount * (P_transposed @ mu[t].ravel())
    return mu


def _initial(mdp: TabularMDP | FiniteHorizonMDP, initial: FloatArray | None) -> FloatArray:
    rho0 = mdp.initial if initial is None else np.asarray(initial, dtype=np.float64)
    if rho0 is None:
        raise DynamicsError(
            "An occupancy needs an initial distribution and the world has none.",
            hint="Pass `initial`, a distribution over states.",
        )
    if rho0.shape != (mdp.n_states,) or np.any(rho0 < 0) or not abs(float(rho0.sum()) - 1.0) <= 1e-9:
        raise DynamicsError(
            f"`initial` must be a distribution over {mdp.n_states} states, got shape {rho0.shape}, "
            f"sum {float(rho0.sum())}.",
            hint="Normalise it.",
        )
    return rho0


def _solved(system: PolicySystem, rhs: FloatArray, *, transposed: bool, mdp: TabularMDP) -> FloatArray:
    answer = system.report(rhs, transposed=transposed)
    findings: tuple[Finding, ...] = ()
    if answer.outcome is Outcome.NOT_ABSORBING and mdp.absorbing is not None:
        lost = np.flatnonzero(~can_reach(system.chain, mdp.absorbing))
        findings = (unreachable_finding(lost, "an absorbing state under this policy"),)
    require(answer.outcome, findings)
    return answer.x
