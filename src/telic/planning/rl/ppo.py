"""Proximal policy optimisation: decisions in a simulator, then a few passes over them with the change bounded.

The objective and the advantages are those of ``telic.planning.rl.clipped``. Decisions are made by E streams side by
side, T each, in one compiled loop; all that is random in it is drawn at once before it. Observations may be brought to
running means and standard deviations, and rewards to the standard deviation of what they add up to; both run on in the
state, and the scaling of observations leaves with the policy.

References:
    Schulman, Wolski, Dhariwal, Radford and Klimov (2017), Proximal policy optimization algorithms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.errors import SettingsError
from telic.neural.networks import Params
from telic.neural.normalise import Moments, init_moments, merged, returns_so_far, scaled
from telic.neural.rollout import Running, advance, begin
from telic.neural.simulators.simulator import Simulator
from telic.policies import NetworkPolicy
from telic.policies.heads import GaussianHead, Head

from .clipped import Decisions, Weights, improve, init_optimiser, init_weights, outputs_of, served

__all__ = ["Ppo", "PpoState"]

RECENT = 100
"""Episodes whose returns are averaged."""


class PpoState(NamedTuple):
    """Everything that a run goes on from."""

    actor: Params
    log_sd: Any
    critic: Params
    optimiser: Any
    running: Any
    key: Any
    recent: Any
    n_episodes: Any
    n_done: Any
    observed: Moments
    collected: Moments
    so_far: Any

    @property
    def weights(self) -> Weights:
        """What is learned."""
        return Weights(self.actor, self.log_sd, self.critic)


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
        scales_observations: whether networks see observations in running standard deviations from the mean.
        scales_rewards: whether rewards are divided by the running standard deviation of their discounted sums.
        n_updates: updates over which the learning rate falls to 0.
        learning_rate: of Adam. More is faster until it breaks.
        discount: gamma.
        gae: lambda. Near 1 less bias, more noise.
        clip: eps. Less is slower and safer.
        entropy: c_e. More explores longer.
        value: c_v.
        most_gradient: norm at which gradients are cut.
        log_sd: for amounts, logarithm of the standard deviation at first, in halves of the range. Less explores less.
        most_observed: where scaled observations and rewards are cut, in standard deviations.

    Raises:
        SettingsError: a size lies outside its range, or the parts do not divide the streams.
    """

    simulator: Simulator = field(metadata={"static": True})
    n_envs: int = field(default=64, metadata={"static": True})
    n_steps: int = field(default=32, metadata={"static": True})
    n_epochs: int = field(default=4, metadata={"static": True})
    n_minibatches: int = field(default=4, metadata={"static": True})
    hidden: tuple[int, ...] = field(default=(64, 64), metadata={"static": True})
    scales_observations: bool = field(default=False, metadata={"static": True})
    scales_rewards: bool = field(default=False, metadata={"static": True})
    n_updates: Any = 300.0
    learning_rate: Any = 2.5e-3
    discount: Any = 0.98
    gae: Any = 0.8
    clip: Any = 0.2
    entropy: Any = 0.0
    value: Any = 0.5
    most_gradient: Any = 0.5
    log_sd: Any = -0.5
    most_observed: Any = 10.0

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("n_envs", "n_steps", "n_epochs", "n_minibatches")}
        low = [name for name, size in sizes.items() if size < 1]
        if low:
            raise SettingsError(
                f"`{low[0]}` must be at least 1, got {sizes[low[0]]}.", hint="Sizes are whole numbers."
            )
        if self.n_envs % self.n_minibatches:
            raise SettingsError(
                f"`n_minibatches` must divide `n_envs`, got {self.n_minibatches} and {self.n_envs}.",
                hint="A part of a pass is whole streams.",
            )

    @property
    def head(self) -> Head:
        """What the outputs of the actor mean."""
        return self.simulator.actions.head()

    def init(self, key: Any) -> PpoState:
        """The state before the first update."""
        key_weights, key_begin, key = jax.random.split(key, 3)
        D = self.simulator.n_observations
        weights = init_weights(key_weights, D, self.hidden, self.head, self.log_sd)
        running = jax.vmap(lambda k: begin(self.simulator, k))(jax.random.split(key_begin, self.n_envs))
        return self.state_of(weights, running, key)

    def state_of(self, weights: Weights, running: Any, key: Any) -> PpoState:
        """The state before the first update, with given weights and streams."""
        return PpoState(
            actor=weights.actor,
            log_sd=weights.log_sd,
            critic=weights.critic,
            optimiser=init_optimiser(weights),
            running=running,
            key=key,
            recent=jnp.zeros(RECENT, jnp.float32),
            n_episodes=jnp.zeros((), jnp.int32),
            n_done=jnp.zeros((), jnp.int32),
            observed=init_moments(self.simulator.n_observations),
            collected=init_moments(1),
            so_far=jnp.zeros(self.n_envs, jnp.float32),
        )

    def step(self, state: PpoState) -> tuple[PpoState, dict[str, Any]]:
        """One update."""
        T, E = self.n_steps, self.n_envs
        # All keys at once: each split is compiled anew.
        keys = jax.random.split(state.key, 4 + 2 * T * E)
        running, made, returned = self.collect(state, keys[1], keys[2], keys[4:].reshape(2, T, E))
        state = state._replace(running=running, key=keys[0])
        return self.learn(state, made, returned, keys[3], horizon=self.simulator.horizon)

    def learn(
        self, state: PpoState, made: Decisions, returned: Any, key: Any, *, horizon: int | None = None
    ) -> tuple[PpoState, dict[str, Any]]:
        """The state after learning from decisions, and metrics.

        Args:
            state: streams and key already gone on.
            made: decisions; observations and rewards as the world gave them.
            returned: ``(T, E)`` reward of a whole episode where it ended or was cut off.
            key: random key; consumed.
            horizon: decisions after which an episode is cut off, where that is known.
        """
        over = made.terminated | made.truncated
        collected, so_far = state.collected, state.so_far
        observed, made = self.watched(state, made)
        if self.scales_rewards:
            sums, so_far = returns_so_far(so_far, made.reward, over, self.discount)
            collected = merged(collected, sums[..., None], made.weight)
            kept = jnp.clip(made.reward / collected.sd, -self.most_observed, self.most_observed)
            made = made._replace(reward=kept)
        weights, adam, loss = improve(
            self, state.weights, state.optimiser, made, self.learning_rate * self.left(state), key,
            horizon=horizon,
        )  # fmt: skip
        recent, n_episodes, mean_return = noted(state.recent, state.n_episodes, over, returned)
        after = PpoState(
            *weights, adam, state.running, state.key, recent, n_episodes, state.n_done + 1,
            observed, collected, so_far,
        )  # fmt: skip
        return after, {"loss": loss, "mean_return": mean_return, "n_episodes": n_episodes}

    def left(self, state: PpoState) -> Any:
        """Share of the run that is still to come, by which the learning rate falls."""
        return jnp.maximum(0.0, 1.0 - state.n_done / self.n_updates)

    def watched(self, state: PpoState, made: Decisions) -> tuple[Moments, Decisions]:
        """Moments of observations with those of the decisions, and the decisions as the networks see them."""
        if not self.scales_observations:
            return state.observed, made
        observed = merged(state.observed, made.observation, made.weight)
        return observed, made._replace(
            observation=self.seen(state, made.observation), after=self.seen(state, made.after)
        )

    def seen(self, state: PpoState, observations: Any) -> Any:
        """Observations as the networks see them."""
        if not self.scales_observations:
            return observations
        return scaled(state.observed, observations, self.most_observed)

    def policy(self, state: PpoState) -> NetworkPolicy:
        """The policy of a state."""
        D, is_scaled = self.simulator.n_observations, self.scales_observations
        observed = state.observed
        return NetworkPolicy(
            layers=served(state.weights, self.head),
            activation="tanh",
            head=self.head,
            shift=np.array(observed.mean, np.float32) if is_scaled else np.zeros(D, np.float32),
            scale=np.array(observed.sd, np.float32) if is_scaled else np.ones(D, np.float32),
            clip=float(self.most_observed) if is_scaled else float("inf"),
        )

    def collect(
        self, state: PpoState, key_gumbel: Any, key_normal: Any, keys: Any
    ) -> tuple[Running, Decisions, Any]:
        """The streams after T decisions of each, the decisions, and ``(T, E)`` returns of episodes that were over.

        Args:
            state: weights to act by, and streams.
            key_gumbel: of choices; consumed.
            key_normal: of amounts; consumed.
            keys: ``(2, T, E)`` of where episodes begin, and of what decisions lead to; consumed.
        """
        T, E, head = self.n_steps, self.n_envs, self.head
        noise = head.noise(
            (T, E),
            lambda shape: jax.random.gumbel(key_gumbel, shape),
            lambda shape: jax.random.normal(key_normal, shape),
            jnp,
        )
        fresh = jax.vmap(jax.vmap(lambda k: begin(self.simulator, k)))(keys[0])

        def one(running: Running, drawn: Any) -> tuple[Running, Any]:
            noise, keys, fresh = drawn
            x = self.seen(state, running.observation)
            outputs = outputs_of(state.weights, head, x.T)
            if isinstance(head, GaussianHead):
                # As drawn, so that its density is known; cut at the bounds only where the world takes it.
                action = head.middle + head.half * head.draw_u(outputs, noise, jnp)
                done = jnp.clip(action, jnp.asarray(head.low), jnp.asarray(head.high))
            else:
                action = done = head.sample(outputs, noise, jnp)
            running, moved = jax.vmap(lambda r, a, k, f: advance(self.simulator, r, a, k, f))(
                running, done, keys, fresh
            )
            return running, (moved, action, outputs)

        running, (moved, action, outputs) = jax.lax.scan(one, state.running, (noise, keys[1], fresh))
        made = Decisions(
            observation=moved.observation,
            action=action,
            log_prob=head.log_prob(outputs, action, jnp),
            reward=moved.reward,
            after=moved.after,
            terminated=moved.terminated,
            truncated=moved.truncated,
            costs=moved.costs,
            discount=moved.discount,
        )
        return running, made, moved.collected


def noted(recent: Any, n: Any, over: Any, returned: Any) -> tuple[Any, Any, Any]:
    """The returns of the last episodes, those that ended now among them; how many ended so far; their mean or NaN."""
    is_over = over.ravel()
    place = jnp.where(is_over, (n + jnp.cumsum(is_over) - 1) % RECENT, RECENT)
    recent, n = recent.at[place].set(returned.ravel(), mode="drop"), n + jnp.sum(is_over)
    n_known = jnp.minimum(n, RECENT)
    return recent, n, jnp.where(n_known > 0, jnp.sum(recent) / jnp.maximum(n_known, 1), jnp.nan)
