"""Decisions of a policy in a compiled world: E streams side by side, T each, in one loop; all noise is drawn before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from telic.neural.networks import apply_columns
from telic.neural.recurrent import Recurrent, one_look
from telic.neural.rollout import Running, advance, begin
from telic.policies.heads import GaussianHead, Head

from .actor_critic import outputs_of, with_spread
from .clipped import Decisions

if TYPE_CHECKING:
    from .ppo import Ppo, PpoState

__all__ = ["collect", "drawn_action"]


def collect(
    learner: Ppo, state: PpoState, key_gumbel: Any, key_normal: Any, keys: Any
) -> tuple[Running, Decisions, Any]:
    """The streams after T decisions of each, the decisions, and ``(T, E)`` returns of episodes that were over.

    Args:
        learner: settings.
        state: weights to act by, and streams.
        key_gumbel: of choices; consumed.
        key_normal: of amounts; consumed.
        keys: ``(2, T, E)`` of where episodes begin, and of what decisions lead to; consumed.
    """
    T, E, head, weights, world = (
        learner.n_steps, learner.n_envs, learner.head, state.weights, learner.simulator,
    )  # fmt: skip
    course = learner.curriculum
    if course is not None:
        assert state.progress is not None
        world = course.at(state.progress.level)
    noise = head.noise(
        (T, E),
        lambda shape: jax.random.gumbel(key_gumbel, shape),
        lambda shape: jax.random.normal(key_normal, shape),
        jnp,
    )
    fresh = jax.vmap(jax.vmap(lambda k: begin(world, k)))(keys[0])

    def one(carry: tuple[Running, Any], drawn: Any) -> tuple[tuple[Running, Any], Any]:
        (running, memory), (noise, keys, fresh) = carry, drawn
        x = learner.seen(state, running.observation).T
        if isinstance(weights.actor, Recurrent):
            memory = one_look(weights.actor, memory, x)
            outputs = with_spread(weights, head, apply_columns(weights.actor.layers, memory, "tanh"))
        else:
            outputs = outputs_of(weights, head, x)
        action, done = drawn_action(head, outputs, noise)
        level = None if course is None else running.state.level
        running, moved = jax.vmap(lambda r, a, k, f: advance(world, r, a, k, f))(running, done, keys, fresh)
        if memory is not None:
            memory = jnp.where(moved.terminated | moved.truncated, 0.0, memory)
        return (running, memory), (moved, action, outputs, level)

    memory = None if state.memory is None else state.memory[0].T
    (running, _), (moved, action, outputs, level) = jax.lax.scan(
        one, (state.running, memory), (noise, keys[1], fresh)
    )
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
        level=level,
    )
    return running, made, moved.collected


def drawn_action(head: Head, outputs: Any, noise: Any) -> tuple[Any, Any]:
    """An action as drawn, so that its density is known, and as the world takes it: amounts cut at their bounds."""
    if not isinstance(head, GaussianHead):
        action = head.sample(outputs, noise, jnp)
        return action, action
    action = head.middle + head.half * head.draw_u(outputs, noise, jnp)
    return action, jnp.clip(action, jnp.asarray(head.low), jnp.asarray(head.high))
