from __future__ import annotations

import math

import numpy as np
import pytest

from telic.errors import SettingsError
from telic.inference.ratios import RatioShape, delta_set, fieller_set, normal_quantile


def accepted(n: float, d: float, C: np.ndarray, level: float, rho: float) -> bool:
    """The test behind the set, by its definition."""
    z = normal_quantile(level)
    variance = C[0, 0] - 2 * rho * C[0, 1] + rho**2 * C[1, 1]
    return (n - rho * d) ** 2 <= z**2 * variance


def test_every_shape_agrees_with_its_definition_on_a_grid() -> None:
    rng = np.random.default_rng(3)
    shapes = set()
    for _ in range(300):
        root = rng.normal(size=(2, 2))
        C = root @ root.T * rng.choice([0.01, 0.3, 3.0])
        n, d = rng.normal(size=2)
        found = fieller_set(n, d, C, level=0.9)
        shapes.add(found.shape)
        for rho in np.linspace(-30, 30, 97):
            near = (
                min(abs(rho - e) for e in (found.lower, found.upper) if math.isfinite(e))
                if math.isfinite(found.lower)
                else 1.0
            )
            if near > 1e-9:
                assert found.contains(rho) == accepted(n, d, C, 0.9, rho)
    assert shapes >= {RatioShape.INTERVAL, RatioShape.COMPLEMENT, RatioShape.WHOLE_LINE}


def test_half_line_when_the_denominator_sits_on_its_limit() -> None:
    z = normal_quantile(0.95)
    found = fieller_set(1.0, z, np.diag([0.04, 1.0]), level=0.95)
    assert found.shape is RatioShape.HALF_LINE
    assert found.upper == math.inf
    assert accepted(1.0, z, np.diag([0.04, 1.0]), 0.95, found.lower + 1e-6)
    assert not accepted(1.0, z, np.diag([0.04, 1.0]), 0.95, found.lower - 1e-6)
    exact = fieller_set(2.0, 0.0, np.zeros((2, 2)))
    assert exact.value is None
    assert exact.shape is RatioShape.WHOLE_LINE


def test_precise_estimates_keep_the_width_of_the_delta_method() -> None:
    C = np.array([[4e-14, 1e-15], [1e-15, 1e-14]])
    f, d = fieller_set(3.1, 1.0, C), delta_set(3.1, 1.0, C)
    assert f.interval is not None and d.interval is not None
    assert f.interval[1] - f.interval[0] == pytest.approx(d.interval[1] - d.interval[0], rel=1e-6)


def test_zero_numerator_is_an_interval_around_zero() -> None:
    found = fieller_set(0.0, 2.0, np.diag([0.01, 0.01]))
    assert found.interval is not None
    assert found.interval[0] == pytest.approx(-found.interval[1])


def test_scale_does_not_matter() -> None:
    C = np.array([[0.09, 0.01], [0.01, 0.04]])
    a, b = fieller_set(2.0, 1.0, C), fieller_set(200.0, 100.0, 1e4 * C)
    assert a.interval == pytest.approx(b.interval)


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, -0.1])
def test_a_level_outside_is_refused(level: float) -> None:
    with pytest.raises(SettingsError, match="strictly between 0 and 1"):
        normal_quantile(level)


def test_a_covariance_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="finite 2 x 2"):
        fieller_set(1.0, 1.0, np.array([[np.nan, 0], [0, 1.0]]))
    with pytest.raises(SettingsError, match="variances"):
        delta_set(1.0, 1.0, np.diag([-1.0, 1.0]))
