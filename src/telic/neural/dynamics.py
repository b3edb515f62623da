"""What a world does, as an ensemble of networks learned from records: each tells a bell of the change and the reward.

    o' - o, r  ~  normal(mean_i(o, a), sd_i(o, a)^2),    member i of M, independent dimensions,

and the chance that the task ends, where ends are not a known function. A member is a network plus a random one that
never learns (Osband, Aslanides and Cassirer 2018): where nothing was recorded nothing takes the random ones back, so
the members differ there, which is how far they may be trusted. Everything here is compiled code on arrays; rows are
checked where they come in (``Transitions``).

References:
    Chua, Calandra, McAllister and Levine (2018), Deep reinforcement learning in a handful of trials, sections 4 and 5.
    Osband, Aslanides and Cassirer (2018), Randomized prior functions for deep reinforcement learning, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from telic.policies.heads import CategoricalHead, GaussianHead

from .critics import apply_critics
from .networks import Params

__all__ = ["Drawn", "Dynamics", "Predicted", "encoded", "members"]

LOG_SD = (-7.0, 1.0)
"""Ends between which the logarithm of a standard deviation of a scaled target is bent to lie."""


class Predicted(NamedTuple):
    """What each of M members says of n decisions, in the units of the record.

    Attributes:
        mean: ``(M, n, D + 1)`` of the change of each observation, and of the reward.
        sd: ``(M, n, D + 1)`` spread of what will be seen.
        end: ``(M, n)`` chance that the task ends.
    """

    mean: Any
    sd: Any
    end: Any


class Drawn(NamedTuple):
    """What decisions led to in the dynamics: ``(n, D)`` observed after, ``(n,)`` reward, ``(n,)`` whether it ended."""

    after: Any
    reward: Any
    is_over: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """The ensemble; its numbers are leaves.

    Attributes:
        params: weights that were learned, members first.
        prior: weights of the random networks, members first.
        prior_scale: what the random networks count, in standard deviations of targets.
        shift: ``(D,)`` of observations.
        scale: ``(D,)``.
        target_shift: ``(D + 1,)`` of changes and of the reward.
        target_scale: ``(D + 1,)``.
        widening: ``(D + 1,)`` by which spreads are multiplied, set on rows that the weights did not see.
        low: ``(D,)`` below which nothing is observed: what is predicted is cut there.
        high: ``(D,)`` above which nothing is.
        head: what actions are.
        has_ends: whether the chance of an end was learned.
        ends: known function of ``(observation, action, after)``, one decision each, to whether the task ended; None:
            learned, or never where no record ended.
    """

    params: Params
    prior: Params
    prior_scale: Any
    shift: Any
    scale: Any
    target_shift: Any
    target_scale: Any
    widening: Any
    low: Any
    high: Any
    head: CategoricalHead | GaussianHead = field(metadata={"static": True})
    has_ends: bool = field(default=False, metadata={"static": True})
    ends: Callable[[Any, Any, Any], Any] | None = field(default=None, metadata={"static": True})

    @property
    def n_observations(self) -> int:
        """D."""
        return int(self.shift.shape[-1])

    @property
    def n_members(self) -> int:
        """M."""
        return int(self.params[0].weight.shape[0])

    def predict(self, observation: Any, action: Any) -> Predicted:
        """What each member says.

        Args:
            observation: ``(n, D)`` in the units of the record.
            action: ``(n,)`` indices, or ``(n, K)`` amounts in their own unit.
        """
        x = jnp.concatenate([(observation - self.shift) / self.scale, encoded(self.head, action)], axis=-1)
        mean, log_sd, logit = members(self.params, self.prior, self.prior_scale, x)
        sd = jnp.exp(log_sd) * self.widening * self.target_scale
        return Predicted(
            mean=mean * self.target_scale + self.target_shift,
            sd=sd,
            end=jax.nn.sigmoid(logit) if self.has_ends else jnp.zeros_like(logit),
        )

    def disagreement(self, predicted: Predicted) -> Any:
        """``(n,)`` how far members differ in what they expect, 0 where they are one.

        The root mean square over observations and the reward of the spread of the members' means, in standard
        deviations of what was recorded.
        """
        return jnp.sqrt(jnp.mean(jnp.var(predicted.mean / self.target_scale, axis=0), axis=-1))

    def draw(self, predicted: Predicted, observation: Any, action: Any, key: Any) -> Drawn:
        """One outcome of each decision: a member by chance, and what it says, by chance.

        Args:
            predicted: for these decisions.
            observation: ``(n, D)``.
            action: of them.
            key: random key; consumed.
        """
        key_member, key_noise, key_end = jax.random.split(key, 3)
        M, n, width = predicted.mean.shape
        chosen = jax.random.randint(key_member, (n,), 0, M)[None, :] == jnp.arange(M)[:, None]
        mean, sd = (jnp.sum(jnp.where(chosen[..., None], p, 0.0), axis=0) for p in predicted[:2])
        told = mean + sd * jax.random.normal(key_noise, (n, width))
        end = jnp.sum(jnp.where(chosen, predicted.end, 0.0), axis=0)
        return self._outcome(told, jax.random.uniform(key_end, (n,)) < end, observation, action)

    def expect(self, predicted: Predicted, observation: Any, action: Any) -> Drawn:
        """The mean outcome of each decision over members, without chance; it ends where that is likelier than not."""
        is_over = jnp.mean(predicted.end, axis=0) > 0.5
        return self._outcome(jnp.mean(predicted.mean, axis=0), is_over, observation, action)

    def _outcome(self, told: Any, is_over: Any, observation: Any, action: Any) -> Drawn:
        after = jnp.clip(observation + told[:, :-1], self.low, self.high)
        if self.ends is not None:
            is_over = jax.vmap(self.ends)(observation, action, after)
        return Drawn(after=after, reward=told[:, -1], is_over=is_over)


def encoded(head: CategoricalHead | GaussianHead, action: Any) -> Any:
    """``(n, columns)`` actions as networks take them: zeros and ones, or half ranges from the middle."""
    if isinstance(head, CategoricalHead):
        return (action[..., None] == jnp.arange(head.n_actions)).astype(jnp.float32)
    return (action - head.middle) / head.half


def members(params: Params, prior: Params, prior_scale: Any, x: Any) -> tuple[Any, Any, Any]:
    """Means ``(M, n, D + 1)``, log standard deviations likewise, and log-odds of an end ``(M, n)``, of scaled targets.

    Args:
        params: learned, members first.
        prior: random, members first.
        prior_scale: of the random networks.
        x: ``(n, columns)`` scaled inputs, or ``(M, n, columns)``.
    """
    outputs = apply_critics(params, x)
    width, (low, high) = (outputs.shape[-1] - 1) // 2, LOG_SD
    log_sd = high - jax.nn.softplus(high - outputs[..., width : 2 * width])
    log_sd = low + jax.nn.softplus(log_sd - low)
    return outputs[..., :width] + prior_scale * apply_critics(prior, x), log_sd, outputs[..., -1]
