"""One undiscounted world and reward for many destinations, with the factorisation they share.

In a deterministic world ``z = exp(beta V)`` obeys ``z = M z`` away from the destination d and ``z(d) = 1``,
with ``M(s, s') = sum of exp(beta r(s, a))`` over the actions that lead from s to s' (Fosgerau, Frejinger and
Karlstrom 2013, eq. 13-15). The destination changes one row only, so one sparse LU of ``I - M`` serves all: z
is column d of the inverse divided by its diagonal entry. While the spectral radius of M is below 1, I - M is
an M-matrix: its inverse is positive, and an LU with diagonal pivots subtracts nothing from anything of its
own size, so far destinations keep their relative accuracy. With ``D = diag(z)``, ``I - P_pi = D^-1 (I - M)
D`` away from d: the same factors solve for every derivative.

References: Fosgerau, Frejinger and Karlstrom (2013), Transp. Res. B 56, 70-80; Berman and Plemmons (1994),
Nonnegative Matrices in the Mathematical Sciences, ch. 6, theorem 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from telic.mdp import GoalConditionedMDP
from telic.mdp.graph import estimated_entries
from telic.typing import BoolArray, FloatArray

from .absorption import can_reach, pattern_of, reversed_graph
from .bellman import BellmanOperator, allowed_pairs, check_rationality, check_reward

__all__ = ["GoalSystem", "goal_system"]

GOAL_LU: dict[str, Any] = {
    "permc_spec": "MMD_AT_PLUS_A",
    "diag_pivot_thresh": 0.0,
    "options": {"SymmetricMode": True},
}
"""Diagonal pivots keep the sign structure of an M-matrix; the ordering is for symmetric patterns, as roads
have."""

INVERSE_STEPS = 8
"""Solves that decide whether the spectral radius is below 1 and start the power iteration well."""

POWER_STEPS = 1_000
"""Limit of the power iteration for the spectral radius."""

EPSILON = 1e-13
"""Distance of the spectral radius from 1 that counts as none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GoalSystem:
    """One world and one reward, with the factorisation that all destinations share (made on first use).

    Attributes:
        mdp: the world.
        reward: ``(S, A)``.
        rationality: beta.
        allowed: available pairs, or None for all.
    """

    mdp: GoalConditionedMDP
    reward: FloatArray
    rationality: float
    allowed: BoolArray | None

    def action_values(self, value: FloatArray, states: np.ndarray) -> FloatArray:
        """``(n, A)``: ``Q = r + P V`` of some states; -inf where not available or where a successor has V =
        -inf.
        """
        A = self.mdp.n_actions
        if self.mdp.is_deterministic:
            V = value[self.successors[states]]
        else:
            P = self.mdp.transition[(states[:, None] * A + np.arange(A)).ravel()]
            closed = np.isneginf(value)
            V = (P @ np.where(closed, 0.0, value)).reshape(-1, A)
            if closed.any():
                V[(P @ closed.astype(np.float64)).reshape(-1, A) > 0] = -np.inf
        Q = self.reward[states] + V
        if self.allowed is not None:
            Q[~self.allowed[states]] = -np.inf
        return np.asarray(Q)

    def reaching(self, goal: int) -> tuple[BoolArray, BoolArray | None]:
        """``(states that can surely reach the goal, pairs that keep to them)``; None where every pair does.

        In a deterministic world these are the states with a path to the goal. In a stochastic one they are
        the states from which some policy arrives with probability 1: elsewhere the undiscounted value is
        -inf.
        """
        from scipy.sparse.csgraph import breadth_first_order

        S, A = self.reward.shape
        inside = np.zeros(S, dtype=bool)
        inside[breadth_first_order(self._reversed, goal, directed=True, return_predecessors=False)] = True
        allowed = self.allowed
        target = np.zeros(S, dtype=bool)
        target[goal] = True
        while not inside.all():
            escapes = (self.mdp.transition @ (~inside).astype(np.float64)).reshape(S, A) > 0
            allowed = ~escapes if self.allowed is None else self.allowed & ~escapes
            narrowed = (
                can_reach(pattern_of(self.mdp.transition, A, allowed & inside[:, None]), target) & inside
            )
            if np.array_equal(narrowed, inside):
                break
            inside = narrowed
        return inside, allowed

    def operator(self, goal: int) -> tuple[BellmanOperator, BoolArray]:
        """``(Bellman operator of one destination, states that can surely reach it)``: all others count as
        ends.
        """
        inside, allowed = self.reaching(goal)
        ends = ~inside
        ends[goal] = True
        pairs = np.repeat(~ends[:, None], self.reward.shape[1], axis=1)
        operator = BellmanOperator(
            transition=self.mdp.transition,
            reward=self.reward,
            discount=1.0,
            rationality=self.rationality,
            allowed=pairs if allowed is None else pairs & allowed,
            absorbing=ends,
            entries=lambda: self._factor_entries,
        )
        return operator, inside

    @cached_property
    def matrix(self) -> sp.csr_array:
        """M of a deterministic world, ``(S, S)``."""
        return self.weighted_matrix(None)

    def weighted_matrix(self, feature: FloatArray | None) -> sp.csr_array:
        """``sum of phi(s, a) exp(beta r(s, a))`` over the actions from s to s', ``(S, S)``; None: phi is 1."""
        S, A = self.reward.shape
        with np.errstate(over="ignore"):
            weight = np.exp(self.rationality * self.reward)
        if feature is not None:
            weight *= feature
        if self.allowed is not None:
            weight = np.where(self.allowed, weight, 0.0)
        rows = np.repeat(np.arange(S), A)
        out = sp.csr_array((weight.ravel(), (rows, self.successors.ravel())), shape=(S, S))
        out.eliminate_zeros()
        return out

    @cached_property
    def factors(self) -> Any:
        """SuperLU factors of ``I - M`` of a deterministic world; None where it is singular or not finite."""
        from scipy.sparse.linalg import splu

        S = self.reward.shape[0]
        if not np.all(np.isfinite(self.matrix.data)):
            return None
        try:
            return splu(sp.csc_array(sp.eye_array(S, format="csr") - self.matrix), **GOAL_LU)
        except RuntimeError:  # a zero pivot: the spectral radius of some part of M is exactly 1
            return None

    @cached_property
    def spectral_radius(self) -> float:
        """Largest eigenvalue of M; NaN in a stochastic world, inf where M overflows.

        Which side of 1 it is on is decided to rounding; its value is good to 1e-9 where M is irreducible.
        """
        if not self.mdp.is_deterministic:
            return float("nan")
        if not np.all(np.isfinite(self.matrix.data)):
            return float("inf")
        x = np.ones(self.reward.shape[0])
        below = self.factors is not None and _inverse_iterate(self.factors, x)
        radius = _power_radius(self.matrix, x, shift=0.1 if below else 1.0)
        return min(radius, 1.0 - EPSILON) if below else max(radius, 1.0)

    @cached_property
    def successors(self) -> np.ndarray:
        """``(S, A)`` next states of a deterministic world; 0 where the pair is not available."""
        S, A = self.reward.shape
        P = self.mdp.transition
        out = np.zeros(S * A, dtype=np.int64)
        filled = np.flatnonzero(np.diff(P.indptr))
        out[filled] = P.indices[P.indptr[filled]]
        return out.reshape(S, A)

    @cached_property
    def _factor_entries(self) -> float:
        return estimated_entries(self.mdp.transition, self.mdp.n_actions)

    @cached_property
    def _reversed(self) -> sp.csr_array:
        return reversed_graph(pattern_of(self.mdp.transition, self.mdp.n_actions, self.allowed))


