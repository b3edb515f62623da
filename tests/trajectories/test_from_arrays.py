"""Demonstrations from arrays of indices: what is no index is refused, not rounded."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError
from telic.trajectories import ORIGINS, Demonstrations, cut_segments


@pytest.mark.parametrize("name", ["states", "actions", "next_states", "goals"])
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0, 0.5], "whole numbers below 2^31, got 0.5 at 1"),
        ([np.nan, 1], "got nan at 0"),
        ([0, 2**32], "got 4294967296 at 1"),
        (["a", "b"], "got values of type"),
    ],
)
def test_what_is_no_index_is_refused(name, values, told):
    arrays = {"states": [0, 1], "actions": [0, 1], "offsets": [0, 1, 2], name: np.array(values)}
    with pytest.raises(DataError) as caught:
        Demonstrations.from_arrays(arrays.pop("states"), arrays.pop("actions"), **arrays)
    assert f"`{name}`" in str(caught.value)
    assert told in str(caught.value)


def test_whole_numbers_of_any_type_are_indices():
    demos = Demonstrations.from_arrays(np.array([0.0, 2.0]), np.array([True, False]), next_states=[2, -1])
    assert demos.states.tolist() == [0, 2]
    assert demos.actions.tolist() == [1, 0]
    assert demos.actions.dtype == np.int32


@pytest.mark.parametrize("offsets", [[0, 5], [0, -3, 2], [0, 1]])
def test_offsets_beyond_the_rows_are_refused(offsets):
    with pytest.raises(DataError, match="must rise from 0 to the number of decisions 2"):
        Demonstrations.from_arrays([0, 1], [0, 1], offsets=offsets)


def test_what_is_said_about_a_trajectory_goes_with_it():
    demos = Demonstrations.from_arrays(
        [0, 1, 0, 1, 1],
        [0, 1, 1, 0, 0],
        offsets=[0, 2, 5],
        origins=["human", "policy"],
        offered=[[1, 0], [1, 1], [0, 1], [1, 1], [1, 1]],
    )
    some = demos.select([1])
    assert [ORIGINS[i] for i in some.origins] == ["policy"]
    assert some.offered.tolist() == [[False, True], [True, True], [True, True]]
    part = cut_segments(demos, np.array([1]), np.array([1]), np.array([3]))
    assert [ORIGINS[i] for i in part.origins] == ["policy"]
    assert part.offered.tolist() == [[True, True], [True, True]]
    plain = Demonstrations.from_arrays([0, 1, 0, 1, 1], [0, 1, 1, 0, 0], offsets=[0, 2, 5])
    assert plain.digest != demos.digest


def test_an_action_that_was_not_offered_is_refused_by_row():
    with pytest.raises(
        DataError, match=r"1 decisions take an action that was not offered \(first: row 1, action 1\)"
    ):
        Demonstrations.from_arrays([0, 1], [0, 1], offered=[[1, 1], [1, 0]])
    with pytest.raises(DataError, match="one truth value per decision and action"):
        Demonstrations.from_arrays([0, 1], [0, 1], offered=[[1], [1]])


def test_an_unknown_origin_is_refused():
    with pytest.raises(DataError, match="got robot"):
        Demonstrations.from_arrays([0], [0], origins=["robot"])
