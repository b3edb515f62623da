"""Decisions of several agents in a compiled world: E streams side by side, T each; all noise is drawn before."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from telic.neural.several_rollout import SeveralDecisions, SeveralRunning, advance_several, begin_several

from .actor_critic import outputs_of
from .collecting import drawn_action

if TYPE_CHECKING:
    from .multi_agent import MultiAgentPpo, MultiAgentState

__all__ = ["collect_several"]


def collect_several(
    learner: MultiAgentPpo, state: MultiAgentState, key_gumbel: Any, key_normal: Any, keys: Any
) -> tuple[SeveralRunning, SeveralDecisions]:
    """The streams after T decisions of each, and the decisions ``(T, E)`` of everybody.

    Args:
        learner: settings.
        state: weights to act by, and streams.
        key_gumbel: of choices; consumed.
        key_normal: of amounts; consumed.
        keys: ``(2, T, E)`` of where episodes begin, and of what decisions lead to; consumed.
    """
    world, groups = learner.world, learner.groups
    T, E = learner.parts[0].n_steps, learner.parts[0].n_envs
    fresh = jax.vmap(jax.vmap(lambda k: begin_several(world, k)))(keys[0])
    noise = tuple(
        part.head.noise(
            (T, E, len(group)),
            partial(jax.random.gumbel, jax.random.fold_in(key_gumbel, g)),
            partial(jax.random.normal, jax.random.fold_in(key_normal, g)),
            jnp,
        )
        for g, (group, part) in enumerate(zip(groups, learner.parts, strict=True))
    )

    def one(running: SeveralRunning, drawn: Any) -> tuple[SeveralRunning, SeveralDecisions]:
        noise, keys, fresh = drawn
        seen = learner.seen(learner.looks(state, running.observations))
        actions: list[Any] = [None] * len(world.agents)
        done: list[Any] = [None] * len(world.agents)
        for group, part, known, x, z in zip(groups, learner.parts, state.groups, seen, noise, strict=True):
            G = len(group)
            outputs = outputs_of(known.weights, part.head, x.reshape(E * G, -1).T).reshape(E, G, -1)
            action, taken = drawn_action(part.head, outputs, z)
            for g, i in enumerate(group):
                actions[i], done[i] = action[:, g], taken[:, g]
        moved: tuple[SeveralRunning, SeveralDecisions] = jax.vmap(
            lambda r, a, d, k, f: advance_several(world, r, a, d, k, f)
        )(running, tuple(actions), tuple(done), keys, fresh)
        return moved

    found: tuple[SeveralRunning, SeveralDecisions] = jax.lax.scan(one, state.running, (noise, keys[1], fresh))
    return found
