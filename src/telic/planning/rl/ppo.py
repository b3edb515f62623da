"""Proximal policy optimisation: steps in a simulator, then a few passes over them with the change of policy bounded.

    J = E[min(rho A, clip(rho, 1 - eps, 1 + eps) A)] - c_v E[(V - G)^2] / 2 + c_e E[H],   rho = pi / pi_old,

with advantages A by generalised advantage estimation: ``delta_t = r_t + gamma V(after_t) (1 - terminated_t) - V(o_t)``,
``A_t = delta_t + gamma lambda (1 - over_t) A_{t+1}``. An episode that is cut off is valued beyond the cut by ``V`` of
what was observed there; one that ended is worth nothing beyond. ``G = A + V``.

References:
    Schulman, Wolski, Dhariwal, Radford and Klimov (2017), Proximal policy optimization algorithms, equation 7.
    Schulman, Moritz, Levine, Jordan and Abbeel (2016), High-dimensional continuous control using GAE, equation 16.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from telic.neural.networks import Params, apply, init_network, to_layers
from telic.neural.rollout import Running, advance, begin
from telic.neural.simulators.simulator import Simulator
from telic.policies import NetworkPolicy
from telic.policies.heads import Head

__all__ = ["Ppo", "PpoState"]

RECENT = 100
"""Episodes whose returns are averaged."""


class PpoState(NamedTuple):
    """Everything that a run goes on from."""

    actor: Params
    critic: Params
    optimiser: Any
    running: Running
    key: Any
    recent: Any
    n_episodes: Any
    n_done: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Ppo:
    """The learner.

    Attributes:
        simulator: the world.
        n_envs: streams side by side.
        n_steps: decisions of each between updates.
        n_epochs: passes over them.
        n_minibatches: parts of a pass; they must divide ``n_envs``.
        hidden: units of the layers between.
        n_updates: updates over which the learning rate falls to 0.
        learning_rate: of Adam. More is faster until it breaks.
        discount: gamma.
        gae: lambda. Near 1 less bias, more noise.
        clip: eps. Less is slower and safer.
        entropy: c_e. More explores longer.
        value: c_v.
        most_gradient: norm at which gradients are cut.
    """

    simulator: Simulator = field(metadata={"static": True})
    n_envs: int = field(default=64, metadata={"static": True})
    n_steps: int = field(default=32, metadata={"static": True})
    n_epochs: int = field(default=4, metadata={"static": True})
    n_minibatches: int = field(default=4, metadata={"static": True})
    hidden: tuple[int, ...] = field(default=(64, 64), metadata={"static": True})
    n_updates: Any = 300.0
    learning_rate: Any = 2.5e-3
    discount: Any = 0.98
    gae: Any = 0.8
    clip: Any = 0.2
    entropy: Any = 0.0
    value: Any = 0.5
    most_gradient: Any = 0.5

    @property
    def head(self) -> Head:
        """What the outputs of the actor mean."""
        return self.simulator.actions.head()

    def init(self, key: Any) -> PpoState:
        """The state before the first update."""
        key_actor, key_critic, key_begin, key = jax.random.split(key, 4)
        D = self.simulator.n_observations
        actor = init_network(key_actor, (D, *self.hidden, self.head.n_outputs), final_gain=0.01)
        critic = init_network(key_critic, (D, *self.hidden, 1))
        running = jax.vmap(lambda k: begin(self.simulator, k))(jax.random.split(key_begin, self.n_envs))
        return PpoState(
            actor=actor,
            critic=critic,
            optimiser=optax.scale_by_adam(eps=1e-5).init((actor, critic)),
            running=running,
            key=key,
            recent=jnp.zeros(RECENT, jnp.float32),
            n_episodes=jnp.zeros((), jnp.int32),
            n_done=jnp.zeros((), jnp.int32),
        )

    def step(self, state: PpoState) -> tuple[PpoState, dict[str, Any]]:
        """One update."""
        key, key_collect, key_learn = jax.random.split(state.key, 3)
        running, made, logp = self._collect(state, key_collect)
        advantages, returns = self._advantages(state.critic, made)
        data = (made.observation, made.action, logp, advantages, returns)
        rate = self.learning_rate * jnp.maximum(0.0, 1.0 - state.n_done / self.n_updates)
        (actor, critic), optimiser, loss = self._learn(state, data, rate, key_learn)
        recent, n_episodes = _noted(state.recent, state.n_episodes, made)
        n_known = jnp.minimum(n_episodes, RECENT)
        mean_return = jnp.where(n_known > 0, jnp.sum(recent) / jnp.maximum(n_known, 1), jnp.nan)
        after = PpoState(actor, critic, optimiser, running, key, recent, n_episodes, state.n_done + 1)
        return after, {"loss": loss, "mean_return": mean_return, "n_episodes": n_episodes}

    def policy(self, state: PpoState) -> NetworkPolicy:
        """The policy of a state."""
        D = self.simulator.n_observations
        return NetworkPolicy(
            layers=to_layers(state.actor),
            activation="tanh",
            head=self.head,
            shift=np.zeros(D, dtype=np.float32),
            scale=np.ones(D, dtype=np.float32),
        )

    def _collect(self, state: PpoState, key: Any) -> tuple[Running, Any, Any]:
        def one(running: Running, key: Any) -> tuple[Running, Any]:
            key_gumbel, key_normal, key_world = jax.random.split(key, 3)
            outputs = apply(state.actor, running.observation, "tanh")
            noise = self.head.noise(
                (self.n_envs,),
                lambda shape: jax.random.gumbel(key_gumbel, shape),
                lambda shape: jax.random.normal(key_normal, shape),
                jnp,
            )
            action = self.head.sample(outputs, noise, jnp)
            logp = self.head.log_prob(outputs, action, jnp)
            keys = jax.random.split(key_world, self.n_envs)
            running, made = jax.vmap(lambda r, a, k: advance(self.simulator, r, a, k))(running, action, keys)
            return running, (made, logp)

        running, (made, logp) = jax.lax.scan(one, state.running, jax.random.split(key, self.n_steps))
        return running, made, logp

    def _advantages(self, critic: Params, made: Any) -> tuple[Any, Any]:
        values = apply(critic, made.observation, "tanh")[..., 0]
        beyond = apply(critic, made.after, "tanh")[..., 0]
        deltas = made.reward + self.discount * beyond * ~made.terminated - values
        over = made.terminated | made.truncated

        def back(later: Any, now: Any) -> tuple[Any, Any]:
            delta, is_over = now
            advantage = delta + self.discount * self.gae * ~is_over * later
            return advantage, advantage

        _, advantages = jax.lax.scan(back, jnp.zeros(self.n_envs), (deltas, over), reverse=True)
        return advantages, advantages + values

    def _learn(self, state: PpoState, data: Any, rate: Any, key: Any) -> tuple[Any, Any, Any]:
        adam = optax.scale_by_adam(eps=1e-5)
        part = self.n_envs // self.n_minibatches

        def epoch(carry: Any, key: Any) -> tuple[Any, Any]:
            order = jax.random.permutation(key, self.n_envs)
            parts = jax.tree.map(
                lambda x: jnp.moveaxis(
                    x[:, order].reshape(self.n_steps, self.n_minibatches, part, *x.shape[2:]), 1, 0
                ),
                data,
            )

            def minibatch(carry: Any, batch: Any) -> tuple[Any, Any]:
                params, optimiser = carry
                loss, gradient = jax.value_and_grad(self._loss)(params, batch)
                norm = optax.tree.norm(gradient)
                gradient = jax.tree.map(
                    lambda g: g * jnp.minimum(1.0, self.most_gradient / (norm + 1e-9)), gradient
                )
                change, optimiser = adam.update(gradient, optimiser)
                params = jax.tree.map(lambda p, c: p - rate * c, params, change)
                return (params, optimiser), loss

            return jax.lax.scan(minibatch, carry, parts)

        carry = ((state.actor, state.critic), state.optimiser)
        (params, optimiser), losses = jax.lax.scan(epoch, carry, jax.random.split(key, self.n_epochs))
        return params, optimiser, jnp.mean(losses)

    def _loss(self, params: Any, batch: Any) -> Any:
        actor, critic = params
        observation, action, logp_old, advantage, target = batch
        outputs = apply(actor, observation, "tanh")
        value = apply(critic, observation, "tanh")[..., 0]
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        ratio = jnp.exp(self.head.log_prob(outputs, action, jnp) - logp_old)
        bounded = jnp.clip(ratio, 1.0 - self.clip, 1.0 + self.clip)
        gain = jnp.mean(jnp.minimum(ratio * advantage, bounded * advantage))
        miss = 0.5 * jnp.mean((value - target) ** 2)
        loss = -gain + self.value * miss
        if hasattr(self.head, "entropy"):
            loss = loss - self.entropy * jnp.mean(self.head.entropy(outputs, jnp))
        return loss


def _noted(recent: Any, n: Any, made: Any) -> tuple[Any, Any]:
    """The returns of the last episodes, those that ended now among them."""
    over = (made.terminated | made.truncated).ravel()
    place = jnp.where(over, (n + jnp.cumsum(over) - 1) % RECENT, RECENT)
    noted = recent.at[place].set(made.collected.ravel(), mode="drop")
    return noted, n + jnp.sum(over)