def goal_system(
    mdp: GoalConditionedMDP, reward: Float[np.ndarray, "S A"], *, rationality: float = 1.0
) -> GoalSystem:
    """The world and reward with their shared factorisation.

    Raises:
        DynamicsError: shapes do not fit.
        SettingsError: ``rationality`` is not positive and finite.
    """
    check_rationality(rationality)
    return GoalSystem(
        mdp=mdp, reward=check_reward(reward, mdp), rationality=float(rationality), allowed=allowed_pairs(mdp)
    )


def _inverse_iterate(factors: Any, x: FloatArray) -> bool:
    """Whether the radius is below 1; leaves in ``x`` an approximate Perron vector when it is.

    A vector ``y > 0`` with ``(I - M) y > 0`` exists exactly when it is (Berman and Plemmons, condition I27).
    """
    for step in range(INVERSE_STEPS):
        y = factors.solve(x)
        if not np.all(np.isfinite(y)) or np.any(y <= 0) or float(y.max()) > 1.0 / EPSILON:
            return step > 0  # later steps only polish
        x[:] = y / y.max()
    return True


def _power_radius(M: sp.csr_array, x: FloatArray, shift: float) -> float:
    """The spectral radius by power iteration on ``M + shift``, whose largest eigenvalue stands alone."""
    radius = 0.0
    for _ in range(POWER_STEPS):
        y = M @ x + shift * x
        previous, radius = radius, float(y.max() / x.max())
        x = y / y.max()
        if abs(radius - previous) <= 1e-13 * radius:
            break
    return radius - shift
