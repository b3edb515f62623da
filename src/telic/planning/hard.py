"""The Bellman optimality equation of an infinite-horizon problem: ``V = max_a r + gamma P V``.

Howard's policy iteration (Newton's method on a piecewise linear equation: Puterman and Brumelle 1979):
evaluate the greedy policy by one sparse solve, improve, stop when nothing improves. An action is only
replaced by one that is better beyond rounding, so it ends. Where an improvement gains little, a burst of
sweeps follows (modified policy iteration: Puterman and Shin 1978); sweeps of a policy's value only raise
it. Undiscounted problems start from a policy that surely arrives (towards the absorbing states, by
breadth-first search); a greedy policy that does not arrive then proves a cycle of positive gain, so the
value is infinite (Bertsekas and Tsitsiklis 1991).

Accuracy: residual ``max |T V - V| <= tolerance * max(1, max |V|)``, and the bound ``residual / (1 -
discount)``.

References: Howard (1960), Dynamic Programming and Markov Processes, ch. 4; Puterman and Brumelle (1979),
Math. Oper. Res. 4, 60-69; Puterman and Shin (1978), Manag. Sci. 24, 1127-1137; Bertsekas and Tsitsiklis
(1991), Math. Oper. Res. 16, 580-595, proposition 3.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from telic.mdp import TabularMDP
from telic.reports import Finding, Outcome, Severity
from telic.typing import FloatArray

from .absorption import arrival_actions, can_reach, pattern_of, unreachable_finding
from .bellman import BellmanOperator, check_settings, starting_value
from .linear import PolicySystem, choose_method
from .solutions import HardSolution, require

__all__ = ["BOUND_TOLERANCE", "arrival_bound", "solve_hard", "solve_hard_operator"]

SLOW, FIRST_SWEEPS, MOST_SWEEPS = 0.1, 10, 640
"""Where an improvement leaves more than this share of the residual, so many sweeps follow, doubled each
time."""

FORCING = 0.1
"""Error of an iterated evaluation, relative to what it corrects."""

IMPROVEMENT = 1e-12
"""Relative gain below which a better action is taken for a rounding error."""

BOUND_TOLERANCE = 1e-6
"""Undiscounted, error bound on V, relative to ``max(1, max |V|)``, that an answer must meet besides the
residual."""

METHODS = ("auto", "newton-dense", "newton-lu", "newton-krylov")


def solve_hard(
    mdp: TabularMDP,
    reward: Float[np.ndarray, "S A"],
    *,
    tolerance: float = 1e-10,
    max_iterations: int = 100,
    method: str = "auto",
    initial_value: Float[np.ndarray, "S"] | None = None,
    throw: bool = False,
) -> HardSolution:
    """The optimal values and a greedy policy.

    Args:
        mdp: the world.
        reward: expected reward of each state and action.
        tolerance: Bellman residual relative to ``max(1, max |V|)``.
        max_iterations: limit of policy improvements.
        method: ``auto``, ``newton-dense``, ``newton-lu`` or ``newton-krylov``.
        initial_value: a start; its greedy policy is evaluated first. It does not count undiscounted, where
            the first policy must surely arrive.
        throw: raise ``NumericalError`` instead of returning an outcome other than ``SUCCESS``.

    Raises:
        DynamicsError: shapes do not fit.
        SettingsError: a setting lies outside its range.
        NumericalError: the solver failed and ``throw`` is True.
    """
    check_settings(tolerance, max_iterations, method, METHODS)
    operator = BellmanOperator.of(mdp, reward)
    solution = solve_hard_operator(operator, tolerance, max_iterations, method, initial_value)
    if throw:
        require(solution.outcome, solution.findings)
    return solution


def solve_hard_operator(
    operator: BellmanOperator,
    tolerance: float,
    max_iterations: int,
    method: str,
    initial_value: FloatArray | None,
) -> HardSolution:
    """As ``solve_hard``, of an operator that passed the door."""
    S, A = operator.n_states, operator.n_actions
    V = np.zeros(S)
    if not operator.is_finite:
        return _failure(operator, V, Outcome.NON_FINITE, method, 0)
    undiscounted, ends = operator.discount >= 1.0, operator.absorbing
    deciding = np.ones(S, dtype=bool) if ends is None else ~ends
    if undiscounted:
        assert ends is not None
        lost = np.flatnonzero(~can_reach(pattern_of(operator.transition, A, operator.allowed), ends))
        if len(lost):
            return _failure(operator, V, Outcome.NOT_ABSORBING, method, 0, (unreachable_finding(lost),))
        actions = arrival_actions(operator.transition, A, operator.allowed, ends)
    else:
        given = starting_value(initial_value, S)
        if given is not None:
            V = np.where(deciding, given, 0.0)
        _, actions = operator.hard(V)
    kind = method.removeprefix("newton-")
    if method == "auto":
        kind = choose_method(operator.transition, operator.factor_entries)
    name = f"newton-{kind}"
    previous, n_sweeps = math.inf, FIRST_SWEEPS
    for iteration in range(1, max_iterations + 1):
        chain = _chain(operator.transition, actions, A, deciding)
        if undiscounted:
            assert ends is not None
            looping = np.flatnonzero(~can_reach(chain, ends))
            if len(looping):
                return _failure(
                    operator, V, Outcome.VALUE_DIVERGES, name, iteration, (_cycle_finding(looping),)
                )
        system = PolicySystem(chain=chain, discount=operator.discount, method=kind)
        shortfall = np.where(deciding, operator.reward[np.arange(S), actions], 0.0) - system.apply(V)
        # Iterated, a policy is evaluated as well as it deserves; undiscounted, as well as can be, since what
        # wanders for ever is told by improvements beyond rounding.
        enough = 0.0 if undiscounted else FORCING * (1.0 - operator.discount) * float(np.abs(shortfall).max())
        answer = system.report(shortfall, absolute=enough)
        if not answer.outcome.ok:
            return _failure(operator, V, answer.outcome, name, iteration)
        V = V + answer.x
        TV, best = operator.hard(V)
        gap = TV - V
        size = max(1.0, float(np.abs(V).max(initial=0.0)))
        residual = float(np.abs(gap).max(initial=0.0))
        better = gap > IMPROVEMENT * size
        settled = kind == "krylov" or not better.any() or residual <= 1e-3 * tolerance * size
        if residual <= tolerance * size and settled:
            if not undiscounted:
                bound = residual / (1.0 - operator.discount)
            else:
                bound = arrival_bound(operator, residual, size, system)
                if not bound <= BOUND_TOLERANCE * size:
                    return _failure(operator, V, Outcome.SINGULAR, name, iteration)
            return _success(operator, V, TV, residual, bound, iteration, name, tolerance * size)
        if not better.any() and kind != "krylov":
            return _failure(operator, V, Outcome.MAX_ITERATIONS, name, iteration)
        actions = np.where(better, best, actions)
        if residual > SLOW * previous:
            # An improvement moves the border between two ways to live by one decision: sweeps move it for less.
            for _ in range(n_sweeps):
                V = TV
                TV, best = operator.hard(V)
                actions = np.where(IMPROVEMENT * size < TV - V, best, actions)
            n_sweeps = min(2 * n_sweeps, MOST_SWEEPS)
        previous = residual
    return _failure(operator, V, Outcome.MAX_ITERATIONS, name, max_iterations)


def _chain(transition: sp.csr_array, actions: np.ndarray, A: int, deciding: np.ndarray) -> sp.csr_array:
    S = len(actions)
    chain = transition[np.arange(S) * A + actions]
    if not deciding.all():
        chain.data = chain.data * np.repeat(deciding, np.diff(chain.indptr))
        chain.eliminate_zeros()
    return sp.csr_array(chain)


def _success(
    operator: BellmanOperator,
    V: FloatArray,
    TV: FloatArray,
    residual: float,
    bound: float,
    iterations: int,
    method: str,
    tie: float,
) -> HardSolution:
    Q = operator.action_values(V)
    greedy = np.argmax(Q.max(axis=1, keepdims=True) - tie <= Q, axis=1).astype(np.int32)
    if operator.absorbing is not None:
        greedy[operator.absorbing] = -1
    return HardSolution(
        value=TV,
        action_value=Q,
        greedy=greedy,
        outcome=Outcome.SUCCESS,
        residual=residual,
        value_bound=bound,
        iterations=iterations,
        method=method,
        last_value=TV,
    )


def arrival_bound(operator: BellmanOperator, residual: float, size: float, system: PolicySystem) -> float:
    """Undiscounted, how far V can be from the truth: residual or rounding, times the longest way to the end.

    Args:
        operator: with absorbing states.
        residual: largest ``|T V - V|``.
        size: ``max(1, max |V|)``, which rounding is relative to.
        system: of the policy of V.
    """
    assert operator.absorbing is not None
    if not can_reach(system.chain, operator.absorbing).all():  # the chance to end has underflowed
        return math.inf
    deciding = ~operator.absorbing
    steps = system.solve(deciding.astype(np.float64))[deciding]
    if not np.all(steps > 0.5):  # not a number of steps: the system is singular to working precision
        return math.inf
    rounding = float(np.finfo(np.float64).eps) * size
    return max(residual, rounding) * float(steps.max(initial=1.0))


def _failure(
    operator: BellmanOperator,
    last: FloatArray,
    outcome: Outcome,
    method: str,
    iterations: int,
    findings: tuple[Finding, ...] = (),
) -> HardSolution:
    S, A = operator.reward.shape
    return HardSolution(
        value=np.full(S, np.nan),
        action_value=np.full((S, A), np.nan),
        greedy=np.full(S, -1, dtype=np.int32),
        outcome=outcome,
        residual=math.inf,
        value_bound=math.inf,
        iterations=iterations,
        method=method,
        last_value=last,
        findings=findings,
    )


def _cycle_finding(states: np.ndarray) -> Finding:
    shown = ", ".join(str(s) for s in states[:10].tolist())
    return Finding(
        code="value-diverges",
        severity=Severity.ERROR,
        message=f"The undiscounted value is infinite: a cycle through {len(states)} states pays more than "
        f"it costs (first: {shown}).",
        hint="Make each step cost more, or use a discount below 1.",
        evidence={"states": states[:100].tolist(), "count": len(states)},
    )
