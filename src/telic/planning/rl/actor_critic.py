"""The networks of proximal policy optimisation: one that acts and one that values, with or without a memory.

Networks take observations one a column (``telic.neural.networks`` says why). With a memory, the columns of a stream lie
beside each other in the order of time, and ``Past`` says what was remembered before them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.neural.networks import Params, apply_columns, init_network, to_layers
from telic.neural.recurrent import Recurrent, apply_sequences, init_recurrent, memories, to_policy
from telic.policies import Dense, NetworkPolicy
from telic.policies.heads import GaussianHead, Head
from telic.policies.recurrent import RecurrentPolicy

__all__ = [
    "Past",
    "Weights",
    "entropy",
    "in_columns",
    "init_weights",
    "log_prob",
    "one_value",
    "outputs_in_time",
    "outputs_of",
    "remembered",
    "served",
    "served_policy",
    "with_spread",
]


class Weights(NamedTuple):
    """What is learned: the networks, and for amounts ``(D,)`` logarithms of standard deviations, alike everywhere.

    Where ``log_sd`` is empty, the network tells the standard deviations of amounts itself.
    """

    actor: Params | Recurrent
    log_sd: Any
    critic: Params | Recurrent


class Past(NamedTuple):
    """What networks with a memory take beside what is observed in T decisions of each of E streams.

    Attributes:
        actor: ``(E, M)`` its memory before the first of them.
        critic: ``(E, M)`` its memory.
        begins: ``(E, T)`` where a decision is the first of an episode; the memories before the first are as they are.
    """

    actor: Any
    critic: Any
    begins: Any


def init_weights(
    key: Any, n_observations: int, hidden: tuple[int, ...], head: Head, log_sd: Any, n_memory: int = 0
) -> Weights:
    """Weights before training; the policy begins near uniform, or near the middle of its bounds.

    Args:
        key: random key; consumed.
        n_observations: numbers of an observation.
        hidden: units of the layers between.
        head: family of actions.
        log_sd: for amounts, the logarithm of the standard deviation.
        n_memory: M; 0: networks without a memory.
    """
    key_actor, key_critic = jax.random.split(key)
    n_out = head.n_dimensions if isinstance(head, GaussianHead) else head.n_outputs
    n_sd = head.n_dimensions if isinstance(head, GaussianHead) else 0

    def network(key: Any, n_out: int, final_gain: float) -> Params | Recurrent:
        if n_memory:
            return init_recurrent(key, n_observations, n_memory, hidden, n_out, final_gain=final_gain)
        return init_network(key, (n_observations, *hidden, n_out), final_gain=final_gain)

    return Weights(
        actor=network(key_actor, n_out, 0.01),
        log_sd=jnp.full(n_sd, log_sd, jnp.float32),
        critic=network(key_critic, 1, 1.0),
    )


def outputs_of(weights: Weights, head: Head, columns: Any, past: Past | None = None) -> Any:
    """``(N, n_outputs)`` parameters of the head for observations ``(D, N)``."""
    return with_spread(
        weights, head, _applied(weights.actor, columns, None if past is None else past.actor, past)
    )


def with_spread(weights: Weights, head: Head, out: Any) -> Any:
    """``(N, n_outputs)`` parameters of the head, from what the network told, ``(n, N)``."""
    if not isinstance(head, GaussianHead) or not len(weights.log_sd):
        return out.T
    return jnp.concatenate([out.T, jnp.broadcast_to(weights.log_sd, out.T.shape)], axis=1)


def one_value(critic: Params | Recurrent, columns: Any, past: Past | None = None) -> Any:
    """``(1, N)`` what a single critic says of observations ``(D, N)``."""
    return _applied(critic, columns, None if past is None else past.critic, past)


def _applied(params: Params | Recurrent, columns: Any, kept: Any, past: Past | None) -> Any:
    if not isinstance(params, Recurrent):
        return apply_columns(params, columns, "tanh")
    assert past is not None  # weights with a memory are never without a past
    return apply_sequences(params, columns.reshape(-1, *past.begins.shape), kept, past.begins)


def outputs_in_time(weights: Weights, head: Head, observations: Any, past: Past | None = None) -> Any:
    """``(T, E, n_outputs)`` parameters of the head for observations ``(T, E, D)``."""
    T, E, _ = observations.shape
    return outputs_of(weights, head, in_columns(observations), past).reshape(E, T, -1).transpose(1, 0, 2)


def log_prob(weights: Weights, head: Head, observations: Any, actions: Any, past: Past | None = None) -> Any:
    """``(T, E)`` log-probabilities of actions for observations ``(T, E, D)``."""
    return head.log_prob(outputs_in_time(weights, head, observations, past), actions, jnp)


def remembered(weights: Weights, observations: Any, past: Past, is_over: Any) -> tuple[Any, Any]:
    """``(E, M)`` memories of the actor and of the critic to go on with.

    Args:
        weights: with a memory.
        observations: ``(T, E, D)`` that were seen.
        past: before them.
        is_over: ``(E,)`` where an episode was over after the last; its memory begins anew.
    """
    T, E, D = observations.shape
    seen = in_columns(observations).reshape(D, E, T)

    def last(params: Any, kept: Any) -> Any:
        assert isinstance(params, Recurrent)
        return jnp.where(is_over[:, None], 0.0, memories(params, seen, kept, past.begins)[..., -1].T)

    return last(weights.actor, past.actor), last(weights.critic, past.critic)


def in_columns(values: Any) -> Any:
    """``(D, E T)`` columns of ``(T, E, D)``, those of one stream beside each other."""
    return values.transpose(2, 1, 0).reshape(values.shape[-1], -1)


def served(weights: Weights, head: Head) -> tuple[Dense, ...]:
    """The plain layers of the policy; logarithms of standard deviations are outputs that have only a bias."""
    actor = weights.actor
    layers = to_layers(actor.layers if isinstance(actor, Recurrent) else actor)
    if not isinstance(head, GaussianHead) or not len(weights.log_sd):
        return layers
    last = layers[-1]
    whole = Dense(
        weight=np.concatenate([last.weight, np.zeros_like(last.weight)], axis=1),
        bias=np.concatenate([last.bias, np.asarray(weights.log_sd, dtype=np.float32)]),
    )
    return (*layers[:-1], whole)


def served_policy(
    weights: Weights, head: Head, shift: np.ndarray, scale: np.ndarray, clip: float
) -> NetworkPolicy | RecurrentPolicy:
    """The policy of plain arrays, with the scaling of what it observes."""
    actor, layers = weights.actor, served(weights, head)
    if not isinstance(actor, Recurrent):
        return NetworkPolicy(layers=layers, activation="tanh", head=head, shift=shift, scale=scale, clip=clip)
    M = actor.n_memory
    inner = NetworkPolicy(
        layers=layers,
        activation="tanh",
        head=head,
        shift=np.zeros(M, np.float32),
        scale=np.ones(M, np.float32),
    )
    return to_policy(actor, inner, shift, scale, clip)


def entropy(head: Head, outputs: Any) -> Any:
    """``(N,)`` nats; for amounts that of one bell per unit of each, ``log sd + log half + log(2 pi e) / 2``."""
    if not isinstance(head, GaussianHead):
        return head.entropy(outputs, jnp)
    _, _, log_sd = head.parameters(outputs, jnp)
    known = float(np.sum(np.log(head.half))) + 0.5 * head.n_dimensions * math.log(2.0 * math.pi * math.e)
    return jnp.sum(log_sd[..., 0, :], axis=-1) + known
