"""Soft actor-critic where the answer is known: closed forms, a grid, finite differences, and targets by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402
from learners import BEGIN, check_slope, traces, wide  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.neural.critics import apply_critics, least  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.networks import apply  # noqa: E402
from telic.neural.simulators import cartpole, pendulum  # noqa: E402
from telic.neural.simulators.simulator import Amounts, Simulator, Step  # noqa: E402
from telic.planning.rl.sac import Sac, critic_loss  # noqa: E402

TINY = Sac(simulator=pendulum(), n_steps=20, batch=16, capacity=64, n_random=20, hidden=(8, 8))
MEAN, SD, WORTH = 0.4, 0.5, 0.5  # of u, of u, of a nat


def bell() -> Simulator:
    """One decision in [-1, 3]; its reward is .5 times the log-density of ``tanh(u)``, u normal(.4, .5^2).

    So the policy proportional to exp(reward / .5) is that bell itself, and the soft value is .5 log 1 = 0.
    """

    def step(state, action, key):
        scaled = jnp.clip((action[0] - 1.0) / 2.0, -0.99999, 0.99999)
        u = jnp.arctanh(scaled)
        reward = jax.scipy.stats.norm.logpdf(u, MEAN, SD) - jnp.log(1.0 - scaled**2)
        return Step(state=state, observation=jnp.zeros(1), reward=WORTH * reward, terminated=jnp.bool_(True))

    return Simulator(
        name="bell",
        n_observations=1,
        actions=Amounts(low=(-1.0,), high=(3.0,)),
        horizon=10,
        reset=lambda key: (jnp.zeros(()), jnp.zeros(1)),
        step=step,
    )


def soft_value(learner: Sac, state, observation: np.ndarray) -> np.ndarray:
    """``(n,)`` mean over 500 draws of the least critic less the worth of log-density."""
    x = jnp.repeat(jnp.asarray(observation, jnp.float32), 500, axis=0)
    noise = jax.random.normal(jax.random.key(9), (len(x), 1))
    action, logp = learner.draw(apply(state.learned.actor, x, "relu"), noise)
    value = least(apply_critics(state.learned.critics, jnp.concatenate([x, action], 1)))[:, 0]
    soft = value - jnp.exp(state.learned.log_temperature) * logp
    return np.asarray(soft).reshape(len(observation), 500).mean(axis=1)


@pytest.mark.slow
def test_one_decision_of_a_known_bell() -> None:
    """Mean and spread of the best policy, and its soft value, on 2 keys."""
    learner = Sac(
        simulator=bell(), n_steps=1_000, n_envs=4, batch=64, capacity=4_000, hidden=(32, 32), learning_rate=2e-3,
        temperature=WORTH, temperature_rate=0.0, share=0.05,
    )  # fmt: skip
    for key in range(2):
        state = train(learner, key, 4).answer()
        policy = learner.policy(state)
        mean, log_sd = policy.outputs(np.zeros((1, 1)))[0]
        assert float(mean) == pytest.approx(MEAN, abs=0.08)
        assert float(np.exp(log_sd)) == pytest.approx(SD, abs=0.08)
        assert policy.mode(np.zeros((1, 1)))[0, 0] == pytest.approx(1 + 2 * np.tanh(MEAN), abs=0.15)
        assert soft_value(learner, state, np.zeros((1, 1)))[0] == pytest.approx(0.0, abs=0.05)


def slide() -> Simulator:
    """``x' = .8 x + .4 a``, reward ``-(x^2 + .1 a^2)``, from x even in [-1, 1], cut off after 20."""

    def reset(key):
        x = jax.random.uniform(key, (1,), jnp.float32, -1.0, 1.0)
        return x, x

    def step(x, action, key):
        after = 0.8 * x + 0.4 * action
        reward = -(x[0] ** 2) - 0.1 * action[0] ** 2
        return Step(state=after, observation=after, reward=reward, terminated=jnp.bool_(False))

    return Simulator(
        name="slide",
        n_observations=1,
        actions=Amounts(low=(-1.0,), high=(1.0,)),
        horizon=20,
        reset=reset,
        step=step,
    )


X, A = np.linspace(-2, 2, 101), np.linspace(-1, 1, 403)[1:-1]
"""States and actions of a grid; the ends are left out, where bells are squashed to infinitely thin."""


