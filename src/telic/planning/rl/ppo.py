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

from telic.neural.curriculum import Curriculum, Progress
from telic.neural.networks import Params
from telic.neural.normalise import Moments, init_moments, merged, scaled, scaled_rewards
from telic.neural.recurrent import Recurrent
from telic.neural.returns import Returns
from telic.neural.rollout import Running, begin
from telic.neural.simulators.simulator import Simulator
from telic.policies import NetworkPolicy
from telic.policies.heads import Head
from telic.policies.recurrent import RecurrentPolicy

from .actor_critic import Weights, init_weights, remembered, served_policy
from .clipped import Decisions, improve, init_optimiser
from .collecting import collect
from .leash import Leash, held
from .settings_checks import check_curriculum, check_settings

__all__ = ["Ppo", "PpoState"]

RECENT = 100
"""Episodes whose returns are averaged."""


class PpoState(NamedTuple):
    """Everything that a run goes on from.

    ``memory`` is that of the actor and of the critic of each stream, ``(E, M)``, 0 where an episode begins; ``beta`` is
    what a nat from the policy that this one is held to costs; ``progress`` that of the curriculum.
    """

    actor: Params | Recurrent
    log_sd: Any
    critic: Params | Recurrent
    optimiser: Any
    running: Any
    key: Any
    returns: Returns
    n_done: Any
    observed: Moments
    collected: Moments
    so_far: Any
    memory: Any = None
    beta: Any = None
    progress: Progress | None = None

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
        memory: numbers that are remembered from look to look; 0: only what is observed now is seen.
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
        leash: the policy to begin with and to stay near; its scaling of observations is kept.
        curriculum: makes episodes harder as they succeed; ``simulator`` is its last level, ``curriculum.simulator()``.

    Raises:
        SettingsError: a size lies outside its range, the parts do not divide the streams, or the leash does not fit.
    """

    simulator: Simulator = field(metadata={"static": True})
    n_envs: int = field(default=64, metadata={"static": True})
    n_steps: int = field(default=32, metadata={"static": True})
    n_epochs: int = field(default=4, metadata={"static": True})
    n_minibatches: int = field(default=4, metadata={"static": True})
    hidden: tuple[int, ...] = field(default=(64, 64), metadata={"static": True})
    memory: int = field(default=0, metadata={"static": True})
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
    leash: Leash | None = None
    curriculum: Curriculum | None = None

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def head(self) -> Head:
        """What the outputs of the actor mean."""
        return self.simulator.actions.head()

    def init(self, key: Any) -> PpoState:
        """The state before the first update."""
        check_curriculum(self)
        key_weights, key_begin, key = jax.random.split(key, 3)
        world = self.simulator if self.curriculum is None else self.curriculum.at(0)
        running = jax.vmap(lambda k: begin(world, k))(jax.random.split(key_begin, self.n_envs))
        return self.state_of(self.init_weights(key_weights), running, key)

    def init_weights(self, key: Any) -> Weights:
        """The networks before the first update: a policy near uniform, or the one to stay near."""
        D, head = self.simulator.n_observations, self.head
        weights = init_weights(key, D, self.hidden, head, self.log_sd, self.memory)
        if self.leash is None:
            return weights
        return weights._replace(actor=self.leash.layers, log_sd=jnp.zeros(0, jnp.float32))

    def state_of(self, weights: Weights, running: Any, key: Any) -> PpoState:
        """The state before the first update, with given weights and streams."""
        nothing = jnp.zeros((self.n_envs, self.memory), jnp.float32)
        return PpoState(
            actor=weights.actor,
            log_sd=weights.log_sd,
            critic=weights.critic,
            optimiser=init_optimiser(weights),
            running=running,
            key=key,
            returns=Returns.none(RECENT),
            n_done=jnp.zeros((), jnp.int32),
            observed=init_moments(self.simulator.n_observations),
            collected=init_moments(1),
            so_far=jnp.zeros(self.n_envs, jnp.float32),
            memory=(nothing, nothing) if self.memory else None,
            beta=None if self.leash is None else jnp.asarray(self.leash.beta, jnp.float32),
            progress=None if self.curriculum is None else self.curriculum.init(),
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
        collected, so_far, unit = state.collected, state.so_far, jnp.ones(())
        observed, made = self.watched(state, made)
        if self.leash is not None:
            made = self.leash.priced(state.weights, made, state.beta)
        if self.scales_rewards:
            reward, collected, so_far = scaled_rewards(
                collected, so_far, made.reward, over, self.discount, self.most_observed, made.weight
            )
            unit, made = collected.sd, made._replace(reward=reward)
        tie = 0.0 if self.leash is None else state.beta / jnp.squeeze(unit)
        rate = self.learning_rate * self.left(state)
        weights, adam, loss = improve(
            self, state.weights, state.optimiser, made, rate, key, horizon=horizon, tie=tie
        )
        returns = state.returns.added(over, returned)
        told = {"loss": loss, "mean_return": returns.mean, "n_episodes": returns.n_episodes}
        beta, memory, progress = state.beta, state.memory, state.progress
        if self.leash is not None:
            told["beta"] = beta
            weights, beta, told["divergence"] = held(
                self.leash, beta, state.weights, weights, made, state.n_done
            )
        if made.past is not None:
            memory = remembered(state.weights, made.observation, made.past, made.anew[-1])
        if self.curriculum is not None:
            assert progress is not None
            told["level"] = progress.level
            progress = self.curriculum.after(progress, over, returned, made.level)
        after = PpoState(
            *weights, adam, state.running, state.key, returns, state.n_done + 1, observed, collected, so_far,
            memory, beta, progress,
        )  # fmt: skip
        return after, told

    def left(self, state: PpoState) -> Any:
        """Share of the run that is still to come, by which the learning rate falls."""
        return jnp.maximum(0.0, 1.0 - state.n_done / self.n_updates)

    def watched(self, state: PpoState, made: Decisions) -> tuple[Moments, Decisions]:
        """Moments of observations with those of the decisions, and the decisions as the networks see them."""
        is_new = self.scales_observations
        observed = merged(state.observed, made.observation, made.weight) if is_new else state.observed
        return observed, made._replace(
            observation=self.seen(state, made.observation),
            after=self.seen(state, made.after),
            memory=state.memory,
        )

    def seen(self, state: PpoState, observations: Any) -> Any:
        """Observations as the networks see them."""
        if self.leash is not None:
            return self.leash.seen(observations)
        if not self.scales_observations:
            return observations
        return scaled(state.observed, observations, self.most_observed)

    def policy(self, state: PpoState) -> NetworkPolicy | RecurrentPolicy:
        """The policy of a state."""
        D, observed, leash = self.simulator.n_observations, state.observed, self.leash
        shift, scale, clip = np.zeros(D, np.float32), np.ones(D, np.float32), float("inf")
        if leash is not None:
            shift, scale, clip = np.array(leash.shift), np.array(leash.scale), float(leash.clip)
        elif self.scales_observations:
            shift, scale = np.array(observed.mean, np.float32), np.array(observed.sd, np.float32)
            clip = float(self.most_observed)
        return served_policy(state.weights, self.head, shift, scale, clip)

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
        return collect(self, state, key_gumbel, key_normal, keys)
