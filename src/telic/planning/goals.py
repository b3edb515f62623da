"""One undiscounted world, many destinations: soft values of all of them at once.

**Deterministic worlds**: one sparse LU for all destinations (``goal_system``). Positivity of ``z = exp(beta
V)`` on every state that can reach the destination is the exact certificate that its value is finite: on each
strongly connected part, with left Perron vector u, ``(1 - radius) u'z = u'(inflow) > 0``. A destination whose
z leaves the range of floats is solved again in logarithms, by Newton. **Stochastic worlds**: Newton for each
destination, on the states from which it can be reached surely.

Derivatives of the value solve ``(I - P_pi) x = b`` with ``x = 0`` at the destination: ``solve`` and
``solve_transposed`` do, with the shared factors where there are any.

References: Fosgerau, Frejinger and Karlstrom (2013), Transp. Res. B 56, 70-80; Mai, Fosgerau and Frejinger
(2015), Transp. Res. B 75, 100-112.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from telic.errors import DynamicsError
from telic.mdp import GoalConditionedMDP
from telic.reports import Finding, Outcome, Severity
from telic.typing import FloatArray

from .bellman import check_settings, is_finite_where, policy_chain
from .goal_system import GoalSystem, goal_system
from .linear import PolicySystem, choose_method, solve_columns
from .soft import solve_soft_operator
from .solutions import require

__all__ = ["SoftGoalSolution", "solve_soft_goals"]

SMALLEST = 1e-290
"""Smallest z that is trusted; below, doubles lose digits and the destination is solved in logarithms."""

NEGATIVE = 1e-8
"""Size of a negative z, relative to the largest, that rounding cannot explain."""

CHUNK_BYTES = 200_000_000
"""Work space for right-hand sides; destinations are taken in chunks that fit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SoftGoalSolution:
    """Soft values of several destinations.

    Attributes:
        value: V of each destination; 0 at the destination, -inf where it cannot be reached; a row of NaN
            where the destination failed.
        goals: the destinations, one a row.
        outcome: ``SUCCESS``, or the outcome of the first destination that failed.
        outcomes: one a destination.
        residual: largest ``|T V - V|`` over all destinations, in units of reward.
        spectral_radius: of M over the whole world, destinations included (deterministic worlds, else NaN).
            Below 1 every destination has a finite value; at 1 or above only some may.
        system: the world with the factorisation that the destinations share.
        rationality: inverse temperature.
        columns_of: indices of the destinations that were solved by it.
        findings: what a reader should know.
        systems: factorisations made so far of the others; a cache.
    """

    value: Float[np.ndarray, "G S"]
    goals: Int[np.ndarray, "G"]
    outcome: Outcome
    outcomes: tuple[Outcome, ...]
    residual: float
    spectral_radius: float
    system: GoalSystem
    rationality: float
    columns_of: frozenset[int]
    findings: tuple[Finding, ...] = ()
    systems: dict[int, PolicySystem] = field(default_factory=dict, repr=False)

    def log_policy(self, i_goal: int) -> Float[np.ndarray, "S A"]:
        """Log-probabilities of every action on the way to destination ``i_goal`` (an index into ``goals``).

        -inf where an action is not available or leads where the destination cannot be reached, and at the
        destination.
        """
        return np.asarray(self.log_policy_rows(i_goal, np.arange(self.value.shape[1])))

    def log_policy_rows(self, i_goal: int, states: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n A"]:
        """As ``log_policy``, of some states only."""
        goal, V = int(self.goals[i_goal]), self.value[i_goal]
        Q = self.system.action_values(V, states)
        at = V[states]
        closed = ~np.isfinite(at) | (states == goal)
        out = self.rationality * (Q - np.where(np.isneginf(at), 0.0, at)[:, None])
        out[closed & ~np.isnan(at)] = -np.inf
        return np.asarray(out)

    def solve(self, i_goal: int, rhs: FloatArray) -> FloatArray:
        """``x`` with ``(I - P_pi) x = rhs`` and ``x = 0`` at the destination and where it cannot be reached.

        Args:
            i_goal: index into ``goals``.
            rhs: ``(S,)`` or ``(S, K)``.
        """
        return np.asarray(self.solve_many(np.array([i_goal]), rhs[None])[0])

    def solve_many(self, i_goals: Int[np.ndarray, "g"], rhs: FloatArray) -> FloatArray:
        """As ``solve``, of several destinations at once: ``rhs`` and the answer are ``(g, S)`` or ``(g, S,
        K)``.
        """
        b = np.array(rhs, dtype=np.float64)
        g, S = b.shape[:2]
        columns = b.reshape(g, S, -1)
        columns[~np.isfinite(self.value[i_goals])] = 0.0
        columns[np.arange(g), self.goals[i_goals]] = 0.0
        shared = np.array([int(i) in self.columns_of for i in i_goals], dtype=bool)
        for j in np.flatnonzero(~shared):
            columns[j] = self._own(int(i_goals[j])).solve(columns[j])
        at = np.flatnonzero(shared)
        width = max(1, CHUNK_BYTES // (24 * S * columns.shape[2]))
        for start in range(0, len(at), width):
            part = at[start : start + width]
            z = self._z(i_goals[part])
            flat = (columns[part] * z[:, :, None]).transpose(1, 0, 2).reshape(S, -1)
            x = solve_columns(self.system.factors, flat).reshape(S, len(part), -1).transpose(1, 0, 2)
            home = x[np.arange(len(part)), self.goals[i_goals[part]]]
            with np.errstate(invalid="ignore", divide="ignore"):
                answer = x / z[:, :, None] - home[:, None, :]
            answer[z == 0] = 0.0
            columns[part] = answer
        return np.asarray(columns.reshape(b.shape))

    def value_derivatives(
        self, i_goals: Int[np.ndarray, "g"], features: Float[np.ndarray, "S A K"]
    ) -> Float[np.ndarray, "g S K"]:
        """``dV/dtheta`` of several destinations, for a reward that is linear in features: ``V_k``.

        It solves ``(I - P_pi) V_k = sum_a pi phi_k``, with 0 at the destination and where it cannot be
        reached.

        Args:
            i_goals: indices into ``goals``.
            features: phi.
        """
        S, K = self.value.shape[1], features.shape[2]
        out = np.empty((len(i_goals), S, K))
        shared = np.array([int(i) in self.columns_of for i in i_goals], dtype=bool)
        for j in np.flatnonzero(~shared):
            pi = np.exp(self.log_policy(int(i_goals[j])))
            out[j] = self.solve(int(i_goals[j]), np.einsum("sa,sak->sk", pi, features))
        at = np.flatnonzero(shared)
        # With dM_k = M weighted by phi_k, z_k = (I - M)^-1 dM_k z is the derivative of z: no policy is formed.
        moments = [self.system.weighted_matrix(features[:, :, k]) for k in range(K if len(at) else 0)]
        width = max(1, CHUNK_BYTES // (24 * S))
        for start in range(0, len(at), width):
            part = at[start : start + width]
            goals, columns = self.goals[i_goals[part]], np.arange(len(part))
            z = np.ascontiguousarray(self._z(i_goals[part]).T)
            with np.errstate(divide="ignore"):
                inverse = np.where(z > 0, 1.0 / z, 0.0)
            for k, moment in enumerate(moments):
                flow = moment @ z
                flow[goals, columns] = 0.0
                x = solve_columns(self.system.factors, flow)
                home = x[goals, columns]
                x *= inverse
                x -= np.where(z > 0, home, 0.0)
                out[part, :, k] = x.T
        return out

    def solve_transposed(self, i_goal: int, rhs: FloatArray) -> FloatArray:
        """``x`` with ``(I - P_pi)' x = rhs``; entries of ``rhs`` where the destination cannot be reached do
        not count.
        """
        b = np.array(rhs, dtype=np.float64)
        columns = b.reshape(len(b), -1)
        columns[~np.isfinite(self.value[i_goal])] = 0.0
        if i_goal not in self.columns_of:
            return self._own(i_goal).solve_transposed(columns).reshape(b.shape)
        goal = int(self.goals[i_goal])
        z = self._z(np.array([i_goal]))[0]
        scale = np.where(z > 0, z, np.inf)
        unit = np.zeros((len(z), 1))
        unit[goal] = 1.0
        last = columns[goal].copy()
        columns[goal] = 0.0
        both = solve_columns(self.system.factors, np.hstack([columns / scale[:, None], unit]), "T")
        u, row = both[:, :-1], both[:, -1]
        u = u - np.outer(row, u[goal] / row[goal])
        u[goal] = 0.0
        arrivals = self.system.matrix[:, [goal]].T @ u
        x = u * z[:, None]
        x[goal] = last + np.asarray(arrivals).ravel()
        return np.asarray(x.reshape(b.shape))

    def _z(self, i_goals: np.ndarray) -> FloatArray:
        return np.asarray(np.exp(self.rationality * self.value[i_goals]))

    def _own(self, i_goal: int) -> PolicySystem:
        if i_goal not in self.systems:
            chain = policy_chain(self.system.mdp.transition, np.exp(self.log_policy(i_goal)))
            self.systems[i_goal] = PolicySystem(
                chain=chain, discount=1.0, method=choose_method(chain), outcome=self.outcomes[i_goal]
            )
        return self.systems[i_goal]


def solve_soft_goals(
    mdp: GoalConditionedMDP,
    reward: Float[np.ndarray, "S A"],
    *,
    goals: Int[np.ndarray, "G"] | None = None,
    rationality: float = 1.0,
    tolerance: float = 1e-10,
    max_iterations: int = 100,
    throw: bool = False,
) -> SoftGoalSolution:
    """The soft values of every destination.

    Args:
        mdp: the world.
        reward: expected reward of each state and action; the same for all destinations.
        goals: states to solve for; default all destinations of ``mdp``.
        rationality: inverse temperature beta.
        tolerance: Bellman residual relative to ``max(1, max |V|)``.
        max_iterations: limit of Newton steps for a destination that needs them.
        throw: raise ``NumericalError`` when any destination fails.

    Raises:
        DynamicsError: shapes do not fit, or a goal is not a state.
        SettingsError: a setting lies outside its range.
        NumericalError: a destination failed and ``throw`` is True.
    """
    check_settings(tolerance, max_iterations, "auto", ("auto",))
    system = goal_system(mdp, reward, rationality=rationality)
    wanted = np.asarray(mdp.goals if goals is None else goals, dtype=np.int32)
    if wanted.ndim != 1 or (len(wanted) and (wanted.min() < 0 or wanted.max() >= mdp.n_states)):
        raise DynamicsError(
            f"`goals` must be states in [0, {mdp.n_states}), got {wanted[:6].tolist()}.",
            hint="Name states by index.",
        )
    S, G = mdp.n_states, len(wanted)
    V = np.full((G, S), np.nan)
    outcomes = [Outcome.NON_FINITE] * G
    residual = 0.0
    is_usable = is_finite_where(system.reward, system.allowed)
    shared: set[int] = set()
    if is_usable:
        diverging: set[int] = set()
        if mdp.is_deterministic and system.factors is not None:
            shared, diverging, residual = _solve_shared(system, wanted, V, tolerance)
        for i in range(G):
            if i in shared:
                outcomes[i] = Outcome.SUCCESS
                continue
            if i in diverging:
                outcomes[i] = Outcome.SOFT_VALUE_DIVERGES
                continue
            outcomes[i], V[i], one = _solve_alone(system, int(wanted[i]), tolerance, max_iterations)
            residual = max(residual, one)
    failed = [i for i in range(G) if not outcomes[i].ok]
    radius = system.spectral_radius if is_usable else math.nan
    outcome = outcomes[failed[0]] if failed else Outcome.SUCCESS
    findings = _findings(radius, [int(wanted[i]) for i in failed], outcome)
    solution = SoftGoalSolution(
        value=V,
        goals=wanted,
        outcome=outcome,
        outcomes=tuple(outcomes),
        residual=residual if not failed else math.inf,
        spectral_radius=radius,
        system=system,
        rationality=system.rationality,
        columns_of=frozenset(shared),
        findings=findings,
    )
    if throw:
        require(outcome, findings)
    return solution


def _solve_shared(
    system: GoalSystem, goals: np.ndarray, V: FloatArray, tolerance: float
) -> tuple[set[int], set[int], float]:
    """Fills rows of V from the shared factors; ``(rows that passed, rows that diverge, worst residual)``.

    Where the radius without the destination is below 1, z is not negative; so a z below 0 by more than
    rounding proves that the value is infinite. The residual is the worst of the rows that passed.
    """
    S = V.shape[1]
    passed: set[int] = set()
    diverging: set[int] = set()
    worst = 0.0
    width = max(1, CHUNK_BYTES // (32 * S))
    for start in range(0, len(goals), width):
        part = goals[start : start + width]
        columns = np.arange(len(part))
        z = np.zeros((S, len(part)))
        z[part, columns] = 1.0
        z = solve_columns(system.factors, z)
        diagonal = z[part, columns]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            z /= diagonal
            balance = system.matrix @ z
            balance[part, columns] = 1.0
            gap = np.abs(np.log(balance / z)) / system.rationality
            value = np.log(z) / system.rationality
        finite = np.isfinite(diagonal) & np.isfinite(z).all(axis=0)
        # The diagonal may be negative (a radius above 1 through the destination itself): only z decides.
        sound = np.asarray(finite & (z >= 0).all(axis=0))
        with np.errstate(invalid="ignore"):
            negative = np.asarray(finite & (z.min(axis=0) < -NEGATIVE * np.abs(z).max(axis=0)))
        diverging.update((start + np.flatnonzero(negative)).tolist())
        small = np.asarray((z < SMALLEST).any(axis=0))
        for j in np.flatnonzero(sound):
            inside = system.reaching(int(part[j]))[0] if small[j] else np.ones(S, dtype=bool)
            if np.any(z[inside, j] < SMALLEST) or np.any(z[~inside, j] > 0):
                continue
            residual = float(gap[inside, j].max(initial=0.0))
            if not residual <= tolerance * max(1.0, float(np.abs(value[inside, j]).max(initial=0.0))):
                continue
            V[start + j] = value[:, j]
            V[start + j, part[j]] = 0.0
            worst = max(worst, residual)
            passed.add(start + int(j))
    return passed, diverging, worst


def _solve_alone(
    system: GoalSystem, goal: int, tolerance: float, max_iterations: int
) -> tuple[Outcome, FloatArray, float]:
    operator, inside = system.operator(goal)
    solution = solve_soft_operator(operator, tolerance, max_iterations, "auto", None)
    V = solution.value.copy()
    if solution.outcome.ok:
        V[~inside] = -np.inf
    return solution.outcome, V, solution.residual


def _findings(radius: float, failed: list[int], outcome: Outcome) -> tuple[Finding, ...]:
    findings = []
    if failed:
        findings.append(
            Finding(
                code=outcome.label,
                severity=Severity.ERROR,
                message=f"{len(failed)} destinations have no soft value (first: {failed[:6]}).",
                hint=outcome.value,
                evidence={"goals": failed[:100], "count": len(failed)},
            )
        )
    if radius >= 1.0:
        findings.append(
            Finding(
                code="spectral-radius",
                severity=Severity.ERROR if failed else Severity.NOTICE,
                message=f"The spectral radius of the whole network is {radius:.6g}, not below 1: "
                "some loop is worth walking for ever.",
                hint="Make each step cost more, or use a discount below 1.",
                evidence={"spectral_radius": radius},
            )
        )
    return tuple(findings)
