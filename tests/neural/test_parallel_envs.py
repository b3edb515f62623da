"""Parallel environments: who is there when, what is asked of whom, and what goes wrong is said by name."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
pytest.importorskip("gymnasium", reason="NOT RUN: Gymnasium is not installed (telic[robots])")

from relay_env import RelayEnv

from telic.errors import DataError, PermanentError, SettingsError
from telic.neural.parallel_envs import ParallelWorld

E = 2


def acted(world, n):
    """Decisions of n steps: choice 2, amounts 0.5 and 9 (beyond its bound), choice 1."""
    actions = [np.full(E, 2), np.tile([0.5, 9.0], (E, 1)), np.full(E, 1)]
    return [world.step(actions) for _ in range(n)]


def test_the_environment_of_these_tests_keeps_the_interface() -> None:
    testing = pytest.importorskip("pettingzoo.test", reason="NOT RUN: PettingZoo is not installed")
    testing.parallel_api_test(RelayEnv(), num_cycles=20)


def test_agents_come_and_leave_and_episodes_begin_when_nobody_is_left() -> None:
    world = ParallelWorld([RelayEnv() for _ in range(E)])
    assert [a.n_observations for a in world.agents] == [2, 3, 7]
    world.reset(0)
    made = acted(world, 7)
    active = np.array([m.active[1] for m in made])
    t = np.arange(7) % 5
    np.testing.assert_array_equal(active, np.stack([t < 2, t < 5, (t >= 3) & (t < 5)], axis=1))
    np.testing.assert_array_equal([m.terminated[0] for m in made], np.stack([t == 1, t < 0, t == 4], axis=1))
    np.testing.assert_array_equal([m.truncated[0, 1] for m in made], t == 4)
    # After: who came is there, who was cut off is valued beyond, who ended is not.
    np.testing.assert_array_equal(
        [m.present[0] for m in made], np.stack([t < 1, t < 5, (t >= 2) & (t < 4)], axis=1)
    )
    np.testing.assert_array_equal([m.rewards[0] for m in made], active * [1.0, 0.5, 3.0])
    assert [m.collected[0].tolist() for m in made if m.collected[0].any()] == [
        [2, 0, 0],
        [0, 2.5, 6],
        [2, 0, 0],
    ]
    np.testing.assert_array_equal(made[4].after[1][0], [5.0, 25.0, 1.0])
    np.testing.assert_array_equal(made[5].observations[1][0], [0.0, 0.0, 1.0])
    np.testing.assert_array_equal(made[3].observations[0][0], [0.0, 0.0])
    np.testing.assert_array_equal(made[3].observations[2][0], np.eye(7)[3])


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ("raise", PermanentError, "Environment 1 raised RuntimeError in step 4: the cable broke"),
        ("vanish", DataError, r"Environment 1 lost agent 'late' without saying .* \(step 4\)"),
        ("unlisted", DataError, "lost agent 'late' without saying"),
        ("shape", DataError, r"gave agent 'late' an observation of shape \(5,\) instead of \(3,\)"),
        ("nan", DataError, "gave agent 'late' an observation that is not finite"),
        ("infinite", DataError, "paid agent 'late' inf"),
        ("outside", DataError, "gave agent 'guest' observation 9, which is not of its space"),
        ("back", DataError, "brought agent 'early' back"),
        ("unknown", DataError, "listed agent 'stranger'"),
        ("empty", DataError, "gave agent 'late' nothing to observe"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said_by_environment_agent_and_step(fault, error, says) -> None:
    world = ParallelWorld([RelayEnv(), RelayEnv(fault)])
    world.reset(0)
    acted(world, 3)
    with pytest.raises(error, match=says):
        acted(world, 1)
    # Nothing is stepped on from there; another reset begins anew.
    with pytest.raises(SettingsError, match="have not begun"):
        acted(world, 1)
    world.reset(1)
    acted(world, 6)


def test_spaces_that_change_are_noticed_where_an_episode_begins() -> None:
    world = ParallelWorld([RelayEnv(), RelayEnv()])
    world.reset(0)
    acted(world, 4)
    world._envs[1].fault = "spaces"
    with pytest.raises(
        DataError, match=r"Agent 'late' of environment 1 observes in Box.* alike until step 5"
    ):
        acted(world, 1)


def test_an_episode_that_does_not_end_is_refused() -> None:
    world = ParallelWorld([RelayEnv(), RelayEnv()], longest=3)
    world.reset(0)
    with pytest.raises(DataError, match="environment 0 has not ended after 3 decisions"):
        acted(world, 4)
    with pytest.raises(SettingsError, match="outside compiled code"):
        world.described().reset(0)


def test_environments_must_be_parallel_apart_and_alike() -> None:
    env = RelayEnv()
    with pytest.raises(SettingsError, match="different environments"):
        ParallelWorld([env, env])
    with pytest.raises(SettingsError, match="Expected a parallel environment"):
        ParallelWorld([object()])
    other = RelayEnv()
    other.possible_agents = ["late", "early", "guest"]
    with pytest.raises(SettingsError, match="Environment 1 has agents"):
        ParallelWorld([env, other])
