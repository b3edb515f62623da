"""A tabular world that several agents act in at once: each chooses, what follows depends on all, each has its payoff.

The joint action of N agents is one index, the first agent's choice counting most (as numpy ravels). Payoffs are a part
of a game, because who is paid for what is what makes it one.

Reference: Shapley (1953), Stochastic games, Proceedings of the National Academy of Sciences 39, 1095-1100.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from telic.errors import DynamicsError
from telic.typing import FloatArray

from .tabular import TabularMDP

__all__ = ["TabularGame"]

ROUNDING = 1e-6
"""How far from 1 the sum of a row may be that came from a network of single precision."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TabularGame:
    """N agents in S states.

    Attributes:
        joint: the world of whoever chooses for all: its actions are joint actions, all of them possible everywhere.
        n_actions: choices of each agent.
        payoff: ``(N, S, product of n_actions)`` expected, of each agent, for each joint action.
        agents: names.
    """

    joint: TabularMDP
    n_actions: tuple[int, ...]
    payoff: Float[np.ndarray, "N S J"]
    agents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        S, J, N = self.joint.n_states, math.prod(self.n_actions), len(self.n_actions)
        if not self.n_actions or min(self.n_actions) < 1 or self.joint.n_actions != J:
            raise DynamicsError(
                f"The joint world must have {J} actions, the product of {self.n_actions}, got"
                f" {self.joint.n_actions}.",
                hint="One row for each joint action, the first agent's choice counting most.",
            )
        if self.payoff.shape != (N, S, J) or not np.all(np.isfinite(self.payoff)):
            raise DynamicsError(
                f"`payoff` must be finite numbers of shape ({N}, {S}, {J}), got shape {self.payoff.shape}.",
                hint="One table an agent; repeat it where they are a team.",
            )
        ends = np.zeros(S, bool) if self.joint.absorbing is None else self.joint.absorbing
        if not np.all(self.joint.availability | ends[:, None]):
            raise DynamicsError(
                "Every joint action must be possible in every state of a game.", hint="Let others do nothing."
            )
        if self.agents and len(set(self.agents)) != N:
            raise DynamicsError(
                f"There must be {N} different names of agents, got {self.agents}.", hint="One an agent."
            )

    @classmethod
    def matrix(cls, payoffs: Float[np.ndarray, "..."]) -> TabularGame:
        """The game that is played once: state 0, then state 1, where it is over.

        Args:
            payoffs: ``(N, A_1, ..., A_N)`` of each agent.
        """
        N, counts = len(payoffs), payoffs.shape[1:]
        J = math.prod(counts)
        P = np.zeros((2, J, 2))
        P[:, :, 1] = 1.0
        joint = TabularMDP.from_transition(
            P, discount=0.5, initial=np.array([1.0, 0.0]), absorbing=np.array([False, True])
        )
        once = np.zeros((N, 2, J))
        once[:, 0] = payoffs.reshape(N, J)
        return cls(joint=joint, n_actions=tuple(counts), payoff=once)

    @property
    def n_agents(self) -> int:
        """N."""
        return len(self.n_actions)

    @property
    def n_states(self) -> int:
        """S."""
        return self.joint.n_states

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the agents; ``agent_0`` and so on where none were given."""
        return self.agents or tuple(f"agent_{i}" for i in range(self.n_agents))

    @cached_property
    def choices(self) -> Int[np.ndarray, "J N"]:
        """What each agent chooses in each joint action."""
        return np.stack(np.unravel_index(np.arange(math.prod(self.n_actions)), self.n_actions), axis=1)

    def joint_policy(self, tables: Sequence[FloatArray]) -> Float[np.ndarray, "S J"]:
        """Probabilities of joint actions where each agent follows its own table ``(S, A_i)``.

        Raises:
            DynamicsError: there is not one table an agent, one has another shape, or a row is no distribution (or all
                0, which says nothing) to 1e-6; to that it is normalised.
        """
        return self._product(self._checked(tables))

    def alone(self, agent: int, tables: Sequence[FloatArray]) -> tuple[TabularMDP, Float[np.ndarray, "S A"]]:
        """The world and the payoff of one agent while the others follow their tables.

        Args:
            agent: index.
            tables: of all; its own does not count.
        """
        S, A = self.n_states, self.n_actions[agent]
        known = self._checked(tables)
        weight = self._product((*known[:agent], np.ones((S, A)), *known[agent + 1 :]))
        own = self.choices[:, agent]
        # Row (s, a) gathers the joint actions in which it chooses a, by what the others do.
        rows = (np.arange(S)[:, None] * A + own[None]).ravel()
        gather = sp.csr_array((weight.ravel(), (rows, np.arange(S * len(own)))), shape=(S * A, S * len(own)))
        world = TabularMDP(
            transition=sp.csr_array(gather @ self.joint.transition),
            n_actions=A,
            discount=self.joint.discount,
            initial=self.joint.initial,
            absorbing=self.joint.absorbing,
        )
        return world, np.asarray(gather @ self.payoff[agent].ravel()).reshape(S, A)

    def _checked(self, tables: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
        wanted = [(self.n_states, n) for n in self.n_actions]
        if [table.shape for table in tables] != wanted:
            raise DynamicsError(
                f"Tables must have shapes {wanted}, got {[table.shape for table in tables]}.",
                hint="One table an agent, in their order.",
            )
        found = []
        for name, table in zip(self.names, tables, strict=True):
            sums = table.sum(axis=1, keepdims=True)
            if np.any(table < 0) or not np.all((np.abs(sums - 1.0) <= ROUNDING) | (sums == 0)):
                raise DynamicsError(
                    f"Rows of the table of {name!r} must be probabilities that sum to 1 (or all 0).",
                    hint="Normalise the rows.",
                )
            found.append(table / np.where(sums > 0, sums, 1.0))
        return tuple(found)

    def _product(self, tables: Sequence[FloatArray]) -> FloatArray:
        out = np.ones((self.n_states, len(self.choices)))
        for i, table in enumerate(tables):
            out *= table[:, self.choices[:, i]]
        return out
