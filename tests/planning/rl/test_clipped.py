"""Advantages and the objective of PPO against the same formulas written out, one decision at a time."""

from __future__ import annotations

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="NOT RUN: the extra `neural` is not installed")
import jax.numpy as jnp  # noqa: E402

from telic.neural.simulators import cartpole, pendulum  # noqa: E402
from telic.planning.rl import actor_critic, clipped  # noqa: E402
from telic.planning.rl.actor_critic import init_weights  # noqa: E402
from telic.planning.rl.advantages import advantages  # noqa: E402
from telic.planning.rl.clipped import Decisions, improve, init_optimiser  # noqa: E402
from telic.planning.rl.ppo import Ppo  # noqa: E402
from telic.policies import Dense  # noqa: E402
from telic.policies.layers import forward  # noqa: E402

T, E, D = 7, 5, 4


def decisions(rng, *, follows: bool, weight=None) -> Decisions:
    """Random decisions; ``follows``: what is observed after one is observed before the next, but where it was over."""
    observation = rng.normal(size=(T, E, D)).astype(np.float32)
    after = rng.normal(size=(T, E, D)).astype(np.float32)
    terminated = rng.random((T, E)) < 0.2
    truncated = np.zeros((T, E), dtype=bool)
    truncated[rng.integers(0, T, E), np.arange(E)] = rng.random(E) < 0.7
    truncated &= ~terminated
    if follows:
        same = ~(terminated | truncated)[:-1]
        after[:-1][same] = observation[1:][same]
    return Decisions(
        observation=observation, action=rng.integers(0, 2, (T, E)),
        log_prob=np.log(rng.uniform(0.3, 0.7, (T, E))).astype(np.float32),
        reward=rng.normal(size=(T, E)).astype(np.float32), after=after,
        terminated=terminated, truncated=truncated, weight=weight,
    )  # fmt: skip


def begun(key, n, hidden, head, log_sd):
    return jax.jit(lambda key: init_weights(key, n, hidden, head, log_sd))(key)


def plain(params, x):
    """The network in numpy, in double precision."""
    layers = [Dense(weight=np.asarray(w, float), bias=np.asarray(b, float)) for w, b in params]
    return forward(layers, np.asarray(x, float), "tanh")


def written_out(critic, made, discount, gae):
    """Equations 11 and 12 of Schulman et al. (2016), from the last decision to the first."""
    found = np.zeros((T, E))
    for e in range(E):
        later = 0.0
        for t in reversed(range(T)):
            v = plain(critic, made.observation[t, e])[0]
            beyond = 0.0 if made.terminated[t, e] else plain(critic, made.after[t, e])[0]
            over = made.terminated[t, e] or made.truncated[t, e]
            gamma = np.broadcast_to(discount, (T, E))[t, e]
            later = made.reward[t, e] + gamma * beyond - v + (0.0 if over else gamma * gae * later)
            found[t, e] = later
    return found


@pytest.mark.parametrize(("follows", "horizon"), [(False, None), (False, T - 1), (True, T), (True, 500)])
def test_advantages_are_those_written_out(follows, horizon) -> None:
    """A stream that is cut, one that ends, and both kinds of work: every ``after`` valued, or only those needed."""
    rng = np.random.default_rng(3)
    weights = begun(jax.random.key(0), D, (8,), cartpole().actions.head(), 0.0)
    told = jax.jit(lambda m: advantages(weights.critic, m, 0.9, 0.7, horizon=horizon))
    for _ in range(5):
        made = decisions(rng, follows=follows)
        as_arrays = jax.tree.map(jnp.asarray, made)
        found, target = told(as_arrays)
        expected = written_out(weights.critic, made, 0.9, 0.7)
        np.testing.assert_allclose(found, expected, atol=2e-5)
        np.testing.assert_allclose(
            target, expected + plain(weights.critic, made.observation)[..., 0], atol=2e-5
        )


def test_critics_may_be_told_more_and_decisions_may_last_differently_long() -> None:
    rng = np.random.default_rng(9)
    weights = begun(jax.random.key(2), D, (8,), cartpole().actions.head(), 0.0)
    critic = begun(jax.random.key(3), 6, (8,), cartpole().actions.head(), 0.0).critic
    weights = weights._replace(critic=critic)
    made = decisions(rng, follows=False)
    discount = rng.uniform(0.2, 0.95, (T, E)).astype(np.float32)
    told, after = (rng.normal(size=(T, E, 6)).astype(np.float32) for _ in range(2))
    seen = made._replace(observation=told, after=after)
    found, target = jax.jit(lambda m: advantages(critic, m, discount, 0.7))(jax.tree.map(jnp.asarray, seen))
    np.testing.assert_allclose(found, written_out(critic, seen, discount, 0.7), atol=2e-5)
    learner = Ppo(simulator=cartpole(), n_envs=E, n_steps=T, n_minibatches=1, n_epochs=1, hidden=(8,))

    @jax.jit
    def learn(m):
        return clipped.passes(
            learner, weights, init_optimiser(weights), m, found, target[None], 1e-2, jax.random.key(0)
        )

    as_arrays = jax.tree.map(jnp.asarray, made._replace(told=told))
    after_one, _, loss = learn(as_arrays)
    # What the critic says of what it is told, and the policy of what it sees, written out.
    logits = plain(weights.actor, made.observation)
    logp = np.take_along_axis(
        logits - np.log(np.exp(logits).sum(axis=2, keepdims=True)), made.action[..., None], axis=2
    )[..., 0]
    ratio = np.exp(logp - made.log_prob)
    scaled = (found - found.mean()) / np.asarray(found).std()
    gain = np.minimum(ratio * scaled, np.clip(ratio, 0.8, 1.2) * scaled).mean()
    miss = 0.5 * ((plain(critic, told)[..., 0] - np.asarray(target)) ** 2).mean()
    np.testing.assert_allclose(loss, -gain + 0.5 * miss, rtol=1e-4)
    other, _, _ = learn(as_arrays._replace(told=jnp.asarray(after)))
    assert not np.allclose(after_one.critic[0].weight, other.critic[0].weight, atol=1e-4)


