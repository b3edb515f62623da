"""TD3 + BC: the best amounts by a critic, held near the recorded ones.

    Q:  min E[ (r + gamma (1 - end) min_i Qbar_i(s', a') - Q_i(s, a))^2 / 2 ],
        a' = clip(pibar(s') + clip(noise, -c, c), -1, 1)
    pi: min E[ -lambda Q_1(s, pi(s)) + |pi(s) - a|^2 ],      lambda = alpha / E|Q_1(s, a)|

with amounts scaled to [-1, 1], the actor and the slow copies moved once in every two steps of the critics, and
``|.|^2`` the mean over dimensions. The second term keeps the actor where the critic has seen something.

References:
    Fujimoto and Gu (2021), A minimalist approach to offline reinforcement learning, equations 3 and 5.
    Fujimoto, van Hoof and Meger (2018), Addressing function approximation error in actor-critic methods, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from telic.errors import SettingsError
from telic.neural.adam import adam_step, init_adam
from telic.neural.critics import soft_update
from telic.neural.networks import Params, init_network
from telic.neural.transitions import Rows
from telic.neural.wide_layers import apply_wide
from telic.policies import NetworkPolicy
from telic.policies.heads import LOG_SD, GaussianHead

from .offline import (
    AbstractOffline,
    OfflineState,
    action_values,
    drawn,
    init_critic,
    learn,
    policy_of,
    require_amounts,
)

__all__ = ["Td3Bc"]

DELAY = 2
"""Steps of the critics for one of the actor."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Td3Bc(AbstractOffline):
    """The learner; its weights are ``(actor, (critic, critic))``; ``n_inner`` counts steps of the critics, and is even.

    Attributes:
        pull: alpha. Less clones; more trusts the critic, beyond the record too.
        noise: standard deviation of a', of half the range.
        most_noise: c.
    """

    pull: Any = 2.5
    noise: Any = 0.2
    most_noise: Any = 0.5

    def __post_init__(self) -> None:
        require_amounts(self.head, "TD3+BC")
        if self.n_inner % DELAY:
            raise SettingsError(
                f"`n_inner` must be even, got {self.n_inner}.", hint="The actor learns at every second step."
            )

    def init(self, key: Any) -> OfflineState:
        """The state before the first gradient step."""
        key_actor, key_a, key_b, key = jax.random.split(key, 4)
        sizes = (self.rows.observation.shape[-1], *self.hidden, self.rows.action.shape[-1])
        actor = init_network(key_actor, sizes, final_gain=0.01)
        params = (actor, tuple(init_critic(k, self.rows, self.head, self.hidden) for k in (key_a, key_b)))
        optimiser = tuple(init_adam(part) for part in params)
        return OfflineState(params, params, optimiser, key, jnp.zeros((), jnp.int32))

    def step(self, state: OfflineState) -> tuple[OfflineState, dict[str, Any]]:
        """``n_inner`` gradient steps of the critics, half as many of the actor."""
        return learn(state, self.rows, self.n_inner // DELAY, self.batch * DELAY, self._update)

    def policy(self, state: OfflineState) -> NetworkPolicy:
        """The policy of a state; what is drawn from it is its mode but for a standard deviation of exp(-5)."""
        head = require_amounts(self.head, "TD3+BC")
        *between, last = state.params[0]
        spread = np.full(last.bias.shape, LOG_SD[0], dtype=np.float32)
        wide = type(last)(
            weight=np.concatenate([last.weight, np.zeros_like(last.weight)], axis=1),
            bias=np.concatenate([last.bias, spread]),
        )
        squashed = GaussianHead(low=head.low, high=head.high, is_squashed=True)
        return policy_of((*between, wide), self.rows, squashed)

    def critic_loss(self, critics: Any, target: Any, batch: Rows, noise: Any) -> tuple[Any, dict[str, Any]]:
        """The loss of both critics, and metrics.

        Args:
            critics: weights.
            target: slow copies of ``(actor, critics)``.
            batch: rows.
            noise: ``(n, K)`` standard normal.
        """
        actor, slow = target
        shaken = jnp.clip(self.noise * noise, -self.most_noise, self.most_noise)
        then = jnp.clip(_act(actor, batch.after) + shaken, -1.0, 1.0)
        beyond = jnp.minimum(*(action_values(c, batch.after, then, self.head) for c in slow))
        aim = jax.lax.stop_gradient(batch.reward + self.discount * batch.goes_on * beyond)
        told = [action_values(c, batch.observation, batch.action, self.head) for c in critics]
        loss = sum(0.5 * jnp.mean((q - aim) ** 2) for q in told)
        return loss, {"loss": loss, "mean_value": jnp.mean(told[0])}

    def actor_loss(self, actor: Params, critic: Params, batch: Rows) -> Any:
        """The loss of the actor."""
        done = _act(actor, batch.observation)
        size = jnp.mean(jnp.abs(action_values(critic, batch.observation, batch.action, self.head)))
        trust = self.pull / jnp.maximum(size, 1e-6)
        gain = jnp.mean(action_values(critic, batch.observation, done, self.head))
        return -trust * gain + jnp.mean((done - batch.action) ** 2)

    def _update(self, state: OfflineState, batch: Rows, key: Any) -> tuple[OfflineState, dict[str, Any]]:
        (actor, critics), (of_actor, of_critics) = state.params, state.optimiser
        rate = self.rate(state.n_done)
        noise = jax.random.normal(key, batch.action.shape)
        for i in range(DELAY):
            rows = slice(i * self.batch, (i + 1) * self.batch)
            part = drawn(batch, rows)
            gradient, metrics = jax.grad(self.critic_loss, has_aux=True)(
                critics, state.target, part, noise[rows]
            )
            critics, of_critics = adam_step(critics, gradient, of_critics, rate)
        miss, gradient = jax.value_and_grad(self.actor_loss)(actor, critics[0], part)
        actor, of_actor = adam_step(actor, gradient, of_actor, rate)
        target = soft_update(state.target, (actor, critics), self.target_rate)
        after = OfflineState(
            (actor, critics), target, (of_actor, of_critics), state.key, state.n_done + DELAY
        )
        return after, {**metrics, "actor_loss": miss}


def _act(actor: Params, observation: Any) -> Any:
    return jnp.tanh(apply_wide(actor, observation))
