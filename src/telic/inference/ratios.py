"""The set of values of a ratio of two normal estimates that the data cannot reject.

Problem: ``n`` and ``d`` are estimated jointly, about normal, with covariance ``[[v_nn, v_nd], [v_nd,
v_dd]]``. What is known about ``rho = n / d``? Fieller's theorem: ``n - rho d`` is normal with mean 0 at the
true ``rho``, so with ``z`` the normal quantile of the level, the confidence set is ``{rho : a rho^2 - 2 b rho
+ c <= 0}`` where

    a = d^2 - z^2 v_dd,    b = n d - z^2 v_nd,    c = n^2 - z^2 v_nn.

Its coverage is exact for normal estimates, whatever the size of ``d``. It is an interval only where ``a >
0``, that is, where the interval of ``d`` itself does not hold zero. Otherwise it is the complement of an
interval, a half-line, or the whole line: any of them says that the ratio is *unbounded*. The delta method
(``rho`` is about normal with variance ``(v_nn - 2 rho v_nd + rho^2 v_dd) / d^2``) is symmetric and always
finite, hence wrong where ``d`` is uncertain; here it is called unbounded in the same cases.

The discriminant is formed as ``z^2 (d^2 v_nn + n^2 v_dd - 2 n d v_nd) - z^4 det`` and the roots as ``q / a``
and ``c / q``, so that a precise estimate does not lose its interval to cancellation.

References:
    Fieller, E. C. (1954), "Some problems in interval estimation", JRSS B 16, 175-185, equations 7 to 10.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError

__all__ = ["RatioSet", "RatioShape", "delta_set", "fieller_set", "normal_quantile"]


class RatioShape(enum.StrEnum):
    """The shape of a confidence set of a ratio."""

    INTERVAL = "interval"
    """Between ``lower`` and ``upper``."""
    COMPLEMENT = "complement"
    """Everything except the open interval between ``lower`` and ``upper``."""
    HALF_LINE = "half-line"
    """From ``lower`` to ``upper``, one of which is infinite."""
    WHOLE_LINE = "whole-line"
    """Every value: the data say nothing about the ratio."""


@dataclass(frozen=True, kw_only=True)
class RatioSet:
    """A ratio with its confidence set.

    Attributes:
        value: the estimate ``n / d``; None where ``d`` is 0.
        lower, upper: ends of the interval, of the excluded gap, or of the half-line, by ``shape``.
        shape: see ``RatioShape``.
        method: ``"fieller"`` or ``"delta"``.
        level: coverage asked for, in (0, 1).
    """

    value: float | None
    lower: float
    upper: float
    shape: RatioShape
    method: str
    level: float

    @property
    def bounded(self) -> bool:
        """True only for an interval."""
        return self.shape is RatioShape.INTERVAL

    @property
    def interval(self) -> tuple[float, float] | None:
        """``(lower, upper)`` where bounded, else None."""
        return (self.lower, self.upper) if self.bounded else None

    @property
    def gap(self) -> tuple[float, float] | None:
        """The open interval that is rejected where the set is a complement, else None."""
        return (self.lower, self.upper) if self.shape is RatioShape.COMPLEMENT else None

    def contains(self, ratio: float) -> bool:
        """True where ``ratio`` is not rejected."""
        if self.shape is RatioShape.COMPLEMENT:
            return bool(ratio <= self.lower or ratio >= self.upper)
        return bool(self.lower <= ratio <= self.upper)


def normal_quantile(level: float) -> float:
    """The two-sided normal quantile: ``P(|Z| <= z) = level``.

    Args:
        level: in (0, 1).

    Raises:
        SettingsError: the level lies outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise SettingsError(
            f"`level` must lie strictly between 0 and 1, got {level}.", hint="Use 0.95 for a 95 % interval."
        )
    return NormalDist().inv_cdf(0.5 + level / 2.0)


