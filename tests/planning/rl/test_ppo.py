"""PPO where the best policy is known exactly, and as the loop runs it: resumed, stopped, swept, compiled once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from telic.errors import NumericalError, SettingsError  # noqa: E402
from telic.mdp.library import random_mdp  # noqa: E402
from telic.neural import driver  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.simulators import cartpole, tabular  # noqa: E402
from telic.planning import policy_value, solve_hard  # noqa: E402
from telic.planning.rl.ppo import Ppo  # noqa: E402
from telic.reports import Outcome  # noqa: E402

PROBLEM = random_mdp(6, 3, key=4, n_successors=3, discount=0.9)
SMALL = Ppo(simulator=cartpole(), n_envs=8, n_steps=16, hidden=(16,), n_updates=20.0)


@pytest.mark.slow
def test_the_best_policy_of_a_table_is_found() -> None:
    """Share of the way from uniform to the optimum that value iteration gives, on 3 keys."""
    mdp = PROBLEM.mdp
    if mdp.initial is None:
        mdp = replace(mdp, initial=np.full(6, 1 / 6))
    R = np.asarray(PROBLEM.reward, dtype=float)
    R = np.broadcast_to(R[:, None], (6, 3)) if R.ndim == 1 else R
    learner = Ppo(simulator=tabular(mdp, R, horizon=60), n_envs=16, n_updates=150.0, discount=0.9, gae=0.9)
    rho = mdp.initial
    best = float(rho @ policy_value(mdp, solve_hard(mdp, R).policy.table, R))
    uniform = float(rho @ policy_value(mdp, np.full((6, 3), 1 / 3), R))
    for key in range(3):
        found = train(learner, key, 150)
        actions = learner.policy(found.answer()).mode(np.eye(6))
        reached = float(rho @ policy_value(mdp, np.eye(3)[actions], R))
        assert (reached - uniform) / (best - uniform) > 0.99


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been() -> None:
    kept = {}
    whole = train(SMALL, 3, 6)
    train(SMALL, 3, 4, checkpoint=lambda n, state: kept.update({n: state}), every=2)
    assert sorted(kept) == [2, 4]
    again = train(SMALL, 3, 6, resume=(4, kept[4]))
    assert again.n_steps == whole.n_steps == 6
    for a, b in zip(jax.tree.leaves(again.state.actor), jax.tree.leaves(whole.state.actor), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(SettingsError, match="above the 4 steps already done, got 4"):
        train(SMALL, 3, 4, resume=(4, kept[4]))


def test_the_loop_tells_progress_and_stops_when_it_is_enough() -> None:
    told, sunk = [], []
    found = train(
        SMALL, 0, 9, progress=lambda n, m, _: told.append((n, m)), sink=lambda n, m: sunk.append(m["loss"]),
        stop=lambda m: len(told) == 3,
    )  # fmt: skip
    assert told == [(1, 9), (2, 9), (3, 9)]
    assert found.outcome is Outcome.SUCCESS
    np.testing.assert_array_equal(found.history["loss"], sunk)


def test_what_becomes_not_finite_is_named_and_the_state_before_is_kept() -> None:
    sound = train(SMALL, 0, 2)
    broken = replace(SMALL, discount=np.inf)
    found = train(broken, 0, 5, resume=(2, sound.state))
    assert found.outcome is Outcome.NON_FINITE
    assert found.findings[0].evidence["step"] == 3
    assert "In step 3 loss became not finite" in found.findings[0].message
    for a, b in zip(jax.tree.leaves(found.state.actor), jax.tree.leaves(sound.state.actor), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(NumericalError, match="not an answer"):
        found.answer()


def test_keys_and_learning_rates_are_swept_at_once_and_give_what_each_gives_alone() -> None:
    rates = np.array([1e-3, 3e-3], np.float32)
    keys = jax.random.split(jax.random.key(0), 2)

    def run(rate, key):
        learner = replace(SMALL, learning_rate=rate)
        state = learner.init(key)
        for _ in range(2):
            state, _ = learner.step(state)
        return state.actor

    both = jax.jit(jax.vmap(run))(rates, keys)
    single = jax.jit(run)
    for i in range(2):
        alone = single(rates[i], keys[i])
        for a, b in zip(jax.tree.leaves(both), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[i], b, atol=2e-5)


def test_a_step_is_traced_once_whatever_numbers_change(monkeypatch) -> None:
    traced = []
    real = driver._step
    monkeypatch.setattr(driver, "_step", lambda learner, state: (traced.append(1), real(learner, state))[1])
    train(SMALL, 0, 3)
    assert len(traced) == 1
