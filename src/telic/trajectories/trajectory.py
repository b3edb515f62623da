"""One stream of decisions: ``T`` actions and ``T + 1`` observations (the last may be unknown)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from telic.typing import FloatArray, IntArray

__all__ = ["Trajectory"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectory:
    """One stream, a view of one trajectory of a ``Demonstrations``.

    Attributes:
        trajectory_id: name, unique within a dataset.
        observations: name to values before each action, each ``(T,)``.
        actions: ``(T,)`` indices into ``action_labels``.
        states: ``(T,)`` state indices, or None before discretisation.
        next_states: ``(T,)`` state after each action, -1 where unknown; None with ``states``.
        times: ``(T,)`` seconds since the epoch or since the start, or None.
        demonstrator: pseudonym.
        terminated: the trajectory reached an end that the task defines.
        truncated: the record stops but the task went on.
    """

    trajectory_id: str
    observations: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    actions: IntArray
    states: IntArray | None = None
    next_states: IntArray | None = None
    times: FloatArray | None = None
    demonstrator: str = ""
    terminated: bool = False
    truncated: bool = True
    action_labels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.actions)
