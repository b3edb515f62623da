"""Proximal policy optimisation of several agents, each by what it sees; critics by their own look or by all of them.

Every agent has a policy of its own observations. Its advantages come from a critic of the same (independent learning:
de Witt and others 2020), or of what all agents see and who is there (a centralised critic: Lowe and others 2017; Yu and
others 2022), which is needed in training only. Agents with the same spaces may share weights; their networks are then
told which of them acts, and what is served has that folded into its first biases. Objective and passes are those of
``clipped``; decisions of agents that are gone have weight 0 in every mean. No guarantee: what one agent learns changes
the world of the others; ``telic.planning.games`` tells how far from an optimum or an equilibrium policies are.

References:
    de Witt, Gupta, Makoviichuk and others (2020), Is independent learning all you need in the StarCraft challenge?
    Lowe, Wu, Tamar, Harb, Abbeel and Mordatch (2017), Multi-agent actor-critic for mixed environments, section 4.1.
    Yu, Velu, Vinitsky and others (2022), The surprising effectiveness of PPO in cooperative multi-agent games.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from telic.errors import SettingsError
from telic.neural.networks import init_network
from telic.neural.normalise import Moments, init_moments, merged, scaled, scaled_rewards
from telic.neural.returns import Returns
from telic.neural.several_rollout import SeveralDecisions, begin_several
from telic.neural.simulators.several import SeveralSimulator, of_agent
from telic.policies import NetworkPolicy

from .actor_critic import Weights, init_weights, log_prob, served
from .advantages import advantages
from .clipped import Decisions, init_optimiser, passes
from .collecting_several import collect_several
from .ppo import RECENT, Ppo
from .settings_checks import require_plain
from .sharing import groups_of, named, stacked, streams

__all__ = ["GroupState", "MultiAgentPpo", "MultiAgentState"]


class GroupState(NamedTuple):
    """What is learned by agents that share weights, G of them in E streams."""

    weights: Weights
    optimiser: Any
    observed: Moments
    collected: Moments
    so_far: Any


class MultiAgentState(NamedTuple):
    """Everything that a run goes on from; returns are of each agent."""

    groups: tuple[GroupState, ...]
    running: Any
    key: Any
    returns: Returns
    n_done: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class MultiAgentPpo:
    """The learner; made by ``of``.

    Attributes:
        world: the agents and what their decisions lead to.
        groups: indices of agents that share weights, in order.
        is_central: whether critics are told what all agents see.
        parts: settings of each group; their simulators describe what its networks take.
    """

    world: SeveralSimulator = field(metadata={"static": True})
    groups: tuple[tuple[int, ...], ...] = field(metadata={"static": True})
    is_central: bool = field(metadata={"static": True})
    parts: tuple[Ppo, ...]

    def __post_init__(self) -> None:
        if len({(part.n_envs, part.n_steps) for part in self.parts}) > 1:
            raise SettingsError(
                "`n_envs` and `n_steps` must be the same for all agents: they act in the same streams.",
                hint="Other settings of `parts` may differ.",
            )
        if any(p.memory or p.leash is not None or p.curriculum is not None for p in self.parts):
            raise SettingsError(
                "Policies of several agents have no memory, no leash and no curriculum here.",
                hint="Leave those settings out.",
            )
        for part in self.parts:
            require_plain(part, "Training of several agents")

    @classmethod
    def of(
        cls,
        world: SeveralSimulator,
        *,
        shares: bool | Sequence[Sequence[str]] = False,
        is_central: bool = True,
        **settings: Any,
    ) -> MultiAgentPpo:
        """The learner in a world.

        Args:
            world: the agents and what their decisions lead to.
            shares: whether agents with the same spaces share weights; or which ones do, by name.
            is_central: whether critics are told what all agents see; False: each its own look.
            settings: of ``Ppo``, but for ``simulator``, alike for all; ``replace`` one of ``parts`` for others.

        Raises:
            SettingsError: a setting lies outside its range, or agents that are to share have other spaces.
        """
        groups = groups_of(world, shares)
        parts = tuple(
            Ppo(simulator=of_agent(world.agents[group[0]], len(group)), **settings) for group in groups
        )
        return cls(world=world, groups=groups, is_central=is_central, parts=parts)

    def init(self, key: Any) -> MultiAgentState:
        """The state before the first update."""
        key_begin, key = jax.random.split(key)
        state = self.begun(key)
        keys = jax.random.split(key_begin, self.parts[0].n_envs)
        return state._replace(running=jax.vmap(lambda k: begin_several(self.world, k))(keys))

    def begun(self, key: Any) -> MultiAgentState:
        """The state before the first update, without streams."""
        keys = jax.random.split(key, 2 * len(self.groups) + 1)
        found, N = [], len(self.world.agents)
        joint = sum(agent.n_observations for agent in self.world.agents) + N
        for g, (group, part) in enumerate(zip(self.groups, self.parts, strict=True)):
            G, D = len(group), part.simulator.n_observations
            weights = init_weights(keys[2 * g], D, part.hidden, part.head, part.log_sd)
            if self.is_central:
                C = joint + (G if G > 1 else 0)
                weights = weights._replace(critic=init_network(keys[2 * g + 1], (C, *part.hidden, 1)))
            found.append(
                GroupState(
                    weights=weights,
                    optimiser=init_optimiser(weights),
                    observed=init_moments(self.world.agents[group[0]].n_observations),
                    collected=init_moments(1),
                    so_far=jnp.zeros(part.n_envs * G, jnp.float32),
                )
            )
        return MultiAgentState(
            groups=tuple(found),
            running=None,
            key=keys[-1],
            returns=Returns(last=jnp.zeros((N, RECENT), jnp.float32), n_episodes=jnp.zeros(N, jnp.int32)),
            n_done=jnp.zeros((), jnp.int32),
        )

    def step(self, state: MultiAgentState) -> tuple[MultiAgentState, dict[str, Any]]:
        """One update."""
        T, E = self.parts[0].n_steps, self.parts[0].n_envs
        keys = jax.random.split(state.key, 4 + 2 * T * E)
        running, made = collect_several(self, state, keys[1], keys[2], keys[4:].reshape(2, T, E))
        return self.learn(state._replace(running=running, key=keys[0]), made, keys[3])

    def learn(
        self, state: MultiAgentState, made: SeveralDecisions, key: Any
    ) -> tuple[MultiAgentState, dict[str, Any]]:
        """The state after learning from decisions ``(T, E)`` of everybody, and metrics.

        Args:
            state: streams and key already gone on.
            made: decisions; observations and rewards as the world gave them.
            key: random key of the shuffles; consumed.
        """
        looks = self.looks(state, made.observations)
        later = self.looks(state, made.after)
        told, told_after = self._told(looks, made.active), self._told(later, made.present)
        seen, after = self.seen(looks), self.seen(later)
        groups, losses = [], []
        keys = jax.random.split(key, len(self.groups))
        for g, (group, part, old) in enumerate(zip(self.groups, self.parts, state.groups, strict=True)):
            which = np.array(group)
            weight = streams(made.active[..., which, None])[..., 0]
            ended, cut, reward = (
                streams(x[..., which, None])[..., 0] for x in (made.terminated, made.truncated, made.rewards)
            )
            collected, so_far, reward = old.collected, old.so_far, jnp.where(weight, reward, 0.0)
            if part.scales_rewards:
                reward, collected, so_far = scaled_rewards(
                    collected, so_far, reward, ended | cut, part.discount, part.most_observed, weight
                )
            action = streams(stacked([made.actions[i] for i in group], made.active))
            action = action[..., 0] if made.actions[group[0]].ndim == 2 else action
            x = streams(seen[g])
            decisions = Decisions(
                observation=x,
                action=action,
                log_prob=log_prob(old.weights, part.head, x, action),
                reward=reward,
                after=streams(after[g]),
                terminated=ended,
                truncated=cut,
                weight=weight.astype(jnp.float32),
                told=streams(told[g]) if self.is_central else None,
            )
            valued = decisions
            if self.is_central:
                valued = decisions._replace(observation=decisions.told, after=streams(told_after[g]))
            advantage, target = advantages(old.weights.critic, valued, part.discount, part.gae)
            rate = part.learning_rate * jnp.maximum(0.0, 1.0 - state.n_done / part.n_updates)
            weights, adam, loss = passes(
                part, old.weights, old.optimiser, decisions, advantage, target[None], rate, keys[g]
            )
            observed = old.observed
            if part.scales_observations:
                raw = jnp.stack([made.observations[i] for i in group], axis=-2)
                observed = merged(observed, raw, made.active[..., which])
            groups.append(GroupState(weights, adam, observed, collected, so_far))
            losses.append(loss)
        left = jnp.moveaxis(made.terminated | made.truncated, -1, 0)
        returns = jax.vmap(Returns.added)(state.returns, left, jnp.moveaxis(made.collected, -1, 0))
        metrics = {
            "loss": jnp.mean(jnp.stack(losses)),
            "mean_return": jnp.mean(jax.vmap(lambda r: r.mean)(returns)),
            "n_episodes": jnp.max(returns.n_episodes),
        }
        return MultiAgentState(tuple(groups), state.running, state.key, returns, state.n_done + 1), metrics

    def policy(self, state: MultiAgentState) -> dict[str, NetworkPolicy]:
        """The policy of each agent, by name; of its own observations alone."""
        found = {}
        for group, part, known in zip(self.groups, self.parts, state.groups, strict=True):
            D, is_scaled = self.world.agents[group[0]].n_observations, part.scales_observations
            layers = served(known.weights, part.head)
            for g, i in enumerate(group):
                first = layers[0]
                if len(group) > 1:
                    first = replace(first, weight=first.weight[:D], bias=first.bias + first.weight[D + g])
                found[self.world.agents[i].name] = NetworkPolicy(
                    layers=(first, *layers[1:]),
                    activation="tanh",
                    head=part.head,
                    shift=np.array(known.observed.mean, np.float32) if is_scaled else np.zeros(D, np.float32),
                    scale=np.array(known.observed.sd, np.float32) if is_scaled else np.ones(D, np.float32),
                    clip=float(part.most_observed) if is_scaled else float("inf"),
                )
        return {agent.name: found[agent.name] for agent in self.world.agents}

    def looks(self, state: MultiAgentState, observations: Sequence[Any]) -> tuple[Any, ...]:
        """``(..., D_i)`` of each agent, scaled where they are to be."""
        found = list(observations)
        for group, part, known in zip(self.groups, self.parts, state.groups, strict=True):
            if part.scales_observations:
                for i in group:
                    found[i] = scaled(known.observed, found[i], part.most_observed)
        return tuple(found)

    def seen(self, looks: Sequence[Any]) -> list[Any]:
        """``(..., G, D)`` what the policies of each group take; where several share, which of them it is, too."""
        return [named(jnp.stack([looks[i] for i in group], axis=-2)) for group in self.groups]

    def _told(self, looks: Sequence[Any], present: Any) -> list[Any]:
        """``(..., G, C)`` what the critics of each group are told: what all see that are there, and who is."""
        if not self.is_central:
            return [None] * len(self.groups)
        here = present.astype(jnp.float32)
        joint = jnp.concatenate([*(x * here[..., i, None] for i, x in enumerate(looks)), here], axis=-1)
        wide = [
            jnp.broadcast_to(joint[..., None, :], (*joint.shape[:-1], len(group), joint.shape[-1]))
            for group in self.groups
        ]
        return [named(x) for x in wide]
