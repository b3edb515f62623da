"""Features and bases of measurements."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import FeatureError
from telic.features import MeasuredFeatureMap, PolynomialBasis, TileBasis
from telic.rewards import MeasuredReward

COLUMNS = {"load": np.array([1.0, 5.0]), "mode": np.array([0, 1], dtype=np.int32)}


def from_text():
    return MeasuredFeatureMap.from_expressions(
        {"excess": "max(0, load - 2)", "night add": 'where(mode == "night" and action == "add", 1, 0)'},
        action_values=["hold", "add"],
        units=["request/s", "night add"],
        categories={"mode": ("day", "night")},
    )


def test_expressions_see_labels_and_actions():
    features = from_text()
    taken = features.evaluate(COLUMNS, np.array([1, 1], dtype=np.int32))
    np.testing.assert_array_equal(taken, [[0.0, 0.0], [3.0, 1.0]])
    every = features.every_action(COLUMNS, 2)
    assert every.shape == (2, 2, 2)
    np.testing.assert_array_equal(every[:, 0], [[0.0, 0.0], [3.0, 0.0]])


def test_a_reward_of_measurements():
    reward = MeasuredReward(features=from_text(), weights=np.array([-2.0, 10.0]))
    np.testing.assert_array_equal(reward.evaluate(COLUMNS, np.array([0, 1], dtype=np.int32)), [0.0, 4.0])
    assert reward.form == "SA"
    with pytest.raises(FeatureError, match=r"`weights` must have shape \(2,\)"):
        MeasuredReward(features=from_text(), weights=np.ones(3))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"names": ("a", "a")}, "distinct names"),
        ({"units": ("x",)}, "one entry per feature"),
        ({"n_actions": 1}, "at least 2"),
    ],
)
def test_the_door(change, text):
    good = {"names": ("a", "b"), "function": lambda c, a: np.zeros((len(a), 2)), "n_actions": 2}
    with pytest.raises(FeatureError, match=text):
        MeasuredFeatureMap(**{**good, **change})


def test_wrong_values_are_named():
    actions = np.zeros(2, dtype=np.int32)
    wide = MeasuredFeatureMap(names=("a",), function=lambda c, a: np.zeros((len(a), 2)), n_actions=2)
    with pytest.raises(FeatureError, match=r"shape \(2, 1\), got \(2, 2\)"):
        wide.evaluate(COLUMNS, actions)
    gap = MeasuredFeatureMap(names=("a",), function=lambda c, a: np.array([[1.0], [np.nan]]), n_actions=2)
    with pytest.raises(FeatureError, match="'a' is nan in row 1"):
        gap.evaluate(COLUMNS, actions)


def test_polynomials_count_products_and_levels():
    rng = np.random.default_rng(0)
    columns = {"x": rng.normal(size=50), "y": rng.normal(3, 9, size=50), "kind": rng.integers(0, 3, 50)}
    basis = PolynomialBasis.fit(columns, degree=2, categories=["kind"])
    values = basis.evaluate(columns)
    assert values.shape == (50, 1 + 2 + 3 + 2)
    z = (columns["y"] - columns["y"].mean()) / columns["y"].std()
    np.testing.assert_allclose(values[:, 0], 1.0)
    np.testing.assert_allclose(values[:, 2], z)
    np.testing.assert_allclose(values[:, 5], z**2)
    np.testing.assert_array_equal(values[:, -1], columns["kind"] == 2)
    many = {f"x{i}": rng.normal(size=5) for i in range(12)}
    assert PolynomialBasis.fit(many).degree == 1
    with pytest.raises(FeatureError, match="'x' is not finite"):
        PolynomialBasis.fit({"x": np.array([1.0, np.nan])})
    with pytest.raises(FeatureError, match="at least one measured column"):
        PolynomialBasis.fit({})
    with pytest.raises(FeatureError, match=r"needs columns \['y', 'kind'\]"):
        basis.evaluate({"x": np.zeros(3)})


def test_tiles_are_a_partition():
    basis = TileBasis(edges={"x": np.array([0.0, 1.0]), "y": np.array([5.0])})
    columns = {"x": np.array([-1.0, 0.0, 2.0]), "y": np.array([5.0, 4.0, 9.0])}
    assert basis.cells(columns).tolist() == [1, 2, 5]
    values = basis.evaluate(columns)
    assert values.shape == (3, 6)
    np.testing.assert_array_equal(values.sum(axis=1), 1.0)
    with pytest.raises(FeatureError, match="must rise"):
        TileBasis(edges={"x": np.array([1.0, 0.0])})
