"""Proximal policy optimisation within budgets: each cost is charged a price that rises until its budget is kept.

The policy climbs the advantages of ``r - sum_k lambda_k c_k`` by the passes of ``telic.planning.rl.clipped``; the
prices are those of ``telic.planning.rl.multipliers``. Reward and costs have a critic each, so that a change of prices
needs no values to be learned anew. Each is divided by the running standard deviation of its discounted sums, so that
prices have no unit; what is told of a step is in the units of the world again, comparable with the prices of the
linear program.

Advantages are divided by ``sqrt(var A_r + sum_k lambda_k^2 var A_k)`` and not by the deviation of their sum: where
reward and charges cancel, as they do where the best policy must draw between actions, the policy stands still instead
of following noise that was made large.

Entropy is worth less as the learning rate falls: early, a price that is still too low must not make the policy so sure
that a higher one teaches it nothing; late, it would keep the policy from the best.

A budget is a limit on ``E[sum_t w^t c_t]`` of an episode, w being ``budget_discount``.

References:
    Ray, Achiam and Amodei (2019), Benchmarking safe exploration in deep reinforcement learning, section 5 (the method).
    Tessler, Mankowitz and Mannor (2019), Reward constrained policy optimization.
    Schulman and others (2017), Proximal policy optimization algorithms.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from telic.neural.networks import apply_columns, init_network
from telic.policies import NetworkPolicy
from telic.reports import Finding, Outcome

from .advantages import advantages
from .clipped import TINY, Decisions, init_optimiser, passes
from .multipliers import (
    DualAscent,
    Multipliers,
    Spent,
    Spread,
    costs_told,
    judged,
    require_budgets,
    streams_of,
)
from .ppo import Ppo, PpoState
from .settings_checks import require_plain

__all__ = ["LagrangianPpo", "LagrangianPpoState"]


class LagrangianPpoState(NamedTuple):
    """Everything that a run goes on from; the critics of reward and costs lie side by side along a first axis."""

    ppo: PpoState
    multipliers: Multipliers
    spent: Spent
    spread: Spread


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class LagrangianPpo:
    """The learner.

    Attributes:
        ppo: how the policy learns; its simulator tells costs. ``scales_rewards`` is without effect: reward and costs
            always are.
        budgets: one number a cost of the simulator, in its order.
        budget_discount: w, weight of a decision in its budget over that of the one before; 1: the sum over an episode.
        ascent: how prices move.

    Raises:
        SettingsError: budgets do not fit the costs, one is negative or not finite, or `ppo` has a memory or a leash.
    """

    ppo: Ppo
    budgets: Any
    budget_discount: Any = 1.0
    ascent: DualAscent = field(default_factory=DualAscent)

    def __post_init__(self) -> None:
        require_budgets(self.budgets, self.names)
        require_plain(self.ppo, "Training within budgets")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the costs."""
        return self.ppo.simulator.costs

    def init(self, key: Any) -> LagrangianPpoState:
        """The state before the first update."""
        K, E = len(self.names), self.ppo.n_envs
        key, key_critics = jax.random.split(key)
        begun = self.ppo.init(key)
        sizes = (self.ppo.simulator.n_observations, *self.ppo.hidden, 1)
        critics = jax.vmap(lambda k: init_network(k, sizes))(jax.random.split(key_critics, 1 + K))
        weights = begun.weights._replace(critic=critics)
        return LagrangianPpoState(
            ppo=begun._replace(
                critic=critics,
                optimiser=init_optimiser(weights),
            ),
            multipliers=self.ascent.init(K),
            spent=Spent.none(E, K),
            spread=Spread.none(E, K),
        )

    def step(self, state: LagrangianPpoState) -> tuple[LagrangianPpoState, dict[str, Any]]:
        """One update: decisions, prices by what episodes cost, then the passes."""
        base, now = self.ppo, state.ppo
        T, E = base.n_steps, base.n_envs
        keys = jax.random.split(now.key, 4 + 2 * T * E)
        running, made, returned = base.collect(now, keys[1], keys[2], keys[4:].reshape(2, T, E))
        over = made.terminated | made.truncated
        spent, totals = jax.lax.scan(
            lambda spent, x: spent.add(*x, self.budget_discount), state.spent, (made.costs, over)
        )
        budgets = jnp.asarray(self.budgets, jnp.float32)
        multipliers = self.ascent.ascend(state.multipliers, totals, over, budgets)
        streams = streams_of(made)
        spread = state.spread.add(streams, over, base.discount)
        observed, made = base.watched(now, made)
        advantage, targets = self.advantages(
            now.critic, made, streams / spread.sums.sd[:, None, None], multipliers.charged
        )
        left = base.left(now)
        weights, adam, loss = passes(
            replace(base, entropy=base.entropy * left), now.weights, now.optimiser, made, advantage, targets,
            base.learning_rate * left, keys[3],
            values=each_value, is_scaled=True,
        )  # fmt: skip
        returns = now.returns.added(over, returned)
        after = PpoState(
            *weights, adam, running, keys[0], returns, now.n_done + 1, observed, now.collected, now.so_far
        )
        told = {"loss": loss, "mean_return": returns.mean, "n_episodes": returns.n_episodes}
        told |= costs_told(self.names, made.costs, multipliers, spread)
        return LagrangianPpoState(ppo=after, multipliers=multipliers, spent=spent, spread=spread), told

    def advantages(self, critics: Any, made: Decisions, streams: Any, charged: Any) -> tuple[Any, Any]:
        """``(T, E)`` advantages of reward less charges, and ``(1 + K, T, E)`` what the critics should have said.

        Args:
            critics: of reward and costs.
            made: decisions as the networks see them.
            streams: ``(1 + K, T, E)`` reward and costs, scaled.
            charged: ``(K,)`` multipliers.
        """
        base = self.ppo
        discount = base.discount if made.discount is None else made.discount
        each, targets = jax.vmap(
            lambda critic, stream: advantages(
                critic, made._replace(reward=stream), discount, base.gae, horizon=base.simulator.horizon
            )
        )(critics, streams)
        share = jnp.concatenate([jnp.ones(1), -charged])
        each = each - jnp.mean(each, axis=(1, 2), keepdims=True)
        size = jnp.sqrt(share**2 @ jnp.mean(each**2, axis=(1, 2)))
        return jnp.tensordot(share, each, axes=1) / (size + TINY), targets

    def judge(self, state: LagrangianPpoState) -> tuple[Outcome, tuple[Finding, ...]]:
        """What the end of a run says: ``INFEASIBLE`` where a budget is out of reach at the largest price."""
        return judged(self.ascent, state.multipliers, tuple(map(float, self.budgets)), self.names)

    def policy(self, state: LagrangianPpoState) -> NetworkPolicy:
        """The policy of a state; it must be drawn from, as the best within budgets may have to draw."""
        policy = self.ppo.policy(state.ppo)
        assert isinstance(policy, NetworkPolicy)  # one without a memory
        return policy


def each_value(critics: Any, columns: Any) -> Any:
    """``(M, N)`` what the critics say of observations ``(D, N)``."""
    return jax.vmap(lambda critic: apply_columns(critic, columns, "tanh")[0])(critics)
