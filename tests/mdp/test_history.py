"""States that remember: the same world, larger."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError, SettingsError
from telic.mdp import TabularMDP, with_history
from telic.trajectories import Demonstrations


def _ring(S: int = 5) -> TabularMDP:
    P = np.zeros((S, 2, S))
    for s in range(S):
        P[s, 0, (s + 1) % S] = 1
        P[s, 1, (s + 1) % S] = P[s, 1, s] = 0.5
    return TabularMDP.from_transition(P, discount=0.9, state_labels=tuple("abcde"[:S]))


def test_pairs_are_the_possible_steps_and_move_by_the_small_world() -> None:
    demos = Demonstrations.from_arrays([0, 1, 2, 2], [0, 0, 1, 0])
    got = with_history(_ring(), demos)
    assert got.tuples.tolist() == sorted([[s, s] for s in range(5)] + [[s, (s + 1) % 5] for s in range(5)])
    P = got.mdp.transition.toarray().reshape(10, 2, 10)
    small = _ring().transition.toarray().reshape(5, 2, 5)
    for i, (_, now) in enumerate(got.tuples.tolist()):
        for a in range(2):
            by_next = np.zeros(5)
            for j, (before, then) in enumerate(got.tuples.tolist()):
                if P[i, a, j]:
                    assert before == now
                    by_next[then] += P[i, a, j]
            assert by_next == pytest.approx(small[now, a])
    assert got.tuples[got.demos.states].tolist() == [[0, 0], [0, 1], [1, 2], [2, 2]]
    assert got.tuples[got.demos.next_states[:3]].tolist() == [[0, 1], [1, 2], [2, 2]]
    assert got.mdp.state_labels[1] == "a > b"
    assert got.present.tolist() == [row[1] for row in got.tuples.tolist()]


def test_dropping_leaves_out_decisions_without_a_past() -> None:
    demos = Demonstrations.from_arrays([0, 1, 2, 3, 4], [0] * 5, offsets=[0, 3, 5])
    got = with_history(_ring(), demos, start="drop")
    assert got.demos.offsets.tolist() == [0, 2, 3]
    assert got.tuples[got.demos.states].tolist() == [[0, 1], [1, 2], [3, 4]]
    with pytest.raises(DataError, match="No trajectory has more than 3 decisions"):
        with_history(_ring(), demos, order=3, start="drop")


def test_two_states_back() -> None:
    demos = Demonstrations.from_arrays([0, 1, 2, 3], [0] * 4)
    got = with_history(_ring(), demos, order=2)
    assert len(got.tuples) == 5 * 2 * 2
    assert got.tuples[got.demos.states].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3]]


def test_over_the_cap_only_what_was_passed_through() -> None:
    demos = Demonstrations.from_arrays([0, 1, 2], [0, 0, 1], next_states=[1, 2, 2], offsets=[0, 3])
    got = with_history(_ring(), demos, cap=3)
    assert got.tuples.tolist() == [[0, 0], [0, 1], [1, 2], [2, 2]]
    assert np.asarray(got.mdp.transition.sum(axis=1)).ravel() == pytest.approx(np.ones(8))
    assert got.findings[0].evidence["largest_lost_mass"] == pytest.approx(1.0)


def test_order_must_be_positive() -> None:
    with pytest.raises(SettingsError, match="`order` must be at least 1"):
        with_history(_ring(), Demonstrations.from_arrays([0], [0]), order=0)


def test_windows_that_cannot_be_numbered_are_refused() -> None:
    with pytest.raises(SettingsError, match="Windows of 41 out of 5 states are too many"):
        with_history(_ring(), Demonstrations.from_arrays([0], [0]), order=40)
