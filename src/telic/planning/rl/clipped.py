"""What proximal policy optimisation learns from decisions once they are made: advantages, and passes over them.

    J = E[min(rho A, clip(rho, 1 - eps, 1 + eps) A)] - c_v E[(V - G)^2] / 2 + c_e E[H],   rho = pi / pi_old,

with advantages A by generalised advantage estimation: ``delta_t = r_t + gamma V(after_t) (1 - terminated_t) - V(o_t)``,
``A_t = delta_t + gamma lambda (1 - over_t) A_{t+1}``. An episode that is cut off is valued beyond the cut by ``V`` of
what was observed there; one that ended is worth nothing beyond. ``G = A + V``.

Networks take observations one a column (``telic.neural.networks`` says why), and what a pass needs of a decision lies
in one row, so that a shuffle moves whole rows.

References:
    Schulman, Wolski, Dhariwal, Radford and Klimov (2017), Proximal policy optimization algorithms, equation 7.
    Schulman, Moritz, Levine, Jordan and Abbeel (2016), High-dimensional continuous control using GAE, equation 16.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from telic.neural.networks import Params, apply_columns, init_network, to_layers
from telic.policies import Dense
from telic.policies.heads import GaussianHead, Head

if TYPE_CHECKING:
    from .ppo import Ppo

__all__ = [
    "Decisions",
    "Weights",
    "improve",
    "init_optimiser",
    "init_weights",
    "log_prob",
    "outputs_of",
    "served",
]

ADAM_EPSILON = 1e-5
TINY = 1e-8


class Weights(NamedTuple):
    """What is learned: the networks, and for amounts ``(D,)`` logarithms of standard deviations, alike everywhere."""

    actor: Params
    log_sd: Any
    critic: Params


class Decisions(NamedTuple):
    """T decisions of each of E streams.

    Attributes:
        observation: ``(T, E, D)`` before each, as the networks see it.
        action: ``(T, E)`` or ``(T, E, K)``, amounts before they are cut at their bounds.
        log_prob: ``(T, E)`` of it under the policy that drew it.
        reward: ``(T, E)`` as it is learned from.
        after: ``(T, E, D)`` after each, before an episode began anew.
        terminated: ``(T, E)`` the task ended.
        truncated: ``(T, E)`` the episode was cut off.
        weight: ``(T, E)`` 0 where nothing was decided (a step that only resets), else 1; None: 1 throughout.
    """

    observation: Any
    action: Any
    log_prob: Any
    reward: Any
    after: Any
    terminated: Any
    truncated: Any
    weight: Any = None


def _adam() -> optax.GradientTransformation:
    """Adam, without its rate, for weights in one row."""
    return optax.scale_by_adam(eps=ADAM_EPSILON)


def init_optimiser(weights: Weights) -> Any:
    """The state of the optimiser before the first pass."""
    return _adam().init(ravel_pytree(weights)[0])


def init_weights(key: Any, n_observations: int, hidden: tuple[int, ...], head: Head, log_sd: Any) -> Weights:
    """Weights before training; the policy begins near uniform, or near the middle of its bounds."""
    key_actor, key_critic = jax.random.split(key)
    n_out = head.n_dimensions if isinstance(head, GaussianHead) else head.n_outputs
    n_sd = head.n_dimensions if isinstance(head, GaussianHead) else 0
    return Weights(
        actor=init_network(key_actor, (n_observations, *hidden, n_out), final_gain=0.01),
        log_sd=jnp.full(n_sd, log_sd, jnp.float32),
        critic=init_network(key_critic, (n_observations, *hidden, 1)),
    )


def outputs_of(weights: Weights, head: Head, columns: Any) -> Any:
    """``(N, n_outputs)`` parameters of the head for observations ``(D, N)``."""
    out = apply_columns(weights.actor, columns, "tanh").T
    if not isinstance(head, GaussianHead):
        return out
    return jnp.concatenate([out, jnp.broadcast_to(weights.log_sd, out.shape)], axis=1)


def served(weights: Weights, head: Head) -> tuple[Dense, ...]:
    """The plain layers of the policy; logarithms of standard deviations are outputs that have only a bias."""
    layers = to_layers(weights.actor)
    if not isinstance(head, GaussianHead):
        return layers
    last = layers[-1]
    whole = Dense(
        weight=np.concatenate([last.weight, np.zeros_like(last.weight)], axis=1),
        bias=np.concatenate([last.bias, np.asarray(weights.log_sd, dtype=np.float32)]),
    )
    return (*layers[:-1], whole)


def log_prob(weights: Weights, head: Head, observations: Any, actions: Any) -> Any:
    """``(T, E)`` log-probabilities of actions for observations ``(T, E, D)``."""
    T, E, D = observations.shape
    flat = actions.reshape(T * E, *actions.shape[2:])
    out = outputs_of(weights, head, observations.reshape(T * E, D).T)
    return head.log_prob(out, flat, jnp).reshape(T, E)


def advantages(
    critic: Params, made: Decisions, discount: Any, gae: Any, *, horizon: int | None = None
) -> tuple[Any, Any]:
    """``(T, E)`` advantages, and what the critic should have said.

    Args:
        critic: weights.
        made: the decisions.
        discount: gamma.
        gae: lambda.
        horizon: decisions after which an episode is cut off, where that is known. Up to so many decisions, a stream
            is cut at most once, and what was observed after a decision is, but for that cut and the last decision,
            what is observed before the next: half the work.
    """
    T, E, D = made.observation.shape

    def valued(observations: Any) -> Any:
        flat = observations.reshape(-1, D).T
        return apply_columns(critic, flat, "tanh")[0].reshape(observations.shape[:-1])

    if horizon is None or horizon < T:
        values, beyond = valued(jnp.stack([made.observation, made.after]))
    else:
        cut = made.truncated.at[-1].set(True)
        at = jnp.argmax(cut, axis=0)
        there = jnp.sum(jnp.where((jnp.arange(T)[:, None] == at)[..., None], made.after, 0.0), axis=0)
        known = valued(jnp.concatenate([made.observation, there[None], made.after[-1:]]))
        values = known[:T]
        beyond = jnp.concatenate([known[1:T], known[-1:]])
        beyond = jnp.where(made.truncated, known[T], beyond)
    deltas = made.reward + discount * beyond * ~made.terminated - values
    carried = discount * gae * ~(made.terminated | made.truncated)

    def back(later: Any, now: Any) -> tuple[Any, Any]:
        delta, share = now
        advantage = delta + share * later
        return advantage, advantage

    _, found = jax.lax.scan(
        back, jnp.zeros(E, jnp.float32), (deltas, carried), reverse=True, unroll=min(T, 8)
    )
    return found, found + values


def improve(
    learner: Ppo,
    weights: Weights,
    adam: Any,
    made: Decisions,
    rate: Any,
    key: Any,
    *,
    horizon: int | None = None,
) -> tuple[Weights, Any, Any]:
    """Weights and optimiser after the passes, and the mean loss.

    Args:
        learner: settings.
        weights: the policy that made the decisions, and the critic.
        adam: state of the optimiser.
        made: the decisions.
        rate: of Adam.
        key: random key of the shuffles; consumed.
        horizon: decisions after which an episode is cut off, where that is known.
    """
    T, E, D = made.observation.shape
    n_parts, part = learner.n_minibatches, E // learner.n_minibatches
    advantage, target = advantages(weights.critic, made, learner.discount, learner.gae, horizon=horizon)
    # A sort of random numbers is a shuffle, and all of them at once compile once.
    order = jnp.argsort(jax.random.bits(key, (learner.n_epochs, E)), axis=1)
    rows, n_action = _packed(made, advantage, target)
    head = learner.head

    def loss(weights: Weights, x: Any) -> Any:
        actions = x[D : D + n_action].T
        if head.is_discrete:
            actions = actions.astype(jnp.int32)
        actions = actions if made.action.ndim == 3 else actions[:, 0]
        rest = x[D + n_action :]
        return _loss(learner, weights, x[:D], actions, rest, has_weight=made.weight is not None)

    def minibatch(carry: Any, x: Any) -> tuple[Any, Any]:
        flat, adam = carry
        value, gradient = jax.value_and_grad(lambda flat: loss(whole(flat), x))(flat)
        cut = jnp.minimum(1.0, learner.most_gradient / (jnp.sqrt(jnp.sum(gradient**2)) + TINY))
        change, adam = _adam().update(gradient * cut, adam)
        return (flat - rate * change, adam), value

    def epoch(carry: Any, order: Any) -> tuple[Any, Any]:
        parts = rows[order].reshape(n_parts, part, -1, T)
        return jax.lax.scan(minibatch, carry, parts.transpose(0, 2, 1, 3).reshape(n_parts, -1, part * T))

    # All numbers in one row: the optimiser is then one piece of code, whatever the layers.
    flat, whole = ravel_pytree(weights)
    (flat, adam), losses = jax.lax.scan(epoch, (flat, adam), order)
    return whole(flat), adam, jnp.mean(losses)


def _packed(made: Decisions, advantage: Any, target: Any) -> tuple[Any, int]:
    """``(E, numbers of a decision, T)``: everything of a stream in a row; and how many of the numbers are its action.

    Indices of alternatives are exact as floating-point numbers up to 2^24.
    """
    T, E, _ = made.observation.shape
    action = made.action.reshape(T, E, -1).astype(jnp.float32)
    numbers = [made.log_prob, advantage, target]
    if made.weight is not None:
        numbers.append(made.weight.astype(jnp.float32))
    whole = jnp.concatenate([made.observation, action, jnp.stack(numbers, axis=-1)], axis=-1)
    return whole.transpose(1, 2, 0), action.shape[-1]


def _loss(learner: Ppo, weights: Weights, x: Any, actions: Any, rest: Any, *, has_weight: bool) -> Any:
    """What is made small, over N decisions with observations ``(D, N)``."""
    old, advantage, target = rest[0], rest[1], rest[2]
    share = rest[3] / jnp.maximum(jnp.sum(rest[3]), 1.0) if has_weight else None

    def mean(values: Any) -> Any:
        return jnp.mean(values) if share is None else jnp.sum(values * share)

    head = learner.head
    outputs = outputs_of(weights, head, x)
    value = apply_columns(weights.critic, x, "tanh")[0]
    advantage = advantage - mean(advantage)
    advantage = advantage / (jnp.sqrt(mean(advantage**2)) + TINY)
    ratio = jnp.exp(head.log_prob(outputs, actions, jnp) - old)
    bounded = jnp.clip(ratio, 1.0 - learner.clip, 1.0 + learner.clip)
    gain = mean(jnp.minimum(ratio * advantage, bounded * advantage))
    miss = 0.5 * mean((value - target) ** 2)
    return -gain + learner.value * miss - learner.entropy * mean(_entropy(head, outputs))


def _entropy(head: Head, outputs: Any) -> Any:
    """``(N,)`` nats; for amounts that of one bell per unit of each, ``log sd + log half + log(2 pi e) / 2``."""
    if not isinstance(head, GaussianHead):
        return head.entropy(outputs, jnp)
    _, _, log_sd = head.parameters(outputs, jnp)
    known = float(np.sum(np.log(head.half))) + 0.5 * head.n_dimensions * math.log(2.0 * math.pi * math.e)
    return jnp.sum(log_sd[..., 0, :], axis=-1) + known
