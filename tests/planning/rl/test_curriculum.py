"""Worlds whose numbers are drawn, and levels that rise with success: laws of both; a goal that chance never finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.neural.curriculum import Curriculum, Progress  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.returns import Returns  # noqa: E402
from telic.neural.rollout import advance, begin  # noqa: E402
from telic.neural.simulators import Simulator, Spread, Step, cartpole, mountain_car, randomised  # noqa: E402
from telic.neural.simulators.simulator import Choices  # noqa: E402
from telic.planning.rl.ppo import Ppo  # noqa: E402

N = 24
"""Places of the chain. Whoever knows nothing of its signs goes all the way once in 2^24 tries, whatever it prefers."""

SIGNS = np.random.default_rng(7).integers(0, 2, N)


def chain(start):
    """In each place one action, that of its sign, goes on, the other back to the beginning; 1 for the last place."""
    signs, eye = jnp.asarray(SIGNS), jnp.eye(N + 1, dtype=jnp.float32)

    def seen(place):
        return eye[place]

    def reset(key):
        del key
        place = jnp.clip(jnp.floor(start), 0, N - 1).astype(jnp.int32)
        return place, seen(place)

    def step(state, action, key):
        del key
        after = jnp.where(action == signs[state], state + 1, 0)
        there = after == N
        return Step(state=after, observation=seen(after), reward=there.astype(jnp.float32), terminated=there)

    return Simulator(
        name="chain",
        n_observations=N + 1,
        actions=Choices(n_actions=2),
        horizon=2 * N,
        reset=reset,
        step=step,
    )


COURSE = Curriculum(
    make=chain, easy={"start": Spread(low=N - 2.0, high=float(N))}, hard={"start": Spread(low=0.0, high=0.0)},
    enough=0.5, n_levels=8, n_judged=50,
)  # fmt: skip
LEARNER = Ppo(
    simulator=COURSE.simulator(), curriculum=COURSE, n_envs=32, n_steps=48, hidden=(16,), n_updates=120.0,
    discount=0.99,
)  # fmt: skip


@pytest.mark.slow
def test_a_goal_that_chance_never_finds_is_reached_from_easy_beginnings() -> None:
    """120 updates of 1,536 decisions on 3 keys: tries enough for chance to find the goal in one run of ninety."""
    for key in range(3):
        found = train(LEARNER, key, 120)
        levels = found.history["level"]
        assert np.all(np.diff(levels) >= 0)
        assert levels[0] == 0
        assert levels[-1] == 7
        np.testing.assert_array_equal(LEARNER.policy(found.answer()).mode(np.eye(N + 1)[:-1]), SIGNS)
    plain = replace(LEARNER, curriculum=None, simulator=chain(0.0))
    for key in range(3):
        found = train(plain, key, 120)
        assert float(found.answer().returns.last.sum()) == 0.0


def test_a_run_that_was_stopped_goes_on_at_its_level() -> None:
    course = replace(COURSE, share=0.0, n_judged=20)  # rises with the number of episodes alone
    small = replace(LEARNER, curriculum=course, n_envs=8, n_steps=24)
    kept = {}
    whole = train(small, 0, 9, checkpoint=lambda n, state: kept.update({n: state}), every=1)
    at = int(np.argmax(whole.history["level"] > 0))
    assert 1 < at < 9
    again = train(small, 0, 9, resume=(at - 1, kept[at - 1]))
    np.testing.assert_array_equal(again.history["level"], whole.history["level"][at - 1 :])
    for a, b in zip(
        jax.tree.leaves(again.state.progress), jax.tree.leaves(whole.state.progress), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_levels_rise_when_enough_of_their_own_episodes_succeed() -> None:
    """Episode by episode beside the rule written out."""
    course = replace(COURSE, n_judged=4, share=0.75, n_levels=3)
    rng = np.random.default_rng(0)
    progress, level, judged, seen = course.init(), 0, [], set()
    after = jax.jit(course.after)
    for _ in range(60):
        over = rng.random((2, 3)) < 0.4
        returned, levels = rng.integers(0, 2, (2, 3)).astype(np.float32), rng.integers(0, 3, (2, 3))
        progress = after(progress, over, returned, levels)
        judged += list(returned[over & (levels == level)] >= 0.5)
        if len(judged) >= 4 and np.mean(judged[-4:]) >= 0.75 and level < 2:
            level, judged = level + 1, []
        assert int(progress.level) == level
        seen.add(level)
    assert seen == {0, 1, 2}
    assert isinstance(progress, Progress)
    assert isinstance(progress.judged, Returns)


def test_each_episode_has_numbers_of_its_own_from_their_spreads() -> None:
    """4,000 beginnings: within the ends, with the means that an even spread has, of the number or its logarithm."""
    spreads = {"half_pole": Spread(low=0.25, high=2.0, is_log=True), "force": Spread(low=5.0, high=15.0)}
    world = randomised(cartpole, spreads)
    keys = jax.random.split(jax.random.key(0), 4_000)
    running = jax.vmap(lambda k: begin(world, k))(keys)
    numbers = {name: np.asarray(a) for name, a in running.state.numbers.items()}
    for name, values, low, high in (
        ("half_pole", np.log(numbers["half_pole"]), np.log(0.25), np.log(2.0)), ("force", numbers["force"], 5.0, 15.0),
    ):  # fmt: skip
        assert values.min() >= low - 1e-6, name
        assert values.max() <= high + 1e-6, name
        assert abs(values.mean() - (low + high) / 2) < 4 * (high - low) / np.sqrt(12 * 4_000)
    assert abs(np.corrcoef(numbers["half_pole"], numbers["force"])[0, 1]) < 0.08
    # A step is that of the world of these numbers, which stay while the episode does.
    step = jax.jit(lambda r: advance(world, r, 1, jax.random.key(9)))
    one = jax.tree.map(lambda a: a[3], running)
    after, made = step(one)
    other = cartpole(half_pole=float(numbers["half_pole"][3]), force=float(numbers["force"][3]))
    np.testing.assert_allclose(
        made.after, other.step(one.state.inner, 1, jax.random.key(0)).observation, atol=1e-6
    )
    assert float(after.state.numbers["force"]) == float(numbers["force"][3])
    assert not np.allclose(made.after, cartpole().step(one.state.inner, 1, jax.random.key(0)).observation)


def test_plain_worlds_are_the_same_object_each_time() -> None:
    """What is compiled for one is used for the next."""
    assert cartpole() == cartpole()
    assert mountain_car() == mountain_car(engine=0.001)
    assert cartpole() != cartpole(half_pole=1.0)


def test_what_cannot_be_drawn_or_followed_is_refused() -> None:
    with pytest.raises(SettingsError, match="At least one number must be drawn"):
        randomised(cartpole, {})
    with pytest.raises(
        SettingsError, match=r"`force` must be drawn between finite ends in order, got 2\.0 and 1\.0"
    ):
        randomised(cartpole, {"force": Spread(low=2.0, high=1.0)})
    with pytest.raises(SettingsError, match=r"in order, above 0, got 0\.0"):
        randomised(cartpole, {"force": Spread(low=0.0, high=1.0, is_log=True)})
    with pytest.raises(SettingsError, match=r"same numbers, got \['start'\] and \['stop'\]"):
        replace(COURSE, hard={"stop": Spread(low=0.0, high=0.0)})
    with pytest.raises(SettingsError, match="`n_levels` must be at least 2"):
        replace(COURSE, n_levels=1)
    with pytest.raises(
        SettingsError, match="`simulator` must be the last level of the curriculum; `n_observations` is 4"
    ):
        replace(LEARNER, simulator=cartpole()).init(jax.random.key(0))
