"""Features in standard deviations of the training part, for all together or for each service by itself.

A reward in such units is another statement of the same reward (``weights`` times the scale), so nothing is gained
where scales are alike; it matters where services differ in size (requests of one are thousands, of another millions)
and one reward is to hold for all of them. Fitted on training decisions only: what is held out moves neither centre
nor scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from telic._core.hashing import digest_json
from telic.errors import DataError, FeatureError
from telic.typing import FloatArray

__all__ = ["FeatureScaler"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureScaler:
    """Centre and scale of each feature, for each group.

    Law: ``scaler.apply(a + b * x)`` of features that were fitted as ``a + b * x`` equals ``apply(x)`` of ones fitted as
    ``x``, for any a and b > 0 of each group.

    Attributes:
        names: K features.
        centres, scales: group to ``(K,)``; the group "" is of all together. A feature that never moves has scale 1.
        fitted_on: digest of the training decisions.
    """

    names: tuple[str, ...]
    centres: Mapping[str, FloatArray]
    scales: Mapping[str, FloatArray]
    fitted_on: str = ""

    @classmethod
    def fit(
        cls,
        names: Sequence[str],
        values: Float[np.ndarray, "n K"],
        *,
        groups: Sequence[str] | None = None,
        fitted_on: str = "",
    ) -> FeatureScaler:
        """The scaler of training values.

        Args:
            names: K features.
            values: of training decisions only (of the actions taken).
            groups: ``(n,)`` service of each row; None: all are one.
            fitted_on: digest of the decisions, kept with the scaler.

        Raises:
            DataError: there are no rows, or names and groups do not fit.
            FeatureError: a value is not finite.
        """
        if (
            len(values) == 0
            or values.shape[1] != len(names)
            or (groups is not None and len(groups) != len(values))
        ):
            raise DataError(
                f"A scaler of {len(names)} features needs rows of as many numbers and a group each, got {values.shape}"
                f"{'' if groups is None else f' and {len(groups)} groups'}.",
                hint="Give the features of the training decisions.",
            )
        if not np.all(np.isfinite(values)):
            row, column = np.argwhere(~np.isfinite(values))[0]
            raise FeatureError(
                f"Feature {names[column]!r} is {values[row, column]} in row {row}.",
                hint="Fill or drop the row first.",
                row=int(row),
            )
        parts = {"": np.ones(len(values), dtype=bool)}
        if groups is not None:
            named = np.asarray(groups, dtype=str)
            parts |= {g: named == g for g in np.unique(named).tolist() if g}
        centres = {g: values[rows].mean(axis=0) for g, rows in parts.items()}
        spread = {g: values[rows].std(axis=0) for g, rows in parts.items()}
        return cls(
            names=tuple(names),
            centres=centres,
            scales={g: np.where(s > 0, s, 1.0) for g, s in spread.items()},
            fitted_on=fitted_on,
        )

    def apply(self, values: Float[np.ndarray, "*n K"], group: str | None = None) -> FloatArray:
        """The values in standard deviations from the centre of their group.

        Args:
            values: features, the last axis as ``names``.
            group: of all rows; None: all together.

        Raises:
            DataError: no training decision was of this group.
        """
        key = group or ""
        if key not in self.centres:
            raise DataError(
                f"No training decision was of {key!r}, so its scale is not known.",
                hint=f"Known: {', '.join(sorted(g for g in self.centres if g)) or 'all together only'}; None is the"
                " scale of all together, which may not fit.",
            )
        return np.asarray((values - self.centres[key]) / self.scales[key])

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON-able values."""
        return {
            "schema_version": 1,
            "names": list(self.names),
            "centres": {g: c.tolist() for g, c in self.centres.items()},
            "scales": {g: s.tolist() for g, s in self.scales.items()},
            "fitted_on": self.fitted_on,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> FeatureScaler:
        """The scaler of ``to_json``.

        Raises:
            DataError: it is of another layout.
        """
        if told.get("schema_version") != 1:
            raise DataError(
                f"A scaler of layout {told.get('schema_version')!r} cannot be read; this telic reads 1.",
                hint="Fit it again.",
            )
        return cls(
            names=tuple(told["names"]),
            centres={g: np.asarray(c, dtype=np.float64) for g, c in told["centres"].items()},
            scales={g: np.asarray(s, dtype=np.float64) for g, s in told["scales"].items()},
            fitted_on=str(told["fitted_on"]),
        )

    @property
    def digest(self) -> str:
        """Of all that it says."""
        return digest_json(self.to_json())
