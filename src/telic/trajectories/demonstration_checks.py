"""What every ``Demonstrations`` must be: columns of the right lengths, codes in their ranges, finite numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import DataError
from telic.typing import IntArray

if TYPE_CHECKING:
    from .demonstrations import Demonstrations

__all__ = ["ORIGINS", "check_columns"]

ORIGINS = ("human", "rule", "policy", "adversary", "unknown")
"""Who can have made the decisions of a trajectory: people, a fixed rule, a learned policy, an attacker, or unknown."""


def check_columns(demos: Demonstrations) -> None:
    """Nothing, where all columns fit together.

    Raises:
        DataError: a length, a range or a type is wrong; the rows or trajectories are named.
    """
    n, offsets = len(demos.actions), demos.offsets
    if (
        offsets.ndim != 1
        or len(offsets) < 1
        or offsets[0] != 0
        or offsets[-1] != n
        or np.any(np.diff(offsets) < 0)
    ):
        raise DataError(
            f"`offsets` must rise from 0 to the number of decisions {n}, got {_head(offsets)}.",
            hint="Give one start per trajectory and the total at the end.",
        )
    n_trajectories = len(offsets) - 1
    for name, column in [
        *((f"observations[{k!r}]", v) for k, v in demos.observations.items()),
        *((f"next_observations[{k!r}]", v) for k, v in demos.next_observations.items()),
        ("next_known", demos.next_known),
        ("states", demos.states),
        ("next_states", demos.next_states),
        ("times", demos.times),
        ("weights", demos.weights),
        ("offered", demos.offered),
    ]:
        if column is not None and len(column) != n:
            raise DataError(
                f"Column {name} must have one value per decision ({n}), got {len(column)}.",
                hint="Columns are flat: all trajectories one after the other.",
            )
    for name, column in [
        ("trajectory_ids", demos.trajectory_ids),
        ("demonstrators", demos.demonstrators),
        ("terminated", demos.terminated),
        ("truncated", demos.truncated),
        ("goals", demos.goals),
        ("origins", demos.origins),
        ("succeeded", demos.succeeded),
        *((f"labels[{k!r}]", v) for k, v in demos.labels.items()),
    ]:
        if column is not None and len(column) != n_trajectories:
            raise DataError(
                f"`{name}` must have one value per trajectory ({n_trajectories}), got {len(column)}.",
                hint="`offsets` has one entry more than there are trajectories.",
            )
    if n and (demos.actions.min() < 0 or demos.actions.max() >= len(demos.action_labels)):
        bad = np.flatnonzero((demos.actions < 0) | (demos.actions >= len(demos.action_labels)))
        raise DataError(
            f"Actions must be indices below {len(demos.action_labels)}; {len(bad)} rows are not "
            f"(first: row {bad[0]}, action {demos.actions[bad[0]]}).",
            hint="Add the missing action to the contract or drop these rows.",
            rows=bad[:20].tolist(),
        )
    if np.any(demos.terminated & demos.truncated):
        raise DataError(
            "A trajectory is either terminated or truncated, never both.",
            hint="`terminated`: the task ended; `truncated`: the record stops while the task goes on.",
        )
    _check_offered(demos)
    _check_codes("origins", demos.origins, 0, len(ORIGINS) - 1, f"indices into {', '.join(ORIGINS)}")
    _check_codes("succeeded", demos.succeeded, -1, 1, "1 (succeeded), 0 (failed) or -1 (not known)")
    for name, column in (*demos.observations.items(), *demos.next_observations.items()):
        if np.asarray(column).dtype.kind not in "biuf":
            raise DataError(
                f"Observation `{name}` must hold numbers or truth values, got {np.asarray(column).dtype}.",
                hint="Give labels as int32 codes into `categories`.",
            )
    if demos.times is not None and not np.all(np.isfinite(demos.times)):
        unknown = np.flatnonzero(~np.isfinite(demos.times))
        raise DataError(
            f"`times` must be finite; {len(unknown):,} of {n:,} are not (first: row {unknown[0]}).",
            hint="Leave `times` out where they are not known.",
            rows=unknown[:20].tolist(),
        )
    if demos.weights is not None and not (np.all(np.isfinite(demos.weights)) and np.all(demos.weights >= 0)):
        raise DataError(
            "`weights` must be finite and not negative.", hint="Drop rows instead of negating them."
        )


def _check_offered(demos: Demonstrations) -> None:
    if demos.offered is None:
        return
    shape = (demos.n_decisions, demos.n_actions)
    if demos.offered.shape != shape:
        raise DataError(
            f"`offered` must have one truth value per decision and action, {shape}, got {demos.offered.shape}.",
            hint="Columns follow `action_labels`.",
        )
    bad = np.flatnonzero(~demos.offered[np.arange(demos.n_decisions), demos.actions])
    if len(bad):
        raise DataError(
            f"{len(bad):,} decisions take an action that was not offered (first: row {bad[0]}, action "
            f"{demos.action_labels[demos.actions[bad[0]]]}).",
            hint="What was taken could be taken: correct the choice set, or drop these rows.",
            rows=bad[:20].tolist(),
        )


def _check_codes(name: str, codes: IntArray | None, low: int, high: int, what: str) -> None:
    if codes is None:
        return
    bad = np.flatnonzero((codes < low) | (codes > high))
    if len(bad):
        raise DataError(
            f"`{name}` must be {what}; {len(bad):,} are not (first: trajectory {bad[0]}, {codes[bad[0]]}).",
            hint="One value a trajectory.",
            trajectories=bad[:20].tolist(),
        )


def _head(values: NDArray[Any]) -> str:
    shown = ", ".join(str(x) for x in values[:6].tolist())
    return f"[{shown}{', ...' if len(values) > 6 else ''}]"