def value_on_a_grid(worth: float, discount: float, bells: np.ndarray, *, is_best: bool) -> np.ndarray:
    """``(101,)`` soft value, ``V = max_k or own bell: int pi_k (Q - worth log pi_k) da``.

    Args:
        worth: of a nat.
        discount: gamma.
        bells: ``(k, 2)`` means and standard deviations of u; one a state where not ``is_best``.
        is_best: whether the best of all bells is taken in each state.
    """
    u = np.arctanh(A)
    logp = norm.logpdf(u, bells[:, :1], bells[:, 1:]) - np.log(1 - A**2)
    p = np.exp(logp) * (A[1] - A[0])
    fits = np.abs(p.sum(axis=1) - 1) < 0.02  # the grid is fine enough for them
    p /= p.sum(axis=1, keepdims=True)
    spread_out = -worth * (p * logp).sum(axis=1)
    after, V = 0.8 * X[:, None] + 0.4 * A, np.zeros(101)
    for _ in range(150):
        Q = -(X[:, None] ** 2) - 0.1 * A**2 + discount * np.interp(after, X, V)
        if is_best:
            V = (Q @ p[fits].T + spread_out[fits]).max(axis=1)
        else:
            assert fits[25:76].all()
            V = (p * Q).sum(axis=1) + spread_out
    return V


@pytest.mark.slow
def test_the_soft_value_of_a_quadratic_world_is_that_of_a_grid() -> None:
    """What is learned is worth what the best bells of a grid are, values beyond the cut among it.

    What the critics say is below it by what the least of two takes away.
    """
    worth, discount = 0.1, 0.9
    m, s = np.meshgrid(np.linspace(-2.5, 2.5, 101), np.exp(np.linspace(np.log(0.1), np.log(1.5), 41)))
    best = value_on_a_grid(worth, discount, np.stack([m.ravel(), s.ravel()], 1), is_best=True)
    learner = Sac(
        simulator=slide(), n_steps=2_000, n_envs=4, batch=128, capacity=20_000, hidden=(32, 32), learning_rate=1e-3,
        temperature=worth, temperature_rate=0.0, discount=discount, share=0.02,
    )  # fmt: skip
    at = np.abs(X) < 0.85
    spread = np.ptp(best[at])
    for key in range(2):
        state = train(learner, key, 3).answer()
        mean, log_sd = learner.policy(state).outputs(X[:, None]).T.astype(float)
        reached = value_on_a_grid(worth, discount, np.stack([mean, np.exp(log_sd)], 1), is_best=False)
        lost = (best - reached)[at] / spread
        assert -0.002 < lost.min() <= lost.max() < 0.02, lost
        said = (soft_value(learner, state, X[at, None]) - best[at]) / spread
        assert np.max(np.abs(said)) < 0.08, said


def test_targets_are_what_they_are_by_hand() -> None:
    learned = BEGIN(TINY, jax.random.key(0)).learned
    learned = learned._replace(
        targets=jax.tree.map(lambda x: x + 0.05, learned.targets), log_temperature=jnp.log(0.3)
    )
    rng = np.random.default_rng(0)
    after, noise = rng.normal(size=(4, 3)), rng.normal(size=(4, 1))
    batch = {
        "after": jnp.asarray(after, jnp.float32),
        "reward": jnp.arange(4.0),
        "terminated": jnp.array([0.0, 1, 0, 1]),
    }
    found = np.asarray(TINY.target(learned, batch, jnp.asarray(noise, jnp.float32)))

    def net(layers, h):
        for i, (w, b) in enumerate(layers):
            h = h @ np.asarray(w, float) + np.asarray(b, float)
            h = np.maximum(h, 0) if i < len(layers) - 1 else h
        return h

    out = net(learned.actor, after)
    u = out[:, :1] + np.exp(out[:, 1:]) * noise
    logp = norm.logpdf(u, out[:, :1], np.exp(out[:, 1:])) - np.log(1 - np.tanh(u) ** 2)
    pairs = np.concatenate([after, np.tanh(u)], axis=1)
    values = [net([(w[i], b[i]) for w, b in learned.targets], pairs)[:, 0] for i in range(2)]
    beyond = np.minimum(*values) - 0.3 * logp[:, 0]
    np.testing.assert_allclose(found, [0 + 0.99 * beyond[0], 1, 2 + 0.99 * beyond[2], 3], atol=1e-5)


