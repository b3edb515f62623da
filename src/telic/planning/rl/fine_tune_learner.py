"""Going on from an offline policy by trying: soft actor-critic on halves of record and of what is tried now.

Each update is of one batch, half of whose rows are recorded and half seen since (Ball and others 2023, section 4.1), so
that what the record knows is not forgotten while what is tried counts from the first decision. Decisions are counted in
the state, and a step that the budget does not hold does nothing: whoever calls it, no more are made.

References:
    Ball, Smith, Kostrikov and Levine (2023), Efficient online reinforcement learning with offline data, section 4.1 and
    algorithm 1. Critics here have no layer norm.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.errors import SettingsError
from telic.neural.adam import adam_step, init_adam
from telic.neural.experience import decided
from telic.neural.networks import Params, apply, from_layers, init_network
from telic.neural.replay import Replay, draw_evenly, take
from telic.neural.rollout import begin
from telic.neural.simulators.simulator import Simulator, Step
from telic.neural.transitions import Transitions
from telic.policies import NetworkPolicy
from telic.policies.heads import GaussianHead

from .sac import Learned, Sac, SacState

__all__ = ["FineTune", "FineTuneState", "actor_like", "scaled_world"]

EDGE = 0.99
"""Of a scaled action: a fitted actor does not follow others nearer to a bound, where ``tanh`` is flat."""


class FineTuneState(NamedTuple):
    """Everything that a run goes on from.

    Attributes:
        inner: of the agent; its buffer holds what was tried.
        n_spent: decisions made.
    """

    inner: SacState
    n_spent: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class FineTune:
    """The learner.

    Attributes:
        agent: in the world, with scaled observations.
        start: actor, critics and the rest that learning begins with.
        record: ``(n, width)`` recorded rows as the buffer of the agent packs them.
        budget: decisions that may be made.
        n_warm: updates of the critics alone, on the record, before the first decision.
    """

    agent: Sac
    start: Learned
    record: Any
    budget: Any
    n_warm: int = field(default=1_000, metadata={"static": True})

    def init(self, key: Any) -> FineTuneState:
        """The state before the first decision; nothing was tried."""
        key_begin, key_warm, key = jax.random.split(key, 3)
        agent = self.agent

        def warm(learned: Learned, key: Any) -> tuple[Learned, None]:
            after, _ = self._update(learned, self._recorded(key, agent.batch), key)
            # The actor is as it was handed in: critics that do not know it yet must not move it.
            kept = (learned.optimisers[0], after.optimisers[1], learned.optimisers[2])
            return after._replace(
                actor=learned.actor, log_temperature=learned.log_temperature, optimisers=kept
            ), None

        learned, _ = jax.lax.scan(warm, self.start, jax.random.split(key_warm, self.n_warm))
        streams = jax.random.split(key_begin, agent.n_envs)
        running = jax.vmap(lambda k: begin(agent.simulator, k))(streams)
        inner = agent.state_of(running, key)._replace(learned=learned)
        return FineTuneState(inner=inner, n_spent=jnp.zeros((), jnp.int32))

    def step(self, state: FineTuneState) -> tuple[FineTuneState, dict[str, Any]]:
        """Decisions and updates in turn, ``agent.n_steps`` times; nothing where the budget does not hold them all."""
        cost = self.agent.n_steps * self.agent.n_envs
        is_held = state.n_spent + cost <= self.budget
        inner, told = jax.lax.cond(is_held, self._tried, self._still, state.inner)
        n_spent = state.n_spent + jnp.where(is_held, cost, 0)
        told = {**told, "mean_return": inner.returns.mean, "n_spent": n_spent}
        return FineTuneState(inner=inner, n_spent=n_spent), told

    def policy(self, state: FineTuneState) -> NetworkPolicy:
        """The policy of a state, for scaled observations."""
        return self.agent.policy(state.inner)

    def halves(self, replay: Replay, key: Any) -> Any:
        """``(batch, width)`` rows of an update: half of what was tried, then half of the record."""
        key_tried, key_recorded = jax.random.split(key)
        half = self.agent.batch // 2
        tried = take(replay, draw_evenly(replay, key_tried, half))
        return jnp.concatenate([tried, self._recorded(key_recorded, self.agent.batch - half)])

    def _tried(self, inner: SacState) -> tuple[SacState, dict[str, Any]]:
        agent = self.agent

        def one(inner: SacState, key: Any) -> tuple[SacState, Any]:
            key_action, key_world, key_learn = jax.random.split(key, 3)
            scaled = agent.act(inner.learned.actor, inner.running.observation, key_action)
            action = agent.head.middle + agent.head.half * scaled
            inner = decided(inner, agent.simulator, agent.fields, action, key_world, as_kept=scaled)

            def learn(learned: Learned, key: Any) -> tuple[Learned, Any]:
                key_rows, key_noise = jax.random.split(key)
                return self._update(learned, self.halves(inner.replay, key_rows), key_noise)

            learned, told = jax.lax.scan(learn, inner.learned, jax.random.split(key_learn, agent.n_updates))
            return inner._replace(learned=learned), jax.tree.map(lambda x: x[-1], told)

        key, key_steps = jax.random.split(inner.key)
        inner, told = jax.lax.scan(one, inner._replace(key=key), jax.random.split(key_steps, agent.n_steps))
        return inner, {name: jnp.mean(values) for name, values in told.items()}

    def _still(self, inner: SacState) -> tuple[SacState, dict[str, Any]]:
        shapes = jax.eval_shape(self._tried, inner)[1]
        return inner, {name: jnp.zeros(of.shape, of.dtype) for name, of in shapes.items()}

    def _recorded(self, key: Any, n: int) -> Any:
        return self.record[jax.random.randint(key, (n,), 0, self.record.shape[0])]

    def _update(self, learned: Learned, rows: Any, key: Any) -> tuple[Learned, dict[str, Any]]:
        noise = jax.random.normal(key, (2, rows.shape[0], self.agent.head.n_dimensions))
        return self.agent.update(learned, self.agent.fields.unpack(rows), noise)


@cache
def scaled_world(simulator: Simulator, shift: tuple[float, ...], scale: tuple[float, ...]) -> Simulator:
    """The world with observations brought to ``(x - shift) / scale``; one object for one world, to be compiled once.

    Args:
        simulator: the world.
        shift: of each observation.
        scale: of each, above 0.
    """
    by, over = (np.array(numbers, np.float32) for numbers in (shift, scale))

    def reset(key: Any) -> tuple[Any, Any]:
        state, x = simulator.reset(key)
        return state, (x - by) / over

    def step(state: Any, action: Any, key: Any) -> Step:
        made = simulator.step(state, action, key)
        return made._replace(observation=(made.observation - by) / over)

    return replace(simulator, reset=reset, step=step)


def actor_like(
    policy: NetworkPolicy, data: Transitions, hidden: tuple[int, ...], key: Any, *, n_updates: int = 3_000
) -> tuple[Params, float]:
    """An actor of soft actor-critic that acts as a policy does, and how far it is from it on the record.

    The policy's own weights where they are such an actor; else a network fitted to its most probable actions.

    Args:
        policy: of amounts.
        data: where the two are to be alike.
        hidden: units of the actor's layers, where it is fitted.
        key: random key; consumed.
        n_updates: gradient steps of the fit.

    Returns:
        Weights, for observations scaled as the policy scales them, and the root mean square distance, in half ranges.
    """
    head = policy.head
    if not isinstance(head, GaussianHead):
        raise SettingsError(
            f"Fine-tuning is for actions that are amounts, got {type(head).__name__}.",
            hint="For choices, train `Dqn` or `Ppo` and compare by `improvement`.",
        )
    if head.is_squashed and head.n_components == 1 and policy.activation == "relu" and np.isinf(policy.clip):
        return from_layers(policy.layers), 0.0
    x = jnp.asarray((data.observations - policy.shift) / policy.scale)
    wanted = jnp.asarray((policy.mode(data.observations) - head.middle) / head.half, jnp.float32)
    K = head.n_dimensions
    key_network, key_rows = jax.random.split(key)
    actor = init_network(key_network, (x.shape[1], *hidden, 2 * K), final_gain=0.01)

    def miss(actor: Params, x: Any, wanted: Any) -> Any:
        out = apply(actor, x, "relu")
        # The spread of a policy that is trusted: a tenth of the range.
        return jnp.mean((jnp.tanh(out[:, :K]) - EDGE * wanted) ** 2) + 0.1 * jnp.mean((out[:, K:] + 1.5) ** 2)

    def one(carry: Any, key: Any) -> tuple[Any, None]:
        actor, optimiser, i = carry
        which = jax.random.randint(key, (256,), 0, x.shape[0])
        rate = 2e-3 * (1.0 - i / n_updates)
        actor, optimiser = adam_step(actor, jax.grad(miss)(actor, x[which], wanted[which]), optimiser, rate)
        return (actor, optimiser, i + 1), None

    begun = (actor, init_adam(actor), 0)
    (actor, _, _), _ = jax.lax.scan(one, begun, jax.random.split(key_rows, n_updates))
    off = jnp.tanh(apply(actor, x, "relu")[:, :K]) - wanted
    return actor, float(jnp.sqrt(jnp.mean(off**2)))
