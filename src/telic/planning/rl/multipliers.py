"""What a unit of each cost is charged, raised while a budget is exceeded and lowered while there is room: dual ascent.

The best policy within budgets is the saddle point of ``J_r(pi) - sum_k lambda_k (J_k(pi) - b_k)`` over policies and
``lambda >= 0``. The learner climbs in the policy, and here the multipliers climb in

    rho_k <- clip(rho_k + eta e_k, 0, log(1 + most)),   e_k = (J_k - b_k) / u_k,   lambda_k = exp(rho_k) - 1,

with J_k the mean cost of the episodes that were over since the last update (none: nothing moves) and u_k the larger
of the budget and the root mean square of all episodes' costs so far, so that eta has no unit. In ``log(1 + lambda)``
steps are even near 0 and in proportion far from it: mirror ascent, which reaches large prices in few steps. What is
charged is that of ``rho_k + kappa e_k``: a term in proportion damps the circling of multipliers and policy around
each other.

A multiplier is in standard deviations of reward a standard deviation of cost. Where no policy keeps a budget its
multiplier grows without end; one that stands at ``most`` with the cost above the budget says so.

References:
    Altman (1999), Constrained Markov Decision Processes, chapter 3 (the saddle point).
    Borkar (2005), An actor-critic algorithm for constrained Markov decision processes (ascent while learning).
    Beck and Teboulle (2003), Mirror descent and nonlinear projected subgradient methods.
    Stooke, Achiam and Abbeel (2020), Responsive safety in RL by PID Lagrangian methods (the term in proportion).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.neural.normalise import Moments, init_moments, merged, returns_so_far
from telic.reports import Finding, Outcome, Severity

from .budgets import check_budgets

__all__ = [
    "DualAscent",
    "Multipliers",
    "Spent",
    "Spread",
    "costs_told",
    "judged",
    "require_budgets",
    "streams_of",
]

NUMBERS = (int, float, np.integer, np.floating)

AT_MOST = 0.99
"""Share of ``log(1 + most)`` from which a multiplier counts as standing there."""


class Spent(NamedTuple):
    """What the episodes under way have cost so far.

    Attributes:
        total: ``(E, K)`` with the weights of the budgets.
        weight: ``(E,)`` of the next decision.
    """

    total: Any
    weight: Any

    @classmethod
    def none(cls, n_envs: int, n_costs: int) -> Spent:
        """At the beginning of episodes."""
        return cls(total=jnp.zeros((n_envs, n_costs), jnp.float32), weight=jnp.ones(n_envs, jnp.float32))

    def add(self, costs: Any, over: Any, discount: Any) -> tuple[Spent, Any]:
        """With one decision of each stream, and ``(E, K)`` what episodes have cost that are over now.

        Args:
            costs: ``(E, K)``.
            over: ``(E,)`` whether an episode ended or was cut off.
            discount: weight of a decision over that of the one before.
        """
        total = self.total + self.weight[:, None] * costs
        after = Spent(
            total=jnp.where(over[:, None], 0.0, total), weight=jnp.where(over, 1.0, self.weight * discount)
        )
        return after, total


class Spread(NamedTuple):
    """How much reward and costs spread, which makes prices free of units.

    Attributes:
        sums: moments of the discounted sums of reward and of each cost.
        so_far: ``(1 + K, E)`` sums of the episodes that are under way.
    """

    sums: Moments
    so_far: Any

    @classmethod
    def none(cls, n_envs: int, n_costs: int) -> Spread:
        """Before anything is seen."""
        return cls(sums=init_moments(1 + n_costs), so_far=jnp.zeros((1 + n_costs, n_envs), jnp.float32))

    def add(self, streams: Any, over: Any, discount: Any) -> Spread:
        """With decisions ``(1 + K, T, E)`` of reward and costs, episodes being over where ``over``, ``(T, E)``, is."""
        sums, so_far = jax.vmap(returns_so_far, in_axes=(0, 0, None, None))(
            self.so_far, streams, over, discount
        )
        return Spread(sums=merged(self.sums, jnp.moveaxis(sums, 0, -1)), so_far=so_far)

    @property
    def in_units(self) -> Any:
        """``(K,)`` what a multiplier of 1 is in reward a unit of cost."""
        return self.sums.sd[0] / self.sums.sd[1:]


def streams_of(made: Any) -> Any:
    """``(1 + K, ...)`` reward and costs of decisions."""
    return jnp.concatenate([made.reward[None], jnp.moveaxis(made.costs, -1, 0)])


def costs_told(names: tuple[str, ...], costs: Any, now: Multipliers, spread: Spread) -> dict[str, Any]:
    """What a step tells of costs: the mean a decision, the running mean an episode, and the price in reward a unit.

    Args:
        names: of the costs.
        costs: ``(T, E, K)`` of the decisions, in their order.
        now: multipliers.
        spread: of reward and costs.
    """
    # Where the learner learns between decisions, one cost that is not finite makes all later ones so: only those that
    # were so first are not finite in what is told, so that the loop names them.
    bad = ~jnp.isfinite(costs).all(axis=1)
    culprits = bad[jnp.argmax(bad.any(axis=1))]
    rates = jnp.where(
        culprits, jnp.nan, jnp.nanmean(jnp.where(jnp.isfinite(costs), costs, jnp.nan), axis=(0, 1))
    )
    told, prices = {}, now.charged * spread.in_units
    for k, name in enumerate(names):
        told[f"cost_rate/{name}"] = rates[k]
        told[f"mean_cost/{name}"] = now.measured[k]
        told[f"multiplier/{name}"] = prices[k]
    return told


class Multipliers(NamedTuple):
    """Where dual ascent stands.

    Attributes:
        log_price: ``(K,)`` rho, log(1 + lambda).
        damped: ``(K,)`` rho with the term in proportion, which is what is charged.
        measured: ``(K,)`` running mean of the costs of episodes, the last ones weighing most; NaN before the first.
        episodes: moments of the costs of all episodes.
    """

    log_price: Any
    damped: Any
    measured: Any
    episodes: Moments

    @property
    def charged(self) -> Any:
        """``(K,)`` lambda."""
        return jnp.expm1(self.damped)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class DualAscent:
    """How multipliers move.

    Attributes:
        rate: eta. More reaches the budgets faster and circles more.
        damping: kappa. More circles less and follows noise more.
        most: largest multiplier, in standard deviations of reward a standard deviation of cost; where a budget is
            exceeded at this price it is said to be out of reach.
        smoothing: share of the newest episodes in the running mean of costs.
    """

    rate: Any = 0.2
    damping: Any = 4.0
    most: Any = 100.0
    smoothing: Any = 0.1

    def init(self, n_costs: int) -> Multipliers:
        """Nothing is charged."""
        return Multipliers(
            log_price=jnp.zeros(n_costs, jnp.float32),
            damped=jnp.zeros(n_costs, jnp.float32),
            measured=jnp.full(n_costs, jnp.nan, jnp.float32),
            episodes=init_moments(n_costs),
        )

    def ascend(self, now: Multipliers, costs: Any, over: Any, budgets: Any) -> Multipliers:
        """The multipliers after the episodes that were over; where there was none, those before.

        Args:
            now: those before.
            costs: ``(..., K)`` of episodes where they were over, anything elsewhere.
            over: ``(...)``.
            budgets: ``(K,)``.
        """
        flat, counts = costs.reshape(-1, costs.shape[-1]), over.reshape(-1).astype(jnp.float32)
        n = jnp.sum(counts)
        mean = jnp.sum(flat * counts[:, None], axis=0) / jnp.maximum(n, 1.0)
        episodes = merged(now.episodes, flat, counts)
        unit = jnp.maximum(budgets, jnp.sqrt(episodes.mean**2 + episodes.variance))
        away = (mean - budgets) / unit
        top = jnp.log1p(self.most)
        log_price = jnp.clip(now.log_price + self.rate * away, 0.0, top)
        is_first = jnp.isnan(now.measured)
        measured = jnp.where(is_first, mean, now.measured + self.smoothing * (mean - now.measured))
        after = Multipliers(
            log_price=log_price,
            damped=jnp.clip(log_price + self.damping * away, 0.0, top),
            measured=measured,
            episodes=episodes,
        )
        kept: Multipliers = jax.tree.map(lambda a, b: jnp.where(n > 0, a, b), after, now)
        return kept

    def out_of_reach(self, now: Multipliers, budgets: Any) -> Any:
        """``(K,)`` whether the cost is above its budget at the largest price."""
        at_most = now.log_price >= AT_MOST * jnp.log1p(self.most)
        return at_most & (now.measured > jnp.asarray(budgets))


def judged(
    ascent: DualAscent, now: Multipliers, budgets: tuple[float, ...], names: tuple[str, ...]
) -> tuple[Outcome, tuple[Finding, ...]]:
    """Whether training came to an answer: ``INFEASIBLE`` where a price diverged, with words."""
    far = np.asarray(ascent.out_of_reach(now, np.asarray(budgets)))
    measured = np.asarray(now.measured, dtype=np.float64)
    found = tuple(
        Finding(
            code="budget-out-of-reach",
            severity=Severity.ERROR,
            message=f"{names[k]} stays above its budget of {budgets[k]:g}: it is {measured[k]:.4g} an episode even"
            f" where it is charged the most ({float(ascent.most):g} standard deviations of reward for one of cost).",
            hint="Allow more, add an action that costs less, or raise `most` if it is worth more than that.",
            evidence={"cost": names[k], "budget": budgets[k], "measured": float(measured[k])},
        )
        for k in np.flatnonzero(far)
    )
    return (Outcome.INFEASIBLE if found else Outcome.SUCCESS), found


def require_budgets(budgets: Any, names: tuple[str, ...]) -> None:
    """Refuse budgets that do not fit the costs; of numbers inside compiled code only how many they are is known.

    Raises:
        SettingsError: they are not one a cost, or one is negative or not finite.
    """
    if isinstance(budgets, (tuple, list, np.ndarray)):  # else the place of a leaf in a tree
        check_budgets([float(b) if isinstance(b, NUMBERS) else 0.0 for b in budgets], names)
