"""Features from a contract: values, names, and what cannot be weighed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from telic.contract import TaskContract
from telic.errors import FeatureError
from telic.features import FeatureMap, degenerate_features, from_contract

CELLS = {"load": np.array([10.0, 20.0, 40.0]), "pods": np.array([1.0, 2.0, 4.5])}


def _contract(features: list[dict[str, Any]], **rest: Any) -> TaskContract:
    return TaskContract.from_mapping(
        {
            "identity": {"task": "t"},
            "observations": [
                {"name": "load", "low": 0, "high": 50, "bins": 3},
                {"name": "pods", "low": 0, "high": 5, "bins": 3},
            ],
            "actions": {"column": "action", "type": "integer", "values": [-1, 0, 2], "unit": "pods"},
            "features": features,
            **rest,
        }
    )


def _f(name: str, expression: str) -> dict[str, str]:
    return {"name": name, "expression": expression, "unit": f"{name}-unit"}


def test_expressions_are_evaluated_for_every_pair() -> None:
    got = from_contract(
        _contract([_f("over", "max(0, load - 10 * pods)"), _f("after", "pods + action")]),
        {**CELLS, "pods": np.array([0.5, 2.0, 4.5])},
    )
    assert got.values.shape == (3, 3, 2)
    assert got.values[:, 0, 0].tolist() == [5, 0, 0]
    assert got.values[1, :, 1].tolist() == [1, 2, 4]
    assert got.names == ("over", "after") and got.units == ("over-unit", "after-unit")


def test_a_constant_feature_is_named_unless_tasks_end() -> None:
    step = [_f("step", "1"), _f("cost", "pods")]
    with pytest.raises(FeatureError, match="`step` is 1 in every state and for every action"):
        from_contract(_contract(step), CELLS)
    ends = _contract(step, outcomes={"terminated": "done"})
    assert from_contract(ends, CELLS).names == ("step", "cost")
    with pytest.raises(FeatureError, match="`none` is 0 in every state"):
        from_contract(
            _contract([_f("none", "0 * pods"), _f("cost", "pods")], outcomes={"terminated": "done"}), CELLS
        )


def test_collinear_features_are_named_with_their_combination() -> None:
    three = [_f("a", "load"), _f("b", "pods"), _f("other", "action * pods"), _f("c", "2 * pods - load + 7")]
    with pytest.raises(FeatureError, match=r"is the same in every state") as error:
        from_contract(_contract(three), CELLS)
    (finding,) = error.value.data["findings"]
    combination = finding["evidence"]["combination"]
    assert set(combination) == {"a", "b", "c"}
    scaled = np.array([combination["a"], combination["b"], combination["c"]]) / combination["c"]
    assert scaled == pytest.approx([1, -2, 1])
    loose = from_contract(_contract(three), CELLS, strict=False)
    assert [f.code for f in degenerate_features(loose)] == ["collinear-features"]


def test_a_shift_matters_where_tasks_end() -> None:
    shifted = FeatureMap(values=np.array([[1.0, 3.0], [2.0, 4.0], [5.0, 7.0]]), names=("a", "b"), form="S")
    assert len(degenerate_features(shifted)) == 1
    assert not degenerate_features(shifted, constant_matters=True)


def test_features_of_very_different_sizes_are_not_confused_with_collinear_ones() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 3)) * np.array([1e-6, 1.0, 1e6])
    assert not degenerate_features(FeatureMap(values=values, names=("a", "b", "c"), form="S"))


def test_a_feature_that_does_not_evaluate_is_named() -> None:
    with pytest.raises(FeatureError, match="Feature `bad`:"):
        from_contract(_contract([_f("bad", "1 / (load - 10)"), _f("cost", "pods")]), CELLS)
    with pytest.raises(FeatureError, match="declares no features"):
        from_contract(_contract([]), CELLS)


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_a_combination_of_features_in_very_different_units_is_named_in_full(factor: float) -> None:
    values = np.random.default_rng(0).normal(size=(50, 3))
    values[:, 2] = factor * values[:, 0]
    (finding,) = degenerate_features(
        FeatureMap(values=values, names=("gigabytes", "cost", "bytes"), form="S")
    )
    combination = finding.evidence["combination"]
    assert set(combination) == {"gigabytes", "bytes"}
    assert combination["gigabytes"] / combination["bytes"] == pytest.approx(-factor)
