"""T11: the identifiability report of a free state-action reward, random worlds with 6 states and 3 actions.

Source: CERTIFICATION, row T11 (Cao, Cohen and Szpruch 2021, theorems 1 to 3). Two discounts, or two worlds:
rank 11 = 2 S - 1 and the reward comes back up to a constant (1e-10); the same world twice: rank 6; a reward
of the state alone in one world: ambiguity of dimension 1. Ranks are exact. The policies are made by value
iteration written here, so that no solver under test makes its own input; the expected ranks are also counted
here from the matrix as written in the paper.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from telic.features import FeatureMap
from telic.inference.free_rewards import free_reward_ambiguity, reconstruct_reward
from telic.inference.identifiability import identifiability
from telic.mdp import TabularMDP
from telic.reports import Outcome

S, A = 6, 3
KEYS = (11, 12, 13)


def world(key: int, discount: float) -> TabularMDP:
    P = np.random.default_rng(key).dirichlet(np.ones(S), size=(S, A))
    return TabularMDP.from_transition(P, discount=discount)


def soft_policy(mdp: TabularMDP, reward: np.ndarray) -> np.ndarray:
    P = mdp.transition.toarray().reshape(S, A, S)
    V = np.zeros(S)
    for _ in range(2_000):
        V = logsumexp(reward + mdp.discount * P @ V, axis=1)
    return np.exp(reward + mdp.discount * P @ V - V[:, None])


def paper_rank(one: TabularMDP, two: TabularMDP) -> int:
    blocks = []
    for a in range(A):
        P1 = one.transition.toarray().reshape(S, A, S)[:, a]
        P2 = two.transition.toarray().reshape(S, A, S)[:, a]
        blocks.append(np.hstack([np.eye(S) - one.discount * P1, -(np.eye(S) - two.discount * P2)]))
    return int(np.linalg.matrix_rank(np.vstack(blocks)))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", ["two discounts", "two worlds"])
def test_two_discounts_or_two_worlds_identify_the_reward(key: int, kind: str) -> None:
    one = world(key, 0.9)
    two = world(key, 0.7) if kind == "two discounts" else world(key + 100, 0.9)
    found = free_reward_ambiguity([one, two])
    assert (found.rank, found.dimension) == (11, 1)
    assert found.rank == paper_rank(one, two) == 2 * S - 1
    assert found.largest_dropped < 1e-13 < 1e-4 < found.smallest_kept

    reward = np.random.default_rng(key + 1).normal(size=(S, A))
    back = reconstruct_reward([soft_policy(one, reward), soft_policy(two, reward)], [one, two])
    assert back.outcome is Outcome.SUCCESS
    values = np.asarray(back.reward.values)
    assert np.abs(values - (reward - reward.mean())).max() < 1e-10
    assert values.mean() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("key", KEYS)
def test_the_same_world_twice_adds_nothing(key: int) -> None:
    one = world(key, 0.9)
    found = free_reward_ambiguity([one, one])
    assert (found.rank, found.dimension) == (6, 6)
    assert found.rank == paper_rank(one, one)
    assert any("repeats an earlier one" in f.message for f in found.findings)
    policy = soft_policy(one, np.random.default_rng(key).normal(size=(S, A)))
    back = reconstruct_reward([policy, policy], [one, one])
    assert back.outcome is Outcome.COLLINEAR
    assert np.isnan(np.asarray(back.reward.values)).all()


@pytest.mark.parametrize("key", KEYS)
def test_a_reward_of_the_state_alone(key: int) -> None:
    found = free_reward_ambiguity(world(key, 0.9), form="S")
    assert found.dimension == 1
    assert free_reward_ambiguity(world(key, 0.9)).dimension == S


@pytest.mark.parametrize("key", KEYS)
def test_the_report_on_weights_counts_the_same(key: int) -> None:
    """One weight a pair: the same nullities through the advantage features."""
    pairs = FeatureMap(values=np.eye(S * A).reshape(S, A, S * A), names=tuple(f"r{i}" for i in range(S * A)))
    states = FeatureMap(values=np.eye(S), names=tuple(f"s{i}" for i in range(S)), form="S")
    one, two = world(key, 0.9), world(key + 100, 0.9)
    both = identifiability([one, two], pairs)
    assert [s.nullity for s in both.steps] == [S, 1]
    assert identifiability([one, one], pairs).nullity == S
    assert [s.nullity for s in identifiability(one, pairs, discounts=[0.9, 0.7]).steps] == [S, 1]
    alone = identifiability(one, states)
    assert alone.nullity == 1
    np.testing.assert_allclose(np.abs(alone.null_directions[0]), 1 / np.sqrt(S), atol=1e-9)


def test_policies_without_a_common_reward_are_called_so() -> None:
    one, two = world(5, 0.9), world(6, 0.9)
    rng = np.random.default_rng(1)
    policies = [soft_policy(one, rng.normal(size=(S, A))), soft_policy(two, rng.normal(size=(S, A)))]
    back = reconstruct_reward(policies, [one, two])
    assert back.outcome is Outcome.INFEASIBLE
    assert back.disagreement > 0.01
    assert np.isnan(np.asarray(back.reward.values)).all()
