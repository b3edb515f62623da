"""Conservative Q-learning against what is exact on a table, its bias with its sign, and against quadrature."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")

from learners import BEGIN, check_slope, traces, wide  # noqa: E402
from recorded_tables import GAMMA, OF_A_TABLE, S, World, amounts  # noqa: E402

from telic.neural.driver import init_options, train  # noqa: E402
from telic.neural.transitions import Transitions  # noqa: E402
from telic.planning.rl.cql import Cql, values_of_many  # noqa: E402
from telic.planning.rl.offline import action_values  # noqa: E402
from telic.policies.heads import GaussianHead  # noqa: E402

WORLD = World()
TABLE = WORLD.transitions()
TABULAR = Cql(rows=TABLE.rows(is_scaled=False), head=TABLE.head, **OF_A_TABLE)


def small(data=None, **changes):
    data = data or amounts()
    given = {"hidden": (8,), "batch": 16, "n_inner": 2, "n_samples": 3}
    return Cql(rows=data.rows(), head=data.head, **{**given, **changes})


def table_of(state):
    return np.asarray(state.params[0][0].weight + state.params[0][0].bias)


@pytest.mark.parametrize("key", [0, 1, 2])
def test_without_a_penalty_it_is_policy_iteration(key) -> None:
    learner = replace(TABULAR, penalty=0.0)
    found = train(learner, key, 3)
    actions, Q = WORLD.best()
    np.testing.assert_allclose(table_of(found.answer()), Q, atol=0.06)
    np.testing.assert_array_equal(learner.policy(found.state).mode(np.eye(S)), actions)


@pytest.mark.parametrize("key", [0, 1, 2])
def test_the_penalty_lowers_values_by_as_much_as_computed(key) -> None:
    """The fixed point by loops, to .12 where it lies up to 4 below the best values; the record's mean bears no bias."""
    found = train(replace(TABULAR, penalty=0.5), key, 3)
    Q, exact = table_of(found.answer()), WORLD.pushed_down(0.5)
    np.testing.assert_allclose(Q, exact, atol=0.12)
    _, best = WORLD.best()
    assert (best.max(axis=1) - exact.max(axis=1)).min() > 3.0
    assert np.all(Q.max(axis=1) < best.max(axis=1) - 2.8)
    backup = WORLD.R + GAMMA * WORLD.P @ Q.max(axis=1)
    p = np.exp(Q - Q.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    short = (p * (backup - Q)).sum(axis=1)
    np.testing.assert_allclose(short, 0.5 * ((p**2 / WORLD.b).sum(axis=1) - 1), atol=0.12)
    np.testing.assert_allclose((WORLD.b * (backup - Q)).sum(axis=1), 0, atol=0.12)


def test_the_gap_of_amounts_is_an_integral() -> None:
    """``log of the integral of exp Q`` over [-1, 1], by 200,000 uniform amounts and by quadrature."""
    learner = small(amounts(K=1), penalty=1.0)
    critics = BEGIN(learner, jax.random.key(3)).params[1]
    critics = tuple(tuple(layer._replace(weight=3 * layer.weight) for layer in c) for c in critics)
    rng = np.random.default_rng(0)
    x, n = rng.normal(size=(1, 3)).astype(np.float32), 200_000
    tried = np.concatenate([[[0.3]], rng.uniform(-1, 1, (n, 1))])[None].astype(np.float32)
    loss = jax.jit(learner.amount_loss, compiler_options=init_options())
    _, told = loss(critics, x, tried, np.full((1, n), -np.log(2.0), np.float32), np.zeros(1, np.float32))
    grid = np.linspace(-1, 1, 4001, dtype=np.float32)[None, :, None]
    expected = 0.0
    for critic in critics:
        Q = np.asarray(values_of_many(critic, x, grid), np.float64)[0]
        expected += np.log(np.trapezoid(np.exp(Q), grid[0, :, 0])) - float(
            action_values(critic, x, tried[:, 0], learner.head)[0]
        )
    assert float(told["gap"]) == pytest.approx(expected, abs=0.01)


def test_values_of_many_are_values_and_draws_have_the_density_of_the_head() -> None:
    learner = small()
    critic = BEGIN(learner, jax.random.key(1)).params[1][0]
    rng = np.random.default_rng(1)
    x, a = rng.normal(size=(5, 3)).astype(np.float32), rng.uniform(-1, 1, (5, 4, 2)).astype(np.float32)
    many = values_of_many(critic, x, a)
    for j in range(4):
        np.testing.assert_allclose(many[:, j], action_values(critic, x, a[:, j], learner.head), atol=1e-5)
    outputs, noise = rng.normal(size=(9, 4)).astype(np.float32), rng.normal(size=(9, 2)).astype(np.float32)
    drawn, logp = learner._draw(outputs * 0.5, noise)
    head = GaussianHead(low=(-1.0, -1.0), high=(1.0, 1.0), is_squashed=True)
    np.testing.assert_allclose(logp, head.log_prob(outputs * 0.5, np.asarray(drawn)), rtol=2e-3, atol=2e-3)


def test_gradients_are_those_of_finite_differences_and_parts_add_up() -> None:
    with jax.enable_x64(True):
        learner = small(penalty=2.0)
        state = BEGIN(learner, jax.random.key(1))
        actor, critics, _ = wide(state.params)
        rows, rng = wide(learner.rows), np.random.default_rng(0)
        tried, density, aim = rng.uniform(-1, 1, (64, 10, 2)), rng.normal(size=(64, 9)), rng.normal(size=64)
        check_slope(lambda c: learner.amount_loss(c, rows.observation, tried, density, aim)[0], critics, rng)
        noise = rng.normal(size=(64, 2))
        check_slope(lambda a: learner.actor_loss((a, 0.3), critics, rows, noise)[1]["actor_loss"], actor, rng)
        of_choices = small(TABLE, penalty=2.0)
        critic = wide(BEGIN(of_choices, jax.random.key(2)).params[0])
        slow = wide(BEGIN(of_choices, jax.random.key(4)).params[0])
        check_slope(lambda c: of_choices.choice_loss(c, slow, wide(of_choices.rows))[0], critic, rng)
    learner = small(batch=64, penalty=2.0)
    state, key = BEGIN(learner, jax.random.key(1)), jax.random.key(5)

    @partial(jax.jit, compiler_options=init_options())
    def both(state, rows, key):
        (_, in_parts, _), _ = learner._gradient_of_amounts(state, rows, key)
        given = learner.tries(state.params[0], state.target, rows, jax.random.split(key)[0])
        whole, _ = jax.grad(learner.amount_loss, has_aux=True)(state.params[1], rows.observation, *given)
        return in_parts, whole

    in_parts, whole = both(state, learner.rows, key)
    for a, b in zip(jax.tree.leaves(in_parts), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.slow
def test_amounts_one_decision_and_the_sign_of_the_bias() -> None:
    """Reward -4 (a - .5)^2 after one decision, recorded evenly over [-1, 1]: the best amount is .5, worth 0.

    Few amounts a row push the actor's own ones down further than the integral would (4 a source: -1.00 for -.85).
    """
    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, (4000, 1))
    data = Transitions.from_arrays(
        np.zeros((4000, 1)), a, -4 * (a[:, 0] - 0.5) ** 2, np.zeros((4000, 1)), np.ones(4000, bool),
        GaussianHead(low=(-1.0,), high=(1.0,)),
    )  # fmt: skip
    learner = Cql(
        rows=data.rows(),
        head=data.head,
        hidden=(32, 32),
        batch=64,
        n_samples=20,
        n_inner=1000,
        learning_rate=3e-3,
        n_updates=3000.0,
    )
    # The bounds below were set on keys 0 and 1; this is another.
    free = train(replace(learner, penalty=0.0), 7, 3).answer()
    held = train(replace(learner, penalty=1.0), 7, 3).answer()
    assert learner.policy(free).mode(np.zeros(1))[0] == pytest.approx(0.5, abs=0.1)
    at = np.array([[0.5]], np.float32)
    worth = [float(action_values(s.params[1][0], np.zeros((1, 1)), at, data.head)[0]) for s in (free, held)]
    assert worth[0] == pytest.approx(0.0, abs=0.1)
    # Q = r - (p / b - 1) with p = exp Q / Z and b = 1/2, by damped iteration on a grid.
    grid = np.linspace(-1, 1, 2001)
    r = -4 * (grid - 0.5) ** 2
    Q = r.copy()
    for _ in range(500):
        Q += 0.2 * (r - (2 * np.exp(Q) / np.trapezoid(np.exp(Q), grid) - 1) - Q)
    assert Q.max() < -0.3
    assert worth[1] < worth[0] - 0.5
    # A finite number of amounts and of gradient steps leaves some of it: by .12 lower on key 1.
    assert worth[1] == pytest.approx(np.interp(0.5, grid, Q), abs=0.2)


@pytest.mark.parametrize("data", [TABLE, amounts()], ids=["choices", "amounts"])
def test_a_step_is_traced_once(monkeypatch, data) -> None:
    traced = traces(monkeypatch)
    learner = small(data)
    found = train(learner, 0, 3)
    assert len(traced) == 1
    policy = learner.policy(found.answer())
    assert policy.mode(np.asarray(data.observations[:4])).shape == data.actions[:4].shape
