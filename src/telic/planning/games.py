"""What agents in a tabular game could reach: as one, and each against the others as they are.

A team's optimum is that of one who chooses for all: value iteration over joint actions. How far policies are from an
equilibrium is what each agent could still gain by changing its own alone, a decision process that is solved exactly;
the sum of the gains is 0 at a Nash equilibrium and above 0 elsewhere (``NashConv`` in Lanctot and others 2017).

References:
    Boutilier (1996), Planning, learning and coordination in multiagent decision processes, section 3.
    Lanctot, Zambaldi, Gruslys and others (2017), A unified game-theoretic approach to multiagent reinforcement
    learning, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from telic.errors import DynamicsError
from telic.mdp.game import TabularGame
from telic.typing import FloatArray

from .hard import solve_hard
from .occupancy import policy_value
from .solutions import HardSolution

__all__ = ["Exploitability", "exploitability", "game_values", "team_optimum"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Exploitability:
    """What each agent could still gain.

    Attributes:
        value: ``(N,)`` what each collects from where the game begins.
        best: ``(N,)`` what it could collect by its best answer to the others.
    """

    value: Float[np.ndarray, "N"]
    best: Float[np.ndarray, "N"]

    @property
    def gain(self) -> Float[np.ndarray, "N"]:
        """``(N,)`` by changing its own policy alone; at least 0 but for rounding."""
        out: FloatArray = self.best - self.value
        return out

    @property
    def total(self) -> float:
        """Sum of the gains: 0 at an equilibrium."""
        return float(self.gain.sum())


def team_optimum(game: TabularGame) -> HardSolution:
    """The best that agents who are paid as one can do: the sum of payoffs, chosen for by one who sees all."""
    return solve_hard(game.joint, game.payoff.sum(axis=0))


def game_values(game: TabularGame, tables: Sequence[FloatArray]) -> Float[np.ndarray, "N S"]:
    """What each agent collects from each state where all follow their tables ``(S, A_i)``.

    Raises:
        DynamicsError: tables do not fit the game.
        DataError: a table is no policy.
    """
    joint = game.joint_policy(tables)
    return np.stack([policy_value(game.joint, joint, payoff) for payoff in game.payoff])


def exploitability(game: TabularGame, tables: Sequence[FloatArray]) -> Exploitability:
    """What each agent could gain by another policy while the others follow their tables.

    Raises:
        DynamicsError: tables do not fit the game, or it does not say where it begins.
        DataError: a table is no policy.
        NumericalError: a best answer was not found.
    """
    rho = game.joint.initial
    if rho is None:
        raise DynamicsError("The game does not say where it begins.", hint="Give its world `initial`.")
    best = []
    for agent in range(game.n_agents):
        world, payoff = game.alone(agent, tables)
        best.append(float(rho @ solve_hard(world, payoff, throw=True).value))
    return Exploitability(value=game_values(game, tables) @ rho, best=np.array(best))
