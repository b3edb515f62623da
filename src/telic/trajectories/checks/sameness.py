"""Which decisions are the same in every measurement: a 64-bit signature of each, instead of sorting every column.

Two different rows share a signature with probability 2^-64; among n rows a mistaken match has probability about
n^2 / 2^65, one in a million for five million rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic._core.codes import renumber
from telic.trajectories.demonstrations import Demonstrations
from telic.typing import LongArray

__all__ = ["compact", "mix", "signatures"]

Words = NDArray[np.uint64]


def signatures(demos: Demonstrations) -> Words:
    """``(n,)`` signature of the measurements (of the state, where there are none) of each decision."""
    columns = list(demos.observations.values()) or ([demos.states] if demos.states is not None else [])
    total = np.zeros(demos.n_decisions, dtype=np.uint64)
    for values in columns:
        total = mix(total ^ _bits(values))
    return total


def mix(values: Words) -> Words:
    """Splitmix64's step: spreads every bit of each value over all bits."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)))


def compact(codes: LongArray) -> LongArray:
    """The same codes renumbered from 0 without gaps, in their order; sorts only where a table would be too large."""
    return np.asarray(renumber(codes)[1])


def _bits(values: NDArray[Any]) -> Words:
    if values.dtype.kind == "f":
        plain = values.astype(np.float64) + 0.0  # -0.0 and 0.0 are the same measurement
        plain[np.isnan(plain)] = np.nan  # one bit pattern for every NaN
        return plain.view(np.uint64)
    if values.dtype.kind in "OUS":
        return np.unique(values.astype(str), return_inverse=True)[1].astype(np.uint64)
    return values.astype(np.int64).view(np.uint64)
