"""Lagrangian PPO held against the linear program, and as the loop runs it: resumed, swept, stopped, told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import NumericalError, SettingsError  # noqa: E402
from telic.mdp import TabularMDP  # noqa: E402
from telic.neural import driver  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.simulators import cartpole, table_cost, tabular, with_costs  # noqa: E402
from telic.planning.constrained import solve_constrained  # noqa: E402
from telic.planning.rl.clipped import Decisions  # noqa: E402
from telic.planning.rl.lagrangian_ppo import LagrangianPpo  # noqa: E402
from telic.planning.rl.multipliers import DualAscent  # noqa: E402
from telic.planning.rl.ppo import Ppo  # noqa: E402
from telic.policies import Dense  # noqa: E402
from telic.policies.layers import forward  # noqa: E402
from telic.reports import Outcome  # noqa: E402
from telic.workflows.checkpoints import Checkpoints  # noqa: E402

BROKEN = 2
"""A state that no decision leads to, in which the first cost is not finite."""


def small_world():
    """Work or rest in two states; the broken one leads back. Every decision costs at least .2 of wear."""
    P = np.zeros((3, 2, 3))
    P[:, 0, 0] = P[:, 1, 1] = 1.0
    mdp = TabularMDP.from_transition(P, discount=0.9, initial=np.array([1.0, 0.0, 0.0]))
    reward = np.array([[1.0, 0.2]] * 3)
    wear, noise = np.array([[1.0, 0.2]] * 3), np.array([[0.5, 0.0]] * 3)
    wear[BROKEN] = np.nan
    return mdp, reward, wear, noise


MDP, REWARD, WEAR, NOISE = small_world()
WORLD = with_costs(tabular(MDP, REWARD, horizon=8), {"wear": table_cost(WEAR), "noise": table_cost(NOISE)})
SMALL = LagrangianPpo(
    ppo=Ppo(simulator=WORLD, n_envs=8, n_steps=8, n_minibatches=1, n_epochs=2, hidden=(8,), n_updates=200.0),
    budgets=(4.0, 3.0),
)


TRACED = []
"""One entry each time that the step of a learner is traced in this module."""

REAL_STEP = driver._step


def counted(learner, state):
    TRACED.append(learner)
    return REAL_STEP(learner, state)


@pytest.fixture(autouse=True)
def _one_compiled_step(monkeypatch):
    monkeypatch.setattr(driver, "_step", counted)


def same(a, b) -> None:
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_run_that_was_stopped_goes_on_from_its_checkpoint_as_if_it_had_not_been(tmp_path) -> None:
    whole = train(SMALL, 3, 6)
    train(SMALL, 3, 4, checkpoint=Checkpoints(tmp_path, SMALL, key=3))
    again = train(SMALL, 3, 6, resume=Checkpoints(tmp_path, SMALL, key=3).latest())
    same(again.state.ppo.actor, whole.state.ppo.actor)
    same(again.state.multipliers, whole.state.multipliers)
    assert {"mean_cost/wear", "multiplier/noise", "cost_rate/wear"} <= set(whole.history)
    assert len(whole.history["multiplier/wear"]) == 6
    with pytest.raises(SettingsError, match="budgets was"):
        Checkpoints(tmp_path, replace(SMALL, budgets=(4.0, 2.0)), key=3).latest()


def test_a_cost_that_is_not_finite_stops_the_run_by_step_and_name() -> None:
    state = train(SMALL, 0, 2).answer()
    running = state.ppo.running
    lost = running._replace(state=running.state.at[0].set(BROKEN))
    broken = state._replace(ppo=state.ppo._replace(running=lost))
    found = train(SMALL, 0, 5, resume=(2, broken))
    assert found.outcome is Outcome.NON_FINITE and found.n_steps == 2
    assert "In step 3" in found.findings[0].message and "cost_rate/wear" in found.findings[0].message
    assert "cost_rate/noise" not in found.findings[0].message
    same(found.state.ppo.actor, state.ppo.actor)


def test_keys_and_budgets_are_swept_at_once_and_give_what_each_gives_alone() -> None:
    tight, loose = (replace(SMALL, budgets=(b, 3.0)) for b in (1.7, 6.0))
    begun = [train(x, key, 1).state for key, x in enumerate((tight, loose))]
    alone = [
        train(x, key, 3, resume=(1, s)) for (key, x), s in zip(enumerate((tight, loose)), begun, strict=True)
    ]

    def run(budget, state):
        learner = replace(SMALL, budgets=(budget, 3.0))
        return jax.lax.scan(lambda s, _: learner.step(s), state, None, length=2)[0]

    stacked = jax.tree.map(lambda *x: jnp.stack(x), *begun)
    both = jax.jit(jax.vmap(run), compiler_options=driver.step_options())(jnp.array([1.7, 6.0]), stacked)
    for i in range(2):
        for a, b in zip(
            jax.tree.leaves(both.ppo.actor), jax.tree.leaves(alone[i].state.ppo.actor), strict=True
        ):
            np.testing.assert_allclose(a[i], b, atol=2e-5)
    # An episode wears 1.6 at least, and before anything is learned about 4.8: only the tight budget is charged for.
    assert both.multipliers.charged[0, 0] > 0.1 and both.multipliers.charged[1, 0] == 0.0


def test_budgets_that_the_program_proves_out_of_reach_are_said_to_be() -> None:
    """Wear is at least .2 a decision: no policy keeps .5 of 2 (discounted), and the program proves it."""
    wear = np.where(np.isnan(WEAR), 1.0, WEAR)
    proof = solve_constrained(MDP, REWARD, np.stack([wear, NOISE]), [0.5, 3.0], names=["wear", "noise"])
    assert proof.outcome is Outcome.INFEASIBLE
    learner = replace(SMALL, budgets=(0.5, 3.0), budget_discount=0.9, ascent=DualAscent(most=30.0))
    found = train(learner, 0, 60)
    assert found.outcome is Outcome.INFEASIBLE
    assert [f.evidence["cost"] for f in found.findings] == ["wear"]
    assert "wear stays above its budget of 0.5" in found.findings[0].message
    assert found.history["mean_cost/wear"][-1] >= 0.2 * (1 - 0.9**8) / 0.1 - 1e-5
    with pytest.raises(NumericalError, match="infeasible"):
        found.answer()


def test_a_step_is_traced_once_whatever_numbers_change() -> None:
    train(SMALL, 0, 1)
    before = len(TRACED)
    train(replace(SMALL, budgets=(1.0, 1.0), budget_discount=0.5, ascent=DualAscent(rate=1.0)), 0, 2)
    assert len(TRACED) == before


def test_advantages_of_reward_less_charges_are_those_written_out() -> None:
    """Each critic's own by the recursion, then ``sum share_m A_m / sqrt(sum share_m^2 var A_m)``."""
    rng = np.random.default_rng(1)
    T, E, D = 5, 3, 3
    learner = replace(SMALL, ppo=replace(SMALL.ppo, discount=0.8, gae=0.6))
    critics = jax.jit(learner.init)(jax.random.key(1)).ppo.critic
    made = Decisions(
        observation=rng.normal(size=(T, E, D)).astype(np.float32), action=None, log_prob=None, reward=None,
        after=rng.normal(size=(T, E, D)).astype(np.float32), terminated=rng.random((T, E)) < 0.3,
        truncated=np.zeros((T, E), bool),
    )  # fmt: skip
    streams, charged = rng.normal(size=(3, T, E)).astype(np.float32), np.array([0.5, 2.0], np.float32)
    wide = replace(
        learner, ppo=replace(learner.ppo, simulator=replace(WORLD, horizon=2))
    )  # values every ``after``
    found, targets = jax.jit(wide.advantages)(critics, jax.tree.map(jnp.asarray, made), streams, charged)
    each = np.zeros((3, T, E))
    for m in range(3):
        layers = [
            Dense(weight=np.asarray(c.weight[m], float), bias=np.asarray(c.bias[m], float)) for c in critics
        ]
        here, beyond = (
            forward(layers, x.astype(float), "tanh")[..., 0] for x in (made.observation, made.after)
        )
        later = np.zeros(E)
        for t in reversed(range(T)):
            goes_on = ~made.terminated[t]
            later = streams[m, t] + 0.8 * beyond[t] * goes_on - here[t] + 0.48 * goes_on * later
            each[m, t] = later
        np.testing.assert_allclose(targets[m], each[m] + here, atol=2e-5)
    share = np.array([1.0, -0.5, -2.0])
    size = np.sqrt(np.sum(share**2 * each.var(axis=(1, 2))))
    each -= each.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found, np.tensordot(share, each, 1) / size, atol=2e-5)


def test_budgets_must_fit_the_costs_of_the_world() -> None:
    with pytest.raises(SettingsError, match=r"one a cost \(wear, noise\), got 1"):
        replace(SMALL, budgets=(1.0,))
    with pytest.raises(SettingsError, match=r"one a cost \(there is none\)"):
        replace(SMALL, ppo=replace(SMALL.ppo, simulator=cartpole()))
    with pytest.raises(SettingsError, match=r"budget of noise must be finite and not negative, got -1\.0"):
        replace(SMALL, budgets=(1.0, -1.0))
    with pytest.raises(SettingsError, match="within budgets takes no `memory`, got 4"):
        replace(SMALL, ppo=replace(SMALL.ppo, memory=4))
