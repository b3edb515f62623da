"""How much better a decision was than what the policy usually does there: generalised advantage estimation.

``delta_t = r_t + gamma V(after_t) (1 - terminated_t) - V(o_t)``, ``A_t = delta_t + gamma lambda (1 - over_t) A_{t+1}``.
An episode that is cut off is valued beyond the cut by ``V`` of what was observed there; one that ended is worth nothing
beyond. ``G = A + V``.

References:
    Schulman, Moritz, Levine, Jordan and Abbeel (2016), High-dimensional continuous control using GAE, equation 16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from telic.neural.networks import Params, apply_columns
from telic.neural.recurrent import Recurrent, memories, one_look

from .actor_critic import in_columns, one_value

if TYPE_CHECKING:
    from .clipped import Decisions

__all__ = ["advantages"]


def advantages(
    critic: Params | Recurrent, made: Decisions, discount: Any, gae: Any, *, horizon: int | None = None
) -> tuple[Any, Any]:
    """``(T, E)`` advantages, and what the critic should have said.

    Args:
        critic: weights.
        made: the decisions.
        discount: gamma, one number or ``(T, E)``.
        gae: lambda.
        horizon: decisions after which an episode is cut off, where that is known. Up to so many decisions, a stream
            is cut at most once, and what was observed after a decision is, but for that cut and the last decision,
            what is observed before the next: half the work.
    """
    T, E, D = made.observation.shape
    over = made.terminated | made.truncated

    def valued(observations: Any) -> Any:
        flat = observations.reshape(-1, D).T
        return one_value(critic, flat)[0].reshape(observations.shape[:-1])

    if isinstance(critic, Recurrent):
        values, beyond = _remembering(critic, made)
    elif horizon is None or horizon < T:
        values, beyond = valued(jnp.stack([made.observation, made.after]))
    else:
        cut = made.truncated.at[-1].set(True)
        at = jnp.argmax(cut, axis=0)
        there = jnp.sum(jnp.where((jnp.arange(T)[:, None] == at)[..., None], made.after, 0.0), axis=0)
        known = valued(jnp.concatenate([made.observation, there[None], made.after[-1:]]))
        values = known[:T]
        beyond = jnp.concatenate([known[1:T], known[-1:]])
        beyond = jnp.where(made.truncated, known[T], beyond)
    deltas = made.reward + discount * beyond * ~made.terminated - values
    carried = discount * gae * ~over

    def back(later: Any, now: Any) -> tuple[Any, Any]:
        delta, share = now
        advantage = delta + share * later
        return advantage, advantage

    _, found = jax.lax.scan(
        back, jnp.zeros(E, jnp.float32), (deltas, carried), reverse=True, unroll=min(T, 8)
    )
    return found, found + values


def _remembering(critic: Recurrent, made: Decisions) -> tuple[Any, Any]:
    """``(T, E)`` values before each decision, and after it, by a critic that remembers what was seen up to then."""
    T, E, D = made.observation.shape
    past = made.past
    assert past is not None
    seen = in_columns(made.observation).reshape(D, E, T)
    now = memories(critic, seen, past.critic, past.begins).reshape(critic.n_memory, -1)
    then = one_look(critic, now, in_columns(made.after))
    said = apply_columns(critic.layers, jnp.concatenate([now, then], axis=1), "tanh")
    values, beyond = said.reshape(2, E, T).transpose(0, 2, 1)
    return values, beyond
