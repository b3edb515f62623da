"""Comparisons check themselves; parts of trajectories are trajectories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from telic.errors import DataError
from telic.trajectories import Comparisons, Demonstrations, cut_segments


def demos() -> Demonstrations:
    made = Demonstrations.from_arrays(
        [0, 1, 2, 3, 4, 5, 6],
        [0, 1, 0, 1, 0, 1, 0],
        offsets=[0, 4, 7],
        trajectory_ids=["a", "b"],
        demonstrators=["x", "y"],
        terminated=[True, False],
    )
    return replace(made, observations={"load": np.arange(7.0)}, times=np.arange(7.0))


def test_a_part_keeps_its_rows_and_its_end():
    parts = cut_segments(demos(), np.array([0, 1, 0]), np.array([1, 0, 0]), np.array([4, 2, 4]))
    assert [t.states.tolist() for t in parts] == [[1, 2, 3], [4, 5], [0, 1, 2, 3]]
    assert [t.actions.tolist() for t in parts] == [[1, 0, 1], [0, 1], [0, 1, 0, 1]]
    assert parts.observations["load"].tolist() == [1, 2, 3, 4, 5, 0, 1, 2, 3]
    assert parts.next_states.tolist() == [2, 3, -1, 5, 6, 1, 2, 3, -1]
    assert parts.terminated.tolist() == [True, False, True]
    assert list(parts.trajectory_ids) == ["a[1:4]", "b[0:2]", "a[0:4]"]
    assert [t.demonstrator for t in parts] == ["x", "y", "x"]


@pytest.mark.parametrize(
    ("which", "start", "stop", "words"),
    [
        (
            [0],
            [2],
            [2],
            r"1 parts are empty or reach beyond their trajectory \(first: part 0, steps 2 to 2 of 4\)",
        ),
        ([0, 1], [0, 1], [4, 4], "first: part 1, steps 1 to 4 of 3"),
        ([2], [0], [1], "trajectories below 2, got 2 to 2"),
    ],
)
def test_parts_outside_a_trajectory_are_refused(which, start, stop, words):
    with pytest.raises(DataError, match=words):
        cut_segments(demos(), np.array(which), np.array(start), np.array(stop))


def test_comparisons_from_arrays_and_back():
    c = Comparisons.from_arrays([0, 1, 2], [1, 2, 0], [1, 0.5, 0], annotators=["bo", "al", "bo"])
    assert c.annotator_names == ("al", "bo")
    assert c.annotators.tolist() == [1, 0, 1]
    assert c.swapped().swapped().digest == c.digest
    assert c.swapped().preferred.tolist() == [0, 0.5, 1]
    assert c.select([2, 0]).first.tolist() == [2, 0]
    assert c.select(np.array([True, False, False])).annotator_names == ("al", "bo")
    assert c.digest != c.swapped().digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"preferred": np.array([1.0, 0.3])},
            r"`preferred` must be 1 \(first\), 0 \(second\) or 0.5 \(tie\)",
        ),
        ({"second": np.array([0, 2])}, "1 comparisons compare a thing with itself"),
        ({"first": np.array([-1, 1])}, "some are negative"),
        (
            {"annotators": np.array([0, 3], dtype=np.int32)},
            "`annotators` must be indices below 1, got 0 to 3",
        ),
        ({"first": np.array([0])}, "must have one length"),
    ],
)
def test_comparisons_that_make_no_sense_are_refused(change, words):
    good = Comparisons.from_arrays([0, 1], [1, 2], [1, 0])
    with pytest.raises(DataError, match=words):
        replace(good, **change)
