"""Evidence rows: which decision of which trajectory a finding rests on, and what stood there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from telic.trajectories import Demonstrations
from telic.typing import LongArray

__all__ = ["SHOWN", "place", "places", "spans"]

SHOWN = 5
"""Evidence rows kept a finding: enough to look the matter up, few enough to read."""


def place(demos: Demonstrations, row: int) -> dict[str, Any]:
    """``{"trajectory", "step", "action", "values"}`` of one decision; steps count from 0.

    Args:
        demos: the decisions.
        row: index of the decision.
    """
    i = int(np.searchsorted(demos.offsets, row, side="right")) - 1
    return {
        "trajectory": str(demos.trajectory_ids[i]),
        "step": int(row - demos.offsets[i]),
        "action": demos.action_labels[int(demos.actions[row])],
        "values": {name: _shown(demos, name, row) for name in demos.observations},
    }


def places(demos: Demonstrations, rows: Iterable[int] | LongArray) -> list[dict[str, Any]]:
    """The first ``SHOWN`` of these decisions, as ``place`` gives them.

    Args:
        demos: the decisions.
        rows: indices of decisions.
    """
    return [place(demos, int(row)) for row in list(rows)[:SHOWN]]


def spans(demos: Demonstrations, begins: LongArray, lengths: LongArray) -> list[dict[str, Any]]:
    """The first ``SHOWN`` stretches of decisions, each with its trajectory, first and last step.

    Args:
        demos: the decisions.
        begins: first decision of each stretch.
        lengths: decisions in each.
    """
    found = []
    for begin, length in list(zip(begins.tolist(), lengths.tolist(), strict=True))[:SHOWN]:
        first = place(demos, begin)
        found.append({**first, "last_step": first["step"] + int(length) - 1})
    return found


def _shown(demos: Demonstrations, name: str, row: int) -> str | float | int | bool:
    value = demos.observations[name][row]
    if name in demos.categories:
        return demos.categories[name][int(value)]
    plain: float | int | bool = value.item()
    return plain
