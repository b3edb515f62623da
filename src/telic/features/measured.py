"""Features of measurements: the same named terms of a reward, evaluated on rows instead of on a table of
states.

For states too many to count there is no table ``(S, A, K)``; a feature is a function of the measured columns
and the action. ``evaluate`` gives ``(n, K)`` for the actions taken, ``every_action`` gives ``(n, A, K)`` for
all that could have been.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import FeatureError
from telic.reports import Provenance
from telic.typing import FloatArray, IntArray

from .expressions import compile_expression

__all__ = ["MeasuredFeatureMap"]

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredFeatureMap:
    """Candidate terms of a reward as functions of measurements and action.

    Attributes:
        names: K names.
        function: from columns of n rows and ``(n,)`` int32 action indices to ``(n, K)`` finite numbers.
        n_actions: A.
        units: K units in which one unit of each feature is counted; empty for pure numbers.
        indicators: what each feature stands for, or empty.
        provenance: how this was made.
    """

    names: tuple[str, ...]
    function: Callable[[Columns, IntArray], FloatArray]
    n_actions: int
    units: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) != len(self.names):
            raise FeatureError(
                f"Features need distinct names, got {self.names}.", hint="Name each column once."
            )
        if self.units and len(self.units) != len(self.names):
            raise FeatureError(
                f"`units` must have one entry per feature ({len(self.names)}), got {len(self.units)}.",
                hint="Use '' for a pure number.",
            )
        if self.n_actions < 2:
            raise FeatureError(
                f"`n_actions` must be at least 2, got {self.n_actions}.",
                hint="With one action nothing is chosen.",
            )

    @classmethod
    def from_expressions(
        cls,
        expressions: Mapping[str, str],
        *,
        action_values: Sequence[Any],
        units: Sequence[str] = (),
        categories: Mapping[str, Sequence[str]] | None = None,
    ) -> MeasuredFeatureMap:
        """Features written as expressions over observation names and ``action``.

        Args:
            expressions: name of each feature to its text, as in a task contract.
            action_values: what ``action`` stands for, by index: labels or numbers.
            units: K units, or empty.
            categories: labels of category observations, by code (as ``Demonstrations.categories``).

        Raises:
            FeatureError: an expression cannot be read, or names are not distinct.
        """
        compiled = {name: compile_expression(text) for name, text in expressions.items()}
        values = np.asarray(list(action_values))
        labels = {name: np.asarray(list(texts), dtype=str) for name, texts in (categories or {}).items()}

        def evaluate(columns: Columns, actions: IntArray) -> FloatArray:
            readable: dict[str, NDArray[Any]] = {
                name: labels[name][column] if name in labels else column for name, column in columns.items()
            }
            readable["action"] = values[actions]
            return np.stack([e.evaluate(readable).astype(np.float64) for e in compiled.values()], axis=1)

        return cls(
            names=tuple(expressions),
            function=evaluate,
            n_actions=len(values),
            units=tuple(units),
            provenance=Provenance(
                settings={"expressions": dict(expressions), "action_values": [str(v) for v in action_values]}
            ),
        )

    @property
    def n_features(self) -> int:
        """K."""
        return len(self.names)

    def evaluate(self, columns: Columns, actions: IntArray) -> FloatArray:
        """``(n, K)`` feature values of rows and the actions taken in them.

        Raises:
            FeatureError: the function returned another shape, or values that are not finite.
        """
        values = np.asarray(self.function(columns, actions), dtype=np.float64)
        if values.shape != (len(actions), self.n_features):
            raise FeatureError(
                f"The feature function must return shape ({len(actions)}, {self.n_features}), got "
                f"{values.shape}.",
                hint="One row a decision, one column a name.",
            )
        if not np.all(np.isfinite(values)):
            row, column = np.argwhere(~np.isfinite(values))[0]
            raise FeatureError(
                f"Feature {self.names[column]!r} is {values[row, column]} in row {row}; features must "
                f"be finite.",
                hint="Look for a division by zero or a missing measurement.",
                feature=self.names[column],
                row=int(row),
            )
        return values

    def every_action(self, columns: Columns, n_rows: int) -> FloatArray:
        """``(n, A, K)`` feature values of rows for every action that could be taken."""
        return np.stack(
            [self.evaluate(columns, np.full(n_rows, a, dtype=np.int32)) for a in range(self.n_actions)],
            axis=1,
        )
