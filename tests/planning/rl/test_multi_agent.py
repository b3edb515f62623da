"""Several agents: the optimum of a team, who leaves early, different spaces, weights in common, and pennies."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.neural.driver import init_options, step_options, train  # noqa: E402
from telic.neural.simulators.several import Agent, SeveralSimulator, SeveralStep, game  # noqa: E402
from telic.neural.simulators.simulator import Amounts, Choices  # noqa: E402
from telic.planning.rl.actor_critic import log_prob  # noqa: E402
from telic.planning.rl.collecting_several import collect_several  # noqa: E402
from telic.planning.rl.multi_agent import MultiAgentPpo  # noqa: E402

CELLS = 5
SMALL = {"n_envs": 4, "n_steps": 8, "n_epochs": 2, "n_minibatches": 1, "hidden": (8,)}


MADE = runpy.run_path(str(Path(__file__).resolve().parents[3] / "reproductions" / "agents.py"))


@pytest.mark.slow
def test_a_team_with_a_centralised_critic_reaches_the_optimum_of_one_who_chooses_for_all() -> None:
    """At least 97 % of the way from uniform choices to value iteration over joint actions, on 3 keys."""
    world = MADE["meeting"]()
    learner = MADE["meeting_learner"](world, 100)
    for key in range(3):
        policies = learner.policy(train(learner, key, 100).answer())
        assert MADE["meeting_share"](world, policies) >= 0.97


def relay():
    """Agent ``early`` chooses among three and leaves after its second decision, paid 1; ``late`` gives an amount of
    two and is paid it until its fifth, which ends it."""

    def looks(t):
        t = t.astype(jnp.float32)
        return jnp.stack([t, 1.0 + 0 * t]), jnp.stack([t, t * t, 1.0 + 0 * t])

    def reset(key):
        del key
        t = jnp.zeros((), jnp.int32)
        return t, looks(t)

    def step(t, actions, key):
        del key
        t = t + 1
        return SeveralStep(
            t, looks(t), jnp.stack([jnp.float32(1.0), actions[1][0]]), jnp.stack([t >= 2, t >= 5])
        )

    agents = (
        Agent(name="early", n_observations=2, actions=Choices(n_actions=3)),
        Agent(name="late", n_observations=3, actions=Amounts(low=(-1.0, 0.0), high=(1.0, 4.0))),
    )
    return SeveralSimulator(name="relay", agents=agents, horizon=50, reset=reset, step=step)


@pytest.fixture(scope="module")
def relayed():
    """A learner, its state after one update, and the decisions of the next."""
    learner = MultiAgentPpo.of(relay(), scales_observations=True, scales_rewards=True, **SMALL)

    def run(key):
        state, metrics = learner.step(learner.init(key))
        keys = jax.random.split(state.key, 2 + 2 * 8 * 4)
        return state, metrics, collect_several(learner, state, keys[0], keys[1], keys[2:].reshape(2, 8, 4))

    quick = jax.jit(run, compiler_options=step_options())
    state, metrics, (running, made) = quick(jax.random.key(0))
    return learner, state, metrics, running, made


def test_who_left_decides_nothing_until_the_next_episode(relayed) -> None:
    """Eight decisions after the first eight: the streams are in lockstep, episodes of five."""
    _, state, metrics, _, made = relayed
    t = np.arange(8, 16) % 5
    np.testing.assert_array_equal(made.active[:, 0], np.stack([t < 2, t < 5], axis=1))
    np.testing.assert_array_equal(made.terminated[:, 0], np.stack([t == 1, t == 4], axis=1))
    np.testing.assert_array_equal(made.present[:, 0], np.stack([t == 0, t < 4], axis=1))
    np.testing.assert_array_equal(made.rewards[:, 0, 0], (t < 2).astype(float))
    np.testing.assert_array_equal(made.collected[:, 0, 0], 2.0 * (t == 1))
    np.testing.assert_array_equal(made.observations[0][:, 0, 0], np.where(t < 2, t, 0))
    assert not np.any(made.truncated)
    assert (
        int(metrics["n_episodes"]) == 8
    )  # the early one left twice in each of four streams, the late one once
    np.testing.assert_array_equal(state.returns.n_episodes, [8, 4])
    # Moments of what was observed count those there alone: in 8 decisions of 4 streams 4 and 8 a stream.
    assert [float(g.observed.n) for g in state.groups] == [16.0, 32.0]


def test_nothing_is_learned_from_what_fills_the_place_of_who_left(relayed) -> None:
    learner, state, _, _, made = relayed
    gone = ~made.active[..., 0]
    left = gone | made.terminated[..., 0]
    other = made._replace(
        observations=(jnp.where(gone[..., None], 7.0, made.observations[0]), made.observations[1]),
        after=(jnp.where(left[..., None], -3.0, made.after[0]), made.after[1]),
        actions=(jnp.where(gone, 2, made.actions[0]), made.actions[1]),
        rewards=made.rewards.at[..., 0].set(jnp.where(gone, 50.0, made.rewards[..., 0])),
    )
    learn = jax.jit(
        lambda m: learner.learn(state, m, jax.random.key(1))[0].groups, compiler_options=step_options()
    )
    first, second = learn(made), learn(other)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert not np.allclose(first[0].weights.actor[0].weight, state.groups[0].weights.actor[0].weight)


def test_critics_alone_are_told_what_others_see(relayed) -> None:
    learner, state, _, _, _ = relayed
    alone = jax.eval_shape(MultiAgentPpo.of(relay(), is_central=False, **SMALL).init, jax.random.key(0))
    for found, expected in ((state, [(2, 7), (3, 7)]), (alone, [(2, 2), (3, 3)])):
        layers = [(g.weights.actor[0].weight, g.weights.critic[0].weight) for g in found.groups]
        assert [(a.shape[0], c.shape[0]) for a, c in layers] == expected
    policies = learner.policy(state)
    assert [p.n_observations for p in policies.values()] == [2, 3]
    assert policies["late"].mode(np.zeros((4, 3))).shape == (4, 2)


def test_weights_in_common_tell_their_agents_apart_and_are_served_apart() -> None:
    world = game(MADE["meeting"](), horizon=20, observes=MADE["own_cells"]())
    learner = MultiAgentPpo.of(world, shares=True, **SMALL)
    assert learner.groups == ((0, 1),)
    state = jax.jit(learner.init, compiler_options=init_options())(jax.random.key(3))
    policies, eye = learner.policy(state), np.eye(CELLS, dtype=np.float32)
    weights, head = state.groups[0].weights, learner.parts[0].head
    actions = np.arange(CELLS) % 3
    for i, policy in enumerate(policies.values()):
        row = np.concatenate([eye, np.tile(np.eye(2, dtype=np.float32)[i], (CELLS, 1))], axis=1)
        expected = log_prob(weights, head, jnp.asarray(row)[None], jnp.asarray(actions)[None])[0]
        np.testing.assert_allclose(policy.log_prob(eye, actions), expected, atol=1e-6)
    a, b = (p.outputs(eye) for p in policies.values())
    assert not np.allclose(a, b)


def test_agents_with_other_spaces_do_not_share() -> None:
    world = relay()
    assert MultiAgentPpo.of(world, shares=True, **SMALL).groups == ((0,), (1,))
    assert MultiAgentPpo.of(world, shares=[["late"], ["early"]], **SMALL).groups == ((1,), (0,))
    with pytest.raises(SettingsError, match="their spaces differ"):
        MultiAgentPpo.of(world, shares=[["early", "late"]], **SMALL)
    with pytest.raises(SettingsError, match="name each agent once"):
        MultiAgentPpo.of(world, shares=[["early"]], **SMALL)
    learner = MultiAgentPpo.of(world, **SMALL)
    with pytest.raises(SettingsError, match="must be the same for all agents"):
        replace(learner, parts=(learner.parts[0], replace(learner.parts[1], n_envs=8)))
    with pytest.raises(SettingsError, match="no memory, no leash"):
        MultiAgentPpo.of(world, memory=4, **SMALL)
