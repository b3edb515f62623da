"""One observation cut into cells: edges of a measurement, or one cell for each distinct value.

An axis maps values to cell numbers ``0 ... n_cells - 1`` and back to a representative value. Where the range
was declared (``low``, ``high`` or a list of edges) a value outside it is an error that names its rows; where
it was found in the data the two outer cells are open, so that later data always has a cell.

``scaled`` gives the same axis at another resolution: edges are interpolated in their own number, so twice the
cells halve every cell and half the cells join neighbours, for equal widths, quantiles and lists of edges
alike. Distinct values stay as they are: they are exact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import ContractError, DataError
from telic.typing import FloatArray, IntArray

if TYPE_CHECKING:
    from telic.contract import Observation

__all__ = ["Axis", "axis_from_observation", "measured_axis"]

MOST_DISTINCT = 10_000
"""Distinct values above which one cell a value is refused: it is a measurement that needs bins."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The cells of one observation.

    Attributes:
        name, unit: as in the contract.
        kind: ``number``, ``integer``, ``category`` or ``boolean``.
        edges: rising edges, one more than there are cells; empty where each value is a cell. A cell holds its
            lower edge, the last one both.
        values: the value of each cell in order; empty where there are edges.
        is_open: the outer cells reach to infinity (the range was found in the data, not declared).
        is_exogenous: the contract says that the action cannot change the next value.
        how: the rule in words, for example ``8 equal widths``.
    """

    name: str
    unit: str = ""
    kind: str = "number"
    edges: tuple[float, ...] = ()
    values: tuple[Any, ...] = ()
    is_open: bool = False
    is_exogenous: bool = False
    how: str = ""

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.edges) - 1 if self.edges else len(self.values)

    @property
    def is_ordered(self) -> bool:
        """True where neighbouring cells are neighbouring values, so that displacements mean something."""
        return self.kind in ("number", "integer")

    def encode(self, column: NDArray[Any], labels: tuple[str, ...] | None = None) -> IntArray:
        """``(n,)`` cell of each value.

        Args:
            column: ``(n,)`` values; of a category either labels or codes into ``labels``.
            labels: the labels of the codes, for a category kept as codes.

        Raises:
            DataError: missing or non-finite values, values outside the declared range, unknown labels.
        """
        if self.edges:
            return self._encode_measured(np.asarray(column, dtype=np.float64))
        if self.kind == "category" and labels is not None:
            lookup = {str(v): i for i, v in enumerate(self.values)}
            table = np.array([lookup.get(str(x), -1) for x in labels] + [-1], dtype=np.int32)
            codes = np.asarray(column, dtype=np.int64)
            return self._known(
                table[np.where((codes < 0) | (codes >= len(labels)), len(labels), codes)], column
            )
        if self.kind == "category":
            texts, place = np.unique(np.asarray(column, dtype=str), return_inverse=True)
            lookup = {str(v): i for i, v in enumerate(self.values)}
            table = np.array([lookup.get(str(x), -1) for x in texts], dtype=np.int32)
            return self._known(table[place], column)
        known = np.asarray(self.values, dtype=np.float64)
        wanted = np.asarray(column, dtype=np.float64)
        order = np.argsort(known)
        place = order[np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)]
        return self._known(np.where(known[place] == wanted, place, -1).astype(np.int32), column)

    def centres(self) -> NDArray[Any]:
        """``(n_cells,)`` middle of each cell, or the value itself."""
        if not self.edges:
            return np.asarray(self.values, dtype=object if self.kind == "category" else np.float64)
        edges = np.asarray(self.edges)
        return np.asarray((edges[:-1] + edges[1:]) / 2)

    def label(self, cell: int) -> str:
        """The cell in words, for example ``load 300–400 requests/s``."""
        unit = f" {self.unit}" if self.unit else ""
        if not self.edges:
            value = self.values[cell]
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            return f"{self.name} {shown}{unit}"
        if self.kind == "integer":
            first, last = int(np.ceil(self.edges[cell])), int(np.ceil(self.edges[cell + 1])) - 1
            last += cell == self.n_cells - 1 and float(self.edges[-1]).is_integer()
            return f"{self.name} {first}{unit}" if first >= last else f"{self.name} {first}–{last}{unit}"
        return f"{self.name} {self.edges[cell]:.4g}–{self.edges[cell + 1]:.4g}{unit}"

    def scaled(self, scale: float) -> Axis:
        """The same axis with ``scale`` times as many cells (at least 1); distinct values stay as they are."""
        if not self.edges or scale == 1.0:
            return self
        count = max(1, round(self.n_cells * scale))
        edges = np.interp(np.linspace(0, self.n_cells, count + 1), np.arange(self.n_cells + 1), self.edges)
        return replace(self, edges=_rising(edges), how=f"{self.how}, times {scale:g}")

    def to_mapping(self) -> dict[str, Any]:
        """The axis as JSON-able values."""
        return {
            "name": self.name,
            "unit": self.unit,
            "kind": self.kind,
            "edges": list(self.edges),
            "values": list(self.values),
            "is_open": self.is_open,
            "is_exogenous": self.is_exogenous,
            "how": self.how,
        }

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Axis:
        """The inverse of ``to_mapping``."""
        return cls(**{**mapping, "edges": tuple(mapping["edges"]), "values": tuple(mapping["values"])})

    def _encode_measured(self, column: FloatArray) -> IntArray:
        wrong = ~np.isfinite(column)
        if not self.is_open:
            wrong |= (column < self.edges[0]) | (column > self.edges[-1])
        if wrong.any():
            rows = np.flatnonzero(wrong)
            raise DataError(
                f"`{self.name}` must be a number from {self.edges[0]:g} to {self.edges[-1]:g}"
                f"{' ' + self.unit if self.unit else ''}; {len(rows)} rows are not "
                f"(first: row {rows[0]}, value {column[rows[0]]}).",
                hint="Correct these rows or the unit, or widen `low`, `high` or the edges in the contract.",
                rows=rows[:20].tolist(),
            )
        return np.searchsorted(np.asarray(self.edges[1:-1]), column, side="right").astype(np.int32)

    def _known(self, cells: IntArray, column: NDArray[Any]) -> IntArray:
        rows = np.flatnonzero(cells < 0)
        if len(rows):
            raise DataError(
                f"`{self.name}` must be one of {', '.join(str(v) for v in self.values[:8])}"
                f"{', ...' if len(self.values) > 8 else ''}; {len(rows)} rows are not "
                f"(first: row {rows[0]}, value {column[rows[0]]}).",
                hint="List the value in the contract, give the observation bins, or correct these rows.",
                rows=rows[:20].tolist(),
            )
        return cells


def axis_from_observation(
    observation: Observation, column: NDArray[Any], labels: tuple[str, ...] | None = None
) -> Axis:
    """The axis that the contract declares (``auto`` excepted, see ``auto_bins``).

    Args:
        observation: its block of the contract.
        column: ``(m,)`` every value in the data, before and after actions.
        labels: labels of a category kept as codes.

    Raises:
        ContractError: ``quantile:N`` or distinct values where the data cannot give them.
        DataError: there are no values to find a range or quantiles in.
    """
    base = Axis(
        name=observation.name,
        unit=observation.unit,
        kind=observation.type,
        is_exogenous=observation.affected_by_action is False,
    )
    bins = observation.bins
    if bins is None or observation.type in ("category", "boolean"):
        return _distinct(base, observation, column, labels)
    if isinstance(bins, tuple):
        edges = list(bins)
        if observation.low is not None and observation.low < edges[0]:
            edges.insert(0, observation.low)
        if observation.high is not None and observation.high > edges[-1]:
            edges.append(observation.high)
        return replace(
            base, edges=tuple(float(x) for x in edges), how=f"{len(edges) - 1} cells between given edges"
        )
    if isinstance(bins, int):
        return measured_axis(base, observation, column, "width", bins)
    match = re.fullmatch(r"quantile:(\d+)", bins)
    if match is None:
        raise ContractError(
            f"`{observation.name}.bins` is {bins!r}; its number of cells has not been chosen.",
            hint="`StateSpace.from_contract` chooses `auto` bins from the data.",
        )
    return measured_axis(base, observation, column, "quantile", int(match[1]))


def measured_axis(base: Axis, observation: Observation, column: NDArray[Any], rule: str, count: int) -> Axis:
    """``base`` with ``count`` cells of equal width or equal counts over the declared or the seen range.

    Args:
        base: name, unit and kind.
        observation: its block, for ``low`` and ``high``.
        column: ``(m,)`` every value in the data.
        rule: ``width`` or ``quantile``.
        count: number of cells; fewer are made where quantiles coincide.
    """
    values = np.asarray(column, dtype=np.float64)
    values = values[np.isfinite(values)]
    declared = observation.low is not None and observation.high is not None
    if not len(values) and (rule == "quantile" or not declared):
        raise DataError(
            f"`{base.name}` has no finite value to place its cells by.",
            hint="Give `low` and `high` in the contract, or data.",
        )
    low = float(values.min()) if observation.low is None else observation.low
    high = float(values.max()) if observation.high is None else observation.high
    if base.kind == "integer":
        low, high = low - 0.5, high + 0.5  # a cell of whole numbers holds its two ends
    if not low < high:
        low, high = low - 0.5, high + 0.5
    if rule == "width":
        edges = np.linspace(low, high, count + 1)
    else:
        edges = np.quantile(values, np.linspace(0, 1, count + 1))
        edges[0], edges[-1] = low, high
    words = f"{count} equal widths" if rule == "width" else f"{count} quantiles"
    return replace(base, edges=_rising(edges), is_open=not declared, how=words)


def _distinct(
    base: Axis, observation: Observation, column: NDArray[Any], labels: tuple[str, ...] | None
) -> Axis:
    if observation.type == "boolean":
        return replace(base, values=(0.0, 1.0), how="false and true")
    if observation.type == "category":
        if observation.values is not None:
            found: list[Any] = [str(v) for v in observation.values]
            if labels is not None:  # ingest may add a label of its own, such as `missing`
                found += [x for x in labels if x not in found]
        elif labels is not None:
            found = list(labels)
        else:
            found = [str(x) for x in np.unique(np.asarray(column, dtype=str))]
        return replace(base, values=tuple(found), how=f"{len(found)} labels")
    values = np.asarray(column, dtype=np.float64)
    if np.any(~np.isfinite(values)):
        rows = np.flatnonzero(~np.isfinite(values))
        raise DataError(
            f"`{base.name}` must be finite; {len(rows)} values are not.",
            hint="Drop or correct these rows.",
            rows=rows[:20].tolist(),
        )
    distinct = np.unique(values)
    if (
        observation.type == "integer"
        and observation.low is not None
        and observation.high is not None
        and observation.high - observation.low < MOST_DISTINCT
    ):
        distinct = np.arange(np.ceil(observation.low), np.floor(observation.high) + 1)
    if len(distinct) > MOST_DISTINCT:
        raise ContractError(
            f"`{base.name}` has {len(distinct)} distinct values, more than {MOST_DISTINCT}.",
            hint="Give it `bins`: a count, edges, `quantile:N` or `auto`.",
        )
    if not len(distinct):
        raise DataError(f"`{base.name}` has no values.", hint="Give `low` and `high`, or data.")
    return replace(base, values=tuple(float(x) for x in distinct), how=f"{len(distinct)} distinct values")


def _rising(edges: FloatArray) -> tuple[float, ...]:
    """Edges without repeats; two at least."""
    distinct = np.unique(edges)
    if len(distinct) == 1:
        distinct = np.array([distinct[0] - 0.5, distinct[0] + 0.5])
    return tuple(float(x) for x in distinct)
