"""Random Fourier features: a basis for values of many measurements, of a size that is chosen freely.

    psi_b(x) = sqrt(2 / B) cos(omega_b . z + phase_b),    omega ~ normal(0, 1 / width^2),    phase ~ uniform(0, 2 pi)

with z the measurements in standard deviations. Inner products of the functions approach the squared-exponential
kernel ``exp(-|z - z'|^2 / (2 width^2))`` as B grows, whatever the number of measurements. Waves alone are poor at what
rises without end, as the values of costs do, so polynomials of low degree (``telic.features.PolynomialBasis``, with its
indicators of categories) stand before them.

Reference: Rahimi and Recht (2007), Random features for large-scale kernel machines, NeurIPS 20.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import FeatureError, SettingsError
from telic.features import PolynomialBasis
from telic.typing import FloatArray

__all__ = ["FourierBasis"]

Columns = Mapping[str, NDArray[Any]]

MOST_PAIRS = 500
"""Rows whose distances set the width: their median is stable from far fewer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FourierBasis:
    """Polynomials of the measurements, then B random waves of them.

    Attributes:
        trend: the polynomials, the constant first, and indicators of categories.
        numbers: names of the columns that are measured.
        centres, scales: ``(d,)`` mean and standard deviation of each.
        frequencies: ``(d, B)`` of the standardised columns, radians.
        phases: ``(B,)`` radians.
        key: of the random numbers behind frequencies and phases.
    """

    trend: PolynomialBasis
    numbers: tuple[str, ...]
    centres: FloatArray
    scales: FloatArray
    frequencies: FloatArray
    phases: FloatArray
    key: int

    @classmethod
    def fit(
        cls,
        columns: Columns,
        *,
        n_functions: int = 100,
        width: float | None = None,
        degree: int = 2,
        key: int = 0,
        categories: Sequence[str] = (),
    ) -> FourierBasis:
        """The basis of these columns; the same key gives the same functions.

        Args:
            columns: rows to centre and scale by.
            n_functions: B; 0: polynomials alone. More follow a value more closely and need more rows.
            width: distance, in standard deviations, over which a value may bend. None: the median distance
                between rows.
            degree: of the polynomials; 0: the constant alone.
            key: of the random numbers.
            categories: columns of codes, that get indicators instead of powers and waves.

        Raises:
            FeatureError: there is no column, or one is not finite.
            SettingsError: ``n_functions`` or ``width`` is out of range.
        """
        if n_functions < 0 or degree < 0 or (width is not None and not (np.isfinite(width) and width > 0)):
            raise SettingsError(
                "`n_functions` and `degree` must be at least 0 and `width` above 0, got "
                f"{n_functions}, {degree} and {width}.",
                hint="100 functions, degree 2 and no width are the defaults.",
            )
        numbers = [name for name in columns if name not in categories]
        if not columns:
            raise FeatureError(
                "A basis needs at least one measured column, got none.", hint="Name the observations."
            )
        rows = len(next(iter(columns.values())))
        data = np.zeros((rows, len(numbers)))
        for i, name in enumerate(numbers):
            data[:, i] = columns[name]
            if not np.all(np.isfinite(data[:, i])):
                raise FeatureError(
                    f"Column {name!r} is not finite everywhere.", hint="Fill or drop these rows first."
                )
        centres, spread = data.mean(axis=0), data.std(axis=0)
        scales = np.where(spread > 0, spread, 1.0)
        rng = np.random.default_rng(key)
        chosen = _median_distance((data - centres) / scales) if width is None else width
        return cls(
            trend=PolynomialBasis.fit(columns, degree=degree, categories=categories),
            numbers=tuple(numbers),
            centres=centres,
            scales=scales,
            frequencies=rng.normal(size=(len(numbers), n_functions)) / chosen,
            phases=rng.uniform(0.0, 2.0 * np.pi, n_functions),
            key=key,
        )

    def evaluate(self, columns: Columns) -> FloatArray:
        """``(n, trend + B)``.

        Raises:
            FeatureError: a column is missing.
        """
        trend = self.trend.evaluate(columns)
        z = np.zeros((len(trend), len(self.numbers)))
        for i, name in enumerate(self.numbers):
            z[:, i] = columns[name]
        waves = np.cos((z - self.centres) / self.scales @ self.frequencies + self.phases)
        return np.concatenate([trend, np.sqrt(2.0 / max(len(self.phases), 1)) * waves], axis=1)


def _median_distance(z: FloatArray) -> float:
    """Median distance between rows, evenly picked; 1 where they are all alike."""
    some = z[:: max(1, len(z) // MOST_PAIRS)]
    squares = ((some[:, None, :] - some[None, :, :]) ** 2).sum(axis=2)
    positive = squares[squares > 0]
    return float(np.sqrt(np.median(positive))) if len(positive) else 1.0
