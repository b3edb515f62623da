from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from telic.errors import DataError, DynamicsError, SettingsError
from telic.inference.free_rewards import free_reward_ambiguity, reconstruct_reward
from telic.mdp import TabularMDP
from telic.policies import TabularPolicy
from telic.reports import Outcome

S, A = 4, 3


def world(key: int, discount: float = 0.9, **rest: object) -> TabularMDP:
    P = np.random.default_rng(key).dirichlet(np.ones(S), size=(S, A))
    return TabularMDP.from_transition(P, discount=discount, **rest)


def soft_policy(mdp: TabularMDP, reward: np.ndarray, beta: float = 1.0) -> np.ndarray:
    allowed = mdp.availability.copy()
    if mdp.absorbing is not None:
        allowed[mdp.absorbing] = False
    R = np.where(allowed, reward, -np.inf)
    P = mdp.transition.toarray().reshape(S, A, S)
    V = np.zeros(S)
    for _ in range(1_000):
        V = logsumexp(beta * (R + mdp.discount * P @ V), axis=1) / beta
        V[~allowed.any(axis=1)] = 0.0
    with np.errstate(invalid="ignore"):
        pi = np.exp(beta * (R + mdp.discount * P @ V - V[:, None]))
    return np.where(allowed, pi, 0.0)


def test_rationality_scales_the_reward() -> None:
    one, two = world(1), world(2)
    reward = np.random.default_rng(0).normal(size=(S, A))
    policies = [TabularPolicy(table=soft_policy(w, reward, 2.5)) for w in (one, two)]
    back = reconstruct_reward(policies, [one, two], rationality=2.5)
    np.testing.assert_allclose(back.reward.values, reward - reward.mean(), atol=1e-10)
    assert back.gauge.rationality == 2.5
    assert back.disagreement < 1e-10


def test_three_worlds_and_unavailable_actions() -> None:
    available = np.ones((S, A), dtype=bool)
    available[0, 2] = available[3, 1] = False
    worlds = [world(1, available=available), world(2), world(1, discount=0.5)]
    reward = np.random.default_rng(0).normal(size=(S, A))
    back = reconstruct_reward([soft_policy(w, reward) for w in worlds], worlds)
    assert back.outcome is Outcome.SUCCESS
    np.testing.assert_allclose(back.reward.values, reward - reward.mean(), atol=1e-10)


def test_ends_identify_the_constant_too() -> None:
    """With absorbing states a constant is a cost of time, and choices tell it."""
    absorbing = np.array([False, False, False, True])
    worlds = [world(1, absorbing=absorbing), world(2, absorbing=absorbing)]
    assert free_reward_ambiguity(worlds).dimension == 0
    reward = np.random.default_rng(0).normal(size=(S, A)) - 1.0
    back = reconstruct_reward([soft_policy(w, reward) for w in worlds], worlds)
    values = np.asarray(back.reward.values)
    np.testing.assert_allclose(values[:3], reward[:3], atol=1e-10)
    assert np.isnan(values[3]).all()


def test_state_rewards_where_an_action_changes_nothing() -> None:
    P = np.repeat(np.random.default_rng(0).dirichlet(np.ones(S), size=(S, 1)), A, axis=1)
    frozen = TabularMDP.from_transition(P, discount=0.9)
    assert free_reward_ambiguity(frozen, form="S").dimension == S
    assert free_reward_ambiguity([frozen, world(3)], form="S").dimension == 1


def test_mistakes_at_the_door() -> None:
    one, two = world(1), world(2)
    uniform = np.full((S, A), 1 / A)
    with pytest.raises(SettingsError, match="one policy for each"):
        reconstruct_reward([uniform], [one])
    with pytest.raises(DataError, match="must have shape"):
        reconstruct_reward([uniform[:2], uniform], [one, two])
    never = uniform.copy()
    never[0] = [1.0, 0.0, 0.0]
    with pytest.raises(DataError, match=r"never takes 2 actions.*\(0, 1\)"):
        reconstruct_reward([never, uniform], [one, two])
    with pytest.raises(SettingsError, match="rationality"):
        reconstruct_reward([uniform, uniform], [one, two], rationality=0.0)
    with pytest.raises(SettingsError, match="form"):
        free_reward_ambiguity(one, form="SAS")
    with pytest.raises(SettingsError, match="At least one world"):
        free_reward_ambiguity([])
    small = TabularMDP.from_transition(np.ones((1, 1, 1)), discount=0.5)
    with pytest.raises(DynamicsError, match="same states and actions"):
        free_reward_ambiguity([one, small])
