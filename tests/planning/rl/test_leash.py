"""Held to a policy: the exact optimum of return less divergence, budgets that are kept, and what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.errors import SettingsError  # noqa: E402
from telic.mdp.library import random_mdp  # noqa: E402
from telic.neural.driver import train  # noqa: E402
from telic.neural.simulators import cartpole, pendulum, tabular  # noqa: E402
from telic.planning.rl.leash import Leash, divergence  # noqa: E402
from telic.planning.rl.ppo import Ppo  # noqa: E402
from telic.policies import CategoricalHead, Dense, GaussianHead, MultiCategoricalHead, NetworkPolicy  # noqa: E402

S, A, GAMMA = 6, 3, 0.9
RNG = np.random.default_rng(0)
LOG_ODDS = RNG.normal(size=(S, A))
PRIOR = np.exp(LOG_ODDS) / np.exp(LOG_ODDS).sum(axis=1, keepdims=True)


def network(head, weight, **changes):
    """A policy of one layer."""
    n = len(weight)
    scaling = {"shift": np.zeros(n, np.float32), "scale": np.ones(n, np.float32), "activation": "tanh"}
    layer = Dense(weight=weight.astype(np.float32), bias=np.zeros(weight.shape[1], np.float32))
    return NetworkPolicy(layers=(layer,), head=head, **(scaling | changes))


TABLE = network(CategoricalHead(n_actions=A), LOG_ODDS)


@pytest.fixture(scope="module")
def world():
    """Transitions, rewards, beginnings, and the simulator."""
    problem = random_mdp(S, A, key=4, n_successors=3, discount=GAMMA)
    mdp = replace(problem.mdp, initial=np.full(S, 1 / S))
    R = np.asarray(problem.reward, dtype=float)
    P = np.asarray(mdp.transition.todense()).reshape(S, A, S)
    return P, R, mdp.initial, tabular(mdp, R, horizon=60)


def soft_optimum(P, R, beta):
    """Value iteration for the return less ``beta`` a nat from ``PRIOR``, to rounding."""
    V = np.zeros(S)
    for _ in range(1_000):
        Q = R + GAMMA * P @ V
        V = beta * np.log((PRIOR * np.exp((Q - Q.max()) / beta)).sum(axis=1)) + Q.max()
    return PRIOR * np.exp((Q - V[:, None]) / beta)


def value(P, R, pi, beta):
    """``(S,)`` of a policy, by its linear equations."""
    nats = (pi * np.log(pi / PRIOR)).sum(axis=1)
    gained = (pi * R).sum(axis=1) - beta * nats
    return np.linalg.solve(np.eye(S) - GAMMA * np.einsum("sa,sat->st", pi, P), gained)


def table_of(policy):
    return np.exp(policy.head.log_probs(policy.outputs(np.eye(S))).astype(float))


@pytest.mark.slow
def test_the_best_policy_of_return_less_divergence_is_found(world) -> None:
    """Two betas, three keys: within 1 % of the way from the policy it began with to the exact optimum."""
    P, R, rho, simulator = world
    for beta in (2.0, 0.5):
        learner = Ppo(
            simulator=simulator, n_envs=16, n_updates=150.0, learning_rate=0.02, discount=GAMMA, gae=0.9,
            hidden=(32,), leash=Leash.of(TABLE, beta=beta),
        )  # fmt: skip
        best = rho @ value(P, R, soft_optimum(P, R, beta), beta)
        start = rho @ value(P, R, PRIOR, beta)
        for key in range(3):
            pi = table_of(learner.policy(train(learner, key, 150).answer()))
            reached = rho @ value(P, R, pi, beta)
            assert reached <= best + 1e-6
            assert (reached - start) / (best - start) > 0.99


def test_a_budget_is_kept_and_none_at_all_keeps_the_policy_as_it_is(world) -> None:
    """Nats stay within the budget and what shifts with where the policy goes; with 0, not one bit changes."""
    P, R, rho, simulator = world
    learner = Ppo(
        simulator=simulator, n_envs=16, n_updates=100.0, learning_rate=0.01, discount=GAMMA, gae=0.9, hidden=(8,),
        leash=Leash.of(TABLE, budget=0.05),
    )  # fmt: skip
    found = train(learner, 0, 100)
    nats = found.history["divergence"]
    assert np.all(nats[:20] <= 0.06)
    assert 0.03 < nats[-30:].mean() < 0.06
    assert found.history["beta"].max() > 1.0
    pi = table_of(learner.policy(found.answer()))
    assert rho @ value(P, R, pi, 0.0) > rho @ value(P, R, PRIOR, 0.0) + 1.0
    still = replace(learner, leash=replace(learner.leash, budget=0.0))
    found = train(still, 1, 10)
    np.testing.assert_array_equal(found.history["divergence"], 0.0)
    policy = still.policy(found.answer())
    np.testing.assert_array_equal(policy.layers[0].weight, TABLE.layers[0].weight)
    assert policy.digest == TABLE.digest


def test_amounts_begin_as_they_were_cloned_and_leave_with_their_scaling() -> None:
    head = GaussianHead(low=(-2.0,), high=(2.0,))
    cloned = network(
        head, RNG.normal(size=(3, 2)), shift=np.array([0.1, 0.0, 1.0], np.float32),
        scale=np.array([1.0, 2.0, 4.0], np.float32), clip=3.0,
    )  # fmt: skip
    learner = Ppo(simulator=pendulum(), n_envs=4, n_steps=8, hidden=(8,), leash=Leash.of(cloned, beta=0.5))
    begun = jax.jit(learner.init)(jax.random.key(0))
    assert learner.policy(begun).digest == cloned.digest
    only_values = train(learner, 0, 5).answer()
    assert learner.policy(only_values).digest == cloned.digest
    assert not np.allclose(only_values.critic[0].weight, begun.critic[0].weight, atol=1e-3)
    after = learner.policy(train(learner, 0, 7, resume=(5, only_values)).answer())
    np.testing.assert_array_equal(after.scale, cloned.scale)
    assert after.clip == 3.0
    # Spreads are the network's own, as they were in the clone, and learned.
    assert not np.allclose(after.layers[0].weight[:, 1], cloned.layers[0].weight[:, 1], atol=1e-6)


def test_divergences_are_those_of_sums_and_integrals() -> None:
    rng = np.random.default_rng(2)
    p, q = rng.normal(size=(2, 4, 5)).astype(np.float32)
    pi, pi_0 = (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (p.astype(float), q.astype(float)))
    head = CategoricalHead(n_actions=5)
    np.testing.assert_allclose(divergence(head, p, q), (pi * np.log(pi / pi_0)).sum(axis=1), rtol=1e-4)
    several = MultiCategoricalHead(counts=(2, 3))
    parts = [
        divergence(CategoricalHead(n_actions=n), p[:, part], q[:, part])
        for n, part in ((2, slice(0, 2)), (3, slice(2, 5)))
    ]
    np.testing.assert_allclose(divergence(several, p, q), parts[0] + parts[1], rtol=1e-5)
    amounts = GaussianHead(low=(-2.0,), high=(6.0,))
    p, q = p[:, :2], q[:, :2]
    x = np.linspace(-80.0, 80.0, 200_001)[:, None]
    for i in range(4):
        logp = np.asarray(amounts.log_prob(np.broadcast_to(p[i], (len(x), 2)).astype(float), x))
        logq = np.asarray(amounts.log_prob(np.broadcast_to(q[i], (len(x), 2)).astype(float), x))
        integral = np.trapezoid(np.exp(logp) * (logp - logq), x[:, 0])
        np.testing.assert_allclose(
            divergence(amounts, jnp.asarray(p[i]), jnp.asarray(q[i])), integral, rtol=1e-4
        )


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SettingsError, match="got a policy with relu"):
        Leash.of(network(CategoricalHead(n_actions=2), np.zeros((4, 2)), activation="relu"))
    with pytest.raises(SettingsError, match="got 1 bells, squashed"):
        Leash.of(network(GaussianHead(low=(-1.0,), high=(1.0,), is_squashed=True), np.zeros((3, 2))))
    with pytest.raises(SettingsError, match=r"at least 0, got 0.1 and -1.0"):
        Leash.of(TABLE, budget=-1.0)
    with pytest.raises(SettingsError, match=r"has actions CategoricalHead\(n_actions=3\), the world"):
        Ppo(simulator=cartpole(), leash=Leash.of(TABLE))
    fitting = Leash.of(network(CategoricalHead(n_actions=2), np.zeros((4, 2))))
    for setting in ({"memory": 4}, {"scales_observations": True}):
        with pytest.raises(SettingsError, match="no memory of its own and keeps the scaling"):
            Ppo(simulator=cartpole(), leash=fitting, **setting)
    with pytest.raises(SettingsError, match="observes 4 numbers, the world 3"):
        Ppo(simulator=replace(cartpole(), n_observations=3), leash=fitting)
