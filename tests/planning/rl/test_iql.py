"""Implicit Q-learning against what is exact on a table, by hand, and against finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from learners import BEGIN, check_slope, traces, wide  # noqa: E402
from recorded_tables import GAMMA, OF_A_TABLE, A, S, World, amounts  # noqa: E402

from telic.neural.driver import init_options, train  # noqa: E402
from telic.planning.rl.iql import Iql, expectile_loss  # noqa: E402

WORLD = World()
TABLE = WORLD.transitions()
TABULAR = Iql(rows=TABLE.rows(is_scaled=False), head=TABLE.head, **OF_A_TABLE)


def small(**changes):
    data = amounts()
    return Iql(
        **{"rows": data.rows(), "head": data.head, "hidden": (8,), "batch": 16, "n_inner": 3, **changes}
    )


def test_expectiles_by_hand() -> None:
    np.testing.assert_allclose(expectile_loss(np.array([-2.0, 3.0, 0.0]), 0.9), [0.4, 8.1, 0.0], rtol=1e-6)
    mean = lambda m, x, tau: expectile_loss(np.array(x) - m, tau).mean()  # noqa: E731
    for x, tau, m in [([0.0, 1.0], 0.8, 0.8), ([0.0, 0.0, 3.0], 0.5, 1.0), ([0.0, 0.0, 3.0], 0.9, 2.7 / 1.1)]:
        assert abs(float(jax.grad(mean)(m, x, tau))) < 1e-6
        assert float(jax.grad(mean)(m + 0.1, x, tau)) > 1e-3


@pytest.mark.parametrize("key", [0, 1, 2])
def test_values_are_expectiles_and_the_actor_weighs_the_record_as_computed(key) -> None:
    """Against a fixed point by loops: values to .05 where they range over 3.3 from mean to best; chances to .03."""
    found = train(replace(TABULAR, expectile=0.9, sharpness=2.0), key, 3)
    actor, _, value = found.answer().params
    exact = WORLD.of_expectile(0.9)
    np.testing.assert_allclose(value[0].weight[:, 0] + value[0].bias, exact, atol=0.05)
    Q = WORLD.R + GAMMA * WORLD.P @ exact
    chances = WORLD.b * np.exp(np.minimum(2.0 * (Q - exact[:, None]), np.log(100.0)))
    chances /= chances.sum(axis=1, keepdims=True)
    told = TABLE.head.log_probs(np.asarray(actor[0].weight + actor[0].bias))
    np.testing.assert_allclose(np.exp(told), chances, atol=0.03)


@pytest.mark.parametrize("key", [0, 1, 2])
def test_near_the_largest_expectile_it_is_policy_iteration(key) -> None:
    """Values within .12 of the best, where the uniform policy loses 9.6; of that loss less than 1 % is left."""
    learner = replace(TABULAR, expectile=0.998, sharpness=20.0)
    found = train(learner, key, 3)
    actions, Q = WORLD.best()
    value = found.answer().params[2]
    np.testing.assert_allclose(value[0].weight[:, 0] + value[0].bias, Q.max(axis=1), atol=0.12)
    best = WORLD.value_of(np.eye(A)[actions])
    reached = WORLD.value_of(np.eye(A)[learner.policy(found.state).mode(np.eye(S))])
    uniform = WORLD.value_of(np.full((S, A), 1 / A))
    assert np.mean(best - reached) < 0.01 * np.mean(best - uniform)


def test_each_part_has_the_gradient_of_its_own_loss_alone() -> None:
    with jax.enable_x64(True):
        learner = small(expectile=0.8)
        params = wide(BEGIN(learner, jax.random.key(1)).params)
        target, batch = wide(BEGIN(learner, jax.random.key(2)).target), wide(learner.rows)
        rng = np.random.default_rng(0)
        gradient_of = jax.jit(jax.grad(learner.loss, has_aux=True), compiler_options=init_options())
        gradient = gradient_of(params, target, batch)[0]
        for i, name in enumerate(["actor_loss", "critic_loss", "value_loss"]):

            def part(p, i=i, name=name):
                return learner.loss((*params[:i], p, *params[i + 1 :]), target, batch)[1][name]

            alone = check_slope(part, params[i], rng)
            for whole, own in zip(jax.tree.leaves(gradient[i]), jax.tree.leaves(alone), strict=True):
                np.testing.assert_allclose(whole, own, rtol=1e-9, atol=1e-12)


def test_amounts_give_a_policy_in_their_own_unit() -> None:
    learner = small(n_inner=150, batch=64, sharpness=0.0, learning_rate=1e-2)
    data = amounts()
    centred = data.actions - np.array([0.0, 0.5], np.float32)
    data = replace(data, actions=np.clip(centred * np.float32(0.1) + np.float32([1.0, -1.0]), -2, 2))
    learner = replace(learner, rows=data.rows())
    policy = learner.policy(train(learner, 0, 2).answer())
    np.testing.assert_allclose(
        policy.mode(np.asarray(data.observations)).mean(axis=0), [1.0, -1.05], atol=0.06
    )
    assert policy.head == data.head


def test_a_step_is_traced_once_and_numbers_are_swept(monkeypatch) -> None:
    traced = traces(monkeypatch)
    taus, learner = np.array([0.5, 0.9], np.float32), small()
    train(learner, 0, 3)
    alone = [train(replace(learner, expectile=float(tau)), 0, 1).state.params[2] for tau in taus]
    assert len(traced) == 1
    begun = BEGIN(learner, jax.random.key(0))
    run = jax.vmap(lambda tau: replace(learner, expectile=tau).step(begun)[0].params[2])
    both = jax.jit(run, compiler_options=init_options())(taus)
    for i in range(2):
        for one, many in zip(jax.tree.leaves(alone[i]), jax.tree.leaves(both), strict=True):
            np.testing.assert_allclose(many[i], one, atol=1e-5)
