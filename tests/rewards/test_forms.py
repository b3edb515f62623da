"""Rewards in the form they were given, and their one projection, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from telic.errors import DynamicsError, FeatureError
from telic.features import FeatureMap
from telic.mdp import TabularMDP
from telic.rewards import LinearReward, TabularReward

P = np.array([[[0.25, 0.75], [1.0, 0.0]], [[0.0, 1.0], [0.5, 0.5]]])
WORLD = TabularMDP.from_transition(P, discount=0.9)


def test_every_form_is_projected_to_pairs() -> None:
    of_state = TabularReward(values=np.array([2.0, -1.0]))
    assert of_state.form == "S"
    np.testing.assert_array_equal(of_state.expected(WORLD), [[2.0, 2.0], [-1.0, -1.0]])
    of_pair = TabularReward(values=np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert of_pair.form == "SA"
    np.testing.assert_array_equal(of_pair.expected(WORLD), of_pair.values)
    prices = np.array([[4.0, 8.0], [1.0, 99.0], [99.0, 5.0], [2.0, 4.0]])
    of_transition = TabularReward(values=sp.csr_array(prices))
    assert of_transition.form == "SAS"
    np.testing.assert_allclose(of_transition.expected(WORLD), [[7.0, 1.0], [5.0, 3.0]])


@pytest.mark.parametrize("form", ["S", "SA"])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_linear_rewards_are_features_times_weights(form: str, is_sparse: bool) -> None:
    phi = np.random.default_rng(0).normal(size=(2, 3) if form == "S" else (2, 2, 3))
    theta = np.array([1.0, -2.0, 0.5])
    values = sp.csr_array(phi.reshape(-1, 3)) if is_sparse else phi
    reward = LinearReward(features=FeatureMap(values=values, names=("a", "b", "c"), form=form), weights=theta)
    wanted = phi @ theta if form == "SA" else np.repeat((phi @ theta)[:, None], 2, axis=1)
    assert reward.form == form
    np.testing.assert_allclose(reward.expected(WORLD), wanted)


def test_rewards_of_another_world_are_refused() -> None:
    with pytest.raises(DynamicsError, match=r"shape \(3,\) does not fit a world of 2 states and 2 actions"):
        TabularReward(values=np.zeros(3)).expected(WORLD)
    with pytest.raises(DynamicsError, match=r"transitions of shape \(2, 2\) does not fit"):
        TabularReward(values=sp.csr_array((2, 2))).expected(WORLD)
    with pytest.raises(DynamicsError, match=r"must have shape \(S,\) or \(S, A\), got \(2, 2, 2\)"):
        TabularReward(values=np.zeros((2, 2, 2)))
    features = FeatureMap(values=np.zeros((3, 1)), names=("a",), form="S")
    with pytest.raises(DynamicsError, match="Features of 3 states"):
        LinearReward(features=features, weights=np.zeros(1)).expected(WORLD)
    with pytest.raises(FeatureError, match=r"`weights` must have shape \(1,\), got \(2,\)"):
        LinearReward(features=features, weights=np.zeros(2))
