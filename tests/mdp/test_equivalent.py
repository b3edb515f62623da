"""Merging actions with one consequence."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError
from telic.mdp import TabularMDP, merge_equivalent_actions
from telic.trajectories import Demonstrations


def _world() -> TabularMDP:
    P = np.zeros((2, 3, 2))
    P[0, 0], P[0, 1], P[0, 2] = [0.5, 0.5], [0, 1], [0.5, 0.5]
    P[1, :] = [1, 0]
    return TabularMDP.from_transition(P, discount=0.9)


def test_groups_keep_their_lowest_action_and_decisions_are_renamed() -> None:
    demos = Demonstrations.from_arrays([0, 0, 1, 1], [2, 1, 2, 0])
    got = merge_equivalent_actions(_world(), demos)
    assert got.canonical.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert got.mdp.availability.tolist() == [[True, True, False], [True, False, False]]
    assert got.n_merged == 3
    assert got.demos is not None and got.demos.actions.tolist() == [0, 1, 0, 0]
    assert "2 of 2 states" in got.findings[0].message
    sums = np.asarray(got.mdp.transition.sum(axis=1)).ravel()
    assert sums.tolist() == [1, 1, 0, 1, 0, 0]


def test_merging_twice_changes_nothing_and_unavailable_actions_are_left_alone() -> None:
    once = merge_equivalent_actions(_world())
    twice = merge_equivalent_actions(once.mdp)
    assert twice.n_merged == 0 and twice.mdp is once.mdp


def test_nearly_equal_rows_differ_beyond_the_tolerance() -> None:
    P = np.array([[[0.5, 0.5], [0.5 + 1e-6, 0.5 - 1e-6]], [[1, 0], [0, 1]]])
    world = TabularMDP.from_transition(P, discount=0.9)
    assert merge_equivalent_actions(world).n_merged == 0
    assert merge_equivalent_actions(world, tolerance=1e-5).n_merged == 1


def test_decisions_outside_the_world_are_refused() -> None:
    with pytest.raises(DataError, match="Decisions must lie in a world of 2 states and 3 actions"):
        merge_equivalent_actions(_world(), Demonstrations.from_arrays([4], [0]))


def test_where_no_decision_is_taken_nothing_is_merged() -> None:
    P = np.zeros((3, 2, 3))
    P[0, :, 1] = P[1, 0, 2] = P[1, 1, 0] = P[2, :, 2] = 1.0
    world = TabularMDP.from_transition(P, discount=0.9, absorbing=np.array([False, False, True]))
    merged = merge_equivalent_actions(world)
    assert merged.n_merged == 1
    assert merged.mdp.availability.tolist() == [[True, False], [True, True], [True, True]]
    assert "In 1 of 3 states" in merged.findings[0].message
    assert "1 of 4 pairs" in merged.findings[0].message