def test_gradients_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(1)
    began = BEGIN(TINY, jax.random.key(1)).learned
    with jax.enable_x64(True):
        learned = wide(began, 0.1, rng)
        batch = {
            "observation": jnp.asarray(rng.normal(size=(6, 3))),
            "action": jnp.asarray(rng.normal(size=(6, 1))),
        }
        target, noise = jnp.asarray(rng.normal(size=6)), jnp.asarray(rng.normal(size=(6, 1)))
        check_slope(lambda p: critic_loss(p, batch, target), learned.critics, rng, 3)
        x = batch["observation"]
        check_slope(lambda p: TINY.actor_loss(p, learned.critics, 0.2, x, noise)[0], learned.actor, rng, 3)


def test_an_update_moves_targets_by_the_share_and_the_temperature_to_the_wanted_entropy() -> None:
    state = BEGIN(TINY, jax.random.key(2))
    batch = TINY.fields.unpack(state.replay.rows[:16])
    noise = jax.random.normal(jax.random.key(3), (2, 16, 1))
    update = jax.jit(lambda learner, learned: learner.update(learned, batch, noise))
    for entropy, way in ((-100.0, -1.0), (100.0, 1.0)):
        learner = replace(TINY, entropy=entropy, share=0.25)
        after, told = update(learner, state.learned)
        # Adam's first step is the rate in the direction down the slope.
        moved = float(after.log_temperature - state.learned.log_temperature)
        assert moved == pytest.approx(way * 3e-4, rel=1e-3)
        for old, now, online in zip(
            *map(jax.tree.leaves, (state.learned.targets, after.targets, after.critics)), strict=True
        ):
            np.testing.assert_allclose(now, 0.75 * old + 0.25 * online, atol=1e-6)
        assert float(told["temperature"]) == pytest.approx(1.0)
    kept, _ = update(replace(TINY, temperature_rate=0.0), state.learned)
    assert float(kept.log_temperature) == 0.0


def test_what_is_kept_is_what_happened_and_a_cut_is_no_end() -> None:
    simulator = replace(pendulum(), horizon=7)
    learner = replace(TINY, simulator=simulator, n_envs=2, n_random=10)
    state = BEGIN(learner, jax.random.key(4))
    kept = learner.fields.unpack(np.asarray(state.replay.rows))
    assert int(state.replay.n_held) == 20
    assert int(state.returns.n_episodes) == 2  # of two streams, at their 7th decision
    assert not kept["terminated"].any()
    x, y, spin = (kept["observation"][:20, i].astype(float) for i in range(3))
    torque = 2.0 * kept["action"][:20, 0].astype(float)
    cost = np.arctan2(y, x) ** 2 + 0.1 * spin**2 + 0.001 * torque**2
    np.testing.assert_allclose(kept["reward"][:20], -cost, atol=1e-4)
    faster = np.clip(spin + 0.05 * (15 * y + 3 * torque), -8, 8)
    np.testing.assert_allclose(kept["after"][:20, 2], faster, atol=1e-4)
    # Rows of a stream are 2 apart; after the 7th decision a new episode begins.
    went_on = np.all(kept["after"][:18] == kept["observation"][2:20], axis=1)
    assert sorted(np.flatnonzero(~went_on)) == [12, 13]


def test_a_step_is_traced_once_and_a_stopped_run_goes_on(monkeypatch) -> None:
    traced, kept = traces(monkeypatch), {}
    learner = replace(TINY, n_updates=2)
    whole = train(learner, 5, 3, checkpoint=lambda n, state: kept.update({n: state}), every=1)
    assert len(traced) == 1
    again = train(learner, 5, 3, resume=(1, kept[1]))
    for a, b in zip(jax.tree.leaves(again.state.learned), jax.tree.leaves(whole.state.learned), strict=True):
        np.testing.assert_array_equal(a, b)
    assert set(whole.history) == {"critic_loss", "entropy", "temperature", "mean_return", "n_episodes"}
    counts = [int(o.count) for o in whole.state.learned.optimisers]
    assert counts == [3 * 20 * 2] * 3


def test_choices_and_an_empty_buffer_are_refused() -> None:
    with pytest.raises(SettingsError, match="takes amounts, and CartPole-v1 has choices"):
        Sac(simulator=cartpole()).init(jax.random.key(0))
    with pytest.raises(SettingsError, match="`n_random` must be at least 1"):
        replace(TINY, n_random=0)
