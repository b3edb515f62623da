"""Implicit Q-learning: a policy from recorded transitions that never asks what an action not in the record is worth.

    V:  min E[ |tau - 1(d < 0)| d^2 ],                       d = min_i Qbar_i(s, a) - V(s)
    Q:  min E[ (r + gamma (1 - end) V(s') - Q_i(s, a))^2 / 2 ]
    pi: max E[ min(exp(beta d), w_max) log pi(a | s) ]

with a and s' from the record. V is the expectile tau over the recorded actions of what they are worth: the mean at
.5, their best as tau goes to 1. Chance of s' stays an average, for it is in Q. At most actions that were recorded
count: the policy is never better than the best of what was done in each state, put together.

References:
    Kostrikov, Nair and Levine (2021), Offline reinforcement learning with implicit Q-learning, equations 5 to 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from telic.neural.adam import adam_step, init_adam
from telic.neural.critics import soft_update
from telic.neural.networks import init_network
from telic.neural.transitions import Rows
from telic.neural.wide_layers import apply_wide
from telic.policies import NetworkPolicy

from .offline import (
    AbstractOffline,
    OfflineState,
    action_values,
    init_critic,
    learn,
    policy_of,
    unit_head,
)

__all__ = ["Iql", "expectile_loss"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Iql(AbstractOffline):
    """The learner; its weights are ``(actor, (critic, critic), value)``.

    Attributes:
        expectile: tau, in (0, 1). Nearer to 1 is nearer to the best recorded action, and noisier.
        sharpness: beta, 1 over the unit of the reward. 0 clones; more follows the best recorded actions only.
        most_weight: w_max.
    """

    expectile: Any = 0.7
    sharpness: Any = 10.0
    most_weight: Any = 100.0

    def init(self, key: Any) -> OfflineState:
        """The state before the first gradient step."""
        key_actor, key_a, key_b, key_value, key = jax.random.split(key, 5)
        D = self.rows.observation.shape[-1]
        actor = init_network(key_actor, (D, *self.hidden, self.head.n_outputs), final_gain=0.01)
        critics = tuple(init_critic(k, self.rows, self.head, self.hidden) for k in (key_a, key_b))
        params = (actor, critics, init_network(key_value, (D, *self.hidden, 1)))
        optimiser = init_adam(params)
        return OfflineState(params, critics, optimiser, key, jnp.zeros((), jnp.int32))

    def step(self, state: OfflineState) -> tuple[OfflineState, dict[str, Any]]:
        """``n_inner`` gradient steps."""
        return learn(state, self.rows, self.n_inner, self.batch, self._update)

    def policy(self, state: OfflineState) -> NetworkPolicy:
        """The policy of a state."""
        return policy_of(state.params[0], self.rows, self.head)

    def loss(self, params: Any, target: Any, batch: Rows) -> tuple[Any, dict[str, Any]]:
        """The three losses, each with a gradient for its own weights only, and metrics."""
        actor, critics, value = params
        known = [action_values(c, batch.observation, batch.action, self.head) for c in target]
        worth = jax.lax.stop_gradient(jnp.minimum(*known))
        here = apply_wide(value, batch.observation)[..., 0]
        beyond = jax.lax.stop_gradient(apply_wide(value, batch.after)[..., 0])
        aim = batch.reward + self.discount * batch.goes_on * beyond
        of_value = jnp.mean(expectile_loss(worth - here, self.expectile))
        told = [action_values(c, batch.observation, batch.action, self.head) for c in critics]
        of_critics = sum(0.5 * jnp.mean((q - aim) ** 2) for q in told)
        gain = jax.lax.stop_gradient(worth - here)
        # Bounded before the exponential: what overflows would be infinite times 0 in a gradient.
        weight = jnp.exp(jnp.minimum(self.sharpness * gain, jnp.log(self.most_weight)))
        outputs = apply_wide(actor, batch.observation)
        of_actor = -jnp.mean(weight * unit_head(self.head).log_prob(outputs, batch.action, jnp))
        total = of_value + of_critics + of_actor
        return total, {
            "loss": total, "value_loss": of_value, "critic_loss": of_critics, "actor_loss": of_actor,
            "mean_value": jnp.mean(here),
        }  # fmt: skip

    def _update(self, state: OfflineState, batch: Rows, key: Any) -> tuple[OfflineState, dict[str, Any]]:
        del key
        gradient, metrics = jax.grad(self.loss, has_aux=True)(state.params, state.target, batch)
        rate = self.rate(state.n_done)
        params, optimiser = adam_step(state.params, gradient, state.optimiser, rate)
        target = soft_update(state.target, params[1], self.target_rate)
        return OfflineState(params, target, optimiser, state.key, state.n_done + 1), metrics


def expectile_loss(difference: Any, expectile: Any) -> Any:
    """``|tau - 1(d < 0)| d^2``, whose minimum over a constant is the expectile tau."""
    return jnp.where(difference < 0, 1.0 - expectile, expectile) * difference**2
