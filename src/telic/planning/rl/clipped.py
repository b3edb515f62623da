"""What proximal policy optimisation learns from decisions once they are made: advantages, and passes over them.

    J = E[min(rho A, clip(rho, 1 - eps, 1 + eps) A)] - c_v E[(V - G)^2] / 2 + c_e E[H],   rho = pi / pi_old,

with advantages A and what values should have been, G, from ``telic.planning.rl.advantages``.

Networks take observations one a column (``telic.neural.networks`` says why), and what a pass needs of a decision lies
in one row, so that a shuffle moves whole rows.

References:
    Schulman, Wolski, Dhariwal, Radford and Klimov (2017), Proximal policy optimization algorithms, equation 7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from telic.neural.networks import Params, apply_columns, init_network, to_layers
from telic.policies import Dense
from telic.policies.heads import GaussianHead, Head

from .advantages import advantages

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
    "passes",
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
        costs: ``(T, E, K)`` beside the reward; None where the world tells none.
        told: ``(T, E, C)`` what the critics are told before each, where it is more than the policy is; None: the same.
        discount: ``(T, E)`` of what comes after each, where decisions last differently long; None: the learner's.
    """

    observation: Any
    action: Any
    log_prob: Any
    reward: Any
    after: Any
    terminated: Any
    truncated: Any
    weight: Any = None
    costs: Any = None
    told: Any = None
    discount: Any = None


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
    discount = learner.discount if made.discount is None else made.discount
    advantage, target = advantages(weights.critic, made, discount, learner.gae, horizon=horizon)
    return passes(learner, weights, adam, made, advantage, target[None], rate, key)


def one_value(critic: Params, columns: Any) -> Any:
    """``(1, N)`` what a single critic says of observations ``(D, N)``."""
    return apply_columns(critic, columns, "tanh")


def passes(
    learner: Ppo,
    weights: Weights,
    adam: Any,
    made: Decisions,
    advantage: Any,
    targets: Any,
    rate: Any,
    key: Any,
    *,
    values: Callable[[Any, Any], Any] = one_value,
    is_scaled: bool = False,
) -> tuple[Weights, Any, Any]:
    """Weights and optimiser after the passes, and the mean loss, whatever advantages are of.

    Args:
        learner: settings.
        weights: the policy that made the decisions, and its critic or critics.
        adam: state of the optimiser.
        made: the decisions.
        advantage: ``(T, E)`` of them.
        targets: ``(M, T, E)`` what the M critics should have said.
        rate: of Adam.
        key: random key of the shuffles; consumed.
        values: from critics and what they are told, ``(D, N)`` or ``(C, N)``, to what they say, ``(M, N)``.
        is_scaled: whether advantages are taken as they are; else they are centred and scaled in each part of a pass.
    """
    T, E, D = made.observation.shape
    n_parts, part = learner.n_minibatches, E // learner.n_minibatches
    # A sort of random numbers is a shuffle, and all of them at once compile once.
    order = jnp.argsort(jax.random.bits(key, (learner.n_epochs, E)), axis=1)
    rows, n_action = _packed(made, advantage, targets)
    head, n_told = learner.head, 0 if made.told is None else made.told.shape[-1]

    def loss(weights: Weights, x: Any) -> Any:
        actions = x[D : D + n_action].T
        if head.is_discrete:
            actions = actions.astype(jnp.int32)
        actions = actions if made.action.ndim == 3 else actions[:, 0]
        rest = x[D + n_action + n_told :]
        told = values(weights.critic, x[D + n_action : D + n_action + n_told] if n_told else x[:D])
        return _loss(learner, weights, x[:D], actions, rest, told, is_scaled=is_scaled)

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


def _packed(made: Decisions, advantage: Any, targets: Any) -> tuple[Any, int]:
    """``(E, numbers of a decision, T)``: everything of a stream in a row; and how many of the numbers are its action.

    Indices of alternatives are exact as floating-point numbers up to 2^24.
    """
    T, E, _ = made.observation.shape
    action = made.action.reshape(T, E, -1).astype(jnp.float32)
    numbers = [made.log_prob, advantage, *targets]
    if made.weight is not None:
        numbers.append(made.weight.astype(jnp.float32))
    more = [] if made.told is None else [made.told]
    whole = jnp.concatenate([made.observation, action, *more, jnp.stack(numbers, axis=-1)], axis=-1)
    return whole.transpose(1, 2, 0), action.shape[-1]


def _loss(
    learner: Ppo, weights: Weights, x: Any, actions: Any, rest: Any, told: Any, *, is_scaled: bool
) -> Any:
    """What is made small, over N decisions with observations ``(D, N)`` of which the M critics say ``(M, N)``."""
    M = len(told)
    old, advantage, targets, weight = rest[0], rest[1], rest[2 : 2 + M], rest[2 + M :]
    share = weight[0] / jnp.maximum(jnp.sum(weight[0]), 1.0) if len(weight) else None

    def mean(values: Any) -> Any:
        return jnp.mean(values) if share is None else jnp.sum(values * share)

    head = learner.head
    outputs = outputs_of(weights, head, x)
    if not is_scaled:
        advantage = advantage - mean(advantage)
        advantage = advantage / (jnp.sqrt(mean(advantage**2)) + TINY)
    ratio = jnp.exp(head.log_prob(outputs, actions, jnp) - old)
    bounded = jnp.clip(ratio, 1.0 - learner.clip, 1.0 + learner.clip)
    gain = mean(jnp.minimum(ratio * advantage, bounded * advantage))
    miss = 0.5 * mean(jnp.sum((told - targets) ** 2, axis=0))
    return -gain + learner.value * miss - learner.entropy * mean(_entropy(head, outputs))


def _entropy(head: Head, outputs: Any) -> Any:
    """``(N,)`` nats; for amounts that of one bell per unit of each, ``log sd + log half + log(2 pi e) / 2``."""
    if not isinstance(head, GaussianHead):
        return head.entropy(outputs, jnp)
    _, _, log_sd = head.parameters(outputs, jnp)
    known = float(np.sum(np.log(head.half))) + 0.5 * head.n_dimensions * math.log(2.0 * math.pi * math.e)
    return jnp.sum(log_sd[..., 0, :], axis=-1) + known
