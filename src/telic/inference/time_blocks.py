"""Demonstrations cut into blocks of time, and weights that forget."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from telic.errors import DataError, SettingsError
from telic.trajectories import Demonstrations
from telic.typing import FloatArray

__all__ = ["TimeBlocks", "temporal_weights"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TimeBlocks:
    """Whole trajectories, dealt into blocks by when they began.

    Attributes:
        parts: the demonstrations of each block, earliest first.
        edges: ``(B + 1,)`` begin of each block and end of the last: seconds, or numbers of trajectories where there are
            no times.
    """

    parts: tuple[Demonstrations, ...]
    edges: FloatArray

    @classmethod
    def of(cls, demos: Demonstrations, n_blocks: int) -> TimeBlocks:
        """Blocks of about as many decisions each.

        Args:
            demos: with ``times``, or in the order of their trajectories.
            n_blocks: B.

        Raises:
            DataError: there are fewer trajectories with decisions than blocks.
        """
        filled = demos.select(np.diff(demos.offsets) > 0)
        N = filled.n_trajectories
        if n_blocks > N:
            raise DataError(
                f"{n_blocks} blocks of time need at least as many trajectories, got {N}.",
                hint="Ask for fewer blocks; a trajectory is never cut.",
            )
        times = filled.times
        begins = np.arange(N, dtype=np.float64) if times is None else times[filled.offsets[:-1]]
        order = np.argsort(begins, kind="stable")
        done = np.cumsum(np.diff(filled.offsets)[order])
        least, most = np.arange(n_blocks), N - n_blocks + np.arange(n_blocks)  # every block has a trajectory
        even = np.searchsorted(done, done[-1] * np.arange(n_blocks) / n_blocks, side="right")
        firsts = np.minimum(np.maximum.accumulate(np.maximum(even - least, 0)) + least, most)
        stops = np.append(firsts[1:], N)
        parts = tuple(filled.select(np.sort(order[a:b])) for a, b in zip(firsts, stops, strict=True))
        last = float(N) if times is None else float(times.max())
        return cls(parts=parts, edges=np.append(begins[order][firsts], last))


def temporal_weights(
    demos: Demonstrations, *, half_life: float | int, now: float | int | None = None
) -> Demonstrations:
    """The demonstrations with decisions that count half as much for every ``half_life`` that they are older.

    The weights multiply those that are there. Errors of kind ``sandwich`` and ``sandwich_clustered`` allow for them.

    Args:
        demos: with ``times``.
        half_life: seconds; less forgets faster.
        now: seconds from which age is counted; None: the latest decision. Later decisions are refused.

    Raises:
        DataError: there are no times, or decisions lie in the future.
        SettingsError: the half-life is not above 0.

    Example:
        >>> import numpy as np
        >>> demos = Demonstrations.from_arrays([0, 0], [0, 1], offsets=[0, 1, 2])
        >>> from dataclasses import replace
        >>> aged = temporal_weights(replace(demos, times=np.array([0.0, 60.0])), half_life=30.0)
        >>> aged.weights.tolist()
        [0.25, 1.0]
    """
    if not (math.isfinite(half_life) and half_life > 0):
        raise SettingsError(
            f"`half_life` must be above 0 seconds, got {half_life}.",
            hint="Without forgetting, leave this out.",
        )
    if demos.times is None:
        raise DataError(
            "Weights by age need times; these demonstrations have none.",
            hint="Set `data.time` in the contract.",
        )
    latest = float(demos.times.max(initial=-math.inf)) if now is None else float(now)
    age = latest - demos.times
    future = np.flatnonzero(age < 0)
    if len(future):
        raise DataError(
            f"{len(future)} decisions lie after `now` = {latest:g} (first: row {future[0]}).",
            hint="Leave `now` out to count from the latest decision.",
            rows=future[:20].tolist(),
        )
    before = 1.0 if demos.weights is None else demos.weights
    return replace(demos, weights=before * np.exp2(-age / half_life))