def test_the_loss_is_the_objective_written_out() -> None:
    """One critic or two, all decisions or some, advantages scaled here or as they are, with a leash or without."""
    rng = np.random.default_rng(4)
    learner = Ppo(simulator=cartpole(), entropy=0.3, value=0.7, clip=0.1)
    N = 20
    x, actions = rng.normal(size=(N, D)), rng.integers(0, 2, N)
    old, advantage = np.log(rng.uniform(0.2, 0.8, N)), rng.normal(size=N)
    told, targets = rng.normal(size=(2, N)), rng.normal(size=(2, N))
    weights = begun(jax.random.key(1), D, (8,), learner.head, 0.0)
    counts = rng.random(N) < 0.6
    apart = rng.uniform(0.0, 2.0, N)
    for weight, M, is_scaled, tie in (
        ([], 1, False, 0.0), ([counts], 1, False, 0.4), ([], 2, True, 0.4), ([counts], 2, False, 0.0),
    ):  # fmt: skip
        share = counts / counts.sum() if weight else np.ones(N) / N
        rest = [old, advantage, *targets[:M], *weight]
        found = clipped._loss(
            learner,
            actor_critic.outputs_of(weights, learner.head, jnp.asarray(x.T, jnp.float32)),
            jnp.asarray(actions),
            jnp.asarray(np.stack(rest), jnp.float32),
            jnp.asarray(told[:M], jnp.float32),
            jnp.asarray(apart, jnp.float32) if tie else None,
            tie,
            is_scaled=is_scaled,
        )
        logits = plain(weights.actor, x)
        logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        centred = advantage - (share * advantage).sum()
        unit = 1.0 if is_scaled else np.sqrt((share * centred**2).sum())
        scaled = (advantage if is_scaled else centred) / unit
        ratio = np.exp(logp[np.arange(N), actions] - old)
        gain = (share * np.minimum(ratio * scaled, np.clip(ratio, 0.9, 1.1) * scaled)).sum()
        miss = 0.5 * (share * (told[:M] - targets[:M]) ** 2).sum()
        entropy = (share * -(np.exp(logp) * logp).sum(axis=1)).sum()
        np.testing.assert_allclose(
            found, -gain + 0.7 * miss - 0.3 * entropy + tie / unit * (share * apart).sum(), atol=2e-5
        )


def test_the_entropy_of_amounts_is_minus_the_mean_of_their_log_density() -> None:
    """200,000 draws of one bell of two dimensions, within 4 standard errors."""
    from telic.policies import GaussianHead

    head = GaussianHead(low=(-2.0, 0.0), high=(2.0, 1.0))
    outputs = jnp.asarray([[0.3, -0.1, -0.7, 0.4]], jnp.float32)
    noise = jax.random.normal(jax.random.key(0), (200_000, 2))
    u = outputs[:, :2] + jnp.exp(outputs[:, 2:]) * noise
    logp = np.asarray(
        head.log_prob(jnp.broadcast_to(outputs, (200_000, 4)), head.middle + head.half * u, jnp)
    )
    away = abs(float(actor_critic.entropy(head, outputs)[0]) + logp.mean())
    assert away < 4 * logp.std() / np.sqrt(200_000)


def test_a_decision_of_no_weight_teaches_nothing() -> None:
    """Whatever stands where nothing was decided, the weights after are the same."""
    rng = np.random.default_rng(6)
    learner = Ppo(simulator=cartpole(), n_envs=E, n_steps=T, n_minibatches=1, n_epochs=2, hidden=(8,))
    weight = np.ones((T, E), dtype=np.float32)
    weight[3, :2] = 0.0
    made = decisions(rng, follows=False, weight=weight)
    made.terminated[2:4, :2] = True
    other = made._replace(
        observation=np.where(weight[..., None] > 0, made.observation, 9.0).astype(np.float32),
        reward=np.where(weight > 0, made.reward, -50.0).astype(np.float32),
        action=np.where(weight > 0, made.action, 1 - made.action),
    )
    weights = begun(jax.random.key(1), D, (8,), learner.head, 0.0)
    learn = jax.jit(
        lambda m: improve(learner, weights, init_optimiser(weights), m, 1e-2, jax.random.key(0))[0]
    )
    found = [learn(jax.tree.map(jnp.asarray, m)) for m in (made, other)]
    for a, b in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert not np.allclose(found[0].actor[0].weight, weights.actor[0].weight)


def test_what_is_served_tells_the_densities_that_were_trained_on() -> None:
    learner = Ppo(simulator=pendulum(), n_envs=4, n_steps=8, hidden=(8,), scales_observations=True)
    state, _ = jax.jit(lambda key: learner.step(learner.init(key)))(jax.random.key(0))
    policy, rng = learner.policy(state), np.random.default_rng(0)
    x, actions = rng.normal(size=(6, 3)).astype(np.float32), rng.uniform(-2, 2, (6, 1)).astype(np.float32)
    seen = learner.seen(state, x)[None]
    expected = actor_critic.log_prob(state.weights, learner.head, seen, jnp.asarray(actions)[None])[0]
    np.testing.assert_allclose(policy.log_prob(x, actions), expected, atol=1e-5)
    assert policy.clip == 10.0
    assert not np.allclose(policy.shift, 0.0)
