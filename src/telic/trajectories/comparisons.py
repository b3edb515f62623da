"""Comparisons: which of two trajectories (or plans) someone preferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from telic._core.hashing import digest_array, digest_columns, digest_json
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

        if m and (np.min(self.first) < 0 or np.min(self.second) < 0):
            raise DataError(
                "`first` and `second` must be indices from 0 on; some are negative.",
                hint="Number the alternatives as the demonstrations do.",
            )
        if m and (np.min(self.annotators) < 0 or np.max(self.annotators) >= len(self.annotator_names)):
            raise DataError(
                f"`annotators` must be indices below {len(self.annotator_names)}, got "
                f"{int(np.min(self.annotators))} to {int(np.max(self.annotators))}.",
                hint="Give one name in `annotator_names` for each annotator.",
            )

    @classmethod
    def from_arrays(
        cls,
        first: ArrayLike,
        second: ArrayLike,
        preferred: ArrayLike,
        *,
        annotators: Sequence[str] | None = None,
        dataset: str = "",
    ) -> Comparisons:
        """Comparisons from indices and answers.

        Args:
            first: ``(M,)`` index of one alternative.
            second: ``(M,)`` index of the other.
            preferred: ``(M,)`` 1 first, 0 second, 0.5 tie.
            annotators: ``(M,)`` pseudonym of who answered; default ``"all"``.
            dataset: digest of the demonstrations that the indices refer to.

        Raises:
            DataError: a length or a range is wrong.
        """
        answers = np.asarray(preferred, dtype=np.float64)
        names, codes = (
            (np.array(["all"]), np.zeros(len(answers), dtype=np.int32))
            if annotators is None
            else np.unique(np.asarray(annotators, dtype=str), return_inverse=True)
        )
        return cls(
            first=np.asarray(first, dtype=np.int64),
            second=np.asarray(second, dtype=np.int64),
            preferred=answers,
            annotators=codes.astype(np.int32),
            annotator_names=tuple(str(name) for name in names),
            dataset=dataset,
        )

    def __len__(self) -> int:
        return len(self.first)

    def select(self, rows: ArrayLike) -> Comparisons:
        """Only some comparisons: ``(M,)`` booleans, or indices in the order wanted."""
        chosen = np.asarray(rows)
        idx = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        return replace(
            self,
            first=self.first[idx],
            second=self.second[idx],
            preferred=self.preferred[idx],
            annotators=self.annotators[idx],
        )

    def swapped(self) -> Comparisons:
        """The same answers with the two sides exchanged."""
        return replace(self, first=self.second, second=self.first, preferred=1.0 - self.preferred)

    @cached_property
    def digest(self) -> str:
        """The digest of what was compared, answered and by whom."""
        columns = {
            name: digest_array(getattr(self, name)) for name in ("first", "second", "preferred", "annotators")
        }
        return digest_columns(
            {
                **columns,
                "names": digest_json(list(self.annotator_names)),
                "dataset": digest_json(self.dataset),
            }
        )
