"""The learner of network cloning: gradient steps on the likelihood of what experts did, whole ensembles at once.

    min_w  sum_i c_i [-log p_w(a_i | o_i)] / sum_i c_i + decay |W|^2 / 2,

by Adam on batches drawn with replacement, at a rate that falls to 0 as half a cosine. What is kept is not the last
weights but a running mean of them (Polyak and Juditsky 1992), and of those the ones under which decisions held out
were likeliest. Members of an ensemble differ in where they begin and in what they draw (Lakshminarayanan and others
2017), and go through one compiled step side by side.

References:
    Pomerleau (1991), Efficient training of artificial neural networks for autonomous navigation.
    Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging.
    Lakshminarayanan, Pritzel and Blundell (2017), Simple and scalable predictive uncertainty estimation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.neural.adam import adam_step, init_adam
from telic.neural.networks import Params, apply, init_network, to_layers
from telic.neural.wide_layers import apply_wide
from telic.policies import NetworkPolicy
from telic.policies.heads import Head

from .losses import negative_log_likelihood

__all__ = ["Cloning", "CloningState", "Rows"]


class Rows(NamedTuple):
    """Decisions as the compiled code has them; rows beyond ``n`` are padding, so that sizes need not be compiled anew.

    Attributes:
        x: ``(capacity, D)`` scaled observations.
        action: ``(capacity, ...)``.
        weight: ``(capacity,)``, 0 in padding.
        n: rows that count.
    """

    x: Any
    action: Any
    weight: Any
    n: Any


class CloningState(NamedTuple):
    """Everything that a run goes on from; each leaf has the members of the ensemble first."""

    params: Params
    averaged: Params
    optimiser: Any
    key: Any
    best: Params
    best_loss: Any
    n_stale: Any
    n_done: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Cloning:
    """The learner.

    Attributes:
        rows: to learn from.
        held_out: to choose weights by.
        head: family of actions.
        hidden: units of the layers between.
        activation: between layers.
        batch: decisions of a gradient step.
        n_gradients: gradient steps of a step.
        n_members: of the ensemble.
        n_updates: gradient steps over which the rate falls to 0.
        learning_rate: of Adam. More is faster until it breaks.
        decay: of weights, relative to the rate (Loshchilov and Hutter 2019). More is smoother.
        averaging: share of the running mean that is kept a gradient step; 0: the last weights.
        evenness: of the pull of decisions that are told sharply and of those that are not (``losses``); amounts only.
    """

    rows: Rows
    held_out: Rows
    head: Head = field(metadata={"static": True})
    hidden: tuple[int, ...] = field(default=(256, 256), metadata={"static": True})
    activation: str = field(default="tanh", metadata={"static": True})
    batch: int = field(default=256, metadata={"static": True})
    n_gradients: int = field(default=200, metadata={"static": True})
    n_members: int = field(default=1, metadata={"static": True})
    n_updates: Any = 10_000.0
    learning_rate: Any = 1e-3
    decay: Any = 0.0
    averaging: Any = 0.99
    evenness: Any = 1.0

    def init(self, key: Any) -> CloningState:
        """The state before the first step."""

        def one(key: Any) -> CloningState:
            key_weights, key = jax.random.split(key)
            sizes = (self.rows.x.shape[1], *self.hidden, self.head.n_outputs)
            params = init_network(key_weights, sizes, final_gain=0.01)
            return CloningState(
                params=params,
                averaged=params,
                optimiser=init_adam(params),
                key=key,
                best=params,
                best_loss=jnp.array(jnp.inf, jnp.float32),
                n_stale=jnp.zeros((), jnp.int32),
                n_done=jnp.zeros((), jnp.int32),
            )

        begun: CloningState = self._each(one, jax.random.split(key, self.n_members))
        return begun

    def step(self, state: CloningState) -> tuple[CloningState, dict[str, Any]]:
        """``n_gradients`` gradient steps of each member, then a look at the decisions held out."""
        after, (loss, held_out) = self._each(self._member, state)
        return after, {
            "loss": jnp.mean(loss),
            "held_out_loss": jnp.mean(held_out),
            "best_held_out_loss": jnp.mean(after.best_loss),
            "n_stale": jnp.min(after.n_stale),
        }

    def policies(
        self, state: CloningState, shift: np.ndarray, scale: np.ndarray, clip: float
    ) -> tuple[NetworkPolicy, ...]:
        """The policy of each member, by the weights that explained best what was held out."""
        best = jax.device_get(state.best)
        return tuple(
            NetworkPolicy(
                layers=to_layers(jax.tree.map(lambda leaf, i=i: leaf[i], best)),
                activation=self.activation,  # type: ignore[arg-type]
                head=self.head,
                shift=shift,
                scale=scale,
                clip=clip,
            )
            for i in range(self.n_members)
        )

    def loss(self, params: Params, x: Any, action: Any, weight: Any) -> Any:
        """Weighted mean of the negative log-likelihood, in nats a decision."""
        outputs = apply_wide(params, x) if self.activation == "relu" else apply(params, x, self.activation)
        each = negative_log_likelihood(self.head, outputs, action, self.evenness)
        return jnp.sum(weight * each) / jnp.maximum(jnp.sum(weight), 1e-12)

    def _each(self, function: Any, argument: Any) -> Any:
        """The function of each member; one alone is not batched, which would cost it a fifth of its speed."""
        if self.n_members > 1:
            return jax.vmap(function)(argument)
        alone = function(jax.tree.map(lambda leaf: leaf[0], argument))
        return jax.tree.map(lambda leaf: leaf[None], alone)

    def _member(self, state: CloningState) -> tuple[CloningState, Any]:
        key, key_draw = jax.random.split(state.key)
        drawn = jax.random.randint(key_draw, (self.n_gradients, self.batch), 0, self.rows.n)

        def gradient_step(carry: Any, which: Any) -> tuple[Any, Any]:
            params, averaged, optimiser, n_done = carry
            batch = (self.rows.x[which], self.rows.action[which], self.rows.weight[which])
            loss, gradient = jax.value_and_grad(self.loss)(params, *batch)
            along = jnp.clip(n_done / self.n_updates, 0.0, 1.0)
            rate = self.learning_rate * 0.5 * (1.0 + jnp.cos(jnp.pi * along))
            smaller = jax.tree.map(lambda p: p - rate * self.decay * p, params)
            params, optimiser = adam_step(smaller, gradient, optimiser, rate)
            # The mean forgets its beginning: early on it keeps less than ``averaging``.
            keep = jnp.minimum(self.averaging, n_done / (n_done + 10.0))
            averaged = jax.tree.map(lambda m, p: keep * m + (1.0 - keep) * p, averaged, params)
            return (params, averaged, optimiser, n_done + 1), loss

        carry = (state.params, state.averaged, state.optimiser, state.n_done)
        (params, averaged, optimiser, n_done), losses = jax.lax.scan(gradient_step, carry, drawn)
        held_out = self.loss(averaged, *self.held_out[:3])
        is_better = held_out < state.best_loss
        after = CloningState(
            params=params,
            averaged=averaged,
            optimiser=optimiser,
            key=key,
            best=jax.tree.map(lambda new, old: jnp.where(is_better, new, old), averaged, state.best),
            best_loss=jnp.minimum(held_out, state.best_loss),
            n_stale=jnp.where(is_better, 0, state.n_stale + 1),
            n_done=n_done,
        )
        return after, (jnp.mean(losses), held_out)
