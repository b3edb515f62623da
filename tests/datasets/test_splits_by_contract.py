"""The split that a contract names: nobody on both sides, the same on every machine."""

import numpy as np
import pytest

from telic.contract import Data
from telic.datasets.splits import split, split_by_demonstrator
from telic.errors import DataError, SettingsError
from telic.trajectories import Demonstrations


def shifts(people, times=None):
    """One trajectory of two decisions each, by these people."""
    n = len(people)
    made = Demonstrations.from_arrays(
        np.zeros(2 * n),
        np.zeros(2 * n),
        offsets=np.arange(n + 1) * 2,
        demonstrators=people,
        action_labels=["a", "b"],
    )
    return made if times is None else Demonstrations(**{**vars(made), "times": times})


def people_of(demos):
    return {demos.demonstrator_names[d] for d in demos.demonstrators}


def test_nobody_is_on_both_sides_and_everybody_is_on_one():
    people = [f"p{i % 7}" for i in range(70)]
    train, kept = split_by_demonstrator(shifts(people), held_out=0.3, key=1)
    assert len(people_of(kept)) == 2
    assert people_of(train) & people_of(kept) == set()
    assert train.n_trajectories + kept.n_trajectories == 70


def test_order_of_the_log_does_not_matter():
    people = [f"p{i % 7}" for i in range(70)]
    _, kept = split_by_demonstrator(shifts(people), held_out=0.3, key=1)
    _, again = split_by_demonstrator(shifts(people[::-1]), held_out=0.3, key=1)
    assert people_of(again) == people_of(kept)
    others = {
        frozenset(people_of(split_by_demonstrator(shifts(people), held_out=0.3, key=k)[1])) for k in range(9)
    }
    assert len(others) > 1


def test_a_contract_says_what_is_kept_out():
    demos = shifts([f"p{i % 5}" for i in range(20)], times=np.arange(40.0)[::-1].copy())
    _, newest = split(demos, Data(split_by="time", held_out=0.1))
    assert newest.trajectory_ids.tolist() == ["0", "1"]
    _, person = split(demos, Data(split_by="demonstrator"))
    assert len(people_of(person)) == 1
    assert person.n_trajectories == 4
    _, episodes = split(demos, Data(), held_out=0.25)
    assert episodes.n_trajectories == 5


def test_what_cannot_be_split_is_refused():
    with pytest.raises(DataError, match="needs two"):
        split_by_demonstrator(shifts(["p"] * 4), held_out=0.2, key=0)
    with pytest.raises(SettingsError, match=r"\[0, 1\)"):
        split_by_demonstrator(shifts(["p", "q"]), held_out=1.0, key=0)
    nothing_kept = split_by_demonstrator(shifts(["p", "q"]), held_out=0, key=0)[1]
    assert nothing_kept.n_trajectories == 0
