"""SAC in Gymnasium vector environments: what it keeps is what happened, faults lose nothing, and it learns."""

from __future__ import annotations

import re

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
gym = pytest.importorskip("gymnasium", reason="NOT RUN: Gymnasium is not installed (telic[robots])")

from telic.errors import NumericalError, SettingsError  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.planning.rl.sac_gymnasium import GymnasiumSac  # noqa: E402
from telic.reports import Outcome  # noqa: E402
from telic.workflows.checkpoints import Checkpoints  # noqa: E402

SMALL = {"n_steps": 10, "batch": 16, "capacity": 200, "n_random": 10, "hidden": (8,)}


def streams(n=2, most=7):
    return gym.vector.SyncVectorEnv([lambda: gym.make("Pendulum-v1", max_episode_steps=most)] * n)


@pytest.fixture(scope="module")
def run():
    """Three steps of the loop, and the state after each; 40 steps of 2 streams, each 8th of which only resets."""
    learner, kept = GymnasiumSac.of(streams(), **SMALL), {}
    found = train(learner, 3, 3, checkpoint=lambda n, state: kept.update({n: state}), every=1)
    assert (found.outcome, sorted(kept)) == (Outcome.SUCCESS, [1, 2, 3])
    return learner, found, kept


def same(a, b) -> None:
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_what_is_kept_is_what_gymnasium_did_and_a_step_that_resets_is_none(run) -> None:
    learner, found, _ = run
    state = found.answer()
    assert (int(state.replay.n_put), int(state.returns.n_episodes)) == (70, 10)
    rows = learner.settings.fields.unpack(np.asarray(state.replay.rows[:70]))
    assert not rows["terminated"].any()  # a cut is no end
    world = gym.make("Pendulum-v1").unwrapped
    world.reset(seed=0)
    for i in range(70):
        x, y, spin = rows["observation"][i].astype(float)
        world.state = np.array([np.arctan2(y, x), spin])
        after, reward, *_ = world.step(2.0 * rows["action"][i])
        np.testing.assert_allclose(rows["after"][i], after, atol=1e-5)
        assert rows["reward"][i] == pytest.approx(reward, abs=1e-4)
    # Rows of a stream are 2 apart; after each 7th decision a new episode begins.
    went_on = np.all(rows["after"][:68] == rows["observation"][2:], axis=1)
    assert np.flatnonzero(~went_on).tolist() == [i for k in (12, 26, 40, 54) for i in (k, k + 1)]
    returns = rows["reward"].reshape(5, 7, 2).sum(axis=1)
    assert float(found.history["mean_return"][-1]) == pytest.approx(returns.mean(), rel=1e-5)


def test_a_decision_is_followed_by_one_update_and_a_reset_by_none(run) -> None:
    learner, found, kept = run
    # 30 steps after the 10 by chance, 4 of which only reset both streams.
    assert [int(o.count) for o in found.state.learned.optimisers] == [26] * 3
    assert [int(kept[n].replay.n_put) for n in (1, 2, 3)] == [36, 54, 70]
    assert set(found.history) == {"critic_loss", "entropy", "temperature", "mean_return", "n_episodes"}
    # Nothing is written into a state that was handed out.
    same(kept[2].learned, train(GymnasiumSac.of(streams(), **SMALL), 3, 2).state.learned)
    policy = learner.policy(found.state)
    assert np.abs(policy.mode(np.zeros((5, 3)))).max() <= 2.0


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("raises", "RuntimeError in step 25: the cable broke"),
        ("not finite", r"observation that is not finite in step 25 \(environment 1\)"),
    ],
)
def test_a_fault_keeps_the_state_before_it_and_the_run_goes_on(run, tmp_path, what, words) -> None:
    _, _, kept = run
    learner = GymnasiumSac.of(streams(), **SMALL)
    real, n = learner.world._env.step, []

    def step(actions):
        n.append(1)
        if len(n) != 25:  # in the second step of the loop
            return real(actions)
        if what == "raises":
            raise RuntimeError("the cable broke")
        x, *rest = real(actions)
        return np.where([[False], [True]], np.nan, x), *rest

    learner.world._env.step = step
    found = train(learner, 3, 3, checkpoint=Checkpoints(tmp_path, learner, key=3))
    assert (found.outcome, found.n_steps) == (Outcome.INTERRUPTED, 1)
    assert "In step 2 the world failed" in found.findings[0].message
    assert re.search(words, found.findings[0].message)
    with pytest.raises(NumericalError, match="not an answer"):
        found.answer()
    again = GymnasiumSac.of(streams(), **SMALL)
    done, state = Checkpoints(tmp_path, again, key=3).latest()
    assert done == 1
    same((state.learned, state.replay), (kept[1].learned, kept[1].replay))
    whole = train(again, 3, 3, resume=(done, state))
    assert (whole.outcome, whole.n_steps) == (Outcome.SUCCESS, 3)
    same(whole.state.replay.rows[:36], kept[1].replay.rows[:36])
    assert int(whole.state.replay.n_put) == 36 + 2 * (
        20 - 2
    )  # by chance no more; new episodes of 7 and a reset


def test_an_episode_that_never_ends_and_choices_are_refused() -> None:
    found = train(GymnasiumSac.of(streams(), longest=5, **SMALL), 0, 1)
    assert found.outcome is Outcome.INTERRUPTED
    assert "has not ended after 5 decisions" in found.findings[0].message
    assert int(found.state.replay.n_put) == 0
    with pytest.raises(SettingsError, match="takes amounts, and CartPole-v1 has choices"):
        GymnasiumSac.of(gym.make_vec("CartPole-v1", num_envs=1))


@pytest.mark.slow
def test_the_pendulum_of_gymnasium_is_held() -> None:
    """Mean return -200 of 10 training episodes within 12,000 decisions, as of the compiled pendulum's benchmark."""
    settings = {
        "hidden": (64, 64),
        "batch": 128,
        "learning_rate": 1e-3,
        "temperature_rate": 1e-3,
        "n_steps": 500,
    }
    learner = GymnasiumSac.of(gym.make_vec("Pendulum-v1", num_envs=1), **settings)
    found = train(learner, 0, 24, stop=lambda m: m["n_episodes"] >= 10 and m["mean_return"] >= -200)
    assert found.history["mean_return"][-1] >= -200
