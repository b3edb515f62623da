"""Canonical rewards: what is left of a reward when shaping, which changes no choice, is taken out.

Potential shaping adds ``gamma Phi(s') - Phi(s)`` to a reward and leaves the order of all policies alone (Ng, Harada
and Russell 1999). Three forms remove it:

- EPIC: ``C(s,a,s') = R(s,a,s') + E[gamma R(s',A,S') - R(s,A,S') - gamma R(S,A,S')]`` with S and S' drawn alike and
  independently of everything. It knows no dynamics and so needs rewards of impossible transitions.
- DARD: the same with ``S' ~ P(.|s,A)`` and ``S'' ~ P(.|s',A)``:
  ``C = R + E[gamma R(s',A,S'') - R(s,A,S') - gamma R(S',A,S'')]``. Only the last term may be of an impossible
  transition.
- by value (STARC): ``C(s,a) = E[R(s,a,S') + gamma V(S')] - V(s)`` with V the value under a policy, that is, the
  advantage of that policy. It also removes S'-redistribution (which successor is paid, at equal expectation), which
  changes no policy's return either. Any policy gives a form with these properties; the default is the uniform one.

All are linear in the reward. A constant is shaping where the problem goes on for ever; in a world with an end it is
not, and the value form keeps it, as it should: being paid for each step is a reason to linger. Shaping potentials are
0 where the problem ends.

References: Gleave, Dennis, Legg, Russell and Leike (2021), Quantifying differences in reward functions, ICLR
(canonically shaped reward); Wulfe et al. (2022), Dynamics-aware comparison of learned reward functions, ICLR; Skalse et
al. (2024), STARC: a general framework for quantifying differences between reward functions, ICLR (value-adjusted
levelling).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from telic.errors import SettingsError
from telic.mdp import TabularMDP
from telic.planning import policy_value
from telic.typing import FloatArray

from .reward_forms import RewardLike, as_reward, transition_values

__all__ = ["canonical_by_value", "canonical_dard", "canonical_epic", "uniform_policy"]


def uniform_policy(mdp: TabularMDP) -> Float[np.ndarray, "S A"]:
    """Every available action alike; rows of absorbing states are 0."""
    table = mdp.availability.astype(np.float64)
    if mdp.absorbing is not None:
        table[mdp.absorbing] = 0.0
    total = table.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(table, total, out=np.zeros_like(table), where=total > 0))


def canonical_epic(
    reward: RewardLike,
    mdp: TabularMDP,
    *,
    state_distribution: Float[np.ndarray, "S"] | None = None,
    action_distribution: FloatArray | None = None,
) -> Float[np.ndarray, "S A S"]:
    """The canonically shaped reward of EPIC, for every triple.

    Args:
        reward: anything that ``as_reward`` reads.
        mdp: gives sizes and discount; its transitions are not used.
        state_distribution: of S and S'; default uniform over all states.
        action_distribution: ``(A,)`` of A, or ``(S, A)`` where it differs by state; default uniform.

    Raises:
        SettingsError: a distribution is none, or there are too many triples.
        DynamicsError: the reward does not fit the world.
    """
    R = transition_values(as_reward(reward, mdp), mdp)
    S, A = mdp.n_states, mdp.n_actions
    states = np.full(S, 1.0 / S) if state_distribution is None else _distribution(state_distribution, (S,))
    uniform = np.full(A, 1.0 / A)
    actions = uniform if action_distribution is None else _actions(action_distribution, mdp)
    mean = np.einsum("sa,sat,t->s", np.broadcast_to(actions, (S, A)), R, states, optimize=True)
    gamma = mdp.discount
    return np.asarray(R + gamma * mean[None, None, :] - mean[:, None, None] - gamma * float(states @ mean))


def canonical_dard(
    reward: RewardLike, mdp: TabularMDP, *, action_distribution: FloatArray | None = None
) -> Float[np.ndarray, "S A S"]:
    """The canonically shaped reward of DARD, for every triple.

    Args:
        reward: anything that ``as_reward`` reads.
        mdp: the world; an absorbing state counts as staying where it is.
        action_distribution: ``(A,)``: one action A is drawn for all three terms, as the paper writes it; every pair
            must then be available. ``(S, A)``: an action is drawn for each state by itself. Default: uniform
            ``(A,)`` where every pair is available, else uniform over what is available.

    Raises:
        SettingsError: a distribution is none, or there are too many triples.
        DynamicsError: the reward does not fit the world.
    """
    R = transition_values(as_reward(reward, mdp), mdp)
    S, A, gamma = mdp.n_states, mdp.n_actions, mdp.discount
    P, missing = _closed_transition(mdp)
    if action_distribution is None:
        action_distribution = (
            np.where(missing, 0.0, 1.0) / (A - missing.sum(axis=1, keepdims=True))
            if missing.any()
            else np.full(A, 1.0 / A)
        )
    actions = _actions(action_distribution, mdp)
    table = np.broadcast_to(actions, (S, A))
    if ((table > 0) & missing).any():
        raise SettingsError(
            "`action_distribution` draws actions that are not available.",
            hint="Give (S, A) with 0 at pairs that are not available.",
        )
    mean = np.einsum("sa,sat,sat->s", table, P, R, optimize=True)
    if actions.ndim == 1:
        far = sum(actions[a] * (P[:, a] @ R[:, a] @ P[:, a].T) for a in range(A))
    else:
        step = np.einsum("sa,sat->st", table, P)
        far = step @ np.einsum("sa,sat->st", table, R) @ step.T
    return np.asarray(R + gamma * mean[None, None, :] - mean[:, None, None] - gamma * far[:, None, :])


def canonical_by_value(
    reward: RewardLike, mdp: TabularMDP, *, policy: Float[np.ndarray, "S A"] | None = None
) -> Float[np.ndarray, "S A"]:
    """The reward levelled by its value under a policy (STARC): 0 where there is no decision.

    Args:
        reward: anything that ``as_reward`` reads.
        mdp: the world.
        policy: whose value is taken off; default every available action alike.

    Raises:
        DataError: the policy does not fit the world.
        DynamicsError: the reward does not fit the world.
        NumericalError: an undiscounted policy that never ends.
    """
    r = as_reward(reward, mdp).expected(mdp)
    pi = uniform_policy(mdp) if policy is None else np.asarray(policy, dtype=np.float64)
    V = policy_value(mdp, pi, r)
    advantage = r + mdp.discount * (mdp.transition @ V).reshape(r.shape) - V[:, None]
    return np.asarray(np.where(decision_pairs(mdp), advantage, 0.0))


def decision_pairs(mdp: TabularMDP) -> np.ndarray:
    """``(S, A)`` booleans: the action can be taken and the problem has not ended."""
    allowed = mdp.availability
    return allowed if mdp.absorbing is None else allowed & ~mdp.absorbing[:, None]


def _closed_transition(mdp: TabularMDP) -> tuple[FloatArray, np.ndarray]:
    """Dense transitions in which absorbing states stay, and which pairs have none."""
    S, A = mdp.n_states, mdp.n_actions
    P: FloatArray = sp.csr_array(mdp.transition).toarray().reshape(S, A, S)
    missing = ~mdp.availability
    if mdp.absorbing is not None:
        ends = np.flatnonzero(mdp.absorbing)
        P[ends] = 0.0
        P[ends, :, ends] = 1.0
        missing = missing & ~mdp.absorbing[:, None]
    return P, missing


def _distribution(given: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    values = np.asarray(given, dtype=np.float64)
    ok = values.shape == shape and np.isfinite(values).all() and (values >= 0).all()
    if not ok or np.abs(values.sum(axis=-1) - 1.0).max() > 1e-9:
        raise SettingsError(
            f"A distribution of shape {shape} was expected (not negative, summing to 1), got shape "
            f"{values.shape} with sum {float(values.sum()):g}.",
            hint="Normalise it.",
        )
    return values


def _actions(given: FloatArray, mdp: TabularMDP) -> FloatArray:
    A = mdp.n_actions
    return _distribution(given, (A,) if np.ndim(given) == 1 else (mdp.n_states, A))