def fieller_set(
    numerator: float,
    denominator: float,
    covariance: Float[np.ndarray, "2 2"],
    *,
    level: float = 0.95,
    critical: float | None = None,
) -> RatioSet:
    """Fieller's confidence set of ``numerator / denominator``.

    Args:
        numerator: estimate n.
        denominator: estimate d.
        covariance: of (n, d).
        level: coverage, in (0, 1).
        critical: standard errors to either side, z below; None: the normal quantile of the level.

    Raises:
        SettingsError: the level, or a covariance that is not finite with non-negative variances.

    References:
        Fieller (1954).
    """
    z2 = (normal_quantile(level) if critical is None else critical) ** 2
    n, d = float(numerator), float(denominator)
    vnn, vnd, vdd = _parts(covariance)
    value = n / d if d != 0.0 else None
    a = d * d - z2 * vdd
    b = n * d - z2 * vnd
    c = n * n - z2 * vnn
    discriminant = z2 * (d * d * vnn + n * n * vdd - 2.0 * n * d * vnd) - z2 * z2 * (vnn * vdd - vnd * vnd)

    def made(lower: float, upper: float, shape: RatioShape) -> RatioSet:
        return RatioSet(value=value, lower=lower, upper=upper, shape=shape, method="fieller", level=level)

    if a == 0.0:
        if b == 0.0:
            return made(-math.inf, math.inf, RatioShape.WHOLE_LINE)
        end = c / (2.0 * b)
        return (
            made(end, math.inf, RatioShape.HALF_LINE) if b > 0 else made(-math.inf, end, RatioShape.HALF_LINE)
        )
    if a < 0.0 and discriminant <= 0.0:
        return made(-math.inf, math.inf, RatioShape.WHOLE_LINE)
    # With a > 0 the estimate itself is in the set, so a negative discriminant is rounding.
    q = b + math.copysign(math.sqrt(max(discriminant, 0.0)), b)
    roots = (0.0, 0.0) if q == 0.0 else (q / a, c / q)
    shape = RatioShape.INTERVAL if a > 0.0 else RatioShape.COMPLEMENT
    return made(min(roots), max(roots), shape)


def delta_set(
    numerator: float,
    denominator: float,
    covariance: Float[np.ndarray, "2 2"],
    *,
    level: float = 0.95,
    critical: float | None = None,
) -> RatioSet:
    """The delta-method interval of ``numerator / denominator``; the whole line where the denominator may be
    0.

    Args:
        numerator: estimate n.
        denominator: estimate d.
        covariance: of (n, d).
        level: nominal coverage, in (0, 1); the true one is lower where the denominator is uncertain.
        critical: as ``fieller_set``.

    Raises:
        SettingsError: as ``fieller_set``.
    """
    z = normal_quantile(level) if critical is None else critical
    n, d = float(numerator), float(denominator)
    vnn, vnd, vdd = _parts(covariance)
    if d * d <= z * z * vdd:
        value = n / d if d != 0.0 else None
        return RatioSet(
            value=value,
            lower=-math.inf,
            upper=math.inf,
            shape=RatioShape.WHOLE_LINE,
            method="delta",
            level=level,
        )
    value = n / d
    half = z * math.sqrt(max(vnn - 2.0 * value * vnd + value * value * vdd, 0.0)) / abs(d)
    return RatioSet(
        value=value,
        lower=value - half,
        upper=value + half,
        shape=RatioShape.INTERVAL,
        method="delta",
        level=level,
    )


def _parts(covariance: Float[np.ndarray, "2 2"]) -> tuple[float, float, float]:
    C = np.asarray(covariance, dtype=np.float64)
    if C.shape != (2, 2) or not np.all(np.isfinite(C)) or C[0, 0] < 0 or C[1, 1] < 0:
        raise SettingsError(
            f"`covariance` must be a finite 2 x 2 matrix with variances of at least 0, got {C.tolist()}.",
            hint="Order: numerator, denominator.",
        )
    return float(C[0, 0]), float(0.5 * (C[0, 1] + C[1, 0])), float(C[1, 1])
