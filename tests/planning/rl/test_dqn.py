"""Deep Q-learning where the best policy is known exactly, and each of its switches by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402
from learners import BEGIN, STEP, check_slope, traces, wide  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.mdp.library import random_mdp  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.duelling import action_values  # noqa: E402
from telic.neural.simulators import cartpole, pendulum, tabular  # noqa: E402
from telic.planning import policy_value, solve_hard  # noqa: E402
from telic.planning.rl.dqn import SMALLEST, Dqn  # noqa: E402

TINY = Dqn(simulator=cartpole(), n_envs=2, n_steps=20, batch=16, capacity=200, n_random=20, hidden=(8, 8))
PLAIN = {"is_double": False, "is_duelling": False, "is_prioritised": False}


def world():
    problem = random_mdp(6, 3, key=4, n_successors=3, discount=0.9)
    mdp = replace(problem.mdp, initial=np.full(6, 1 / 6))
    R = np.asarray(problem.reward, dtype=float)
    return mdp, np.broadcast_to(R[:, None], (6, 3)) if R.ndim == 1 else R


@pytest.mark.slow
@pytest.mark.parametrize(
    "switches", [PLAIN, {}, {**PLAIN, "is_double": True}, {**PLAIN, "is_prioritised": True}]
)
def test_the_best_policy_of_a_table_is_found(switches: dict[str, bool]) -> None:
    """Value of the learned policy, exactly, beside that of value iteration, on 2 keys; cut-offs are no ends."""
    mdp, R = world()
    learner = Dqn(
        simulator=tabular(mdp, R, horizon=20), n_steps=2_000, hidden=(32,), discount=0.9, capacity=8_000,
        explore_end=0.5, share=0.02, **switches,
    )  # fmt: skip
    best = policy_value(mdp, solve_hard(mdp, R).policy.table, R)
    for key in range(2):
        state = train(learner, key, 3).answer()
        policy = learner.policy(state)
        reached = policy_value(mdp, np.eye(3)[policy.mode(np.eye(6))], R)
        np.testing.assert_allclose(reached, best, atol=1e-6 * np.ptp(best))
        said = policy.outputs(np.eye(6)).max(axis=1)
        np.testing.assert_allclose(said, best, atol=0.1 * np.ptp(R) / (1 - 0.9))


def test_targets_and_the_loss_are_what_they_are_by_hand() -> None:
    began = BEGIN(TINY, jax.random.key(0)).learned
    rng = np.random.default_rng(0)
    trunk, value, (first, last) = began.online
    # A target that prefers what the online network does not.
    learned = began._replace(target=(trunk, value, (first, last._replace(weight=-3.0 * last.weight))))
    x, after = (rng.normal(size=(30, 4)).astype(np.float32) for _ in range(2))
    action, weights = rng.integers(0, 2, 30), rng.random(30).astype(np.float32)
    reward = rng.normal(size=30).astype(np.float32)
    terminated = (rng.random(30) < 0.5).astype(np.float32)
    batch = {"observation": x, "action": action, "reward": reward, "after": after, "terminated": terminated}
    batch = {name: jnp.asarray(value, jnp.float32) for name, value in batch.items()}
    online, target = (np.asarray(action_values(n, after), float) for n in (learned.online, learned.target))
    rows = np.arange(30)
    single, double = target.max(axis=1), target[rows, online.argmax(axis=1)]
    assert np.any(single > double + 0.1)
    for is_double, beyond in ((False, single), (True, double)):
        found = replace(TINY, is_double=is_double).target(learned, batch)
        np.testing.assert_allclose(found, reward + 0.99 * (1 - terminated) * beyond, atol=1e-5)
    wanted = rng.normal(size=30).astype(np.float32) * 3
    miss = np.asarray(action_values(learned.online, x), float)[rows, action] - wanted
    loss, error = TINY.loss(learned.online, batch, jnp.asarray(wanted), jnp.asarray(weights))
    np.testing.assert_allclose(error, miss, atol=1e-5)
    huber = np.where(np.abs(miss) < 1, miss**2 / 2, np.abs(miss) - 0.5)
    assert float(loss) == pytest.approx(float(np.mean(weights * huber)), rel=1e-5)


def test_gradients_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(1)
    began = BEGIN(TINY, jax.random.key(1)).learned.online
    with jax.enable_x64(True):
        params = wide(began, 0.1, rng)
        batch = {
            "observation": jnp.asarray(rng.normal(size=(9, 4))),
            "action": jnp.asarray(rng.integers(0, 2, 9)),
        }
        target, weights = jnp.asarray(2 * rng.normal(size=9)), jnp.asarray(rng.random(9))
        check_slope(lambda p: TINY.loss(p, batch, target, weights)[0], params, rng, 3)


def test_targets_move_when_it_is_time_and_a_whole_share_copies() -> None:
    state = BEGIN(TINY, jax.random.key(2))
    batch = TINY.fields.unpack(state.replay.rows[:16])
    learner = replace(TINY, share=1.0, target_every=2)
    update = jax.jit(lambda learned: learner.update(learned, batch, jnp.ones(16))[0])
    first = update(state.learned)
    second = update(first)
    for old, at_first, at_second, online in zip(
        *map(jax.tree.leaves, (state.learned.target, first.target, second.target, second.online)), strict=True
    ):
        np.testing.assert_array_equal(at_first, old)
        np.testing.assert_array_equal(at_second, online)


def test_rows_that_were_drawn_get_their_error_as_priority_and_the_rest_the_highest() -> None:
    learner = replace(TINY, n_steps=1)
    state = BEGIN(TINY, jax.random.key(3))
    after, _ = STEP(learner, state)
    leaves = np.asarray(after.replay.priorities.levels[-1]).ravel()
    held = int(after.replay.n_held)
    assert held == 42
    assert not leaves[held:].any()
    batch = learner.fields.unpack(after.replay.rows[:held])
    # The errors before the update, by the weights that it began with.
    before = state.learned
    said = np.asarray(action_values(before.online, batch["observation"]))
    said = said[np.arange(held), np.asarray(batch["action"]).astype(int)]
    error = np.abs(said - np.asarray(learner.target(before, batch)))
    drawn = leaves[:held] != 1.0
    assert 8 <= drawn.sum() <= 16
    np.testing.assert_allclose(leaves[:held][drawn], (error[drawn] + SMALLEST) ** 0.6, rtol=1e-4)


def test_decisions_by_chance_become_fewer() -> None:
    """With chance gone every decision is the best one of its time; learning is switched off."""
    learner = replace(TINY, learning_rate=0.0, explore_steps=20.0, explore_end=0.0)
    state = BEGIN(learner, jax.random.key(4))
    shares = []
    for _ in range(3):
        before = int(state.replay.n_put)
        state, _ = STEP(learner, state)
        batch = learner.fields.unpack(np.asarray(state.replay.rows[before : before + 40]))
        best = np.asarray(action_values(state.learned.online, batch["observation"])).argmax(axis=1)
        shares.append(float(np.mean(best == batch["action"].astype(int))))
    assert shares[0] < 1.0
    assert shares[1:] == [1.0, 1.0]


def test_a_step_is_traced_once_and_a_stopped_run_goes_on(monkeypatch) -> None:
    traced, kept = traces(monkeypatch), {}
    whole = train(TINY, 5, 3, checkpoint=lambda n, state: kept.update({n: state}), every=1)
    assert len(traced) == 1
    again = train(TINY, 5, 3, resume=(1, kept[1]))
    for a, b in zip(jax.tree.leaves(again.state.learned), jax.tree.leaves(whole.state.learned), strict=True):
        np.testing.assert_array_equal(a, b)
    assert set(whole.history) == {"loss", "value", "mean_return", "n_episodes"}


def test_amounts_and_an_empty_buffer_are_refused() -> None:
    with pytest.raises(SettingsError, match="takes choices, and Pendulum-v1 has amounts"):
        Dqn(simulator=pendulum()).init(jax.random.key(0))
    with pytest.raises(SettingsError, match="`n_random` must be at least 1"):
        replace(TINY, n_random=0)
