"""A world that several agents act in at once, as two pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from telic.errors import DynamicsError, SettingsError
from telic.mdp.game import TabularGame

from .simulator import Amounts, Choices, SeveralChoices, Simulator
from .tabular import tabular

__all__ = ["Agent", "SeveralSimulator", "SeveralStep", "game", "of_agent"]


@dataclass(frozen=True, kw_only=True)
class Agent:
    """One of the agents.

    Attributes:
        name: of the agent.
        n_observations: numbers that it observes.
        actions: what it can do.
    """

    name: str
    n_observations: int
    actions: Choices | SeveralChoices | Amounts


class SeveralStep(NamedTuple):
    """What the decisions of all led to.

    Attributes:
        state: of the world.
        observations: ``(D_i,)`` of each agent.
        rewards: ``(N,)``.
        terminated: ``(N,)`` whose task has ended; such an agent leaves, and what it would do no longer counts.
    """

    state: Any
    observations: tuple[Any, ...]
    rewards: Any
    terminated: Any


@dataclass(frozen=True, kw_only=True)
class SeveralSimulator:
    """A world of one stream in which all agents are there at the beginning; batches are made by ``vmap``.

    Attributes:
        name: what it stands for.
        agents: in order.
        horizon: decisions after which an episode is cut off for all.
        reset: from a key to ``(state, observations)``.
        step: from ``(state, actions, key)`` to a ``SeveralStep``; actions are one an agent.
    """

    name: str
    agents: tuple[Agent, ...]
    horizon: int
    reset: Callable[[Any], tuple[Any, tuple[Any, ...]]]
    step: Callable[[Any, tuple[Any, ...], Any], SeveralStep]

    def __post_init__(self) -> None:
        names = [agent.name for agent in self.agents]
        if not names or len(set(names)) < len(names):
            raise SettingsError(
                f"Agents must have different names, at least one, got {names}.", hint="Number them."
            )


def game(
    of: TabularGame, *, horizon: int = 1_000, observes: Sequence[Float[np.ndarray, "S D"]] | None = None
) -> SeveralSimulator:
    """The simulator of a tabular game.

    Args:
        of: with an initial distribution.
        horizon: decisions after which an episode is cut off.
        observes: ``(S, D_i)`` what each agent sees of each state; None: all see the state, as S zeros and ones.

    Raises:
        DynamicsError: there is no initial distribution, a table has another shape, or the game is too large.
    """
    S, N = of.n_states, of.n_agents
    seen = [np.eye(S)] * N if observes is None else [np.asarray(table) for table in observes]
    if len(seen) != N or any(table.ndim != 2 or len(table) != S for table in seen):
        raise DynamicsError(
            f"`observes` must be {N} tables of {S} rows, got shapes {[table.shape for table in seen]}.",
            hint="One row a state.",
        )
    world = tabular(of.joint, of.payoff[0], horizon=horizon)
    payoff = jnp.asarray(of.payoff, jnp.float32)
    tables = [jnp.asarray(table, jnp.float32) for table in seen]
    counts = of.n_actions

    def reset(key: Any) -> tuple[Any, tuple[Any, ...]]:
        state, _ = world.reset(key)
        return state, tuple(table[state] for table in tables)

    def step(state: Any, actions: tuple[Any, ...], key: Any) -> SeveralStep:
        joint = jnp.zeros((), jnp.int32)
        for action, count in zip(actions, counts, strict=True):
            joint = joint * count + action
        made = world.step(state, joint, key)
        return SeveralStep(
            state=made.state,
            observations=tuple(table[made.state] for table in tables),
            rewards=payoff[:, state, joint],
            terminated=jnp.broadcast_to(made.terminated, (N,)),
        )

    agents = tuple(
        Agent(name=name, n_observations=table.shape[1], actions=Choices(n_actions=count))
        for name, table, count in zip(of.names, seen, counts, strict=True)
    )
    return SeveralSimulator(name="game", agents=agents, horizon=horizon, reset=reset, step=step)


def of_agent(agent: Agent, n_sharing: int = 1) -> Simulator:
    """What the networks of an agent take, as a learner of one agent is told it; it cannot be stepped.

    Args:
        agent: one of those that share.
        n_sharing: how many share; more than one are told apart by as many zeros and ones.
    """
    more = n_sharing if n_sharing > 1 else 0
    return Simulator(
        name=agent.name,
        n_observations=agent.n_observations + more,
        actions=agent.actions,
        horizon=0,
        reset=_of_all,
        step=_of_all,
    )


def _of_all(*_: Any) -> Any:
    raise SettingsError(
        "One agent's part of a world cannot be stepped alone.", hint="Train all of them with `MultiAgentPpo`."
    )
