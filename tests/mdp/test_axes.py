"""Cells of one observation: placement, range errors, resolutions, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from telic.contract import Observation
from telic.errors import ContractError, DataError
from telic.mdp.axes import Axis, axis_from_observation


def _axis(column: Any, labels: tuple[str, ...] | None = None, **fields: Any) -> Axis:
    return axis_from_observation(Observation(**{"name": "x", **fields}), np.asarray(column), labels)


def test_equal_widths_hold_their_lower_edge_and_the_last_both() -> None:
    axis = _axis([], low=0, high=10, bins=5)
    assert axis.edges == (0, 2, 4, 6, 8, 10)
    assert axis.encode(np.array([0, 1.99, 2, 9.99, 10])).tolist() == [0, 0, 1, 4, 4]
    assert axis.centres().tolist() == [1, 3, 5, 7, 9]


def test_whole_numbers_have_cells_that_hold_whole_numbers() -> None:
    axis = _axis([], type="integer", low=1, high=10, bins=5)
    assert np.bincount(axis.encode(np.arange(1, 11))).tolist() == [2, 2, 2, 2, 2]
    assert [axis.label(i) for i in (0, 4)] == ["x 1–2", "x 9–10"]


def test_values_outside_the_declared_range_are_listed_with_their_rows() -> None:
    axis = _axis([], low=0, high=1, bins=2, unit="s")
    with pytest.raises(
        DataError, match=r"`x` must be a number from 0 to 1 s; 2 rows are not \(first: row 1, value 3"
    ) as error:
        axis.encode(np.array([0.5, 3.0, 0.2, np.nan]))
    assert error.value.data["rows"] == [1, 3]


def test_a_range_found_in_the_data_is_open() -> None:
    axis = _axis([0.0, 1.0, 2.0, 3.0], bins="quantile:4")
    assert axis.encode(np.array([-50.0, 50.0])).tolist() == [0, 3]


def test_quantiles_have_equal_counts() -> None:
    values = np.random.default_rng(0).exponential(size=1000)
    axis = _axis(values, bins="quantile:4")
    assert np.bincount(axis.encode(values)).tolist() == [250, 250, 250, 250]


def test_distinct_values_and_labels() -> None:
    assert _axis([3, 1, 3], type="integer").values == (1.0, 3.0)
    with pytest.raises(DataError, match=r"must be one of 1\.0, 3\.0; 1 rows are not"):
        _axis([3, 1, 3], type="integer").encode(np.array([2]))
    category = _axis(["b", "a"], type="category")
    assert category.encode(np.array(["a", "b", "b"])).tolist() == [0, 1, 1]
    coded = _axis([0, 1], ("z", "a"), type="category", values=("a", "z"))
    assert coded.values == ("a", "z")
    assert coded.encode(np.array([0, 1], dtype=np.int32), ("z", "a")).tolist() == [1, 0]
    assert _axis([True], type="boolean").encode(np.array([True, False])).tolist() == [1, 0]


def test_declared_edges_are_completed_to_the_declared_range() -> None:
    assert _axis([], low=0, high=9, bins=[1, 5]).edges == (0, 1, 5, 9)


@pytest.mark.parametrize(
    ("scale", "edges"), [(2.0, (0, 1, 2, 6, 10)), (0.5, (0, 10)), (1.0, (0, 2, 10)), (0.01, (0, 10))]
)
def test_resolutions_split_and_join_cells(scale: float, edges: tuple[float, ...]) -> None:
    assert _axis([], bins=[0, 2, 10]).scaled(scale).edges == edges


def test_auto_must_be_chosen_first_and_measurements_need_bins() -> None:
    with pytest.raises(ContractError, match="has not been chosen"):
        _axis([1.0], bins="auto")
    with pytest.raises(ContractError, match="20000 distinct values"):
        _axis(np.arange(20_000), type="integer")


def test_round_trip() -> None:
    for axis in (
        _axis([], low=0, high=1, bins=3),
        _axis(["u", "v"], type="category"),
        _axis([1, 5], type="integer"),
    ):
        assert Axis.from_mapping(axis.to_mapping()) == axis
