"""Deep Q-learning: action values learned from what was seen, with each of its known corrections on a switch.

    Q(o, a) -> r + gamma (1 - terminated) Q'(o', a*),   a* = argmax Q(o', .) (double) or argmax Q'(o', .),

by Huber's loss, with targets Q' that follow. Duelling: ``Q = V + A - mean_a A``, V and A with a last hidden layer of
their own. Priorities: ``p = (|error| + eps)^alpha``, and an update weighs a row by ``(n p)^-beta``, the largest of a
batch 1, with beta growing to 1. An episode that is cut off is valued beyond the cut; one that ended is not. Everything
runs inside one compiled scan over decisions.

References:
    Mnih and others (2015), Human-level control through deep reinforcement learning, algorithm 1.
    van Hasselt, Guez and Silver (2016), Deep reinforcement learning with double Q-learning, equation 4.
    Wang and others (2016), Dueling network architectures, equation 9.
    Schaul, Quan, Antonoglou and Silver (2016), Prioritized experience replay, algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from telic.errors import SettingsError
from telic.neural.adam import adam_step, init_adam
from telic.neural.critics import soft_update
from telic.neural.duelling import Values, action_values, init_values, joined
from telic.neural.experience import decided, transition_fields
from telic.neural.networks import to_layers
from telic.neural.replay import Fields, Replay, draw_by_priority, draw_evenly, take
from telic.neural.returns import Returns
from telic.neural.rollout import Running, begin
from telic.neural.simulators.simulator import Choices, Simulator
from telic.policies import NetworkPolicy
from telic.policies.heads import CategoricalHead

__all__ = ["Dqn", "DqnState"]

RECENT = 100
"""Episodes whose returns are averaged."""

SMALLEST = 1e-3
"""Added to an error before it becomes a priority, so that no row is lost."""


class Learned(NamedTuple):
    """What an update changes."""

    online: Values
    target: Values
    optimiser: Any
    n_updates: Any


class DqnState(NamedTuple):
    """Everything that a run goes on from."""

    learned: Learned
    replay: Replay
    running: Running
    key: Any
    returns: Returns
    n_done: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Dqn:
    """The learner.

    Attributes:
        simulator: the world; its actions are choices.
        n_envs: streams side by side.
        n_steps: decisions of each stream in a step of the loop.
        n_updates: updates after each decision of all streams.
        batch: transitions of an update.
        capacity: transitions that are kept, a multiple of ``n_envs``.
        n_random: decisions of each stream by chance alone before the first update.
        hidden: units of the layers between.
        is_double: whether one network chooses and the other values.
        is_duelling: whether values of states and advantages of actions have layers of their own.
        is_prioritised: whether rows with large errors are drawn more often.
        learning_rate: of Adam.
        discount: gamma.
        share: of the way to the online weights that targets go. 1 copies them.
        target_every: updates between moves of the targets.
        explore: share of decisions by chance at first.
        explore_end: and in the end.
        explore_steps: decisions of each stream over which it falls.
        alpha: power of priorities; 0 draws evenly.
        beta: how much of that an update takes back at first; 1 all of it.
        beta_updates: updates over which beta grows to 1.
        most_gradient: norm at which gradients are cut.
    """

    simulator: Simulator = field(metadata={"static": True})
    n_envs: int = field(default=4, metadata={"static": True})
    n_steps: int = field(default=500, metadata={"static": True})
    n_updates: int = field(default=1, metadata={"static": True})
    batch: int = field(default=64, metadata={"static": True})
    capacity: int = field(default=100_000, metadata={"static": True})
    n_random: int = field(default=250, metadata={"static": True})
    hidden: tuple[int, ...] = field(default=(64, 64), metadata={"static": True})
    is_double: bool = field(default=True, metadata={"static": True})
    is_duelling: bool = field(default=True, metadata={"static": True})
    is_prioritised: bool = field(default=True, metadata={"static": True})
    learning_rate: Any = 1e-3
    discount: Any = 0.99
    share: Any = 0.01
    target_every: Any = 1
    explore: Any = 1.0
    explore_end: Any = 0.05
    explore_steps: Any = 2_500.0
    alpha: Any = 0.6
    beta: Any = 0.4
    beta_updates: Any = 20_000.0
    most_gradient: Any = 10.0

    def __post_init__(self) -> None:
        if self.n_random < 1:
            raise SettingsError(
                f"`n_random` must be at least 1, got {self.n_random}.", hint="A batch needs a row to draw."
            )

    @property
    def head(self) -> CategoricalHead:
        """What the outputs mean: the choice is that of the largest."""
        if not isinstance(self.simulator.actions, Choices):
            raise SettingsError(
                f"Q-learning takes choices, and {self.simulator.name} has amounts.", hint="Use Sac or Ppo."
            )
        return self.simulator.actions.head()

    @property
    def fields(self) -> Fields:
        """What a row of the buffer holds."""
        return transition_fields(self.simulator.n_observations, 0)

    def init(self, key: Any) -> DqnState:
        """The state before the first update: the first ``n_random`` decisions are already in the buffer."""
        key_network, key_begin, key_random, key = jax.random.split(key, 4)
        shape = (self.simulator.n_observations, self.hidden, self.head.n_actions)
        online = init_values(key_network, *shape, is_duelling=self.is_duelling)
        state = DqnState(
            learned=Learned(
                online=online,
                target=jax.tree.map(jnp.copy, online),
                optimiser=init_adam(online),
                n_updates=jnp.zeros((), jnp.int32),
            ),
            replay=Replay.empty(self.capacity, self.fields.width, is_prioritised=self.is_prioritised),
            running=jax.vmap(lambda k: begin(self.simulator, k))(jax.random.split(key_begin, self.n_envs)),
            key=key,
            returns=Returns.none(RECENT),
            n_done=jnp.zeros((), jnp.int32),
        )

        def one(state: DqnState, key: Any) -> tuple[DqnState, None]:
            return self._decide(state, jnp.float32(1.0), key), None

        return jax.lax.scan(one, state, jax.random.split(key_random, self.n_random))[0]

    def step(self, state: DqnState) -> tuple[DqnState, dict[str, Any]]:
        """Decisions and updates in turn, ``n_steps`` times."""

        def one(state: DqnState, key: Any) -> tuple[DqnState, Any]:
            key_decide, key_learn = jax.random.split(key)
            gone = jnp.minimum(state.n_done / self.explore_steps, 1.0)
            by_chance = self.explore + (self.explore_end - self.explore) * gone
            state = self._decide(state, by_chance, key_decide)
            state = state._replace(n_done=state.n_done + 1)

            def learn(carry: Any, key: Any) -> tuple[Any, Any]:
                learned, replay = carry
                if self.is_prioritised:
                    places, chances = draw_by_priority(replay, key, self.batch)
                    beta = self.beta + (1.0 - self.beta) * jnp.minimum(
                        learned.n_updates / self.beta_updates, 1.0
                    )
                    weights = (replay.n_held * chances) ** -beta
                    weights = weights / jnp.max(weights)
                else:
                    places, weights = draw_evenly(replay, key, self.batch), jnp.ones(self.batch)
                batch = self.fields.unpack(take(replay, places))
                learned, error, told = self.update(learned, batch, weights)
                if replay.priorities is not None:
                    fresh = (jnp.abs(error) + SMALLEST) ** self.alpha
                    replay = replay._replace(priorities=replay.priorities.put(places, fresh))
                return (learned, replay), told

            keys = jax.random.split(key_learn, self.n_updates)
            (learned, replay), told = jax.lax.scan(learn, (state.learned, state.replay), keys)
            return state._replace(learned=learned, replay=replay), jax.tree.map(lambda x: x[-1], told)

        key, key_steps = jax.random.split(state.key)
        state, told = jax.lax.scan(one, state._replace(key=key), jax.random.split(key_steps, self.n_steps))
        metrics = {name: jnp.mean(values) for name, values in told.items()}
        return state, {**metrics, "mean_return": state.returns.mean, "n_episodes": state.returns.n_episodes}

    def policy(self, state: DqnState) -> NetworkPolicy:
        """The policy of a state, to be followed by its ``mode``; its outputs are action values."""
        D = self.simulator.n_observations
        return NetworkPolicy(
            layers=to_layers(joined(state.learned.online)),
            activation="relu",
            head=self.head,
            shift=np.zeros(D, dtype=np.float32),
            scale=np.ones(D, dtype=np.float32),
        )

    def update(self, learned: Learned, batch: Any, weights: Any) -> tuple[Learned, Any, dict[str, Any]]:
        """One update: what was learned, the errors ``(B,)`` before it, and metrics.

        Args:
            learned: what is changed.
            batch: ``observation``, ``action``, ``reward``, ``after`` and ``terminated`` of B transitions.
            weights: ``(B,)`` of the rows.
        """
        target = self.target(learned, batch)
        (loss, error), slope = jax.value_and_grad(self.loss, has_aux=True)(
            learned.online, batch, target, weights
        )
        cut = jnp.minimum(1.0, self.most_gradient / (optax.tree.norm(slope) + 1e-9))
        slope = jax.tree.map(lambda g: cut * g, slope)
        online, optimiser = adam_step(learned.online, slope, learned.optimiser, self.learning_rate)
        n = learned.n_updates + 1
        share = jnp.where(n % self.target_every == 0, self.share, 0.0)
        moved = soft_update(learned.target, online, share)
        after = Learned(online=online, target=moved, optimiser=optimiser, n_updates=n)
        return after, error, {"loss": loss, "value": jnp.mean(target)}

    def target(self, learned: Learned, batch: Any) -> Any:
        """``(B,)`` what the network is to say of a batch."""
        beyond = action_values(learned.target, batch["after"])
        choose = action_values(learned.online, batch["after"]) if self.is_double else beyond
        best = _at(beyond, jnp.argmax(choose, axis=-1))
        return batch["reward"] + self.discount * (1.0 - batch["terminated"]) * best

    def loss(self, online: Any, batch: Any, target: Any, weights: Any) -> tuple[Any, Any]:
        """Weighted mean of Huber's loss of the errors, and the errors ``(B,)``."""
        said = _at(action_values(online, batch["observation"]), batch["action"].astype(jnp.int32))
        error = said - target
        return jnp.mean(weights * optax.losses.huber_loss(said, target)), error

    def _decide(self, state: DqnState, by_chance: Any, key: Any) -> DqnState:
        """One decision of every stream, kept."""
        key_which, key_any, key_world = jax.random.split(key, 3)
        n, A = self.n_envs, self.head.n_actions
        best = jnp.argmax(action_values(state.learned.online, state.running.observation), axis=-1)
        chance = jax.random.randint(key_any, (n,), 0, A)
        action = jnp.where(jax.random.uniform(key_which, (n,)) < by_chance, chance, best).astype(jnp.int32)
        return decided(state, self.simulator, self.fields, action, key_world)


def _at(values: Any, actions: Any) -> Any:
    # A product with zeros and ones: compiled gathers of single numbers are many times slower on a processor.
    chosen = actions[:, None] == jnp.arange(values.shape[-1])
    return jnp.sum(jnp.where(chosen, values, 0.0), axis=-1)
