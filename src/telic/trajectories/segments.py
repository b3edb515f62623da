"""Parts of trajectories as trajectories of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from telic.errors import DataError

from .demonstrations import Demonstrations

__all__ = ["cut_segments"]


def cut_segments(
    demos: Demonstrations,
    trajectories: Int[np.ndarray, "m"],
    starts: Int[np.ndarray, "m"],
    stops: Int[np.ndarray, "m"],
) -> Demonstrations:
    """``m`` trajectories: steps ``starts`` to ``stops`` (not included) of some trajectories.

    They are named ``name[start:stop]``; a part that does not reach the end of its trajectory is truncated.

    Args:
        demos: where they come from.
        trajectories: trajectory of each part; repeats allowed.
        starts: first step of each, counted from 0.
        stops: step after the last of each; no part may be empty.

    Raises:
        DataError: a part is empty or reaches beyond its trajectory.
    """
    which = trajectories.astype(np.int64)
    if len(which) and (which.min() < 0 or which.max() >= demos.n_trajectories):
        raise DataError(
            f"Parts are cut from trajectories below {demos.n_trajectories}, got {int(which.min())} to "
            f"{int(which.max())}.",
            hint="Number the trajectories from 0.",
        )
    sizes = np.diff(demos.offsets)[which]
    wrong = np.flatnonzero((starts < 0) | (stops <= starts) | (stops > sizes))
    if len(wrong):
        i = int(wrong[0])
        raise DataError(
            f"{len(wrong)} parts are empty or reach beyond their trajectory (first: part {i}, steps {int(starts[i])} "
            f"to {int(stops[i])} of {int(sizes[i])}).",
            hint="A part is `start <= step < stop`, inside its trajectory.",
            parts=wrong[:20].tolist(),
        )
    lengths = (stops - starts).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    first = demos.offsets[:-1][which] + starts
    rows = np.repeat(first - offsets[:-1], lengths) + np.arange(offsets[-1])

    names = [
        f"{demos.trajectory_ids[i]}[{a}:{b}]"
        for i, a, b in zip(which.tolist(), starts.tolist(), stops.tolist(), strict=True)
    ]
    ends = demos.terminated[which] & (stops == sizes)
    return replace(
        demos.take(rows, offsets, which),
        trajectory_ids=np.array(names, dtype=object),
        terminated=ends,
        truncated=~ends,
    )
