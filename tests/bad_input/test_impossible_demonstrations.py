"""What was seen and the world forbids: listed by row, state, action and next state."""

from __future__ import annotations

import numpy as np
import pytest

from telic.errors import ImpossibleDemonstrationsError
from telic.features import FeatureMap
from telic.inference import max_causal_entropy
from telic.mdp import TabularMDP
from telic.trajectories import Demonstrations
from telic.trajectories.checks import impossible_transitions

FEATURES = FeatureMap(values=np.arange(6.0).reshape(3, 2, 1), names=("x",), units=("",))


def ring(**more):
    P = np.zeros((3, 2, 3))
    P[:, 0] = np.eye(3)
    P[0, 1, 1] = P[1, 1, 2] = P[2, 1, 0] = 1
    return TabularMDP.from_transition(P, discount=0.9, **more)


def walk(states, actions, following):
    return Demonstrations.from_arrays(states, actions, next_states=following, action_labels=("stay", "go"))


def test_transitions_of_probability_zero_are_listed():
    demos = walk([0, 1, 2, 0], [1, 1, 1, 0], [2, 2, 1, 0])
    with pytest.raises(ImpossibleDemonstrationsError) as caught:
        max_causal_entropy(demos, ring(), FEATURES)
    said = str(caught.value)
    assert (
        "some of the 4 demonstrated decisions impossible: 2 rows have a transition of probability 0" in said
    )
    assert "row 0: state 0, action go, next state 2; row 2: state 2, action go, next state 1" in said
    assert "with smoothing" in caught.value.hint
    assert caught.value.data["n_impossible"] == 2
    assert caught.value.data["rows"] == {"a transition of probability 0": [0, 2]}
    assert impossible_transitions(demos, ring()).tolist() == [0, 2]


def test_actions_that_are_not_available():
    available = np.array([[True, True], [True, False], [True, True]])
    demos = walk([0, 1, 2], [1, 1, 0], [1, 2, 2])
    with pytest.raises(
        ImpossibleDemonstrationsError, match=r"1 row has an action that is not available \(row 1: state 1"
    ):
        max_causal_entropy(demos, ring(available=available), FEATURES)


def test_decisions_after_the_end():
    absorbing = np.array([False, False, True])
    demos = walk([0, 1, 2], [1, 1, 0], [1, 2, 2])
    with pytest.raises(
        ImpossibleDemonstrationsError,
        match=r"1 row has a decision in an absorbing state, where the problem has ended",
    ):
        max_causal_entropy(demos, ring(absorbing=absorbing), FEATURES)


def test_cloning_refuses_them_too():
    from telic.imitation import behavioural_cloning

    available = np.array([[True, True], [True, False], [True, True]])
    with pytest.raises(
        ImpossibleDemonstrationsError, match=r"not available \(first: row 1, state 1, action 1\)"
    ):
        behavioural_cloning(walk([0, 1, 2], [1, 1, 0], [1, 2, 2]), 3, 2, available=available)
