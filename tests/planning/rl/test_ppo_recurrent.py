"""PPO with a memory: the exact optimum where it must remember, the same numbers resumed and served, and its values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.simulators import cartpole, masked, t_maze  # noqa: E402
from telic.neural.simulators.t_maze import BEST_RETURN, FORGETFUL_RETURN  # noqa: E402
from telic.planning.rl.actor_critic import log_prob, remembered  # noqa: E402
from telic.planning.rl.advantages import advantages  # noqa: E402
from telic.planning.rl.ppo import Ppo  # noqa: E402
from telic.policies import RecurrentPolicy  # noqa: E402

LENGTH = 8
LEARNER = Ppo(
    simulator=t_maze(LENGTH), n_envs=32, n_steps=36, hidden=(16,), memory=16, n_updates=120.0, learning_rate=5e-3,
    discount=0.98, gae=0.95, entropy=0.01,
)  # fmt: skip


def t_maze_return(policy):
    """Exact return of the most probable actions, over both signs; mistakes in the corridor end it at the horizon."""
    world, total = LEARNER.simulator, 0.0
    step = jax.jit(lambda s, a: world.step(s, a, jax.random.key(0)))
    for sign in (-1, 1):
        state = jnp.array([0, sign])
        seen = np.array([[sign, 1.0, 0.0]], np.float32)
        memory = policy.begin(seen) if isinstance(policy, RecurrentPolicy) else None
        for _ in range(world.horizon):
            if memory is None:
                action = policy.mode(seen)
            else:
                action, memory = policy.act(memory, seen)
            made = step(state, int(action[0]))
            state, seen, total = (
                made.state,
                np.asarray(made.observation)[None],
                total + float(made.reward) / 2,
            )
            if made.terminated:
                break
    return total


@pytest.mark.slow
def test_what_must_be_remembered_is_learned_to_the_optimum_and_without_a_memory_it_cannot_be() -> None:
    """A sign, 8 decisions later a turn: 4 is the best return, 1.95 that of whoever forgets; 3 keys each."""
    for key in range(3):
        policy = LEARNER.policy(train(LEARNER, key, 120).answer())
        assert t_maze_return(policy) == pytest.approx(BEST_RETURN, abs=1e-6)
    forgetful = replace(LEARNER, memory=0)
    for key in range(3):
        policy = forgetful.policy(train(forgetful, key, 120).answer())
        assert t_maze_return(policy) <= FORGETFUL_RETURN + 1e-6


SMALL = Ppo(
    simulator=masked(cartpole(), (0, 2)), n_envs=4, n_steps=24, n_minibatches=2, hidden=(8,), memory=6,
    learning_rate=0.05, scales_observations=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    """A whole run, its states after 2 and 3 steps, and a run that goes on from the first."""
    kept = {}
    whole = train(SMALL, 3, 4, checkpoint=lambda n, state: kept.update({n: state}), every=1)
    return whole, kept, train(SMALL, 3, 4, resume=(2, kept[2]))


def test_a_run_that_was_stopped_remembers_what_it_remembered(runs) -> None:
    whole, kept, again = runs
    assert np.abs(np.asarray(kept[2].memory[0])).max() > 0
    for a, b in zip(jax.tree.leaves(again.state.memory), jax.tree.leaves(whole.state.memory), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(jax.tree.leaves(again.state.weights), jax.tree.leaves(whole.state.weights), strict=True):
        np.testing.assert_array_equal(a, b)


def test_decisions_are_those_of_the_policy_that_is_served(runs) -> None:
    """Step by step with numpy, memories begun anew where episodes are over: probabilities as they were when drawn."""
    state = runs[1][3]
    T, E = SMALL.n_steps, SMALL.n_envs
    keys = jax.random.split(jax.random.key(5), 2 + 2 * T * E)
    _, made, _ = jax.jit(SMALL.collect)(state, keys[0], keys[1], keys[2:].reshape(2, T, E))
    over = np.asarray(made.terminated | made.truncated)
    assert over[:-1].any()
    policy = SMALL.policy(state)
    memory = np.asarray(state.memory[0])
    for t in range(T):
        seen, action = np.asarray(made.observation[t]), np.asarray(made.action[t])
        np.testing.assert_allclose(policy.log_prob(memory, seen, action), made.log_prob[t], atol=1e-5)
        memory = np.where(over[t][:, None], policy.begin(seen), policy.remember(memory, seen, action))
    seen = SMALL.seen(state, made.observation)
    made = made._replace(observation=seen, after=SMALL.seen(state, made.after), memory=state.memory)
    told = jax.jit(lambda made: log_prob(state.weights, SMALL.head, made.observation, made.action, made.past))
    np.testing.assert_allclose(told(made), made.log_prob, atol=1e-5)
    ends = jax.jit(lambda made: remembered(state.weights, made.observation, made.past, made.anew[-1]))
    np.testing.assert_allclose(ends(made)[0], memory, atol=1e-5)
    # Values of the critic by the same steps, with its own memory; beyond a cut it looks once more.
    found, target = jax.jit(lambda made: advantages(state.critic, made, 0.9, 0.7))(made)
    expected, values = written_out(state.critic, jax.device_get(made), 0.9, 0.7)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(target, expected + values, atol=2e-5)


def written_out(critic, made, discount, gae):
    """``(T, E)`` advantages and values, one stream and one decision at a time, in numpy."""
    from telic.policies.layers import forward
    from telic.policies.recurrent import gated

    (W, b), (U, c) = critic.entering, critic.recalling

    def look(memory, x):
        return gated(x @ W + b, memory @ U + c, memory)

    def worth(memory):
        return float(forward(critic.layers, memory, "tanh")[0])

    T, E, _ = made.observation.shape
    values, beyond, found = np.zeros((3, T, E))
    for e in range(E):
        memory = made.memory[1][e]
        for t in range(T):
            memory = look(memory, made.observation[t, e])
            values[t, e], beyond[t, e] = worth(memory), worth(look(memory, made.after[t, e]))
            if made.terminated[t, e] or made.truncated[t, e]:
                memory = np.zeros_like(memory)
        later = 0.0
        for t in reversed(range(T)):
            ended, over = made.terminated[t, e], made.terminated[t, e] or made.truncated[t, e]
            delta = made.reward[t, e] + discount * (0.0 if ended else beyond[t, e]) - values[t, e]
            later = found[t, e] = delta + (0.0 if over else discount * gae * later)
    return found, values


def test_a_gymnasium_world_is_remembered_too() -> None:
    gym = pytest.importorskip("gymnasium", reason="NOT RUN: Gymnasium is not installed (telic[robots])")
    from telic.planning.rl.ppo_gymnasium import GymnasiumPpo

    settings = {"n_steps": 24, "n_epochs": 1, "n_minibatches": 1, "hidden": (8,), "memory": 4}

    def env():
        return gym.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync")

    learner = GymnasiumPpo.of(env(), **settings)
    kept = {}
    whole = train(learner, 0, 3, checkpoint=lambda n, state: kept.update({n: state}), every=1)
    assert whole.history["n_episodes"][-1] >= 1
    # The decisions of the third update again, from the state before it: what compiled code remembers after them is
    # what the policy that acted does.
    state = kept[2]
    found = train(GymnasiumPpo.of(env(), **settings), 0, 2).answer()
    np.testing.assert_array_equal(found.memory[0], state.memory[0])
    begun = learner.init(jax.random.key(0))
    made, _ = learner._collect(begun)
    acting, memory = learner.policy(begun), np.zeros((3, 4), np.float32)
    assert np.asarray(made.anew)[:-1].any()
    for t in range(24):
        memory = acting.remember(memory, made.observation[t])
        memory = np.where(np.asarray(made.anew)[t][:, None], np.float32(0), memory)
    np.testing.assert_allclose(kept[1].memory[0], memory, atol=1e-5)


def test_what_is_no_memory_is_refused() -> None:
    with pytest.raises(SettingsError, match="`memory` must be at least 0, got -1"):
        replace(SMALL, memory=-1)
    with pytest.raises(SettingsError, match="some of the numbers 0 to 3"):
        masked(cartpole(), (0, 4))
    with pytest.raises(SettingsError, match="`length` must be at least 1, got 0"):
        t_maze(0)
