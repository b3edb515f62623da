"""Held to a policy that is known to be sound: what is gained by trying, less what it costs to do otherwise.

    J = E[sum_t gamma^t (r_t - beta KL(pi(. | o_t) || pi_0(. | o_t)))]

The best policy of a table then is ``pi(a | s) = pi_0(a | s) exp((Q(s, a) - V(s)) / beta)``, with ``V = beta log sum_a
pi_0 exp(Q / beta)`` and ``Q = r + gamma P V``: near ``pi_0`` where little is to be gained. The cost of a decision does
not depend on which action was drawn, so it is taken from the reward as it is (what lies ahead costs, too), and its
gradient where it is paid is the exact one.

With a budget, ``beta`` follows the divergence: up where a whole update would leave the mean divergence above the
budget, down where it would not. The update itself is cut short (a half, a quarter, an eighth, none) until the mean
over the decisions it learned from is within the budget, so that a budget of 0 keeps the policy as it is.

Values are not known at first, and a good policy that followed them would be worse before it is better: in the first
updates only the critic learns.

References:
    Rawlik, Toussaint and Vijayakumar (2012), On stochastic optimal control and reinforcement learning by approximate
    inference, equation 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from telic.errors import SettingsError
from telic.neural.networks import Params, from_layers
from telic.policies import NetworkPolicy
from telic.policies.heads import CategoricalHead, GaussianHead, Head, MultiCategoricalHead

from .actor_critic import Weights, outputs_in_time

if TYPE_CHECKING:
    from .clipped import Decisions

__all__ = ["Leash", "divergence", "held"]

CUTS = (1.0, 0.5, 0.25, 0.125)
"""Shares of an update that are tried."""

BETAS = (1e-6, 1e6)
"""Ends between which beta is kept where it follows a budget."""

TINY = 1e-12


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Leash:
    """The policy to begin with and to stay near; made by ``of``.

    Attributes:
        layers: its weights.
        shift: of observations, ``(D,)``.
        scale: of observations, ``(D,)``.
        clip: of scaled observations.
        head: family of actions.
        n_observations: numbers of an observation.
        beta: what a nat costs, in the unit of the reward; with a budget, at first. More stays nearer.
        budget: mean nats that are allowed; None: ``beta`` stays as it is.
        n_warm: updates at first in which only the critic learns.
        pull: with a budget, how fast ``beta`` follows: by at most this share an update.
    """

    layers: Params
    shift: Any
    scale: Any
    clip: Any
    head: Head = field(metadata={"static": True})
    n_observations: int = field(metadata={"static": True})
    beta: Any = 0.1
    budget: Any = None
    n_warm: Any = 5.0
    pull: Any = 0.2

    @classmethod
    def of(cls, policy: NetworkPolicy, *, beta: float = 0.1, budget: float | None = None) -> Leash:
        """The leash to a policy, such as a cloned one.

        Args:
            policy: with tanh between its layers; of amounts, with one bell that is cut at its bounds.
            beta: what a nat costs, in the unit of the reward; with a budget, at first.
            budget: mean nats over the decisions made that are allowed; None: ``beta`` stays as it is.

        Raises:
            SettingsError: the policy is of another kind, or a number is below 0.
        """
        head = policy.head
        if policy.activation != "tanh":
            raise SettingsError(
                f"What is trained has tanh between its layers, got a policy with {policy.activation}.",
                hint="Clone it with `activation='tanh'`.",
            )
        if isinstance(head, GaussianHead) and (head.n_components > 1 or head.is_squashed):
            raise SettingsError(
                f"Amounts must be drawn from one bell that is cut at its bounds, got {head.n_components} bells"
                f"{', squashed' if head.is_squashed else ''}.",
                hint="Clone it with `GaussianHead(low=..., high=...)`.",
            )
        if beta < 0 or (budget is not None and budget < 0):
            raise SettingsError(
                f"`beta` and `budget` must be at least 0, got {beta} and {budget}.",
                hint="In nats; 0.1 is near.",
            )
        return cls(
            layers=from_layers(policy.layers),
            shift=jnp.asarray(policy.shift, jnp.float32),
            scale=jnp.asarray(policy.scale, jnp.float32),
            clip=float(policy.clip),
            head=head,
            n_observations=policy.n_observations,
            beta=beta,
            budget=budget,
        )

    def seen(self, observations: Any) -> Any:
        """``(..., D)`` observations as its network sees them."""
        return jnp.clip((observations - self.shift) / self.scale, -self.clip, self.clip)

    def priced(self, weights: Weights, made: Decisions, beta: Any) -> Decisions:
        """The decisions, with what it says of each, and less reward where they were drawn from something else.

        Args:
            weights: that the decisions were made with.
            made: with observations as its network sees them.
            beta: what a nat costs.
        """
        same = weights._replace(actor=self.layers, log_sd=jnp.zeros(0, jnp.float32))
        prior = outputs_in_time(same, self.head, made.observation)
        apart = divergence(self.head, outputs_in_time(weights, self.head, made.observation), prior)
        return made._replace(prior=prior, reward=made.reward - beta * apart)


def divergence(head: Head, outputs: Any, prior: Any) -> Any:
    """``(...,)`` nats of the Kullback-Leibler divergence of what ``outputs`` say from what ``prior`` says."""
    if isinstance(head, CategoricalHead):
        logp, logq = head.log_probs(outputs, jnp), head.log_probs(prior, jnp)
        return jnp.sum(jnp.exp(logp) * (logp - logq), axis=-1)
    if isinstance(head, MultiCategoricalHead):
        return sum(
            divergence(CategoricalHead(n_actions=n), p, q)
            for n, p, q in zip(head.counts, _parts(head, outputs), _parts(head, prior), strict=True)
        )
    _, mean, log_sd = head.parameters(outputs, jnp)
    _, mean_0, log_sd_0 = head.parameters(prior, jnp)
    ratio = jnp.exp(2.0 * (log_sd - log_sd_0))
    away = ((mean - mean_0) * jnp.exp(-log_sd_0)) ** 2
    return jnp.sum(0.5 * (ratio + away - 1.0) + log_sd_0 - log_sd, axis=(-2, -1))


def _parts(head: MultiCategoricalHead, outputs: Any) -> list[Any]:
    ends = [sum(head.counts[: i + 1]) for i in range(len(head.counts))]
    return [outputs[..., end - n : end] for n, end in zip(head.counts, ends, strict=True)]


def held(
    leash: Leash, beta: Any, before: Weights, after: Weights, made: Decisions, n_done: Any
) -> tuple[Weights, Any, Any]:
    """The weights that are kept of an update, ``beta`` for the next, and mean nats from the policy that it is held to.

    Args:
        leash: with or without a budget.
        beta: of this update.
        before: weights before it.
        after: weights after it.
        made: the decisions that it learned from, as ``Leash.priced`` gave them.
        n_done: updates before this one.
    """
    is_warm = n_done >= leash.n_warm
    weight = jnp.ones_like(made.reward) if made.weight is None else made.weight

    def partly(share: Any) -> Any:
        # Ends are taken as they are, without rounding.
        return jax.tree.map(
            lambda a, b: jnp.where(share == 1, b, jnp.where(share == 0, a, a + share * (b - a))),
            before.actor,
            after.actor,
        )

    def nats(share: Any) -> Any:
        outputs = outputs_in_time(before._replace(actor=partly(share)), leash.head, made.observation)
        apart = divergence(leash.head, outputs, made.prior)
        return jnp.sum(apart * weight) / jnp.maximum(jnp.sum(weight), 1.0)

    if leash.budget is None:
        moved = jnp.where(is_warm, 1.0, 0.0)
        return after._replace(actor=partly(moved)), beta, nats(moved)
    shares = jnp.asarray((*CUTS, 0.0), jnp.float32)
    each = jax.lax.map(nats, shares)
    # Rounding must not let a step through that is allowed no divergence at all.
    is_within = (each <= jnp.maximum(leash.budget, each[-1])) & (leash.budget > 0) & is_warm
    kept = jnp.argmax(is_within.at[-1].set(True))
    over = jnp.clip(each[0] / jnp.maximum(leash.budget, TINY) - 1.0, -1.0, 1.0)
    next_beta = jnp.where(is_warm, jnp.clip(beta * jnp.exp(leash.pull * over), *BETAS), beta)
    return after._replace(actor=partly(shares[kept])), next_beta, each[kept]
