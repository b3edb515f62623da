"""Conservative Q-learning: action values that are pushed down where nothing was recorded.

    min  alpha E_s[ log Z(s) - E_{a ~ record} Q(s, a) ]  +  E[ (r + gamma (1 - end) Qbar(s', a') - Q(s, a))^2 / 2 ]

*Choices*: ``Z = sum_a exp Q(s, a)`` and ``a' = argmax Q(s', .)`` (double Q-learning); the policy takes the largest Q.
With full coverage, a table and the record's shares b(a|s), the fixed point is, with ``p = softmax Q``,

    Q(s, a) = r + gamma E max Q(s', .) - alpha (p(a|s) / b(a|s) - 1):

actions that look best are worth less than they are, and the value ``E_p Q`` is short by
``alpha (sum p^2 / b - 1) >= 0`` a step. With alpha 0 it is Q-learning.

*Amounts*: two critics, a' from the actor, ``min_i Qbar_i``; ``log Z`` of ``integral exp Q(s, a) da`` by importance
sampling with ``n_samples`` amounts each from uniform, pi(s) and pi(s'); the actor maximises ``min_i Q_i - T log pi``
with T such that the entropy is -K (of amounts scaled to [-1, 1]). Entropy is not part of what is aimed at.

References:
    Kumar, Zhou, Tucker and Levine (2020), Conservative Q-learning for offline reinforcement
        learning, equation 4, CQL(H).
    Haarnoja and others (2018), Soft actor-critic algorithms and applications, equation 18 (T).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from telic.neural.adam import adam_step, init_adam
from telic.neural.critics import soft_update
from telic.neural.networks import Params, apply, init_network
from telic.neural.transitions import Rows
from telic.neural.wide_layers import FEW, apply_wide
from telic.policies import NetworkPolicy
from telic.policies.heads import CategoricalHead, GaussianHead

from .offline import (
    ACTIVATION,
    AbstractOffline,
    OfflineState,
    action_values,
    init_critic,
    learn,
    policy_of,
    unit_head,
)

__all__ = ["Cql"]

LOG_TWO = math.log(2.0)

PARTS = 8
"""Into which the rows of a step are cut where amounts are tried, so that what lies between layers fits the cache: by
measure a quarter less time at 256 rows of 31 amounts and 256 units. The gradient is the same mean."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Cql(AbstractOffline):
    """The learner; its weights are ``(critic,)`` for choices, ``(actor, (critic, critic), log T)`` for amounts.

    Attributes:
        n_samples: amounts a row from each of three sources.
        penalty: alpha, in the unit of the reward. More stays nearer to the record.
    """

    n_samples: int = field(default=10, metadata={"static": True})
    penalty: Any = 1.0

    @property
    def is_discrete(self) -> bool:
        """Whether actions are choices."""
        return isinstance(self.head, CategoricalHead)

    def init(self, key: Any) -> OfflineState:
        """The state before the first gradient step."""
        key_actor, key_a, key_b, key = jax.random.split(key, 4)
        critics = tuple(init_critic(k, self.rows, self.head, self.hidden) for k in (key_a, key_b))
        if self.is_discrete:
            params: Any = critics[:1]
            target: Any = critics[:1]
        else:
            sizes = (self.rows.observation.shape[-1], *self.hidden, self._squashed.n_outputs)
            actor = init_network(key_actor, sizes, final_gain=0.01)
            params, target = (actor, critics, jnp.zeros((), jnp.float32)), critics
        return OfflineState(params, target, init_adam(params), key, jnp.zeros((), jnp.int32))

    def step(self, state: OfflineState) -> tuple[OfflineState, dict[str, Any]]:
        """``n_inner`` gradient steps."""
        return learn(state, self.rows, self.n_inner, self.batch, self._update)

    def policy(self, state: OfflineState) -> NetworkPolicy:
        """The policy of a state; for choices its outputs are action values, and the mode is the largest."""
        if self.is_discrete:
            return policy_of(state.params[0], self.rows, self.head)
        head = self.head
        assert isinstance(head, GaussianHead)
        return policy_of(
            state.params[0], self.rows, GaussianHead(low=head.low, high=head.high, is_squashed=True)
        )

    def choice_loss(self, critic: Params, slow: Params, batch: Rows) -> tuple[Any, dict[str, Any]]:
        """The loss of a critic of choices, and metrics."""
        Q = apply_wide(critic, batch.observation)
        taken = batch.action[:, None] == jnp.arange(Q.shape[-1])
        told = jnp.sum(Q * taken, axis=-1)
        then = jnp.argmax(apply_wide(critic, batch.after), axis=-1)
        beyond = action_values(slow, batch.after, then, self.head)
        aim = jax.lax.stop_gradient(batch.reward + self.discount * batch.goes_on * beyond)
        gap = jnp.mean(jax.nn.logsumexp(Q, axis=-1) - told)
        miss = 0.5 * jnp.mean((told - aim) ** 2)
        total = miss + self.penalty * gap
        return total, {"loss": total, "critic_loss": miss, "gap": gap, "mean_value": jnp.mean(told)}

    def tries(self, actor: Params, target: Any, batch: Rows, key: Any) -> tuple[Any, Any, Any]:
        """What critics of amounts are held against.

        Args:
            actor: weights.
            target: slow critics.
            batch: n rows.
            key: random key; consumed.

        Returns:
            ``(n, 1 + 3 N, K)`` amounts, the recorded one first; ``(n, 3 N)`` log-densities that the others were drawn
            with; ``(n,)`` what the recorded one is aimed at.
        """
        key_then, key_uniform, key_draws = jax.random.split(key, 3)
        (B, K), N = batch.action.shape, self.n_samples
        both = apply(actor, jnp.stack([batch.observation, batch.after], axis=1), ACTIVATION)
        then, _ = self._draw(both[:, 1], jax.random.normal(key_then, (B, K)))
        beyond = jnp.minimum(*(action_values(c, batch.after, then, self.head) for c in target))
        aim = batch.reward + self.discount * batch.goes_on * beyond
        drawn, logp = self._draw(both[:, :, None], jax.random.normal(key_draws, (B, 2, N, K)))
        uniform = jax.random.uniform(key_uniform, (B, N, K), jnp.float32, -1.0, 1.0)
        tried = jnp.concatenate([batch.action[:, None], uniform, drawn.reshape(B, 2 * N, K)], axis=1)
        density = jnp.concatenate([jnp.full((B, N), -K * LOG_TWO), logp.reshape(B, 2 * N)], axis=1)
        return tried, density, aim

    def amount_loss(
        self, critics: Any, observation: Any, tried: Any, density: Any, aim: Any
    ) -> tuple[Any, dict[str, Any]]:
        """The loss of critics of amounts, and metrics; arguments as ``tries`` gives them."""
        miss = gap = value = jnp.zeros(())
        for critic in critics:
            Q = values_of_many(critic, observation, tried)
            told = Q[:, 0]
            log_z = jax.nn.logsumexp(Q[:, 1:] - density, axis=-1) - math.log(density.shape[-1])
            miss = miss + 0.5 * jnp.mean((told - aim) ** 2)
            gap = gap + jnp.mean(log_z - told)
            value = value + jnp.mean(told) / len(critics)
        total = miss + self.penalty * gap
        return total, {"loss": total, "critic_loss": miss, "gap": gap, "mean_value": value}

    def actor_loss(
        self, actor_and_t: Any, critics: Any, batch: Rows, noise: Any
    ) -> tuple[Any, dict[str, Any]]:
        """The loss of the actor and of T, and metrics; ``noise`` is ``(n, K)`` standard normal."""
        actor, log_t = actor_and_t
        still = jax.lax.stop_gradient
        done, logp = self._draw(apply_wide(actor, batch.observation), noise)
        worth = jnp.minimum(*(action_values(c, batch.observation, done, self.head) for c in critics))
        of_actor = jnp.mean(still(jnp.exp(log_t)) * logp - worth)
        entropy = -jnp.mean(logp)
        of_t = jnp.exp(log_t) * (still(entropy) + noise.shape[-1])
        return of_actor + of_t, {
            "actor_loss": of_actor, "entropy": entropy, "temperature": jnp.exp(log_t),
        }  # fmt: skip

    @property
    def _squashed(self) -> GaussianHead:
        head = unit_head(self.head)
        assert isinstance(head, GaussianHead)
        return GaussianHead(low=head.low, high=head.high, is_squashed=True)

    def _draw(self, outputs: Any, noise: Any) -> tuple[Any, Any]:
        """Amounts in [-1, 1] drawn with standard normal noise, and their log-density.

        Told from what was drawn before squashing: near a bound the amount itself is rounded.
        """
        _, mean, log_sd = self._squashed.parameters(outputs, jnp)
        u = mean[..., 0, :] + jnp.exp(log_sd[..., 0, :]) * noise
        stretch = 2.0 * (LOG_TWO - u - jax.nn.softplus(-2.0 * u))
        each = -0.5 * (noise**2 + math.log(2.0 * math.pi)) - log_sd[..., 0, :] - stretch
        return jnp.tanh(u), jnp.sum(each, axis=-1)

    def _update(self, state: OfflineState, batch: Rows, key: Any) -> tuple[OfflineState, dict[str, Any]]:
        if self.is_discrete:
            gradient, metrics = jax.grad(self.choice_loss, has_aux=True)(
                state.params[0], state.target[0], batch
            )
            gradient = (gradient,)
        else:
            gradient, metrics = self._gradient_of_amounts(state, batch, key)
        rate = self.rate(state.n_done)
        params, optimiser = adam_step(state.params, gradient, state.optimiser, rate)
        critics = params if self.is_discrete else params[1]
        target = soft_update(state.target, critics, self.target_rate)
        return OfflineState(params, target, optimiser, state.key, state.n_done + 1), metrics

    def _gradient_of_amounts(self, state: OfflineState, batch: Rows, key: Any) -> tuple[Any, dict[str, Any]]:
        actor, critics, log_t = state.params
        key_tries, key_actor = jax.random.split(key)
        given = (batch.observation, *self.tries(actor, state.target, batch, key_tries))
        n = math.gcd(self.batch, PARTS)
        parts = jax.tree.map(lambda x: x.reshape(n, self.batch // n, *x.shape[1:]), given)

        def one(total: Any, part: Any) -> tuple[Any, dict[str, Any]]:
            gradient, metrics = jax.grad(self.amount_loss, has_aux=True)(critics, *part)
            return jax.tree.map(lambda t, g: t + g / n, total, gradient), metrics

        of_critics, metrics = jax.lax.scan(one, jax.tree.map(jnp.zeros_like, critics), parts)
        noise = jax.random.normal(key_actor, batch.action.shape)
        loss = jax.grad(self.actor_loss, has_aux=True)
        (of_actor, of_t), more = loss((actor, log_t), critics, batch, noise)
        return (of_actor, of_critics, of_t), {**{k: jnp.mean(v) for k, v in metrics.items()}, **more}


def values_of_many(critic: Params, observation: Any, actions: Any) -> Any:
    """``(n, M)`` values of M amounts ``(n, M, K)`` each. Much that is observed goes through the first layer once."""
    D = observation.shape[-1]
    if D + actions.shape[-1] <= FEW:
        seen = jnp.broadcast_to(observation[:, None], (*actions.shape[:2], D))
        pairs = jnp.concatenate([seen, actions], axis=-1)
        return apply_wide(critic, pairs.reshape(-1, pairs.shape[-1])).reshape(actions.shape[:2])
    first, *rest = critic
    x = (observation @ first.weight[:D] + first.bias)[:, None] + actions @ first.weight[D:]
    if rest:
        x = apply(tuple(rest), jnp.maximum(x, 0), ACTIVATION)
    return x[..., 0]
