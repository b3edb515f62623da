"""Going on from an offline policy: what is counted and refused, what is kept, and which policy is handed back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.neural import driver  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.networks import from_layers, init_network  # noqa: E402
from telic.neural.simulators import cartpole  # noqa: E402
from telic.neural.simulators.simulator import Amounts, Simulator, Step  # noqa: E402
from telic.neural.transitions import Transitions  # noqa: E402
from telic.planning.rl import fine_tune as module  # noqa: E402
from telic.planning.rl.acting import played_returns  # noqa: E402
from telic.planning.rl.fine_tune import Budget, fine_tune  # noqa: E402
from telic.planning.rl.fine_tune_learner import actor_like, scaled_world  # noqa: E402
from telic.policies import NetworkPolicy  # noqa: E402
from telic.policies.heads import CategoricalHead, GaussianHead  # noqa: E402
from telic.policies.layers import Dense  # noqa: E402

HORIZON, FLAG = 5, 77.0
HEAD = GaussianHead(low=(-2.0,), high=(4.0,), is_squashed=True)


def step(x, action, key):
    """The reward is for the action alone: -|a - 2|; a task ends at 33."""
    after = x + 1.0
    return Step(state=after, observation=after, reward=-jnp.abs(action[0] - 2.0), terminated=after[0] >= 33.0)


def reset(key):
    x = jnp.where(jax.random.bernoulli(key), jnp.full(1, 30.0), jnp.full(1, 10.0))
    return x, x


WORLD = Simulator(
    name="counter", n_observations=1, actions=Amounts(low=(-2.0,), high=(4.0,)), horizon=HORIZON, reset=reset, step=step
)  # fmt: skip


def constant(u: float) -> NetworkPolicy:
    """A policy that always does ``1 + 3 tanh(u)``, of 8 hidden units that say nothing."""
    zero = np.zeros
    layers = (
        Dense(weight=zero((1, 8), np.float32), bias=zero(8, np.float32)),
        Dense(weight=zero((8, 2), np.float32), bias=np.array([u, -2.0], np.float32)),
    )
    shift, scale = np.full(1, 20.0, np.float32), np.full(1, 10.0, np.float32)
    return NetworkPolicy(layers=layers, activation="relu", head=HEAD, shift=shift, scale=scale)


def recorded(n: int = 60) -> Transitions:
    rng = np.random.default_rng(0)
    x, a = rng.uniform(10, 30, (n, 1)), rng.uniform(-2, 4, (n, 1))
    return Transitions.from_arrays(x, a, np.full(n, FLAG), x + 1, np.zeros(n, bool), HEAD)


SETTINGS = {
    "hidden": (8,), "batch": 8, "capacity": 64, "n_envs": 2, "n_steps": 5, "n_random": 1, "n_warm": 3,
    "n_evaluations": 5, "learning_rate": 1e-2,
}  # fmt: skip
BAD, GOOD = constant(-1.0), constant(np.arctanh(1 / 3))  # GOOD does 2, the best


@pytest.fixture(scope="module")
def ran():
    kept = {}
    found = fine_tune(
        BAD,
        recorded(),
        WORLD,
        budget=95,
        key=3,
        checkpoint=lambda n, s: kept.update({n: s}),
        every=1,
        **SETTINGS,
    )
    return found, kept


def test_decisions_are_counted_and_never_more_than_the_budget(ran) -> None:
    """50 of 95 are held back for 10 episodes of 5, so 40 are learned from, 10 at a time; episodes may end early."""
    found, kept = ran
    assert [int(kept[n].n_spent) for n in (1, 2, 3, 4)] == [10, 20, 30, 40]
    assert found.trained.n_steps == 4
    assert int(kept[4].inner.replay.n_put) == 40
    key_look = jax.random.split(jax.random.fold_in(jax.random.key(3), 1), 3)[2]
    starts = [float(WORLD.reset(jax.random.split(k)[0])[0][0]) for k in jax.random.split(key_look, 5)]
    each = sum(3 if x == 30.0 else 5 for x in starts)  # from 30 the third decision ends it
    assert found.budget == Budget(n_steps=95, spent=40 + 2 * each)
    assert 0 < each < 25
    with pytest.raises(SettingsError, match=r"needs 60 decisions, and \d+ of 95 are left"):
        fine_tune(BAD, recorded(), WORLD, budget=found.budget, **SETTINGS)


def test_a_step_beyond_the_budget_does_nothing_whoever_calls_it(ran, monkeypatch) -> None:
    _, kept = ran
    learners = []
    real = module.train
    monkeypatch.setattr(
        module, "train", lambda learner, *a, **k: (learners.append(learner), real(learner, *a, **k))[1]
    )
    again = fine_tune(BAD, recorded(), WORLD, budget=95, key=3, resume=(2, kept[2]), **SETTINGS)
    for a, b in zip(jax.tree.leaves(again.trained.state), jax.tree.leaves(kept[4]), strict=True):
        np.testing.assert_array_equal(jax.random.key_data(a) if a.dtype == kept[4].inner.key.dtype else a,
                                      jax.random.key_data(b) if b.dtype == kept[4].inner.key.dtype else b)  # fmt: skip
    more = train(learners[0], 3, 5, resume=(4, kept[4]))
    after = more.state
    assert int(after.n_spent) == int(more.history["n_spent"][-1]) == 40
    for a, b in zip(
        jax.tree.leaves(after.inner.learned), jax.tree.leaves(kept[4].inner.learned), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert int(after.inner.replay.n_put) == 40
    # Half of every batch is of the record, whose rewards are marked.
    rows = learners[0].halves(kept[4].inner.replay, jax.random.key(0))
    reward = np.asarray(learners[0].agent.fields.unpack(rows)["reward"])
    assert (reward[4:] == FLAG).all()
    assert (reward[:4] <= 0).all()
    # Before the first decision the critics have moved, the actor has not.
    begun = jax.jit(driver._init, compiler_options=driver.init_options())(learners[0], jax.random.key(3))
    for a, b in zip(
        jax.tree.leaves(begun.inner.learned.actor), jax.tree.leaves(from_layers(BAD.layers)), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    moved = np.abs(begun.inner.learned.critics[0].weight - learners[0].start.critics[0].weight)
    assert moved.max() > 1e-3
    assert float(begun.inner.learned.log_temperature) == pytest.approx(np.log(0.1))


@pytest.mark.parametrize(
    ("before", "after", "is_new"), [(BAD, GOOD, True), (GOOD, BAD, False), (BAD, BAD, False)]
)
def test_the_new_policy_is_handed_back_only_where_it_is_better(
    ran, before, after, is_new, monkeypatch
) -> None:
    monkeypatch.setattr(module.FineTune, "policy", lambda self, state: after)
    found = fine_tune(before, recorded(), WORLD, budget=95, key=3, **SETTINGS)
    assert found.is_new is is_new
    assert np.array_equal(found.policy.layers[1].bias, (after if is_new else before).layers[1].bias)
    worth = {id(BAD): abs(1 + 3 * np.tanh(-1.0) - 2.0), id(GOOD): 0.0}
    assert found.comparison.n == 5
    n = (found.budget.spent - 40) / 10  # decisions an episode
    assert found.comparison.old == pytest.approx(-worth[id(before)] * n, abs=1e-4)
    assert found.comparison.new == pytest.approx(-worth[id(after)] * n, abs=1e-4)
    said = "the new policy is handed back" if is_new else "the policy that came in is handed back"
    assert said in found.findings[-1].message


def test_actors_begin_as_the_policy_acts() -> None:
    copied, distance = actor_like(BAD, recorded(), (8,), jax.random.key(0))
    assert distance == 0.0
    np.testing.assert_array_equal(copied[1].bias, BAD.layers[1].bias)
    plain = GaussianHead(low=(-2.0,), high=(4.0,))
    slope = Dense(weight=np.array([[0.3, 0.0]], np.float32), bias=np.array([0.1, -2.0], np.float32))
    other = replace(BAD, layers=(slope,), head=plain)
    actor, distance = actor_like(other, recorded(), (16,), jax.random.key(0), n_updates=1_000)
    assert distance < 0.05  # of half a range
    seen = np.array([[12.0], [28.0]])
    x = (seen - 20.0) / 10.0
    hidden = np.maximum(x @ np.asarray(actor[0].weight) + np.asarray(actor[0].bias), 0)
    acts = 1 + 3 * np.tanh(hidden @ np.asarray(actor[1].weight) + np.asarray(actor[1].bias))[:, :1]
    np.testing.assert_allclose(acts, other.mode(seen), atol=0.3)


def test_worlds_are_scaled_and_played_by_hand() -> None:
    scaled = scaled_world(WORLD, (20.0,), (10.0,))
    state, seen = scaled.reset(jax.random.key(0))
    assert float(seen[0]) == pytest.approx((float(state[0]) - 20.0) / 10.0)
    assert float(scaled.step(state, jnp.zeros(1), jax.random.key(0)).observation[0]) == pytest.approx(
        float(seen[0]) + 0.1
    )
    returns, n_made = played_returns(WORLD, BAD, jax.random.key(1), 40)
    one = abs(1 + 3 * np.tanh(-1.0) - 2.0)
    assert set(np.round(returns / -one).astype(int)) == {3, 5}
    assert n_made == round(-returns.sum() / one)


def test_critics_learned_offline_are_taken_over_and_others_refused(ran) -> None:
    keys = jax.random.split(jax.random.key(0), 2)
    pair = tuple(init_network(k, (2, 8, 1)) for k in keys)
    start = module._start(ran_agent(), from_layers(BAD.layers), pair, keys[0])
    np.testing.assert_array_equal(start.critics[0].weight[1], pair[1][0].weight)
    wrong = tuple(init_network(k, (3, 8, 1)) for k in keys)
    with pytest.raises(SettingsError, match="Critics must take 2 numbers and give 1, got 3 and 1"):
        module._start(ran_agent(), from_layers(BAD.layers), wrong, keys[0])


def ran_agent():
    return module.Sac(simulator=WORLD, hidden=(8,))


def test_what_does_not_fit_is_refused() -> None:
    data = recorded()
    with pytest.raises(SettingsError, match="needs 60 decisions, and 59 of 59 are left"):
        fine_tune(BAD, data, WORLD, budget=59, **SETTINGS)
    with pytest.raises(SettingsError, match="needs `n_evaluations` of at least 7, got 5"):
        fine_tune(BAD, data, WORLD, budget=95, confidence=0.99, **SETTINGS)
    with pytest.raises(SettingsError, match="does not say how long an episode may be"):
        fine_tune(BAD, data, replace(WORLD, horizon=0), budget=95, **SETTINGS)
    with pytest.raises(SettingsError, match="Actions must be the same"):
        fine_tune(BAD, data, replace(WORLD, actions=Amounts(low=(-2.0,), high=(5.0,))), budget=95, **SETTINGS)
    with pytest.raises(SettingsError, match="Actions must be the same"):
        fine_tune(BAD, data, cartpole(), budget=9_000, **SETTINGS)
    with pytest.raises(SettingsError, match=r"of as many observations, got \(1, 1, 2\)"):
        fine_tune(BAD, data, replace(WORLD, n_observations=2), budget=95, **SETTINGS)
    with pytest.raises(SettingsError, match="for actions that are amounts, got CategoricalHead"):
        actor_like(replace(BAD, head=CategoricalHead(n_actions=2)), data, (8,), jax.random.key(0))
    with pytest.raises(SettingsError, match="got 5 of 4"):
        Budget(n_steps=4, spent=5)
