"""Costs beside the reward: they are what their functions say, and change nothing else."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.mdp.library import random_mdp  # noqa: E402
from telic.neural.rollout import advance, begin  # noqa: E402
from telic.neural.simulators import pendulum, table_cost, tabular, with_costs  # noqa: E402


def energy(state, action, made):
    return action[0] ** 2


def speed(state, action, made):
    return jnp.abs(made.observation[2])


def test_costs_are_told_of_each_decision_and_change_nothing_else() -> None:
    plain, priced = pendulum(), with_costs(pendulum(), {"energy": energy, "speed": speed})
    assert priced.costs == ("energy", "speed") and plain.costs == ()

    def made(world):
        def one(running, drawn):
            key, torque = drawn
            return advance(world, running, torque, key)

        keys = jax.random.split(jax.random.key(1), 30)
        return jax.lax.scan(one, begin(world, jax.random.key(0)), (keys, torques))[1]

    torques = np.random.default_rng(0).uniform(-2, 2, (30, 1)).astype(np.float32)
    without, told = jax.jit(lambda: made(plain))(), jax.jit(lambda: made(priced))()
    assert without.costs is None
    np.testing.assert_allclose(
        told.costs, np.stack([torques[:, 0] ** 2, np.abs(told.after[:, 2])], axis=1), rtol=1e-6
    )
    np.testing.assert_array_equal(without.after, told.after)
    np.testing.assert_array_equal(without.reward, told.reward)


def test_the_cost_of_a_table_is_that_of_its_state_and_action() -> None:
    problem = random_mdp(5, 3, key=1, n_successors=2, discount=0.9)
    mdp, rng = problem.mdp, np.random.default_rng(1)
    C = rng.uniform(size=(5, 3))
    world = with_costs(tabular(mdp, np.zeros((5, 3))), {"hours": table_cost(C)})
    states, actions = np.repeat(np.arange(5), 3), np.tile(np.arange(3), 5)
    step = jax.jit(jax.vmap(lambda s, a: world.step(s, a, jax.random.key(0)).costs))
    np.testing.assert_allclose(step(states, actions)[:, 0], C.ravel(), rtol=1e-6)


def test_costs_are_given_once_and_at_least_one() -> None:
    with pytest.raises(SettingsError, match="at least one, got \\[\\]"):
        with_costs(pendulum(), {})
    with pytest.raises(SettingsError, match="beside \\['energy'\\]"):
        with_costs(with_costs(pendulum(), {"energy": energy}), {"speed": speed})
