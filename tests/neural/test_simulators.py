"""Compiled worlds against the environments that they stand for, step by step, and tabular ones against their laws."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import DynamicsError  # noqa: E402
from telic.mdp import TabularMDP  # noqa: E402
from telic.neural.rollout import advance, begin  # noqa: E402
from telic.neural.simulators import acrobot, cartpole, mountain_car, pendulum, tabular  # noqa: E402

WORLDS = {
    "CartPole-v1": cartpole,
    "Acrobot-v1": acrobot,
    "MountainCar-v0": mountain_car,
    "Pendulum-v1": pendulum,
}


def states_of(name, rng, n):
    """Random states over the whole range of each world, some of them a step from its end."""
    high = {
        "CartPole-v1": [2.5, 3.0, 0.22, 3.0],
        "Acrobot-v1": [np.pi, np.pi, 12.0, 28.0],
        "MountainCar-v0": [0.0, 0.07],
        "Pendulum-v1": [7.0, 8.0],
    }[name]
    found = rng.uniform(-1, 1, (n, len(high))) * high
    if name == "MountainCar-v0":
        found[:, 0] = rng.uniform(-1.2, 0.55, n)
    return found.astype(np.float32)


@pytest.mark.parametrize("name", WORLDS)
def test_one_step_from_anywhere_is_that_of_the_environment(name) -> None:
    """500 random states and actions; single precision against double."""
    gym = pytest.importorskip("gymnasium", reason="NOT RUN: Gymnasium is not installed (telic[robots])")
    rng = np.random.default_rng(5)
    world, env = WORLDS[name](), gym.make(name, disable_env_checker=True).unwrapped
    env.reset(seed=0)
    states = states_of(name, rng, 500)
    is_amount = name == "Pendulum-v1"
    actions = (
        rng.uniform(-2.5, 2.5, (500, 1)).astype(np.float32)
        if is_amount
        else rng.integers(0, env.action_space.n, 500)
    )
    step = jax.jit(jax.vmap(lambda s, a: world.step(s, a, jax.random.key(0))))
    made = step(states, actions)
    ends = 0
    for i, (state, action) in enumerate(zip(states.astype(np.float64), actions, strict=True)):
        env.state = state.copy()
        if name == "CartPole-v1":
            env.steps_beyond_terminated = None
        observation, reward, terminated, _, _ = env.step(action if is_amount else int(action))
        np.testing.assert_allclose(np.asarray(made.observation[i]), observation, rtol=2e-4, atol=2e-4)
        assert float(made.reward[i]) == pytest.approx(float(reward), rel=1e-4, abs=1e-4)
        assert bool(made.terminated[i]) == bool(terminated), (state, action)
        ends += bool(terminated)
    assert (ends > 5) == (not is_amount)


@pytest.mark.parametrize("name", WORLDS)
def test_beginnings_are_those_of_the_environment(name) -> None:
    """4,000 beginnings: within the ends that 4,000 of the environment have, and as far apart, to 5 %."""
    gym = pytest.importorskip("gymnasium", reason="NOT RUN: Gymnasium is not installed (telic[robots])")
    world, env = WORLDS[name](), gym.make(name).unwrapped
    _, mine = jax.vmap(world.reset)(jax.random.split(jax.random.key(1), 4_000))
    theirs = np.stack([env.reset(seed=3 if i == 0 else None)[0] for i in range(4_000)])
    np.testing.assert_allclose(np.asarray(mine).std(axis=0), theirs.std(axis=0), rtol=0.05, atol=1e-3)
    np.testing.assert_allclose(np.asarray(mine).mean(axis=0), theirs.mean(axis=0), atol=0.06)
    assert world.n_observations == env.observation_space.shape[0]
    assert world.horizon == gym.spec(name).max_episode_steps


def test_an_episode_that_is_cut_is_no_end_and_begins_anew() -> None:
    world = pendulum()
    running = begin(world, jax.random.key(0))
    step = jax.jit(lambda r, k: advance(world, r, np.zeros(1, np.float32), k))
    collected = 0.0
    for i in range(1, 202):
        before = running
        running, made = step(running, jax.random.key(i))
        collected = collected + float(made.reward) if i <= 200 else 0.0
        assert bool(made.truncated) == (i == 200)
        assert not bool(made.terminated)
        np.testing.assert_array_equal(made.observation, before.observation)
        if i == 200:
            assert float(made.collected) == pytest.approx(collected, rel=1e-4)
            assert int(running.step) == 0
            assert not np.allclose(made.after, running.observation)
        elif i < 200:
            np.testing.assert_array_equal(made.after, running.observation)


def test_a_table_is_followed_at_its_probabilities() -> None:
    P = np.random.default_rng(0).dirichlet(np.ones(4), size=(4, 2))
    R = np.arange(8.0).reshape(4, 2)
    world = tabular(TabularMDP.from_transition(P, discount=0.9, initial=np.array([0.1, 0.2, 0.3, 0.4])), R)
    keys = jax.random.split(jax.random.key(0), 20_000)
    made = jax.jit(jax.vmap(lambda k: world.step(np.int32(2), np.int32(1), k)))(keys)
    shares = np.bincount(np.asarray(made.state), minlength=4) / 20_000
    assert np.all(np.abs(shares - P[2, 1]) < 4.5 * np.sqrt(P[2, 1] * (1 - P[2, 1]) / 20_000))
    assert set(np.asarray(made.reward).tolist()) == {5.0}
    first = np.bincount(np.asarray(jax.vmap(world.reset)(keys)[0]), minlength=4) / 20_000
    assert np.all(np.abs(first - [0.1, 0.2, 0.3, 0.4]) < 4.5 * np.sqrt(0.25 / 20_000))


def test_tables_that_cannot_be_simulated_are_refused() -> None:
    P = np.full((2, 2, 2), 0.5)
    with pytest.raises(DynamicsError, match="needs an initial distribution"):
        tabular(TabularMDP.from_transition(P, discount=0.9), np.zeros((2, 2)))
    mdp = TabularMDP.from_transition(P, discount=0.9, initial=np.array([1.0, 0.0]))
    with pytest.raises(DynamicsError, match=r"must have shape \(2, 2\), got \(2, 3\)"):
        tabular(mdp, np.zeros((2, 3)))
