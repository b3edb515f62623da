"""Functions of measurements that span an approximate value: polynomials, or tiles.

A value function of continuous measurements is approximated by a linear combination of basis functions. A
basis is fitted once (its centres and scales come from data) and then evaluated on any rows; the first
function is the constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from math import comb
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from telic.errors import FeatureError
from telic.typing import FloatArray

__all__ = ["PolynomialBasis", "SupportsBasis", "TileBasis"]

Columns = Mapping[str, NDArray[Any]]

MAX_TERMS = 60
"""Most polynomial terms of a basis whose degree was not chosen; the degree is lowered to stay below."""

CLIP = 4.0
"""Standard deviations beyond which a measurement no longer moves a polynomial: cubes of outliers rule a
fit."""


@runtime_checkable
class SupportsBasis(Protocol):
    """Anything that turns columns into ``(n, B)`` numbers."""

    def evaluate(self, columns: Columns) -> FloatArray:
        """``(n, B)`` basis functions of rows."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class PolynomialBasis:
    """All products of standardised measurements up to a degree, and an indicator for every category.

    Attributes:
        numbers: names of the columns that are powers.
        centres, scales: ``(d,)`` mean and standard deviation of each.
        degree: largest total degree.
        levels: category columns to the codes that get an indicator (all but the first).
    """

    numbers: tuple[str, ...]
    centres: FloatArray
    scales: FloatArray
    degree: int
    levels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def fit(
        cls, columns: Columns, *, degree: int | None = None, categories: Sequence[str] = ()
    ) -> PolynomialBasis:
        """The basis of these columns.

        Args:
            columns: rows to centre and scale by.
            degree: largest total degree; more follows a curved value more closely and needs more rows. None:
                4, or less where that would give more than ``MAX_TERMS`` terms.
            categories: columns of codes, that get indicators instead of powers.

        Raises:
            FeatureError: there is no column, or one is not finite.
        """
        numbers = [name for name in columns if name not in categories]
        if not columns:
            raise FeatureError(
                "A basis needs at least one measured column, got none.", hint="Name the observations."
            )
        data = (
            np.stack([np.asarray(columns[n], dtype=np.float64) for n in numbers], axis=1) if numbers else None
        )
        if data is not None and not np.all(np.isfinite(data)):
            bad = numbers[int(np.flatnonzero(~np.isfinite(data).all(axis=0))[0])]
            raise FeatureError(
                f"Column {bad!r} is not finite everywhere.", hint="Fill or drop these rows first."
            )
        chosen = degree
        if chosen is None:
            chosen = 4
            while chosen > 1 and comb(len(numbers) + chosen, chosen) > MAX_TERMS:
                chosen -= 1
        scales = np.ones(len(numbers)) if data is None else data.std(axis=0)
        return cls(
            numbers=tuple(numbers),
            centres=np.zeros(0) if data is None else data.mean(axis=0),
            scales=np.where(scales > 0, scales, 1.0),
            degree=chosen,
            levels={n: tuple(int(v) for v in np.unique(columns[n])[1:]) for n in categories if n in columns},
        )

    def evaluate(self, columns: Columns) -> FloatArray:
        """``(n, B)``: the constant, the powers by degree, then the indicators."""
        missing = [n for n in (*self.numbers, *self.levels) if n not in columns]
        if missing:
            raise FeatureError(
                f"The basis needs columns {missing}; there are {list(columns)}.",
                hint="Use the columns it was fitted on.",
            )
        rows = len(next(iter(columns.values())))
        z = [
            np.clip((np.asarray(columns[n], dtype=np.float64) - c) / s, -CLIP, CLIP)
            for n, c, s in zip(self.numbers, self.centres, self.scales, strict=True)
        ]
        terms = [np.ones(rows)]
        for power in range(1, self.degree + 1):
            for which in combinations_with_replacement(range(len(z)), power):
                terms.append(np.prod([z[i] for i in which], axis=0))
        for name, codes in self.levels.items():
            terms += [(np.asarray(columns[name]) == code).astype(np.float64) for code in codes]
        return np.stack(terms, axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class TileBasis:
    """One indicator for every cell of a grid: the approximation that a table of states makes.

    Attributes:
        edges: column name to rising inner edges; a value below the first is in cell 0.
    """

    edges: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        for name, edge in self.edges.items():
            if np.ndim(edge) != 1 or np.any(np.diff(edge) <= 0):
                raise FeatureError(
                    f"Edges of {name!r} must rise.", hint="Give distinct inner edges in order."
                )

    @property
    def n_cells(self) -> int:
        """Number of cells of the grid."""
        return int(np.prod([len(e) + 1 for e in self.edges.values()]))

    def cells(self, columns: Columns) -> NDArray[np.int64]:
        """``(n,)`` cell of every row."""
        index: NDArray[np.int64] = np.zeros(len(next(iter(columns.values()))), dtype=np.int64)
        for name, edge in self.edges.items():
            index = index * (len(edge) + 1) + np.searchsorted(edge, columns[name], side="right")
        return index

    def evaluate(self, columns: Columns) -> FloatArray:
        """``(n, n_cells)`` indicators; they add up to the constant."""
        cells = self.cells(columns)
        out = np.zeros((len(cells), self.n_cells))
        out[np.arange(len(cells)), cells] = 1.0
        return out
