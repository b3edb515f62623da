"""The learner of dynamics: gradient steps on the likelihood of what followed, all members of an ensemble at once.

    min  E[ g_d / (2 sd_d^2) (y_d - mean_d)^2 + log sd_d ] summed over d  +  E[ -log chance of the end that was seen ],

with y the change of each observation and the reward, scaled; g is 0 where the task ended and nothing was seen after.
Each gradient of a bell is multiplied by ``sd`` to the power ``2 evenness`` (Seitzer and others 2022), without which the
dimensions and places that are learned first keep all others from being learned. Members differ in where they begin, in
the rows they draw, and in a random network of their own that is added and never learned. What is kept of each member
are the weights under which rows held out were likeliest.

References:
    Seitzer, Tavakoli, Antic and Martius (2022), On the pitfalls of heteroscedastic uncertainty estimation with
    probabilistic neural networks, equation 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from telic.policies.heads import LOG_TWO_PI

from .adam import adam_step, init_adam
from .dynamics import members
from .networks import Params, init_network

__all__ = ["DynamicsLearner", "DynamicsRows", "DynamicsState"]


class DynamicsRows(NamedTuple):
    """Scaled rows.

    Attributes:
        x: ``(n, columns)`` observation and encoded action.
        y: ``(n, D + 1)`` change and reward.
        goes_on: ``(n,)`` 0 where the task ended there, else 1.
    """

    x: Any
    y: Any
    goes_on: Any


class DynamicsState(NamedTuple):
    """Everything that a run goes on from; weights have the members first."""

    params: Params
    prior: Params
    optimiser: Any
    key: Any
    best: Params
    best_loss: Any
    n_stale: Any
    n_done: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class DynamicsLearner:
    """The learner.

    Attributes:
        rows: to learn from.
        held_out: to choose weights by.
        hidden: units of the layers between.
        n_members: of the ensemble.
        batch: rows of a gradient step, of each member.
        n_gradients: gradient steps of a step of the loop.
        has_ends: whether the chance of an end is learned.
        n_updates: gradient steps over which the rate falls to 0, as half a cosine.
        learning_rate: of Adam.
        decay: of weights, relative to the rate. More is smoother.
        evenness: of the pull of what is told sharply and what is not, in [0, 1]; 1 fits means as by least squares.
        prior_scale: of the random networks, in standard deviations of targets.
    """

    rows: DynamicsRows
    held_out: DynamicsRows
    hidden: tuple[int, ...] = field(default=(64, 64), metadata={"static": True})
    n_members: int = field(default=5, metadata={"static": True})
    batch: int = field(default=128, metadata={"static": True})
    n_gradients: int = field(default=250, metadata={"static": True})
    has_ends: bool = field(default=False, metadata={"static": True})
    n_updates: Any = 10_000.0
    learning_rate: Any = 2e-3
    decay: Any = 0.0
    evenness: Any = 0.5
    prior_scale: Any = 0.3

    def init(self, key: Any) -> DynamicsState:
        """The state before the first step."""
        key_params, key_prior, key = jax.random.split(key, 3)
        columns, width = self.rows.x.shape[1], self.rows.y.shape[1]
        M = self.n_members
        params = jax.vmap(lambda k: init_network(k, (columns, *self.hidden, 2 * width + 1), final_gain=0.01))(
            jax.random.split(key_params, M)
        )
        prior = jax.vmap(lambda k: init_network(k, (columns, *self.hidden, width)))(
            jax.random.split(key_prior, M)
        )
        return DynamicsState(
            params=params,
            prior=prior,
            optimiser=init_adam(params),
            key=key,
            best=params,
            best_loss=jnp.full(M, jnp.inf, jnp.float32),
            n_stale=jnp.zeros(M, jnp.int32),
            n_done=jnp.zeros((), jnp.int32),
        )

    def step(self, state: DynamicsState) -> tuple[DynamicsState, dict[str, Any]]:
        """``n_gradients`` gradient steps of all members, then a look at the rows held out."""
        key, key_draw = jax.random.split(state.key)
        shape = (self.n_gradients, self.n_members, self.batch)
        places = jax.random.randint(key_draw, shape, 0, self.rows.x.shape[0])

        def one(carry: Any, which: Any) -> tuple[Any, Any]:
            params, optimiser, n_done = carry
            batch = DynamicsRows(*(column[which] for column in self.rows))

            def total(params: Params) -> tuple[Any, Any]:
                each = self.losses(params, state.prior, batch, self.evenness)
                return jnp.sum(each), each

            gradient, each = jax.grad(total, has_aux=True)(params)
            along = jnp.clip(n_done / self.n_updates, 0.0, 1.0)
            rate = self.learning_rate * 0.5 * (1.0 + jnp.cos(jnp.pi * along))
            kept = jax.tree.map(lambda p: (1.0 - rate * self.decay) * p, params)
            params, optimiser = adam_step(kept, gradient, optimiser, rate)
            return (params, optimiser, n_done + 1), jnp.mean(each)

        carry = (state.params, state.optimiser, state.n_done)
        (params, optimiser, n_done), told = jax.lax.scan(one, carry, places)
        held_out = self.losses(params, state.prior, self.held_out, 0.0)
        is_better = held_out < state.best_loss
        after = DynamicsState(
            params=params,
            prior=state.prior,
            optimiser=optimiser,
            key=key,
            best=jax.tree.map(
                lambda new, old: jnp.where(is_better.reshape(-1, *[1] * (new.ndim - 1)), new, old),
                params,
                state.best,
            ),
            best_loss=jnp.minimum(held_out, state.best_loss),
            n_stale=jnp.where(is_better, 0, state.n_stale + 1),
            n_done=n_done,
        )
        return after, {
            "loss": jnp.mean(told),
            "held_out_loss": jnp.mean(held_out),
            "best_held_out_loss": jnp.mean(after.best_loss),
            "n_stale": jnp.min(after.n_stale),
        }

    def losses(self, params: Params, prior: Params, rows: DynamicsRows, evenness: Any) -> Any:
        """``(M,)`` nats a row of each member; the value does not depend on the evenness where that is 0.

        Args:
            params: members first.
            prior: members first.
            rows: the same for all members, or members first.
            evenness: see the class.
        """
        mean, log_sd, logit = members(params, prior, self.prior_scale, rows.x)
        each = 0.5 * (((rows.y - mean) * jnp.exp(-log_sd)) ** 2 + LOG_TWO_PI) + log_sd
        each = each * jax.lax.stop_gradient(jnp.exp(2.0 * evenness * log_sd))
        # Where the task ended nothing was seen after, but the reward was.
        is_change = jnp.arange(rows.y.shape[-1]) < rows.y.shape[-1] - 1
        counts = jnp.where(is_change, rows.goes_on[..., None], 1.0)
        total = jnp.sum(each * counts, axis=-1)
        if self.has_ends:
            total = total + jax.nn.softplus(logit) - (1.0 - rows.goes_on) * logit
        return jnp.mean(total, axis=-1)
