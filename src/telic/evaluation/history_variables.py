"""What, beyond the present state, choices or consequences might depend on: the suspects of the Markov test.

Each is one small integer label a decision. Those that need a decision before are undefined (-1) at the start
of a trajectory.

- ``previous state``, ``previous action``;
- ``direction of NAME``: whether an ordered observation rose, stayed or fell since the decision before, in
cells;
- ``NAME within its cell``: whether a measurement is above or below the mean of its state (cells too wide);
- ``time of day``: quarter of the day, where there are times over more than a day;
- ``time in the trajectory``: its first, middle or last third (experts who learn or tire).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from telic.mdp import StateSpace
from telic.policies import previous_states
from telic.trajectories import Demonstrations
from telic.typing import LongArray

__all__ = ["HistoryVariable", "history_variables"]

SECONDS_A_DAY = 86_400.0
"""Length of a day."""

QUARTERS = 4
"""Parts of the day that are told apart."""

SHORT_TRAJECTORY = 6
"""Decisions below which a trajectory has no first, middle and last third."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HistoryVariable:
    """A suspect.

    Attributes:
        name: in words.
        kind: ``state``, ``action``, ``direction``, ``cell``, ``clock`` or ``step``; says what to do about it.
        labels: ``(n,)`` integers, -1 where undefined.
        observation: the observation it is about, or "".
    """

    name: str
    kind: str
    labels: LongArray
    observation: str = ""


def history_variables(demos: Demonstrations, space: StateSpace | None = None) -> tuple[HistoryVariable, ...]:
    """Every suspect that the demonstrations allow to examine.

    Args:
        demos: with states.
        space: the space that encoded them, for directions and positions within cells; None: tables of
            integers.
    """
    states, _ = demos.require_states()
    before = previous_states(demos).astype(np.int64)
    has_past = before >= 0
    action = np.full(demos.n_decisions, -1, dtype=np.int64)
    action[1:] = demos.actions[:-1]
    action[~has_past] = -1
    found = [
        HistoryVariable(name="previous state", kind="state", labels=before),
        HistoryVariable(name="previous action", kind="action", labels=action),
    ]
    if space is not None:
        inner = space.n_states - space.has_end
        for i, axis in enumerate(space.axes):
            if not axis.is_ordered:
                continue
            cell = space.coordinates[np.minimum(states, inner - 1), i]
            direction = np.full(demos.n_decisions, -1, dtype=np.int64)
            direction[has_past] = 1 + np.sign(
                cell[has_past] - space.coordinates[np.minimum(before[has_past], inner - 1), i]
            )
            found.append(
                HistoryVariable(
                    name=f"direction of {axis.name}",
                    kind="direction",
                    labels=direction,
                    observation=axis.name,
                )
            )
            if axis.edges and axis.name in demos.observations:
                value = np.asarray(demos.observations[axis.name], dtype=np.float64)
                count = np.bincount(states, minlength=space.n_states)
                mean = np.bincount(states, weights=value, minlength=space.n_states) / np.maximum(count, 1)
                found.append(
                    HistoryVariable(
                        name=f"{axis.name} within its cell",
                        kind="cell",
                        labels=(value > mean[states]).astype(np.int64),
                        observation=axis.name,
                    )
                )
    if demos.times is not None and demos.n_decisions and np.ptp(demos.times) > SECONDS_A_DAY:
        quarter = np.floor(demos.times % SECONDS_A_DAY / (SECONDS_A_DAY / QUARTERS)).astype(np.int64)
        found.append(HistoryVariable(name="time of day", kind="clock", labels=quarter))
    length = np.diff(demos.offsets)[demos.trajectory_index]
    if np.any(length >= SHORT_TRAJECTORY):
        third = np.where(length >= SHORT_TRAJECTORY, demos.step_index * 3 // np.maximum(length, 1), -1)
        found.append(
            HistoryVariable(name="time in the trajectory", kind="step", labels=third.astype(np.int64))
        )
    return tuple(found)
