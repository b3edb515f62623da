"""The returns of the last episodes of a run, kept inside compiled code."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from .rollout import Transition

__all__ = ["Returns"]


class Returns(NamedTuple):
    """What episodes collected.

    Attributes:
        last: ``(n,)`` returns of the last n episodes, in a ring.
        n_episodes: ended or cut off so far.
    """

    last: Any
    n_episodes: Any

    @classmethod
    def none(cls, n: int) -> Returns:
        """Before the first episode is over; the last ``n`` will be kept."""
        return cls(last=jnp.zeros(n, jnp.float32), n_episodes=jnp.zeros((), jnp.int32))

    def note(self, made: Transition) -> Returns:
        """With those that ended or were cut off in a batch of decisions."""
        return self.added(made.terminated | made.truncated, made.collected)

    def added(self, over: Any, collected: Any) -> Returns:
        """With ``collected`` of the episodes that are ``over``, in the order of these arrays of one shape."""
        over = over.ravel()
        n = self.last.shape[0]
        place = jnp.where(over, (self.n_episodes + jnp.cumsum(over, dtype=jnp.int32) - 1) % n, n)
        return Returns(
            last=self.last.at[place].set(collected.ravel(), mode="drop"),
            n_episodes=self.n_episodes + jnp.sum(over, dtype=jnp.int32),
        )

    @property
    def mean(self) -> Any:
        """Mean of those kept; NaN before there is one."""
        n = jnp.minimum(self.n_episodes, self.last.shape[0])
        return jnp.where(n > 0, jnp.sum(self.last) / jnp.maximum(n, 1), jnp.nan)
