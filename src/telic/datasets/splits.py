"""The held-out part that a contract names: whole trajectories, whole people, or the newest trajectories.

Trajectories and people are chosen by a hash of their names and the contract's key, so that the same data split the same
way on every machine and at any later time, and a trajectory that is added moves no other across. People are the strict
choice where a policy must hold for those whose decisions it has never seen; time is the honest one where habits drift.
"""

from __future__ import annotations

import hashlib

import numpy as np

from telic.contract import Data
from telic.errors import DataError, SettingsError
from telic.trajectories import Demonstrations
from telic.trajectories.splits import split_by_time, split_by_trajectory

__all__ = ["split", "split_by_demonstrator"]


def split(
    demos: Demonstrations, data: Data, *, held_out: float | int | None = None
) -> tuple[Demonstrations, Demonstrations]:
    """``(train, held_out)`` as the contract says in ``data.split_by``.

    Args:
        demos: to be split.
        data: the block of the contract.
        held_out: share to keep out, in [0, 1); None: that of the contract.

    Raises:
        SettingsError: the share lies outside its range, or a split by time lacks times.
        DataError: a split by people lacks a second person.
    """
    share = data.held_out if held_out is None else held_out
    if data.split_by == "demonstrator":
        return split_by_demonstrator(demos, held_out=share, key=data.key)
    if data.split_by == "time":
        return split_by_time(demos, held_out=share)
    return split_by_trajectory(demos, held_out=share, key=data.key)


def split_by_demonstrator(
    demos: Demonstrations, *, held_out: float | int, key: int
) -> tuple[Demonstrations, Demonstrations]:
    """``(train, held_out)`` in which nobody is on both sides; arguments as ``split_by_trajectory``.

    At least one person is kept out where the share is positive, and at least one is left.

    Raises:
        SettingsError: the share lies outside its range.
        DataError: fewer than two people decided.
    """
    if not 0 <= held_out < 1:
        raise SettingsError(
            f"`held_out` must lie in [0, 1), got {held_out}.", hint="0.2 keeps one person in five out."
        )
    deciding = np.unique(demos.demonstrators[np.diff(demos.offsets) > 0])
    if len(deciding) < 2:
        raise DataError(
            f"A split by people needs two of them; the decisions are of {len(deciding)}.",
            hint="Name the column of who decided in `data.demonstrator`, or use `split_by: episode`.",
        )
    names = {demos.demonstrator_names[d]: int(d) for d in deciding.tolist()}
    ranked = sorted(names, key=lambda name: (hashlib.sha256(f"{key}:{name}".encode()).digest(), name))
    count = 0 if held_out == 0 else min(len(ranked) - 1, max(1, round(held_out * len(ranked))))
    mask = np.isin(demos.demonstrators, [names[name] for name in ranked[:count]])
    return demos.select(~mask), demos.select(mask)
