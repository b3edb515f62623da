"""Comparisons: which of two trajectories (or plans) someone preferred."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from telic.errors import DataError
from telic.reports import Provenance
from telic.typing import FloatArray, IntArray, LongArray

__all__ = ["Comparisons"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparisons:
    """Pairs of alternatives with the share of preference for the first.

    Attributes:
        first, second: ``(M,)`` int64 indices of the alternatives (for example trajectories of a
            ``Demonstrations``).
        preferred: ``(M,)`` 1.0 first, 0.0 second, 0.5 tie.
        annotators: ``(M,)`` int32 index into ``annotator_names`` (pseudonyms).
        dataset: digest of the demonstrations that the indices refer to.
    """

    first: LongArray
    second: LongArray
    preferred: FloatArray
    annotators: IntArray
    annotator_names: tuple[str, ...] = ("all",)
    dataset: str = ""
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        m = len(self.first)
        if not (len(self.second) == len(self.preferred) == len(self.annotators) == m):
            raise DataError(
                "`first`, `second`, `preferred` and `annotators` must have one length.",
                hint="One row a comparison.",
            )
        if m and not np.all(np.isin(self.preferred, (0.0, 0.5, 1.0))):
            raise DataError(
                "`preferred` must be 1 (first), 0 (second) or 0.5 (tie).", hint="Recode the answers."
            )
        if np.any(self.first == self.second):
            bad = np.flatnonzero(self.first == self.second)
            raise DataError(
                f"{len(bad)} comparisons compare a thing with itself (first: row {bad[0]}).",
                hint="Drop these rows.",
                rows=bad[:20].tolist(),
            )

    def __len__(self) -> int:
        return len(self.first)
