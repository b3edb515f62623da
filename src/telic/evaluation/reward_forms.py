"""Rewards of any make, over one world: a table, a function, or one of ours, in the form they were given.

A function is asked for every triple of state, action and next state where that many fit in memory, because EPIC
needs rewards of transitions that cannot happen; in a larger world it is asked for the possible ones only. What it
answers is kept in the smallest form that holds it: a function that never looks at the next state is of the form
S A.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from telic.errors import DynamicsError, FeatureError, SettingsError
from telic.mdp import TabularMDP
from telic.rewards import LinearReward, MeasuredReward, RewardEstimate, RewardPosterior, TabularReward
from telic.typing import FloatArray, LongArray

__all__ = ["RewardLike", "WorldReward", "as_reward", "holds_triples", "transition_values"]

DENSE_TRIPLES = 20_000_000
"""Most triples (s, a, s') that are held at once: 160 MB a reward."""

RewardFunction: TypeAlias = Callable[[LongArray, LongArray, LongArray], FloatArray]
"""``(states, actions, next_states) -> values``, all of one length."""

WorldReward: TypeAlias = TabularReward | LinearReward
"""A reward that fits a finite world."""

RewardLike: TypeAlias = (
    TabularReward
    | LinearReward
    | MeasuredReward
    | RewardEstimate
    | RewardPosterior
    | RewardFunction
    | np.ndarray
    | sp.csr_array
)
"""What may be compared: ours (a posterior by its mean), a table of shape ``(S,)``, ``(S, A)``, ``(S, A, S)`` or CSR
``(S * A, S)``, or a function."""


def as_reward(given: RewardLike, mdp: TabularMDP, *, name: str = "reward") -> WorldReward:
    """The reward as one of ours, checked against the world.

    Args:
        given: a ``TabularReward``, ``LinearReward`` or ``RewardEstimate``; a ``RewardPosterior``, whose mean is taken;
            an array of shape ``(S,)``, ``(S, A)`` or ``(S, A, S)``, or CSR ``(S * A, S)``; or a function of state,
            action and next state indices.
        mdp: the world it is looked at in.
        name: what errors call it.

    Raises:
        DynamicsError: it does not fit the world.
        FeatureError: it is not finite, or it is a reward of measurements.
        NumericalError: the draws of a posterior are not an answer.
        SettingsError: it is nothing that can be read as a reward.
    """
    if isinstance(given, RewardEstimate):
        given = given.reward
    if isinstance(given, RewardPosterior):
        given = LinearReward(features=given.features, weights=given.mean)
    if isinstance(given, MeasuredReward):
        raise FeatureError(
            f"`{name}` is a reward of measurements and has no table of states.",
            hint="Give its values at the cells of the world as an array (S, A).",
        )
    if isinstance(given, (TabularReward, LinearReward)):
        reward: WorldReward = given
    elif sp.issparse(given):
        matrix: Any = given
        reward = TabularReward(values=sp.csr_array(matrix, dtype=np.float64))
    elif isinstance(given, np.ndarray):
        reward = _from_array(given, mdp, name)
    elif callable(given):
        reward = _from_function(given, mdp, name)
    else:
        raise SettingsError(
            f"`{name}` must be a reward, an array or a function, got {type(given).__name__}.",
            hint="An array (S,), (S, A) or (S, A, S), a function (states, actions, next_states) -> values, or what "
            "`onnx_reward` makes of a network.",
        )
    _check(reward, mdp, name)
    return reward


def holds_triples(mdp: TabularMDP) -> bool:
    """True where a reward of every state, action and next state fits in memory."""
    return mdp.n_states**2 * mdp.n_actions <= DENSE_TRIPLES


def transition_values(reward: WorldReward, mdp: TabularMDP) -> Float[np.ndarray, "S A S"]:
    """The reward of every triple, impossible ones too.

    Raises:
        SettingsError: the world has too many triples to hold.
    """
    S, A = mdp.n_states, mdp.n_actions
    if not holds_triples(mdp):
        raise SettingsError(
            f"A table of every state, action and next state would have {S * A * S:,} entries; "
            f"at most {DENSE_TRIPLES:,} are held.",
            hint="Use `starc_distance`, which needs no rewards of impossible transitions, or coarser states.",
        )
    if reward.form == "SAS" and isinstance(reward, TabularReward):
        values = reward.values
        dense = values if isinstance(values, np.ndarray) else values.toarray()
        return np.asarray(dense, dtype=np.float64).reshape(S, A, S)
    return np.repeat(reward.expected(mdp)[:, :, None], S, axis=2)


def _from_array(table: FloatArray, mdp: TabularMDP, name: str) -> TabularReward:
    S, A = mdp.n_states, mdp.n_actions
    values = np.asarray(table, dtype=np.float64)
    if values.shape in ((S,), (S, A)):
        return TabularReward(values=values)
    if values.shape == (S, A, S):
        return _smallest_form(values)
    raise DynamicsError(
        f"`{name}` has shape {values.shape}, which is no reward of a world of {S} states and {A} actions.",
        hint=f"({S},), ({S}, {A}) or ({S}, {A}, {S}).",
    )


def _from_function(function: RewardFunction, mdp: TabularMDP, name: str) -> TabularReward:
    S, A = mdp.n_states, mdp.n_actions
    if holds_triples(mdp):
        s, a, nxt = (axis.ravel() for axis in np.indices((S, A, S), dtype=np.int64))
        return _smallest_form(_answers(function, s, a, nxt, name).reshape(S, A, S))
    P = mdp.transition
    rows = np.repeat(np.arange(S * A, dtype=np.int64), np.diff(P.indptr))
    values = _answers(function, rows // A, rows % A, P.indices.astype(np.int64), name)
    return TabularReward(values=sp.csr_array((values, P.indices, P.indptr), shape=P.shape))


def _answers(function: RewardFunction, s: LongArray, a: LongArray, nxt: LongArray, name: str) -> FloatArray:
    values = np.asarray(function(s, a, nxt))
    if values.shape != s.shape or values.dtype.kind not in "biuf":
        raise FeatureError(
            f"`{name}` was asked for {len(s)} transitions and answered with shape {values.shape} of "
            f"{values.dtype}.",
            hint="Return one number for each transition: (states, actions, next_states) -> values.",
        )
    return values.astype(np.float64)


def _smallest_form(values: FloatArray) -> TabularReward:
    """S or S A where nothing else is looked at."""
    if (values == values[:, :, :1]).all():
        pairs = values[:, :, 0].copy()
        return TabularReward(values=pairs[:, 0].copy() if (pairs == pairs[:, :1]).all() else pairs)
    S, A, _ = values.shape
    return TabularReward(values=sp.csr_array(values.reshape(S * A, S)))


def _check(reward: WorldReward, mdp: TabularMDP, name: str) -> None:
    expected = reward.expected(mdp)  # says what does not fit
    values = reward.values if isinstance(reward, TabularReward) else expected
    data = values if isinstance(values, np.ndarray) else values.data
    wrong = int((~np.isfinite(data)).sum()) or int((~np.isfinite(expected)).sum())
    if wrong:
        raise FeatureError(
            f"`{name}` must be finite everywhere; {wrong} of its values are not.",
            hint="An action that may not be taken is marked in the world (`available`), not by an infinite reward.",
        )
