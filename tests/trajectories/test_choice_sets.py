"""Choice sets: flat rows, and mistakes named at the door."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError
from telic.trajectories import ChoiceSets


def test_rows_decisions_and_what_was_taken() -> None:
    sets = ChoiceSets.from_arrays(
        [[1.0], [2.0], [3.0], [4.0], [5.0]],
        [2, 3],
        [1, 0],
        names=["age"],
        options=["a", "b", "b", "c", "a"],
        units=["mon", "tue"],
        demonstrators=["d1", "d0"],
    )
    assert (sets.n_decisions, sets.n_listed) == (2, 5)
    assert sets.decision_of.tolist() == [0, 0, 1, 1, 1]
    assert sets.chosen.tolist() == [1, 2]
    assert sets.taken.tolist() == [False, True, True, False, False]
    assert sets.options is not None
    assert sets.options.tolist() == [0, 1, 1, 2, 0]
    assert sets.units.tolist() == [0, 1]
    assert [sets.demonstrator_names[i] for i in sets.demonstrators] == ["d1", "d0"]


def test_the_digest_is_of_the_content() -> None:
    def made(chosen: int) -> str:
        return ChoiceSets.from_arrays([1.0, 2.0], [2], [chosen]).digest

    assert made(0) == made(0)
    assert made(0) != made(1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chosen": [2, 0]}, r"1 decisions take an option that they do not list \(first: decision 0\)"),
        ({"chosen": [0, -1]}, r"1 decisions take an option that they do not list \(first: decision 1\)"),
        ({"chosen": [0]}, "one entry a decision, got 2 and 1"),
        ({"sizes": [3, 0], "chosen": [0, 0]}, r"1 decisions list no option \(first: decision 1\)"),
        ({"sizes": [2, 2]}, "must go from 0 to 3"),
        (
            {"features": [1.0, np.nan, 2.0]},
            r"1 listed options have a feature that is not a number \(first: row 1\)",
        ),
        ({"names": ["a", "b"]}, r"`features` must be \(options listed, 2\), got \(3, 1\)"),
        ({"options": [7, 7, 8]}, r"Decision 0 lists the same option twice \(row 1\)"),
        ({"options": [7, 8]}, "one entry for each of 3 rows"),
        ({"units": [1]}, "one entry for each of 2 decisions"),
        ({"features": [], "sizes": [], "chosen": []}, "one at least"),
    ],
)
def test_mistakes_at_the_door(changes: dict[str, object], message: str) -> None:
    right: dict[str, object] = {"features": [1.0, 0.0, 2.0], "sizes": [2, 1], "chosen": [0, 0]}
    with pytest.raises(DataError, match=message) as told:
        ChoiceSets.from_arrays(**{**right, **changes})
    assert told.value.hint
