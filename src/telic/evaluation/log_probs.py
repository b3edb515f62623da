"""The probability that a policy gives to demonstrated decisions, whatever kind of table it is."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from telic.errors import DataError
from telic.policies import HistoryPolicy, TabularPolicy, previous_states
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

__all__ = ["AnyPolicy", "decision_log_probs", "decision_probabilities"]

AnyPolicy: TypeAlias = TabularPolicy | HistoryPolicy | FloatArray
"""A table, a table with memory, or the ``(S, A)`` log-probabilities that a soft solver returns."""


def decision_probabilities(policy: AnyPolicy, demos: Demonstrations) -> FloatArray:
    """``(n, A)`` probability of every action in the state of every decision.

    Args:
        policy: a stationary or time-indexed table, a history policy, or ``(S, A)`` log-probabilities.
        demos: with states.

    Raises:
        DataError: the policy does not cover the states, the actions or the steps of the demonstrations.
    """
    states, _ = demos.require_states()
    if isinstance(policy, HistoryPolicy):
        _check_size(policy.n_states, policy.n_actions, demos)
        return policy.probabilities(previous_states(demos), states)
    if isinstance(policy, TabularPolicy):
        table = policy.table
    else:
        table = np.exp(policy)
        sums = table.sum(axis=-1)
        if table.ndim != 2 or not np.all(np.isclose(sums, 1, atol=1e-6) | (sums == 0)):
            raise DataError(
                f"An array given as a policy must be (S, A) log-probabilities, got shape {policy.shape} "
                f"whose exponentials sum to between {sums.min():.4g} and {sums.max():.4g}.",
                hint="Wrap probabilities in `TabularPolicy(table=...)`.",
            )
    _check_size(table.shape[-2], table.shape[-1], demos)
    if table.ndim == 2:
        return np.asarray(table[states])
    if demos.n_decisions and int(demos.step_index.max()) >= len(table):
        raise DataError(
            f"The policy has {len(table)} steps; a trajectory has {int(demos.step_index.max()) + 1} "
            "decisions.",
            hint="Use a policy of at least that horizon.",
        )
    return np.asarray(table[demos.step_index, states])


def decision_log_probs(policy: AnyPolicy, demos: Demonstrations) -> FloatArray:
    """``(n,)`` log-probability of every demonstrated decision; -inf where the policy never acts so.

    Args:
        policy: as in ``decision_probabilities``.
        demos: with states.
    """
    if isinstance(policy, np.ndarray) and policy.ndim == 2:  # without the detour over probabilities
        states, _ = demos.require_states()
        _check_size(policy.shape[0], policy.shape[1], demos)
        return np.asarray(policy[states, demos.actions])
    table = decision_probabilities(policy, demos)
    with np.errstate(divide="ignore"):
        return np.log(table[np.arange(len(table)), demos.actions])


def _check_size(n_states: int, n_actions: int, demos: Demonstrations) -> None:
    states, _ = demos.require_states()
    if len(states) and (states.max() >= n_states or states.min() < 0 or demos.actions.max() >= n_actions):
        raise DataError(
            f"A policy of {n_states} states and {n_actions} actions does not cover decisions with states "
            f"{states.min()} to {states.max()} and actions up to {demos.actions.max()}.",
            hint="Encode the demonstrations with the state space that the policy was made for.",
        )
