"""Choice sets: what was listed at each decision, with the features of every option, and which was taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from telic._core.hashing import digest_array, digest_columns, digest_json
from telic.errors import DataError
from telic.reports import Provenance
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

__all__ = ["ChoiceSets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ChoiceSets:
    """Decisions among listed options: flat rows of length ``m`` and ``offsets`` (``n + 1``), in time order.

    Rows ``offsets[d]:offsets[d + 1]`` are the options that the log lists for decision d. Listed does not mean that the
    option could be taken; that is what ``telic.inference.check_options`` asks.

    Attributes:
        features: ``(m, K)`` of each listed option, before the decision.
        offsets: ``(n + 1,)`` int64, from 0 to m; every decision lists at least one option.
        chosen: ``(n,)`` int64 row (from 0 to m - 1) that was taken, inside the decision's own rows.
        names: K names.
        options: ``(m,)`` int64 identity of each listed option (a job, a product, an action): the same number wherever
            the same thing is listed again. None: unknown.
        units: ``(n,)`` int64 stretch of work (a day, a shift, a trajectory) of each decision; errors are clustered by
            it.
        demonstrators: ``(n,)`` int32 index into ``demonstrator_names`` (pseudonyms).
        known_value: ``(m,)`` part of the value of each option that needs no weight; 0 by default.
    """

    features: FloatArray
    offsets: LongArray
    chosen: LongArray
    names: tuple[str, ...]
    options: LongArray | None = None
    units: LongArray
    demonstrators: IntArray
    demonstrator_names: tuple[str, ...] = ("all",)
    known_value: FloatArray
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        m, n = len(self.features), len(self.chosen)
        if self.features.ndim != 2 or self.features.shape[1] != len(self.names):
            raise DataError(
                f"`features` must be (options listed, {len(self.names)}), got {self.features.shape}.",
                hint="One row an option, one column a name in `names`.",
            )
        steps = np.diff(self.offsets)
        if len(self.offsets) != n + 1 or n == 0 or self.offsets[0] != 0 or self.offsets[-1] != m:
            raise DataError(
                f"`offsets` must go from 0 to {m} in {n + 1} numbers (one more than decisions, of which one at "
                f"least), got {len(self.offsets)} numbers.",
                hint="`offsets[d]` is the first row of decision d; the last is the number of rows.",
            )
        if np.any(steps < 1):
            bad = np.flatnonzero(steps < 1)
            raise DataError(
                f"{len(bad)} decisions list no option (first: decision {bad[0]}).",
                hint="Drop them; what was taken belongs to the list.",
                rows=bad[:20].tolist(),
            )
        outside = (self.chosen < self.offsets[:-1]) | (self.chosen >= self.offsets[1:])
        if np.any(outside):
            bad = np.flatnonzero(outside)
            raise DataError(
                f"{len(bad)} decisions take an option that they do not list (first: decision {bad[0]}).",
                hint="`chosen` is a row of the whole table, inside offsets[d]:offsets[d + 1].",
                rows=bad[:20].tolist(),
            )
        if not (np.all(np.isfinite(self.features)) and np.all(np.isfinite(self.known_value))):
            rows = np.flatnonzero(~np.isfinite(self.features).all(axis=1) | ~np.isfinite(self.known_value))
            raise DataError(
                f"{len(rows)} listed options have a feature that is not a number (first: row {rows[0]}).",
                hint="Fill it in or drop the decision.",
                rows=rows[:20].tolist(),
            )
        if len(self.known_value) != m or (self.options is not None and len(self.options) != m):
            raise DataError(
                f"`options` and `known_value` must have one entry for each of {m} rows.",
                hint="One identity for each listed option.",
            )
        if len(self.units) != n or len(self.demonstrators) != n:
            raise DataError(
                f"`units` and `demonstrators` must have one entry for each of {n} decisions.",
                hint="They are the same for all options of a decision.",
            )
        self._check_identities()

    @classmethod
    def from_arrays(
        cls,
        features: ArrayLike,
        sizes: ArrayLike,
        chosen: ArrayLike,
        *,
        names: Sequence[str] | None = None,
        options: ArrayLike | None = None,
        units: ArrayLike | None = None,
        demonstrators: Sequence[str] | None = None,
        known_value: ArrayLike | None = None,
    ) -> ChoiceSets:
        """Choice sets from a flat table.

        Args:
            features: ``(m, K)`` or ``(m,)``: the options of the first decision, of the second, and so on.
            sizes: ``(n,)`` number of options that each decision lists.
            chosen: ``(n,)`` place of what was taken in the decision's own list, from 0.
            names: of the features.
            options: ``(m,)`` identity of each listed option, numbers or text.
            units: ``(n,)`` stretch of work of each decision, numbers or text; default: all are one.
            demonstrators: ``(n,)`` pseudonyms; default ``"all"``.
            known_value: ``(m,)`` part of the value that needs no weight.

        Raises:
            DataError: a length or a range is wrong.

        Example:
            >>> sets = ChoiceSets.from_arrays([[1.0], [0.0], [2.0]], [2, 1], [0, 0], names=["age"])
            >>> sets.n_decisions, sets.chosen.tolist()
            (2, [0, 2])
        """
        phi = np.asarray(features, dtype=np.float64)
        phi = phi[:, None] if phi.ndim == 1 else phi
        offsets = np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))])
        places = np.asarray(chosen, dtype=np.int64)
        if len(places) != len(offsets) - 1:
            raise DataError(
                f"`sizes` and `chosen` must have one entry a decision, got {len(offsets) - 1} and {len(places)}.",
                hint="One size and one place for each decision.",
            )
        n = len(places)
        people, codes = (
            (np.array(["all"]), np.zeros(n, dtype=np.int32))
            if demonstrators is None
            else np.unique(np.asarray(demonstrators, dtype=str), return_inverse=True)
        )
        return cls(
            features=phi,
            offsets=offsets,
            chosen=np.where(places < 0, -1, offsets[:-1] + places),
            names=tuple(names) if names is not None else tuple(f"feature {k}" for k in range(phi.shape[-1])),
            options=None if options is None else _numbered(options),
            units=np.zeros(n, dtype=np.int64) if units is None else _numbered(units),
            demonstrators=codes.astype(np.int32),
            demonstrator_names=tuple(str(name) for name in people),
            known_value=np.zeros(len(phi)) if known_value is None else np.asarray(known_value, np.float64),
        )

    @property
    def n_decisions(self) -> int:
        """How often something was taken."""
        return len(self.chosen)

    @property
    def n_listed(self) -> int:
        """Rows: options listed, over all decisions."""
        return len(self.features)

    @property
    def sizes(self) -> LongArray:
        """``(n,)`` options listed at each decision."""
        return np.diff(self.offsets)

    @cached_property
    def decision_of(self) -> LongArray:
        """``(m,)`` decision of each row."""
        return np.repeat(np.arange(self.n_decisions), self.sizes)

    @cached_property
    def taken(self) -> BoolArray:
        """``(m,)`` True for the rows that were taken."""
        rows = np.zeros(self.n_listed, dtype=bool)
        rows[self.chosen] = True
        return rows

    @cached_property
    def digest(self) -> str:
        """The digest of what was listed and taken, and by whom."""
        columns = ("features", "offsets", "chosen", "units", "demonstrators", "known_value")
        identities = np.zeros(0, dtype=np.int64) if self.options is None else self.options
        return digest_columns(
            {
                **{name: digest_array(getattr(self, name)) for name in columns},
                "options": digest_array(identities),
                "names": digest_json([list(self.names), list(self.demonstrator_names)]),
            }
        )

    def _check_identities(self) -> None:
        if self.options is None:
            return
        order = np.lexsort((self.options, self.decision_of))
        same = (np.diff(self.options[order]) == 0) & (np.diff(self.decision_of[order]) == 0)
        if np.any(same):
            row = int(order[np.flatnonzero(same)[0] + 1])
            raise DataError(
                f"Decision {int(self.decision_of[row])} lists the same option twice (row {row}).",
                hint="Two options of one list need two identities; drop the repeated row.",
                rows=[row],
            )


def _numbered(labels: ArrayLike) -> LongArray:
    """Labels as numbers from 0 on, in sorted order."""
    _, codes = np.unique(np.asarray(labels), return_inverse=True)
    return np.asarray(codes, dtype=np.int64)
