"""Laws of identifiability and of fits: shift, shaping, units, more worlds, and held-out likelihood.

The held-out gate: over ten worlds, the mean held-out gain of the fitted policy over the true one must not
exceed its own noise at level .001 / 10 (one-sided, by the normal law of a mean of 4,000 bounded terms). Keys
are fixed.
"""

from __future__ import annotations

import itertools
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telic.features import FeatureMap
from telic.inference import max_causal_entropy
from telic.inference.identifiability import identifiability
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.mdp.library import random_mdp
from telic.planning import solve_soft, solve_soft_finite
from telic.testing.strategies import FAST, absorbing_mdps, discounted_mdps, finite_horizon_mdps, keys
from telic.trajectories import Demonstrations

World = TabularMDP | FiniteHorizonMDP


def features(values: np.ndarray) -> FeatureMap:
    return FeatureMap(values=values, names=tuple(f"f{k}" for k in range(values.shape[-1])))


def drawn(world: World, key: int, k: int = 2) -> np.ndarray:
    return np.random.default_rng(key).normal(size=(world.n_states, world.n_actions, k))


def shaping(world: World, key: int) -> np.ndarray:
    """A potential, 0 where the problem ends."""
    V = np.random.default_rng(key).normal(size=world.n_states)
    if isinstance(world, TabularMDP) and world.absorbing is not None:
        V[world.absorbing] = 0.0
    moved = (world.transition @ V).reshape(world.n_states, world.n_actions)
    return (V[:, None] - world.discount * moved)[..., None]


def log_policy(world: World, reward: np.ndarray) -> np.ndarray:
    if isinstance(world, FiniteHorizonMDP):
        return solve_soft_finite(world, reward).log_policy
    return solve_soft(world, reward).log_policy


@FAST
@given(st.one_of(discounted_mdps(), finite_horizon_mdps()), keys)
def test_null_directions_are_those_that_change_no_policy(world: World, key: int) -> None:
    phi = drawn(world, key, 3)
    phi[..., 2] = 1.0
    found = identifiability(world, features(phi))
    assert found.outcome.ok
    assert found.nullity >= 1  # a constant, where nothing ends
    theta = np.random.default_rng(key + 1).normal(size=3)
    base = log_policy(world, phi @ theta)
    for v in found.null_directions:
        np.testing.assert_allclose(log_policy(world, phi @ (theta + 2.0 * v)), base, atol=1e-8)


@FAST
@given(discounted_mdps(), keys)
def test_shift_and_shaping_add_columns_but_no_rank(world: TabularMDP, key: int) -> None:
    phi = drawn(world, key)
    rank = identifiability(world, features(phi)).rank
    constant = np.ones((world.n_states, world.n_actions, 1))
    wide = np.concatenate([phi, constant, shaping(world, key + 1)], axis=-1)
    assert identifiability(world, features(wide)).rank == rank
    moved = phi + 3.0 * constant - 2.0 * shaping(world, key + 2)
    assert identifiability(world, features(moved)).rank == rank


@FAST
@given(absorbing_mdps(), keys)
def test_shaping_is_neutral_where_the_problem_ends_and_a_shift_is_not(world: TabularMDP, key: int) -> None:
    shaped = identifiability(world, features(shaping(world, key)))
    assert shaped.rank == 0
    constant = np.ones((world.n_states, world.n_actions, 1))
    found = identifiability(world, features(constant))
    reward = drawn(world, key, 1)[..., 0] - 5.0
    same = np.allclose(np.exp(log_policy(world, reward)), np.exp(log_policy(world, reward - 1.0)), atol=1e-12)
    if found.rank == 0:
        assert same
    # Where a constant can be told, the policy moves with it, if only a little.
    if not same:
        assert found.rank == 1


@FAST
@given(discounted_mdps(), keys, st.floats(-6, 6))
def test_units_do_not_change_the_rank(world: TabularMDP, key: int, exponent: float) -> None:
    phi = drawn(world, key, 3)
    phi[..., 2] = phi[..., 0] - phi[..., 1]
    scaled = phi * np.array([1.0, 10.0**exponent, 1.0])
    assert identifiability(world, features(phi)).rank == identifiability(world, features(scaled)).rank


@FAST
@given(discounted_mdps(), keys, st.lists(st.floats(0.0, 0.95), min_size=1, max_size=3))
def test_more_discounts_never_tell_less(world: TabularMDP, key: int, discounts: list[float]) -> None:
    phi = np.concatenate([drawn(world, key, 1), shaping(world, key)], axis=-1)
    steps = identifiability(world, features(phi), discounts=[world.discount, *discounts]).steps
    assert all(b.rank >= a.rank and b.rank >= b.rank_alone for a, b in itertools.pairwise(steps))
    assert sum(s.removed for s in steps) == steps[-1].rank


@pytest.mark.parametrize("key", range(10))
def test_held_out_likelihood_never_beats_the_truth_beyond_noise(key: int) -> None:
    problem = random_mdp(12, 3, key=1_000 + key, n_successors=3, discount=0.9)
    world = problem.mdp
    assert isinstance(world, TabularMDP)
    phi = FeatureMap(values=problem.features, names=problem.feature_names)
    truth = solve_soft(world, problem.reward).log_policy
    rng = np.random.default_rng(2_000 + key)

    def decisions(n: int) -> tuple[np.ndarray, np.ndarray]:
        s = rng.integers(0, 12, n)
        u = rng.random(n)[:, None]
        return s, (u > np.cumsum(np.exp(truth[s]), axis=1)).sum(axis=1).clip(max=2)

    s, a = decisions(300)
    demos = Demonstrations.from_arrays(s, a, next_states=np.full(300, -1), action_labels=["0", "1", "2"])
    fit = max_causal_entropy(demos, world, phi)
    assert fit.outcome.ok
    ours = solve_soft(world, problem.features @ fit.weights).log_policy
    # In sample the fit is at least as likely as the truth; held out it is not, beyond noise.
    assert fit.choice_log_likelihood >= truth[s, a].sum() - 1e-6
    s, a = decisions(4_000)
    gain = ours[s, a] - truth[s, a]
    limit = NormalDist().inv_cdf(1 - 0.0001) * gain.std(ddof=1) / np.sqrt(len(gain))
    assert gain.mean() <= limit
    # The expected gain is minus a Kullback-Leibler divergence.
    assert np.all((np.exp(truth) * (ours - truth)).sum(axis=1) <= 1e-12)
