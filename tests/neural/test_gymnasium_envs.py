"""Streams of a vector environment: what ended is kept from what begins, in each way of resetting; faults are said."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import DataError, PermanentError, SettingsError
from telic.neural.gymnasium_envs import VectorWorld

Box = type("Box", (SimpleNamespace,), {})
Discrete = type("Discrete", (SimpleNamespace,), {})
MultiDiscrete = type("MultiDiscrete", (SimpleNamespace,), {})
Dict = type("Dict", (SimpleNamespace,), {})


def box(low, high, shape):
    return Box(low=np.full(shape, low), high=np.full(shape, high), shape=shape, dtype=np.float32)


class Counters:
    """Two streams that count up, and end at 3 (the first) or are cut at 2 (the second); resets go to 10 times the
    number of the episode. One buffer is handed out again and again.
    """

    num_envs = 2
    single_observation_space = box(-np.inf, np.inf, (1,))
    single_action_space = Discrete(n=2, start=5)

    def __init__(self, mode):
        self.metadata = {"autoreset_mode": SimpleNamespace(value=mode)}
        self.mode, self.at, self.episode = mode, np.zeros((2, 1), np.float32), np.zeros(2)
        self.over, self.taken = np.zeros(2, bool), []

    def reset(self, *, seed=None, options=None):
        which = np.ones(2, bool) if options is None else options["reset_mask"]
        self.episode[which] += 1
        self.at[which, 0] = 10 * self.episode[which]
        return self.at, {}

    def step(self, actions):
        self.taken.append(np.array(actions))
        going = np.ones(2, bool)
        if self.mode == "NextStep" and self.over.any():
            self.reset(options={"reset_mask": self.over})
            going = ~self.over
        self.at[going] += 1
        length = self.at[:, 0] % 10
        terminated, truncated = (length == 3) & [True, False], (length == 2) & [False, True]
        self.over = terminated | truncated
        info = {}
        if self.mode == "SameStep" and self.over.any():
            final = np.array([self.at[i].copy() if self.over[i] else None for i in range(2)], dtype=object)
            info = {"final_obs": final}
            self.reset(options={"reset_mask": self.over})
        return self.at, np.where(going, 1.0, 0.0), terminated, truncated, info


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_decisions_are_the_same_whatever_the_way_of_resetting(mode) -> None:
    """Of each stream: (before, after, terminated, truncated, reward of the episode), steps that only reset left out."""
    env = Counters(mode)
    world = VectorWorld(env)
    x, rows = world.reset(0), ([], [])
    for _ in range(9):
        before = x
        x, made = world.step(np.zeros(2, dtype=int))
        for e in (0, 1):
            if made.counts[e]:
                rows[e].append(
                    (before[e, 0], made.after[e, 0], bool(made.terminated[e]), bool(made.truncated[e]),
                     made.collected[e])
                )  # fmt: skip
    assert rows[0][:6] == [
        (10, 11, False, False, 0), (11, 12, False, False, 0), (12, 13, True, False, 3),
        (20, 21, False, False, 0), (21, 22, False, False, 0), (22, 23, True, False, 3),
    ]  # fmt: skip
    assert rows[1][:4] == [
        (10, 11, False, False, 0), (11, 12, False, True, 2), (20, 21, False, False, 0), (21, 22, False, True, 2),
    ]  # fmt: skip
    assert {int(a) for taken in env.taken for a in taken} == {5}  # a space that starts at 5


def test_what_cannot_be_learned_from_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="Expected a Gymnasium vector environment, got int"):
        VectorWorld(3)
    env = Counters("NextStep")
    env.metadata = {}
    with pytest.raises(SettingsError, match="does not say how it resets"):
        VectorWorld(env)
    for name, space, words in (
        ("single_observation_space", Dict(), r"must be numbers \(Box or Discrete\), got Dict"),
        ("single_action_space", Dict(), "must be choices or bounded amounts"),
        (
            "single_action_space",
            box(-1.0, np.inf, (2,)),
            "Amounts must be bounded, got a space from -1.0 to inf",
        ),
    ):
        env = Counters("NextStep")
        setattr(env, name, space)
        with pytest.raises(SettingsError, match=words):
            VectorWorld(env)
    with pytest.raises(SettingsError, match="have not begun"):
        VectorWorld(Counters("NextStep")).step(np.zeros(2, dtype=int))


def broken(what):
    """A vector that goes wrong in its third step."""
    env = Counters("NextStep")
    real = env.step

    def step(actions):
        obs, reward, *rest = real(actions)
        if len(env.taken) == 3:
            if what == "raises":
                raise ZeroDivisionError("no wind")
            if what == "observation":
                obs = np.where([[False], [True]], np.nan, obs)
            if what == "reward":
                reward = np.array([np.inf, 0.0])
            if what == "shape":
                obs = np.zeros((2, 4))
            if what == "ragged":
                obs = [[1.0], [1.0, 2.0]]
        return obs, reward, *rest

    env.step = step
    return env


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        ("raises", PermanentError, "raised ZeroDivisionError in step 3: no wind"),
        ("observation", DataError, r"observation that is not finite in step 3 \(environment 1\)"),
        ("reward", DataError, r"reward inf that is not finite in step 3 \(environment 0\)"),
        ("shape", DataError, r"must have shape \(2, 1\), as their space says, got \(2, 4\) in step 3"),
        ("ragged", DataError, "in step 3 are not of the space that the environment declares"),
    ],
)
def test_a_fault_says_what_and_where_and_the_next_run_begins_anew(what, error, words) -> None:
    world = VectorWorld(broken(what))
    world.reset(0)
    for _ in range(2):
        world.step(np.zeros(2, dtype=int))
    with pytest.raises(error, match=words):
        world.step(np.zeros(2, dtype=int))
    assert world.observation is None


def test_an_episode_that_never_ends_is_said_unless_it_may() -> None:
    env = Counters("NextStep")
    env.step = lambda a: (env.at, np.ones(2), np.zeros(2, bool), np.zeros(2, bool), {})
    world = VectorWorld(env, longest=7)
    world.reset(0)
    for _ in range(7):
        world.step(np.zeros(2, dtype=int))
    with pytest.raises(DataError, match="environment 0 has not ended after 7 decisions"):
        world.step(np.zeros(2, dtype=int))
    world = VectorWorld(env, longest=None)
    world.reset(0)
    for _ in range(50):
        world.step(np.zeros(2, dtype=int))
    assert world.observation is not None


def test_amounts_are_cut_at_their_bounds_and_several_choices_are_several() -> None:
    env = Counters("Disabled")
    env.single_action_space = box(-2.0, 2.0, (1, 2))
    world = VectorWorld(env)
    assert world.described().actions.low == (-2.0, -2.0)
    world.reset(0)
    world.step(np.array([[5.0, 1.0], [-9.0, 0.0]]))
    np.testing.assert_array_equal(env.taken[-1], [[[2.0, 1.0]], [[-2.0, 0.0]]])
    env = Counters("Disabled")
    env.single_action_space = MultiDiscrete(nvec=np.array([2, 3]), start=np.array([0, 7]), shape=(2,))
    env.single_observation_space = Discrete(n=4, start=10)
    world = VectorWorld(env)
    assert world.described().actions.head().counts == (2, 3)
    assert world.described().n_observations == 4
    env.at = np.zeros((2,), int)
    env.reset = lambda **_: (np.array([10, 13]), {})
    np.testing.assert_array_equal(world.reset(0), [[1, 0, 0, 0], [0, 0, 0, 1]])
