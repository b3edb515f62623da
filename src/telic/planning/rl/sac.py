"""Soft actor-critic: the best policy of amounts when randomness itself is worth something, learned from what was seen.

    Q_i(o, a) -> r + gamma (1 - terminated) (min_j Q'_j(o', a') - alpha log pi(a' | o')),   a' ~ pi(. | o'),
    pi: max E[min_j Q_j(o, a) - alpha log pi(a | o)],      log alpha: min E[-log alpha (log pi(a | o) + H)],

with two critics, targets Q' that follow them slowly, and a bell squashed by ``tanh``. Densities are of the action
scaled to [-1, 1] in each dimension, so that the wanted entropy H does not depend on units. An episode that is cut off
is valued beyond the cut; one that ended is not. Everything runs inside one compiled scan over decisions.

References:
    Haarnoja, Zhou, Abbeel and Levine (2018), Soft actor-critic, equations 5 to 13 and appendix C.
    Haarnoja and others (2018), Soft actor-critic algorithms and applications, equation 18 (temperature).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.errors import SettingsError
from telic.neural.adam import adam_step, init_adam
from telic.neural.critics import apply_critics, init_critics, least, soft_update
from telic.neural.experience import decided, transition_fields
from telic.neural.networks import Params, init_network, to_layers
from telic.neural.replay import Fields, Replay, draw_evenly, take
from telic.neural.returns import Returns
from telic.neural.rollout import Running, begin
from telic.neural.simulators.simulator import Amounts, Simulator
from telic.neural.wide_layers import apply_wide
from telic.policies import NetworkPolicy
from telic.policies.heads import LOG_TWO_PI, GaussianHead

__all__ = ["Sac", "SacState"]

RECENT = 10
"""Episodes whose returns are averaged."""


class Learned(NamedTuple):
    """What an update changes."""

    actor: Params
    critics: Params
    targets: Params
    log_temperature: Any
    optimisers: tuple[Any, Any, Any]


class SacState(NamedTuple):
    """Everything that a run goes on from."""

    learned: Learned
    replay: Replay
    running: Running
    key: Any
    returns: Returns

    @property
    def actor(self) -> Params:
        """Weights to act by."""
        return self.learned.actor


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Sac:
    """The learner.

    Attributes:
        simulator: the world; its actions are amounts.
        n_envs: streams side by side.
        n_steps: decisions of each stream in a step of the loop.
        n_updates: updates after each decision of all streams.
        batch: transitions of an update.
        capacity: transitions that are kept, a multiple of ``n_envs``.
        n_random: decisions of each stream by chance alone before the first update.
        hidden: units of the layers between, of actor and critics.
        learning_rate: of Adam, for actor and critics.
        temperature_rate: of Adam, for the temperature; 0 keeps it as it is.
        temperature: alpha at first: what a nat of entropy is worth, in reward.
        entropy: H, nats wanted of each dimension of the scaled action (at most log 2). Less is more decided.
        discount: gamma.
        share: of the way to the critics that targets go in an update. Less is slower and steadier.
    """

    simulator: Simulator = field(metadata={"static": True})
    n_envs: int = field(default=1, metadata={"static": True})
    n_steps: int = field(default=500, metadata={"static": True})
    n_updates: int = field(default=1, metadata={"static": True})
    batch: int = field(default=256, metadata={"static": True})
    capacity: int = field(default=100_000, metadata={"static": True})
    n_random: int = field(default=100, metadata={"static": True})
    hidden: tuple[int, ...] = field(default=(256, 256), metadata={"static": True})
    learning_rate: Any = 3e-4
    temperature_rate: Any = 3e-4
    temperature: Any = 1.0
    entropy: Any = -1.0
    discount: Any = 0.99
    share: Any = 0.005

    def __post_init__(self) -> None:
        if self.n_random < 1:
            raise SettingsError(
                f"`n_random` must be at least 1, got {self.n_random}.", hint="A batch needs a row to draw."
            )

    @property
    def head(self) -> GaussianHead:
        """What the outputs of the actor mean."""
        if not isinstance(self.simulator.actions, Amounts):
            raise SettingsError(
                f"Soft actor-critic takes amounts, and {self.simulator.name} has choices.",
                hint="Use Dqn or Ppo.",
            )
        return self.simulator.actions.head(is_squashed=True)

    @property
    def fields(self) -> Fields:
        """What a row of the buffer holds; the action is scaled."""
        simulator = self.simulator
        return transition_fields(simulator.n_observations, self.head.n_dimensions, len(simulator.costs))

    def init(self, key: Any) -> SacState:
        """The state before the first update: the first ``n_random`` decisions are already in the buffer."""
        key, key_begin, key_random = jax.random.split(key, 3)
        running = jax.vmap(lambda k: begin(self.simulator, k))(jax.random.split(key_begin, self.n_envs))
        A = self.head.n_dimensions

        def one(state: SacState, key: Any) -> tuple[SacState, None]:
            key_action, key_world = jax.random.split(key)
            scaled = jax.random.uniform(key_action, (self.n_envs, A), jnp.float32, -1.0, 1.0)
            return self._decide(state, scaled, key_world), None

        state = self.state_of(running, key)
        return jax.lax.scan(one, state, jax.random.split(key_random, self.n_random))[0]

    def state_of(self, running: Any, key: Any) -> SacState:
        """The state before the first decision, of given streams."""
        key_actor, key_critics, key = jax.random.split(key, 3)
        D, A = self.simulator.n_observations, self.head.n_dimensions
        actor = init_network(key_actor, (D, *self.hidden, self.head.n_outputs), final_gain=0.01)
        critics = init_critics(key_critics, (D + A, *self.hidden, 1))
        log_temperature = jnp.log(jnp.asarray(self.temperature, jnp.float32))
        return SacState(
            learned=Learned(
                actor=actor,
                critics=critics,
                targets=jax.tree.map(jnp.copy, critics),
                log_temperature=log_temperature,
                optimisers=(init_adam(actor), init_adam(critics), init_adam(log_temperature)),
            ),
            replay=Replay.empty(self.capacity, self.fields.width),
            running=running,
            key=key,
            returns=Returns.none(RECENT),
        )

    def step(self, state: SacState) -> tuple[SacState, dict[str, Any]]:
        """Decisions and updates in turn, ``n_steps`` times."""

        def one(state: SacState, key: Any) -> tuple[SacState, Any]:
            key_action, key_world, key_learn = jax.random.split(key, 3)
            scaled = self.act(state.learned.actor, state.running.observation, key_action)
            state = self._decide(state, scaled, key_world)
            learned, told = self.learn(state.learned, state.replay, key_learn)
            return state._replace(learned=learned), told

        key, key_steps = jax.random.split(state.key)
        state, told = jax.lax.scan(one, state._replace(key=key), jax.random.split(key_steps, self.n_steps))
        metrics = {name: jnp.mean(values) for name, values in told.items()}
        return state, {**metrics, "mean_return": state.returns.mean, "n_episodes": state.returns.n_episodes}

    def act(self, actor: Params, observation: Any, key: Any) -> Any:
        """Scaled actions ``(E, A)`` drawn for observations ``(E, D)``."""
        outputs = apply_wide(actor, observation)
        return self.draw(outputs, jax.random.normal(key, self._noise_shape(len(observation))))[0]

    def learn(
        self, learned: Any, replay: Replay, key: Any, update: Callable[..., tuple[Any, Any]] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """``n_updates`` updates on rows of the buffer, and the metrics of the last.

        Args:
            learned: what is changed.
            replay: the buffer.
            key: random key; consumed.
            update: from what is changed, a batch and noise to what ``update`` gives, which it is by default.
        """
        change = self.update if update is None else update

        def one(learned: Any, key: Any) -> tuple[Any, dict[str, Any]]:
            key_batch, key_noise = jax.random.split(key)
            rows = take(replay, draw_evenly(replay, key_batch, self.batch))
            noise = jax.random.normal(key_noise, (2, *self._noise_shape(self.batch)))
            return change(learned, self.fields.unpack(rows), noise)

        if self.n_updates == 1:  # a loop inside the loop would copy all weights on each turn
            return one(learned, key)
        learned, told = jax.lax.scan(one, learned, jax.random.split(key, self.n_updates))
        return learned, jax.tree.map(lambda x: x[-1], told)

    def policy(self, state: SacState) -> NetworkPolicy:
        """The policy of a state."""
        D = self.simulator.n_observations
        return NetworkPolicy(
            layers=to_layers(state.learned.actor),
            activation="relu",
            head=self.head,
            shift=np.zeros(D, dtype=np.float32),
            scale=np.ones(D, dtype=np.float32),
        )

    def draw(self, outputs: Any, noise: Any) -> tuple[Any, Any]:
        """Scaled actions ``(B, A)`` in [-1, 1] and their log-densities ``(B,)``, from normal noise ``(B, A)``."""
        _, mean, log_sd = self.head.parameters(outputs, jnp)
        mean, log_sd = mean[..., 0, :], log_sd[..., 0, :]
        u = mean + jnp.exp(log_sd) * noise
        # log(1 - tanh(u)^2) without losing digits where tanh is near 1.
        stretch = 2.0 * (math.log(2.0) - u - jax.nn.softplus(-2.0 * u))
        return jnp.tanh(u), jnp.sum(-0.5 * (noise**2 + LOG_TWO_PI) - log_sd - stretch, axis=-1)

    def update(
        self, learned: Learned, batch: Any, noise: Any, charge: Callable[[Any], Any] | None = None
    ) -> tuple[Learned, dict[str, Any]]:
        """One update of critics, actor, temperature and targets, in this order.

        Args:
            learned: what is changed.
            batch: ``observation``, ``action`` (scaled), ``reward``, ``after`` and ``terminated`` of B transitions.
            noise: ``(2, B, A)`` standard normal: for what follows, and for now.
            charge: from observations with actions ``(B, D + A)`` to what is taken from their values, ``(B,)``, before
                the actor climbs them; None: nothing.
        """
        alpha = jnp.exp(learned.log_temperature)
        of_actor, of_critics, of_temperature = learned.optimisers
        target = self.target(learned, batch, noise[0])
        miss, slope = jax.value_and_grad(critic_loss)(learned.critics, batch, target)
        critics, of_critics = adam_step(learned.critics, slope, of_critics, self.learning_rate)
        (_, logp), slope = jax.value_and_grad(self.actor_loss, has_aux=True)(
            learned.actor, critics, alpha, batch["observation"], noise[1], charge
        )
        actor, of_actor = adam_step(learned.actor, slope, of_actor, self.learning_rate)
        wanted = self.entropy * self.head.n_dimensions
        log_temperature, of_temperature = adam_step(
            learned.log_temperature, -jnp.mean(logp) - wanted, of_temperature, self.temperature_rate
        )
        after = Learned(
            actor=actor,
            critics=critics,
            targets=soft_update(learned.targets, critics, self.share),
            log_temperature=log_temperature,
            optimisers=(of_actor, of_critics, of_temperature),
        )
        return after, {"critic_loss": miss, "entropy": -jnp.mean(logp), "temperature": alpha}

    def target(self, learned: Learned, batch: Any, noise: Any) -> Any:
        """``(B,)`` what the critics are to say of a batch."""
        action, logp = self.draw(apply_wide(learned.actor, batch["after"]), noise)
        beyond = least(apply_critics(learned.targets, jnp.concatenate([batch["after"], action], -1)))[..., 0]
        soft = beyond - jnp.exp(learned.log_temperature) * logp
        return batch["reward"] + self.discount * (1.0 - batch["terminated"]) * soft

    def actor_loss(
        self,
        actor: Params,
        critics: Params,
        alpha: Any,
        observation: Any,
        noise: Any,
        charge: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Mean of ``alpha log pi - min Q`` (and what is charged) over a batch, and the log-densities ``(B,)``."""
        action, logp = self.draw(apply_wide(actor, observation), noise)
        inputs = jnp.concatenate([observation, action], -1)
        value = least(apply_critics(critics, inputs))[..., 0]
        if charge is not None:
            value = value - charge(inputs)
        return jnp.mean(alpha * logp - value), logp

    def _noise_shape(self, n: int) -> tuple[int, int]:
        return n, self.head.n_dimensions

    def _decide(self, state: SacState, scaled: Any, key: Any) -> SacState:
        """One decision of every stream, kept."""
        action = self.head.middle + self.head.half * scaled
        return decided(state, self.simulator, self.fields, action, key, as_kept=scaled)


def critic_loss(critics: Params, batch: Any, target: Any) -> Any:
    """Half the squared distance to the targets: the sum over critics of the mean over a batch."""
    said = apply_critics(critics, jnp.concatenate([batch["observation"], batch["action"]], -1))[..., 0]
    return 0.5 * jnp.sum(jnp.mean((said - target) ** 2, axis=-1))
