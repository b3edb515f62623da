"""Lagrangian SAC: targets and charges by hand, soft actor-critic where nothing is charged, and as the loop runs it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.neural.critics import apply_critics  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.networks import apply  # noqa: E402
from telic.neural.simulators import pendulum, with_costs  # noqa: E402
from telic.planning.rl.lagrangian_sac import LagrangianSac  # noqa: E402
from telic.planning.rl.multipliers import DualAscent  # noqa: E402
from telic.planning.rl.sac import Sac  # noqa: E402
from telic.reports import Outcome  # noqa: E402

IMPOSSIBLE = 50.0
"""An angular speed that no decision leads to; the second cost is not finite there."""


def energy(state, action, made):
    return action[0] ** 2


def speed(state, action, made):
    return jnp.where(jnp.abs(state[1]) > IMPOSSIBLE - 1, jnp.nan, jnp.abs(made.observation[2]))


WORLD = with_costs(replace(pendulum(), horizon=10), {"energy": energy, "speed": speed})
TINY = LagrangianSac(
    sac=Sac(simulator=WORLD, n_envs=2, n_steps=20, batch=16, capacity=128, n_random=10, hidden=(8,)),
    budgets=(5.0, 8.0),
    budget_discount=0.9,
)
B = 6


def batch_of(rng):
    return {
        "observation": rng.normal(size=(B, 3)).astype(np.float32),
        "action": rng.uniform(-1, 1, (B, 1)).astype(np.float32),
        "reward": rng.normal(size=B).astype(np.float32),
        "after": rng.normal(size=(B, 3)).astype(np.float32),
        "terminated": np.array([0, 1, 0, 0, 1, 0], np.float32),
        "costs": rng.uniform(size=(B, 2)).astype(np.float32),
    }


@pytest.fixture(scope="module")
def two_steps():
    return train(TINY, 0, 2)


def test_critics_of_costs_are_told_the_cost_and_what_follows(two_steps) -> None:
    """``c + gamma (1 - terminated) Q'(o', a')`` with the drawn a', for each cost by its own critic."""
    rng, state = np.random.default_rng(0), two_steps.state
    batch, noise = batch_of(rng), rng.normal(size=(B, 1)).astype(np.float32)
    found = TINY.target(state.sac.learned, state.costs, batch, noise)
    action, _ = TINY.sac.draw(apply(state.sac.learned.actor, batch["after"], "relu"), noise)
    inputs = np.concatenate([batch["after"], np.asarray(action)], axis=1)
    for k in range(2):
        one = jax.tree.map(lambda x, k=k: x[k], state.costs.targets)
        beyond = np.asarray(apply(one, inputs, "relu"))[:, 0]
        np.testing.assert_allclose(
            found[k], batch["costs"][:, k] + 0.99 * (1 - batch["terminated"]) * beyond, rtol=1e-5
        )


def test_what_is_charged_is_taken_from_what_the_actor_climbs(two_steps) -> None:
    rng, state, sac = np.random.default_rng(1), two_steps.state, TINY.sac
    batch, noise, prices = batch_of(rng), rng.normal(size=(2, B, 1)).astype(np.float32), np.array([0.3, 2.0])
    learned, critics = state.sac.learned, state.costs.critics
    args = (learned.actor, learned.critics, 0.2, batch["observation"], noise[1])
    free, _ = sac.actor_loss(*args)
    charged, _ = sac.actor_loss(*args, lambda x: prices @ apply_critics(critics, x)[..., 0])
    action, _ = sac.draw(apply(learned.actor, batch["observation"], "relu"), noise[1])
    inputs = np.concatenate([batch["observation"], np.asarray(action)], axis=1)
    said = np.asarray(apply_critics(critics, jnp.asarray(inputs)))[..., 0]
    assert float(charged - free) == pytest.approx(float(np.mean(prices @ said)), rel=1e-4)
    update = jax.jit(TINY.update)
    (plain, _), _ = update(learned, state.costs, batch, noise, np.zeros(2, np.float32))
    expected, _ = jax.jit(sac.update)(learned, batch, noise)
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_stopped_run_goes_on_and_tells_costs_and_prices(two_steps) -> None:
    first = train(TINY, 0, 1)
    again = train(TINY, 0, 2, resume=(1, first.state))
    for a, b in zip(jax.tree.leaves(again.state), jax.tree.leaves(two_steps.state), strict=True):
        if not jax.dtypes.issubdtype(a.dtype, jax.dtypes.prng_key):
            np.testing.assert_array_equal(a, b)
    told = two_steps.history
    # 2 streams of 20 decisions a step, cut off after 10: 4 episodes a step.
    assert told["n_episodes"][-1] - told["n_episodes"][0] == 4
    assert np.isfinite(told["mean_cost/energy"]).all()
    assert {"multiplier/energy", "multiplier/speed", "cost_rate/speed"} <= set(told)


def test_what_episodes_cost_drives_the_prices(two_steps) -> None:
    """Budgets of almost nothing raise prices from the first episodes on; budgets beyond all costs leave them at 0."""
    tight = train(replace(TINY, budgets=(0.01, 0.01), ascent=DualAscent(rate=0.2)), 0, 2)
    loose = train(replace(TINY, budgets=(1e3, 1e3)), 0, 2)
    assert (np.asarray(tight.state.multipliers.log_price) > 0.2).all()
    assert (np.asarray(loose.state.multipliers.log_price) == 0.0).all()


def test_a_cost_that_is_not_finite_stops_the_run_by_step_and_name(two_steps) -> None:
    state = two_steps.state
    running = state.sac.running
    fast = running._replace(state=running.state.at[0, 1].set(IMPOSSIBLE))
    found = train(TINY, 0, 4, resume=(2, state._replace(sac=state.sac._replace(running=fast))))
    assert found.outcome is Outcome.NON_FINITE and found.n_steps == 2
    assert "In step 3" in found.findings[0].message and "cost_rate/speed" in found.findings[0].message
    assert "cost_rate/energy" not in found.findings[0].message


def test_budgets_must_fit_the_costs_of_the_world() -> None:
    with pytest.raises(SettingsError, match=r"one a cost \(energy, speed\), got 1"):
        replace(TINY, budgets=(1.0,))
    with pytest.raises(SettingsError, match=r"budget of energy must be finite and not negative, got -1\.0"):
        replace(TINY, budgets=(-1.0, 1.0))
