"""Running means and standard deviations of what is observed, and of what rewards add up to.

They live in the state of a learner, so that a run goes on with them, and leave with the policy as its scaling. Batches
are merged by the formula of Chan, Golub and LeVeque, so that the order of decisions is no matter.

References:
    Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance, equation 2.1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

__all__ = ["Moments", "init_moments", "merged", "returns_so_far", "scaled", "scaled_rewards"]

LEAST_VARIANCE = 1e-8
"""Of something that never moves; keeps its scale above 0."""


class Moments(NamedTuple):
    """Of the numbers seen so far.

    Attributes:
        n: how many.
        mean: ``(D,)``.
        variance: ``(D,)``, the mean of squared distances from the mean.
    """

    n: Any
    mean: Any
    variance: Any

    @property
    def sd(self) -> Any:
        """``(D,)`` standard deviation, above 0."""
        return jnp.sqrt(self.variance + LEAST_VARIANCE)


def init_moments(n_dimensions: int) -> Moments:
    """Before anything is seen: mean 0 and variance 1, of no weight."""
    return Moments(
        n=jnp.zeros((), jnp.float32),
        mean=jnp.zeros(n_dimensions, jnp.float32),
        variance=jnp.ones(n_dimensions, jnp.float32),
    )


def merged(moments: Moments, values: Any, weight: Any = None) -> Moments:
    """The moments with ``(..., D)`` more numbers.

    Args:
        moments: of those before.
        values: the new ones.
        weight: ``(...)`` 0 where a number does not count, else 1; None: all count.
    """
    flat = values.reshape(-1, values.shape[-1])
    w = jnp.ones(len(flat), jnp.float32) if weight is None else weight.reshape(-1).astype(jnp.float32)
    n = jnp.sum(w)
    share = (w / jnp.maximum(n, 1.0))[:, None]
    mean = jnp.sum(flat * share, axis=0)
    variance = jnp.sum((flat - mean) ** 2 * share, axis=0)
    total = jnp.maximum(moments.n + n, 1.0)
    away, new = mean - moments.mean, n / total
    return Moments(
        n=moments.n + n,
        mean=moments.mean + new * away,
        variance=(1.0 - new) * moments.variance + new * variance + new * (1.0 - new) * away**2,
    )


def scaled(moments: Moments, values: Any, clip: Any) -> Any:
    """``(..., D)`` values in standard deviations from the mean, cut at ``clip``: what a policy does before it acts."""
    return jnp.clip((values - moments.mean) / moments.sd, -clip, clip)


def returns_so_far(before: Any, rewards: Any, over: Any, discount: Any) -> tuple[Any, Any]:
    """``(T, E)`` discounted sums of the rewards of an episode so far, and ``(E,)`` those to go on from.

    Args:
        before: ``(E,)`` sums of the episodes that are under way.
        rewards: ``(T, E)``.
        over: ``(T, E)`` where an episode ended or was cut; sums begin anew after it.
        discount: gamma.
    """

    def add(so_far: Any, now: Any) -> tuple[Any, Any]:
        reward, is_over = now
        total = discount * so_far + reward
        return jnp.where(is_over, 0.0, total), total

    after, totals = jax.lax.scan(add, before, (rewards, over))
    return totals, after


def scaled_rewards(
    collected: Moments, so_far: Any, rewards: Any, over: Any, discount: Any, clip: Any, weight: Any = None
) -> tuple[Any, Moments, Any]:
    """``(T, E)`` rewards in standard deviations of their discounted sums, those moments, and the sums to go on from.

    Args:
        collected: moments of the sums so far.
        so_far: ``(E,)`` sums of the episodes that are under way.
        rewards: ``(T, E)``.
        over: ``(T, E)`` where an episode ended or was cut off.
        discount: gamma.
        clip: largest size of a scaled reward.
        weight: ``(T, E)`` 0 where nothing was decided, else 1; None: 1 throughout.
    """
    sums, so_far = returns_so_far(so_far, rewards, over, discount)
    collected = merged(collected, sums[..., None], weight)
    return jnp.clip(rewards / collected.sd, -clip, clip), collected, so_far
