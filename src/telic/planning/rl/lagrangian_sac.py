"""Soft actor-critic within budgets: each cost is charged a price that rises until its budget is kept.

    Q_k(o, a) -> c_k + gamma (1 - terminated) Q'_k(o', a'),   a' ~ pi(. | o'),   for every cost k,
    pi: max E[min_j Q_j(o, a) - alpha log pi(a | o) - sum_k lambda_k Q_k(o, a)].

Reward, temperature and what is kept of decisions are those of ``telic.planning.rl.sac``; prices are those of
``telic.planning.rl.multipliers`` and move whenever episodes are over, by what they cost. Each cost has one critic, and
the least of two is taken of the reward's alone: what is low there is careful, while of a cost it would be careless.

A budget is a limit on ``E[sum_t w^t c_t]`` of an episode, w being ``budget_discount``, of the policy that draws.

References:
    Ha, Xu, Tan, Levine and Tan (2021), Learning to walk in the real world with minimal human effort (SAC with
        multipliers).
    Haarnoja, Zhou, Abbeel and Levine (2018), Soft actor-critic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from telic.neural.adam import adam_step, init_adam
from telic.neural.critics import apply_critics, init_critics, soft_update
from telic.neural.experience import decided_and_told
from telic.neural.networks import Params
from telic.neural.rollout import begin
from telic.neural.wide_layers import apply_wide
from telic.policies import NetworkPolicy
from telic.reports import Finding, Outcome

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
from .sac import Learned, Sac, SacState, critic_loss

__all__ = ["LagrangianSac", "LagrangianSacState"]


class CostCritics(NamedTuple):
    """What is learned of costs: a critic each, side by side along a first axis."""

    critics: Params
    targets: Params
    optimiser: Any


class LagrangianSacState(NamedTuple):
    """Everything that a run goes on from."""

    sac: SacState
    costs: CostCritics
    multipliers: Multipliers
    spent: Spent
    spread: Spread


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class LagrangianSac:
    """The learner.

    Attributes:
        sac: how the policy learns; its simulator tells costs.
        budgets: one number a cost of the simulator, in its order.
        budget_discount: w, weight of a decision in its budget over that of the one before; 1: the sum over an episode.
        ascent: how prices move; they do whenever episodes are over, so that with few streams they should move less.

    Raises:
        SettingsError: budgets do not fit the costs, or one is negative or not finite.
    """

    sac: Sac
    budgets: Any
    budget_discount: Any = 1.0
    ascent: DualAscent = field(default_factory=lambda: DualAscent(rate=0.2, damping=1.0))

    def __post_init__(self) -> None:
        require_budgets(self.budgets, self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the costs."""
        return self.sac.simulator.costs

    def init(self, key: Any) -> LagrangianSacState:
        """The state before the first update: the first decisions, by chance alone, are already in the buffer."""
        key, key_costs, key_begin = jax.random.split(key, 3)
        begun = self.sac.init(key)
        K, E = len(self.names), self.sac.n_envs
        sizes = (self.sac.simulator.n_observations + self.sac.head.n_dimensions, *self.sac.hidden, 1)
        critics = init_critics(key_costs, sizes, n_critics=K)
        # Episodes begin anew: what those under way have cost by chance is not known here.
        fresh = jax.vmap(lambda k: begin(self.sac.simulator, k))(jax.random.split(key_begin, E))
        return LagrangianSacState(
            sac=begun._replace(running=fresh),
            costs=CostCritics(critics, jax.tree.map(jnp.copy, critics), init_adam(critics)),
            multipliers=self.ascent.init(K),
            spent=Spent.none(E, K),
            spread=Spread.none(E, K),
        )

    def step(self, state: LagrangianSacState) -> tuple[LagrangianSacState, dict[str, Any]]:
        """Decisions and updates in turn, ``n_steps`` times."""
        base, budgets = self.sac, jnp.asarray(self.budgets, jnp.float32)

        def one(state: LagrangianSacState, key: Any) -> tuple[LagrangianSacState, Any]:
            key_action, key_world, key_learn = jax.random.split(key, 3)
            scaled = base.act(state.sac.learned.actor, state.sac.running.observation, key_action)
            action = base.head.middle + base.head.half * scaled
            sac, made = decided_and_told(
                state.sac, base.simulator, base.fields, action, key_world, as_kept=scaled
            )
            over = made.terminated | made.truncated
            spent, totals = state.spent.add(made.costs, over, self.budget_discount)
            multipliers = self.ascent.ascend(state.multipliers, totals, over, budgets)
            spread = state.spread.add(streams_of(made)[:, None], over[None], base.discount)
            prices = multipliers.charged * spread.in_units
            (learned, costs), told = base.learn(
                (sac.learned, state.costs),
                sac.replay,
                key_learn,
                lambda both, batch, noise: self.update(both[0], both[1], batch, noise, prices),
            )
            after = LagrangianSacState(sac._replace(learned=learned), costs, multipliers, spent, spread)
            return after, (told, made.costs)

        key, key_steps = jax.random.split(state.sac.key)
        begun = state._replace(sac=state.sac._replace(key=key))
        state, (told, costs) = jax.lax.scan(one, begun, jax.random.split(key_steps, base.n_steps))
        returns = state.sac.returns
        metrics = {name: jnp.mean(values) for name, values in told.items()}
        metrics |= {"mean_return": returns.mean, "n_episodes": returns.n_episodes}
        return state, metrics | costs_told(self.names, costs, state.multipliers, state.spread)

    def update(
        self, learned: Learned, costs: CostCritics, batch: Any, noise: Any, prices: Any
    ) -> tuple[tuple[Learned, CostCritics], dict[str, Any]]:
        """One update of the critics of costs, then that of soft actor-critic with what they charge.

        Args:
            learned: of soft actor-critic.
            costs: critics of costs.
            batch: as of soft actor-critic, and ``costs``, ``(B, K)``.
            noise: ``(2, B, A)`` standard normal: for what follows, and for now.
            prices: ``(K,)`` in reward a unit of cost.
        """
        base = self.sac
        target = self.target(learned, costs, batch, noise[0])
        miss, slope = jax.value_and_grad(critic_loss)(costs.critics, batch, target)
        critics, optimiser = adam_step(costs.critics, slope, costs.optimiser, base.learning_rate)
        after = CostCritics(critics, soft_update(costs.targets, critics, base.share), optimiser)
        learned, told = base.update(
            learned, batch, noise, lambda inputs: prices @ apply_critics(critics, inputs)[..., 0]
        )
        return (learned, after), {**told, "cost_critic_loss": miss}

    def target(self, learned: Learned, costs: CostCritics, batch: Any, noise: Any) -> Any:
        """``(K, B)`` what the critics of costs are to say of a batch."""
        action, _ = self.sac.draw(apply_wide(learned.actor, batch["after"]), noise)
        beyond = apply_critics(costs.targets, jnp.concatenate([batch["after"], action], -1))[..., 0]
        return batch["costs"].T + self.sac.discount * (1.0 - batch["terminated"]) * beyond

    def judge(self, state: LagrangianSacState) -> tuple[Outcome, tuple[Finding, ...]]:
        """What the end of a run says: ``INFEASIBLE`` where a budget is out of reach at the largest price."""
        return judged(self.ascent, state.multipliers, tuple(map(float, self.budgets)), self.names)

    def policy(self, state: LagrangianSacState) -> NetworkPolicy:
        """The policy of a state; budgets hold of it where it draws."""
        return self.sac.policy(state.sac)
