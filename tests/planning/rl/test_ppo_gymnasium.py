"""PPO in Gymnasium vector environments: it learns, in each way of resetting, and a fault leaves the last good state."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
gym = pytest.importorskip("gymnasium", reason="NOT RUN: Gymnasium is not installed (telic[robots])")

from telic.errors import NumericalError, SettingsError  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.simulators import cartpole  # noqa: E402
from telic.planning.rl.ppo_gymnasium import GymnasiumPpo  # noqa: E402
from telic.reports import Outcome  # noqa: E402

SMALL = {"n_steps": 8, "n_epochs": 2, "n_minibatches": 1, "hidden": (8,)}


def envs(name="CartPole-v1", n=4):
    return gym.make_vec(name, num_envs=n, vectorization_mode="sync")


@pytest.mark.slow
def test_the_pole_is_held_for_475_decisions() -> None:
    """Mean of 100 episodes on 2 keys, with the settings of the benchmark."""
    for key in range(2):
        learner = GymnasiumPpo.of(
            envs(n=8), n_steps=32, n_epochs=20, n_minibatches=1, learning_rate=1e-3, n_updates=800.0
        )
        found = train(learner, key, 600, stop=lambda m: m["mean_return"] >= 475 and m["n_episodes"] >= 100)
        assert found.n_steps < 600
        assert found.answer().observed.n == 0


def test_a_run_is_a_function_of_its_key_and_a_fault_keeps_the_state_before_it() -> None:
    whole = train(GymnasiumPpo.of(envs(), **SMALL), 3, 4)
    assert whole.outcome is Outcome.SUCCESS
    same = train(GymnasiumPpo.of(envs(), **SMALL), 3, 2)
    learner = GymnasiumPpo.of(envs(), **SMALL)
    real, n = learner.world._env.step, []

    def step(actions):
        n.append(1)
        if len(n) == 20:  # in the third update of 8 steps
            raise RuntimeError("the cable broke")
        return real(actions)

    learner.world._env.step = step
    kept = {}
    found = train(learner, 3, 4, checkpoint=lambda done, state: kept.update({done: state}))
    assert found.outcome is Outcome.INTERRUPTED
    assert "In step 3 the world failed" in found.findings[0].message
    assert "RuntimeError in step 20: the cable broke" in found.findings[0].message
    assert list(kept) == [2]
    for state in (found.state, kept[2]):
        for a, b in zip(jax.tree.leaves(state.actor), jax.tree.leaves(same.state.actor), strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(NumericalError, match="not an answer"):
        found.answer()
    again = train(learner, 3, 4, resume=(2, kept[2]))
    assert (again.outcome, again.n_steps) == (Outcome.SUCCESS, 4)


def test_amounts_and_scales_go_through_and_are_served() -> None:
    learner = GymnasiumPpo.of(envs("Pendulum-v1"), scales_observations=True, scales_rewards=True, **SMALL)
    found = train(learner, 0, 3)
    state = found.answer()
    # 3 updates of 8 steps of 4 streams, none of which has reset yet.
    assert float(state.observed.n) == 96
    policy = learner.policy(state)
    np.testing.assert_allclose(policy.shift, state.observed.mean, rtol=1e-6)
    assert policy.mode(np.zeros((5, 3))).shape == (5, 1)


def test_a_world_outside_is_not_stepped_by_compiled_code() -> None:
    learner = GymnasiumPpo.of(envs(), **SMALL)
    assert learner.settings.simulator.n_observations == cartpole().n_observations
    with pytest.raises(SettingsError, match="outside compiled code"):
        train(learner.settings, 0, 1)
