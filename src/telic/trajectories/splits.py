"""Training and held-out trajectories, chosen by a hash of their names: no order, no chance, no leak.

The unit is the *source* trajectory: pieces that ingest cut from one (``a``, ``a#2``, ...) stay on one side,
because the end of one piece tells about the start of the next.
"""

from __future__ import annotations

import hashlib
import re

import numpy as np

from telic.errors import SettingsError
from telic.typing import BoolArray, FloatArray, LongArray

from .demonstrations import Demonstrations

__all__ = [
    "effective_count",
    "held_out_trajectories",
    "source_index",
    "source_sizes",
    "split_by_time",
    "split_by_trajectory",
]

PIECE = re.compile(r"#[0-9]+$")
"""What ingest appends to the name of the second and later pieces of a trajectory."""


def split_by_trajectory(
    demos: Demonstrations, *, held_out: float | int, key: int
) -> tuple[Demonstrations, Demonstrations]:
    """``(train, held_out)``; both keep everything that the demonstrations carry.

    Args:
        demos: to be split.
        held_out: share of source trajectories to keep out, in [0, 1). At least one is kept out when there
        are two or
            more and the share is positive, and at least one is always left to train on.
        key: another key, another choice.

    Raises:
        SettingsError: the share lies outside its range.
    """
    mask = held_out_trajectories(demos, held_out=held_out, key=key)
    return demos.select(~mask), demos.select(mask)


def held_out_trajectories(demos: Demonstrations, *, held_out: float | int, key: int) -> BoolArray:
    """``(N,)`` True for the trajectories that ``split_by_trajectory`` keeps out; arguments as there."""
    share = _checked(held_out)
    sources = _sources(demos)
    ranked = sorted(set(sources), key=lambda name: (_rank(name, key), name))
    chosen = set(ranked[: _count(len(ranked), share)])
    return np.array([name in chosen for name in sources], dtype=bool)


def source_index(demos: Demonstrations) -> LongArray:
    """``(N,)`` index of the source trajectory of each trajectory: pieces that were cut from one share it.

    This is the unit that is independent of the others, so errors are clustered by it. A trajectory that occurs
    twice, as in a resample, is two sources, each with the pieces that follow it.
    """
    names = [str(name) for name in demos.trajectory_ids]
    if not any("#" in name for name in names):
        return np.arange(len(names), dtype=np.int64)
    known = set(names)
    pieces = [_source(name, known) != name for name in names]
    newest: dict[str, int] = {}
    own = np.cumsum(~np.array(pieces)) - 1  # a source that is no piece starts an index of its own
    index = np.empty(len(names), dtype=np.int64)
    late = []
    for i, (name, is_piece) in enumerate(zip(names, pieces, strict=True)):
        if not is_piece:
            index[i] = newest[name] = int(own[i])
        elif (base := _source(name, known)) in newest:
            index[i] = newest[base]
        else:
            late.append((i, base))
    for i, base in late:
        index[i] = newest[base]
    return index


def source_sizes(demos: Demonstrations) -> FloatArray:
    """``(sources,)`` decisions of each source trajectory, weighted where decisions are."""
    source = source_index(demos)
    count = int(source.max(initial=-1)) + 1
    sizes = np.bincount(source[demos.trajectory_index], weights=demos.weights, minlength=count)
    return np.asarray(sizes, dtype=np.float64)


def effective_count(sizes: FloatArray) -> float:
    """How many clusters of equal size are worth these: ``(sum n)^2 / sum n^2``; the number where all are equal.

    References:
        Kish (1965), Survey Sampling, section 8.2, for the formula.
    """
    squares = float(sizes @ sizes)
    return float(sizes.sum()) ** 2 / squares if squares > 0 else 0.0


def split_by_time(demos: Demonstrations, *, held_out: float | int) -> tuple[Demonstrations, Demonstrations]:
    """``(train, held_out)`` with the trajectories that began last kept out: the honest split where habits
    drift.

    Args:
        demos: with times.
        held_out: share of trajectories to keep out, in [0, 1).

    Raises:
        SettingsError: the share lies outside its range, or there are no times.
    """
    share = _checked(held_out)
    if demos.times is None:
        raise SettingsError(
            "A split by time needs times; these demonstrations have none.",
            hint="Set `data.time` in the contract.",
        )
    count = _count(demos.n_trajectories, share)
    begins = np.full(demos.n_trajectories, -np.inf)
    filled = np.diff(demos.offsets) > 0
    begins[filled] = demos.times[demos.offsets[:-1][filled]]
    mask = np.zeros(demos.n_trajectories, dtype=bool)
    mask[np.argsort(begins, kind="stable")[demos.n_trajectories - count :]] = True
    return demos.select(~mask), demos.select(mask)


def _sources(demos: Demonstrations) -> list[str]:
    names = {str(name) for name in demos.trajectory_ids}
    return [_source(str(name), names) for name in demos.trajectory_ids]


def _source(name: str, names: set[str]) -> str:
    """``a`` for its piece ``a#2``; a name such as ``job#12`` stays itself where there is no ``job``."""
    base = PIECE.sub("", name)
    return base if base in names else name


def _rank(name: str, key: int) -> bytes:
    return hashlib.sha256(f"{key}:{name}".encode()).digest()


def _count(total: int, share: float) -> int:
    if share == 0 or total < 2:
        return 0
    return min(total - 1, max(1, round(share * total)))


def _checked(share: float | int) -> float:
    if not 0 <= share < 1:
        raise SettingsError(
            f"`held_out` must lie in [0, 1), got {share}.", hint="0.2 keeps one trajectory in five out."
        )
    return float(share)
