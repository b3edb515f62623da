"""What demonstrations say of each decision as numbers: observations, outcomes, and the reward, logged or ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import DataError
from telic.rewards import LinearReward, MeasuredReward, TabularReward
from telic.trajectories import Demonstrations

__all__ = ["observed", "refuse_what_is_not_used", "rewards_of"]


def refuse_what_is_not_used(demos: Demonstrations) -> None:
    """Nothing, where demonstrations hold nothing that would have to be minded and is not.

    Raises:
        DataError: weights differ, an attacker acted, or not everything could be done everywhere.
    """
    if demos.weights is not None and np.ptp(demos.weights) > 0:
        raise DataError(
            "Weights of decisions are not used here, and these differ.",
            hint="Select the trajectories to learn from, and leave `weights` out.",
        )
    if demos.origins is not None and np.any(demos.origins == 3):
        raise DataError(
            "No policy is made from an attacker's decisions.",
            hint="Select the trajectories of other origins.",
        )
    if demos.offered is not None and not demos.offered.all():
        raise DataError(
            "Not every action could be taken at every decision, which is not used here.",
            hint="Learn in a world with availability: `telic.planning`, or leave `offered` out knowingly.",
        )


def observed(demos: Demonstrations, n_states: int | None) -> tuple[Any, Any, Any, tuple[str, ...]]:
    """``(n, D)`` observations before and after, ``(n,)`` where the latter are known, and names.

    Args:
        demos: decisions.
        n_states: of states without observations; default one above the largest.

    Raises:
        DataError: there are neither observations nor states, or nothing after is known.
    """
    if demos.observations:
        if demos.next_known is None:
            raise DataError(
                "What followed the decisions is not known (`next_known` is None).",
                hint="Record `next_observations`, with `next_known` False where the record stops.",
            )
        x, names = _matrix(demos.observations, demos.categories)
        after, _ = _matrix(demos.next_observations, demos.categories)
        return x, after, demos.next_known, names
    if demos.states is None or demos.next_states is None:
        raise DataError(
            "Demonstrations must have observations or states, before and after.", hint="Give one of them."
        )
    S = int(max(demos.states.max(), demos.next_states.max())) + 1 if n_states is None else n_states
    one = np.eye(S)
    known = demos.next_states >= 0
    return (
        one[demos.states],
        one[np.where(known, demos.next_states, 0)],
        known,
        tuple(f"state {s}" for s in range(S)),
    )


def rewards_of(
    demos: Demonstrations, reward: NDArray[Any] | MeasuredReward | LinearReward | TabularReward
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """``(n,)`` rewards of decisions, and where they are known: a reward of what follows needs it to be seen.

    Args:
        demos: decisions.
        reward: ``(n,)`` numbers, or a reward. A reward of states counts the state in which was acted.

    Raises:
        DataError: lengths do not fit, or a reward of states meets demonstrations without them.
    """
    known = np.ones(demos.n_decisions, bool)
    if isinstance(reward, np.ndarray):
        if reward.shape != (demos.n_decisions,):
            raise DataError(
                f"`reward` must have one number a decision ({demos.n_decisions}), got shape {reward.shape}.",
                hint="In the order of the rows.",
            )
        return reward.astype(np.float64), known
    if isinstance(reward, MeasuredReward):
        return np.asarray(reward.evaluate(demos.observations, demos.actions), np.float64), known
    if demos.states is None:
        raise DataError(
            "A reward of states needs demonstrations with states.",
            hint="Encode them by the state space first.",
        )
    values: Any = (
        reward.values if isinstance(reward, TabularReward) else reward.features.values @ reward.weights
    )
    if not isinstance(values, np.ndarray):
        if demos.next_states is None:
            raise DataError("A reward of what follows needs `next_states`.", hint="Encode them too.")
        known = demos.next_states >= 0
        pairs = demos.states.astype(np.int64) * demos.n_actions + demos.actions
        _check_size(values.shape[0], demos, demos.n_actions)
        found = np.zeros(demos.n_decisions)
        found[known] = np.asarray(values.tocsr()[pairs[known], demos.next_states[known]]).ravel()
        return found, known
    values = np.asarray(values, np.float64)
    if reward.form == "S":
        _check_size(len(values), demos, 1)
        return values[demos.states], known
    _check_size(values.size, demos, demos.n_actions)
    return values.reshape(-1, demos.n_actions)[demos.states, demos.actions], known


def _check_size(size: int, demos: Demonstrations, n_actions: int) -> None:
    assert demos.states is not None
    most = int(demos.states.max()) + 1
    if size % n_actions or size < most * n_actions:
        raise DataError(
            f"The reward has {size} numbers, which does not fit {most} states and {n_actions} actions.",
            hint="Use the reward of the same states and actions.",
        )


def _matrix(
    columns: Mapping[str, NDArray[Any]], categories: Mapping[str, tuple[str, ...]]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    parts, names = [], []
    for name, column in columns.items():
        labels = categories.get(name)
        if labels is None:
            parts.append(np.asarray(column, np.float64)[:, None])
            names.append(name)
        else:
            parts.append((np.asarray(column)[:, None] == np.arange(len(labels))).astype(np.float64))
            names += [f"{name}={label}" for label in labels]
    return np.concatenate(parts, axis=1), tuple(names)
