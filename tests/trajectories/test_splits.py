"""Splits: every trajectory on one side, pieces of one together, stable, of the size asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telic.errors import SettingsError
from telic.trajectories import Demonstrations
from telic.trajectories.splits import (
    effective_count,
    held_out_trajectories,
    source_index,
    source_sizes,
    split_by_time,
    split_by_trajectory,
)


def demos_of(ids, length=2, times=None):
    n = len(ids) * length
    demos = Demonstrations.from_arrays(
        np.arange(n) % 3,
        np.zeros(n),
        offsets=np.arange(0, n + 1, length),
        trajectory_ids=ids,
        action_labels=["a", "b"],
    )
    if times is not None:
        from dataclasses import replace

        demos = replace(demos, times=np.repeat(np.asarray(times, dtype=float), length))
    return demos


@given(st.integers(2, 60), st.floats(0.01, 0.99), st.integers(0, 5))
def test_sizes_and_disjointness(n, share, key):
    demos = demos_of([f"t{i}" for i in range(n)])
    train, kept = split_by_trajectory(demos, held_out=share, key=key)
    assert set(train.trajectory_ids) | set(kept.trajectory_ids) == set(demos.trajectory_ids)
    assert not set(train.trajectory_ids) & set(kept.trajectory_ids)
    assert len(kept) == min(n - 1, max(1, round(share * n)))


def test_pieces_of_one_trajectory_stay_together():
    ids = [f"t{i}{piece}" for i in range(20) for piece in ("", "#2", "#3")]
    mask = held_out_trajectories(demos_of(ids), held_out=0.3, key=1).reshape(20, 3)
    assert np.all(mask == mask[:, :1])
    assert mask[:, 0].sum() == 6


def test_order_does_not_matter_and_the_key_does():
    ids = [f"t{i}" for i in range(50)]
    demos, backwards = demos_of(ids), demos_of(ids[::-1])
    first = set(split_by_trajectory(demos, held_out=0.2, key=0)[1].trajectory_ids)
    assert first == set(split_by_trajectory(backwards, held_out=0.2, key=0)[1].trajectory_ids)
    assert first != set(split_by_trajectory(demos, held_out=0.2, key=1)[1].trajectory_ids)


def test_little_data_and_no_share():
    assert len(split_by_trajectory(demos_of(["only"]), held_out=0.5, key=0)[1]) == 0
    assert len(split_by_trajectory(demos_of(["a", "b"]), held_out=0, key=0)[1]) == 0
    assert len(split_by_trajectory(demos_of(["a", "b"]), held_out=0.01, key=0)[1]) == 1


@pytest.mark.parametrize("share", [-0.1, 1.0, 2])
def test_a_share_outside_its_range(share):
    with pytest.raises(SettingsError, match=r"`held_out` must lie in \[0, 1\)"):
        split_by_trajectory(demos_of(["a", "b"]), held_out=share, key=0)


def test_by_time_keeps_the_last_out():
    demos = demos_of(["a", "b", "c", "d"], times=[30, 10, 40, 20])
    train, kept = split_by_time(demos, held_out=0.5)
    assert list(kept.trajectory_ids) == ["a", "c"]
    assert list(train.trajectory_ids) == ["b", "d"]
    with pytest.raises(SettingsError, match="needs times"):
        split_by_time(demos_of(["a", "b"]), held_out=0.5)


def test_numbered_names_are_not_pieces():
    mask = held_out_trajectories(demos_of([f"job#{i}" for i in range(10)]), held_out=0.3, key=1)
    assert mask.sum() == 3


def test_source_index_joins_pieces():
    np.testing.assert_array_equal(source_index(demos_of(["b", "a", "b#2", "c#2", "b#3"])), [0, 1, 0, 2, 0])
    np.testing.assert_array_equal(source_index(demos_of(["a#2", "a", "b"])), [0, 0, 1])


def test_a_source_drawn_twice_is_two_sources_each_with_its_pieces():
    np.testing.assert_array_equal(source_index(demos_of(["a", "a#2", "b", "a", "a#2"])), [0, 0, 1, 2, 2])
    np.testing.assert_array_equal(source_index(demos_of(["a", "b", "a"])), [0, 1, 2])


def test_sizes_of_sources_and_what_they_are_worth():
    demos = demos_of(["a", "b", "a#2"], length=3)
    np.testing.assert_array_equal(source_sizes(demos), [6.0, 3.0])
    assert effective_count(source_sizes(demos)) == 81 / 45
    assert effective_count(np.full(7, 3.0)) == 7.0
    assert effective_count(np.array([5.0, 0.0])) == 1.0
    assert effective_count(np.zeros(0)) == 0.0
