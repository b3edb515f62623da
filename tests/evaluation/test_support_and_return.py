"""Support gaps of policy tables, and exact returns against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import DataError, DynamicsError
from telic.evaluation import policy_return, policy_support
from telic.mdp import TabularMDP
from telic.policies import TabularPolicy


def test_support_by_hand() -> None:
    policy = TabularPolicy(table=np.array([[1.0, 0, 0], [0.5, 0.5, 0], [0, 0, 0], [0, 0, 0]]))
    can = np.ones((4, 3), dtype=bool)
    can[1, 2] = False
    visits = np.array([[0.5, 0, 0], [0.2, 0.2, 0], [0.1, 0, 0], [0, 0, 0]])
    got = policy_support(
        policy, available=can, absorbing=np.array([False, False, False, True]), visitation=visits
    )
    assert got.silent_states.tolist() == [2]
    assert got.zero_pairs.sum() == 2 and got.zero_pairs[0].tolist() == [False, True, True]
    assert got.share_zero == pytest.approx(9 / 12)
    assert got.visited_without_support == pytest.approx(0.1)
    assert [f.code for f in got.findings] == ["excluded-actions", "no-support", "no-decision-at-the-end"]
    assert got.findings[0].evidence["single_action"] == 1


def test_a_full_table_has_no_gaps() -> None:
    assert policy_support(TabularPolicy(table=np.full((3, 2), 0.5))).findings == ()
    with pytest.raises(DataError, match="stationary table"):
        policy_support(TabularPolicy(table=np.full((2, 3, 2), 0.5)))
    with pytest.raises(DataError, match="`available` must have shape"):
        policy_support(TabularPolicy(table=np.full((3, 2), 0.5)), available=np.ones((2, 2), dtype=bool))


def test_a_geometric_end_has_its_closed_form() -> None:
    """From state 0 action 0 ends with probability .25 and action 1 with .5; reward 2 a decision, 10 for
    action 1.
    """
    P = np.zeros((2, 2, 2))
    P[0, 0], P[0, 1], P[1, :, 1] = [0.75, 0.25], [0.5, 0.5], 1.0
    absorbing = np.array([False, True])
    world = TabularMDP.from_transition(P, discount=1.0, initial=np.array([1.0, 0.0]), absorbing=absorbing)
    policy = TabularPolicy(table=np.array([[0.5, 0.5], [0.0, 0.0]]))
    got = policy_return(world, policy, np.array([[2.0, 10.0], [0.0, 0.0]]))
    ends = 0.5 * 0.25 + 0.5 * 0.5
    assert got.expected_length == pytest.approx(1 / ends)
    assert got.expected_return == pytest.approx(6 / ends)
    discounted = TabularMDP.from_transition(P, discount=0.9, absorbing=absorbing)
    by_hand = policy_return(
        discounted, policy, np.array([[2.0, 10.0], [0.0, 0.0]]), initial=np.array([1.0, 0.0])
    )
    assert by_hand.expected_return == pytest.approx(6 / (1 - 0.9 * (1 - ends)))
    assert by_hand.expected_length is None
    with pytest.raises(DynamicsError, match="initial distribution"):
        policy_return(discounted, policy, np.zeros((2, 2)))
