"""The soft Bellman equation of an infinite-horizon problem: soft values and the soft policy of a reward.

``V = (1/beta) log sum_a exp beta (r + gamma P V)``. Newton's method on ``T V - V`` solves ``(I - gamma P_pi)
d = T V - V`` and sets ``V <- V + d``: it is soft policy iteration, it converges from any start, and its last
steps square the error, so a discount of .9999 costs about as many steps as one of .9. Three things make it
cheap:

- where the discount is small, plain sweeps of the contraction instead;
- where the state space is too large for a factorisation, or the discount makes iteration fast, a step is
  solved by Krylov iteration only as well as it deserves (inexact Newton: Eisenstat and Walker 1996);
- where a step gains little, because what is known about a far place travels one decision a step, a burst
  of sweeps carries it further for less, and the burst doubles each time (modified policy iteration:
  Puterman and Shin 1978).

Accuracy: the solver stops when ``max |T V - V| <= tolerance * max(1, max |V|)`` and reports that residual and
the bound ``residual / (1 - discount)`` on the error of V. Undiscounted problems are solved when every state
can reach an absorbing one and the soft value is finite; otherwise the outcome says which condition fails.

References: Rust (1987), Econometrica 55, 999-1033, section 4; Puterman and Shin (1978), Manag. Sci. 24,
1127-1137; Puterman and Brumelle (1979), Math. Oper. Res. 4, 60-69; Eisenstat and Walker (1996), SIAM J. Sci.
Comput. 17, 16-32.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from telic.errors import SettingsError
from telic.mdp import TabularMDP
from telic.reports import Finding, Outcome, Severity
from telic.typing import FloatArray

from .absorption import can_reach, pattern_of, unreachable_finding
from .bellman import BellmanOperator, check_settings, policy_chain, starting_value
from .gain import WanderingGain, wandering_gain
from .hard import BOUND_TOLERANCE, arrival_bound, solve_hard_operator
from .linear import PolicySystem, choose_method
from .solutions import SoftSolution, require

__all__ = ["solve_soft", "solve_soft_operator"]

SWEEP_LIMIT = 60
"""Sweeps of the contraction that cost about as much as Newton's handful of factorisations (measured)."""

FORCING = 1e-2
"""Residual of an inexact Newton step, relative to the Bellman residual it removes; less for discounts near
1."""

KRYLOV_STATES, KRYLOV_DISCOUNT = 3_000, 0.99
"""States above which, and discount up to which, the Newton step is iterated even where LU would fit
(measured)."""

START_SWEEPS = 10
"""Sweeps before the first inexact Newton step, which would otherwise solve for a policy that knows
nothing."""

SLOW, FIRST_SWEEPS, MOST_SWEEPS = 0.1, 10, 640
"""Where a Newton step leaves more than this share of the residual, so many sweeps follow, doubled each
time."""

FLOOR = 16 * float(np.finfo(np.float64).eps)
"""Relative residual that rounding alone can leave; no tolerance below it is tried."""

SURE_BOUND = 1e-3
"""Undiscounted, error bound on V in log-probabilities up to which an answer needs no look at the gain."""

PATIENCE = 30
"""Newton steps after which an undiscounted solve asks whether its value is infinite at all."""

GAIN_MARGIN = 1e-12
"""A soft gain above minus this is taken for 0: the value would exceed what double precision can resolve."""

METHODS = ("auto", "newton-dense", "newton-lu", "newton-krylov", "sweeps")


def solve_soft(
    mdp: TabularMDP,
    reward: Float[np.ndarray, "S A"],
    *,
    rationality: float = 1.0,
    tolerance: float = 1e-10,
    max_iterations: int = 100,
    method: str = "auto",
    initial_value: Float[np.ndarray, "S"] | None = None,
    throw: bool = False,
) -> SoftSolution:
    """The soft values and the soft policy of a reward.

    Args:
        mdp: the world.
        reward: expected reward of each state and action (``reward.expected(mdp)``).
        rationality: inverse temperature beta, in one over units of reward; more makes choices sharper.
        tolerance: Bellman residual relative to ``max(1, max |V|)``; the answer cannot be better than about
            1e-15.
        max_iterations: limit of Newton steps (``sweeps`` may use 100 times as many).
        method: ``auto``, or one of ``newton-dense``, ``newton-lu``, ``newton-krylov``, ``sweeps`` (which
            needs a discount below 1: elsewhere a small residual proves nothing).
        initial_value: a start, for example the solution of a similar reward; it changes the time, not the
            answer: where it leads nowhere the solver starts again without it.
        throw: raise ``NumericalError`` instead of returning an outcome other than ``SUCCESS``.

    Raises:
        DynamicsError: shapes do not fit.
        SettingsError: a setting lies outside its range.
        NumericalError: the solver failed and ``throw`` is True.

    Example:
        >>> import numpy as np
        >>> from telic.mdp import TabularMDP
        >>> stay_or_switch = np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]])
        >>> world = TabularMDP.from_transition(stay_or_switch, discount=0.9)
        >>> solution = solve_soft(world, np.array([[0.0, 0.0], [1.0, 1.0]]))
        >>> round(float(solution.value[0]), 9)
        12.411538747
    """
    check_settings(tolerance, max_iterations, method, METHODS)
    if method == "sweeps" and mdp.discount >= 1.0:
        raise SettingsError(
            f"`method` 'sweeps' needs a discount below 1, got {mdp.discount}.",
            hint="Undiscounted, a small residual proves nothing; `auto` solves the problem.",
        )
    operator = BellmanOperator.of(mdp, reward, rationality)
    solution = solve_soft_operator(operator, tolerance, max_iterations, method, initial_value)
    if throw:
        require(solution.outcome, solution.findings)
    return solution


def solve_soft_operator(
    operator: BellmanOperator,
    tolerance: float,
    max_iterations: int,
    method: str,
    initial_value: FloatArray | None,
) -> SoftSolution:
    """As ``solve_soft``, of an operator that passed the door."""
    given = starting_value(initial_value, operator.n_states)
    start = np.zeros(operator.n_states) if given is None else given
    if not operator.is_finite:
        return _failure(operator, start, Outcome.NON_FINITE, method, 0)
    undiscounted = operator.discount >= 1.0
    if undiscounted:
        assert operator.absorbing is not None
        pattern = pattern_of(operator.transition, operator.n_actions, operator.allowed)
        lost = np.flatnonzero(~can_reach(pattern, operator.absorbing))
        if len(lost):
            return _failure(operator, start, Outcome.NOT_ABSORBING, method, 0, (unreachable_finding(lost),))
    if operator.absorbing is not None:
        start[operator.absorbing] = 0.0
    if method == "auto":
        method = _choose(operator, tolerance)
    if method == "sweeps":
        return _sweep(operator, start, tolerance, 100 * max_iterations)
    if given is not None:
        solution = _newton(operator, start, tolerance, max_iterations, method)
        is_proved = solution.outcome in (Outcome.SUCCESS, Outcome.SOFT_VALUE_DIVERGES)
        if is_proved or solution.iterations >= max_iterations:
            return solution
        # A start from elsewhere may imply a policy that never arrives, or overflow.
        start = np.zeros(operator.n_states)
    if undiscounted:
        # A myopic start may never arrive; the optimal value is a lower bound of the soft one and does.
        hard = solve_hard_operator(operator, tolerance, max_iterations, method, None)
        if not hard.outcome.ok and hard.outcome is not Outcome.SINGULAR:
            return _broken(operator, start, _soft_outcome(hard.outcome), method, hard.iterations)
        start = hard.last_value
    elif method == "newton-krylov":
        for _ in range(START_SWEEPS):
            start, _pi = operator.soft(start, with_policy=False)
    return _newton(operator, start, tolerance, max_iterations, method)


def _choose(operator: BellmanOperator, tolerance: float) -> str:
    gamma, S = operator.discount, operator.n_states
    if gamma < 1.0 and S > 500:
        n_sweeps = 1 if gamma == 0 else math.log(tolerance) / math.log(gamma)
        if n_sweeps <= SWEEP_LIMIT:
            return "sweeps"
    if gamma <= KRYLOV_DISCOUNT and S > KRYLOV_STATES:
        return "newton-krylov"
    return f"newton-{choose_method(operator.transition, operator.factor_entries)}"


def _newton(
    operator: BellmanOperator, start: FloatArray, tolerance: float, max_iterations: int, method: str
) -> SoftSolution:
    V, gamma = start, operator.discount
    undiscounted, kind = gamma >= 1.0, method.removeprefix("newton-")
    # The error that an inexact step leaves is its residual magnified by up to 1 / (1 - gamma).
    forcing = min(FORCING, max(1.0 - gamma, 1e-2 * FORCING))
    previous, n_sweeps = math.inf, FIRST_SWEEPS
    for iteration in range(max_iterations + 1):
        TV, pi = operator.soft(V)
        gap = TV - V
        residual = float(np.abs(gap).max(initial=0.0))
        size = max(1.0, float(np.abs(V).max(initial=0.0)))
        if residual > SLOW * previous and residual > tolerance * size:
            # Newton is as slow where the value is infinite; sweeps would only climb after it.
            if undiscounted and n_sweeps == FIRST_SWEEPS:
                wandering = wandering_gain(operator)
                if wandering.gain > -GAIN_MARGIN:
                    return _diverging(operator, V, wandering, method, iteration)
            # A step of Newton moves the border between two ways to live by one decision: sweeps move it for less.
            for _ in range(n_sweeps):
                V, _pi = operator.soft(V, with_policy=False)
            n_sweeps = min(2 * n_sweeps, MOST_SWEEPS)
            TV, pi = operator.soft(V)
            gap = TV - V
            residual = float(np.abs(gap).max(initial=0.0))
            size = max(1.0, float(np.abs(V).max(initial=0.0)))
        previous = residual
        if not math.isfinite(residual):
            return _broken(operator, V, Outcome.NON_FINITE, method, iteration)
        is_small = residual <= max(tolerance, FLOOR) * size
        if is_small and not undiscounted:
            return _success(operator, V, TV, residual, residual / (1.0 - gamma), iteration, method)
        system = PolicySystem(chain=policy_chain(operator.transition, pi), discount=gamma, method=kind)
        if is_small:
            # Undiscounted, a small residual proves little where the policy wanders for very long.
            bound = arrival_bound(operator, residual, size, system)
            if bound <= BOUND_TOLERANCE * size:
                # Beside huge values a drift of a few units a sweep is small too; only the gain tells it apart.
                if operator.rationality * bound > SURE_BOUND:
                    wandering = wandering_gain(operator)
                    if wandering.gain > -GAIN_MARGIN:
                        return _diverging(operator, V, wandering, method, iteration)
                return _success(operator, V, TV, residual, bound, iteration, method)
            if residual <= FLOOR * size:
                return _broken(operator, V, Outcome.SINGULAR, method, iteration)
        if undiscounted and iteration % PATIENCE == PATIENCE - 1:
            wandering = wandering_gain(operator)
            if wandering.gain > -GAIN_MARGIN:
                return _diverging(operator, V, wandering, method, iteration)
        step = system.report(gap, absolute=forcing * residual)
        if not step.outcome.ok:
            return _broken(operator, V, step.outcome, method, iteration)
        V = V + step.x
    return _broken(operator, V, Outcome.MAX_ITERATIONS, method, max_iterations)


def _sweep(operator: BellmanOperator, start: FloatArray, tolerance: float, max_sweeps: int) -> SoftSolution:
    V = start
    for iteration in range(max_sweeps + 1):
        TV, _ = operator.soft(V, with_policy=False)
        residual = float(np.abs(TV - V).max(initial=0.0))
        if not math.isfinite(residual):
            return _failure(operator, V, Outcome.NON_FINITE, "sweeps", iteration)
        if residual <= tolerance * max(1.0, float(np.abs(V).max(initial=0.0))):
            bound = residual / (1.0 - operator.discount)
            return _success(operator, V, TV, residual, bound, iteration, "sweeps")
        V = TV
    return _failure(operator, V, Outcome.MAX_ITERATIONS, "sweeps", max_sweeps)


def _broken(
    operator: BellmanOperator, last: FloatArray, outcome: Outcome, method: str, iterations: int
) -> SoftSolution:
    """The failure, after asking whether an undiscounted value is infinite, which would be the reason."""
    if operator.discount >= 1.0:
        wandering = wandering_gain(operator)
        if wandering.gain > -GAIN_MARGIN:
            return _diverging(operator, last, wandering, method, iterations)
    return _failure(operator, last, outcome, method, iterations)


def _diverging(
    operator: BellmanOperator, last: FloatArray, wandering: WanderingGain, method: str, iterations: int
) -> SoftSolution:
    states, gain = wandering.states, wandering.gain
    with np.errstate(over="ignore"):
        radius = float(np.exp(operator.rationality * gain))
    finding = Finding(
        code="soft-value-diverges",
        severity=Severity.ERROR,
        message=f"The undiscounted soft value is infinite: wandering for ever among {len(states)} states "
        f"(first: {states[:10].tolist()}) gains {gain:.6g} a decision "
        f"(spectral radius {radius:.6g}, not below 1 beyond rounding).",
        hint=f"Make each decision there cost at least {max(gain, 0.0):.6g} more, or use a discount below 1.",
        evidence={
            "states": states[:100].tolist(),
            "count": len(states),
            "gain": gain,
            "spectral_radius": radius,
        },
    )
    return _failure(operator, last, Outcome.SOFT_VALUE_DIVERGES, method, iterations, (finding,))


def _success(
    operator: BellmanOperator,
    V: FloatArray,
    TV: FloatArray,
    residual: float,
    bound: float,
    iterations: int,
    method: str,
) -> SoftSolution:
    Q = operator.action_values(V)
    return SoftSolution(
        value=TV,
        action_value=Q,
        log_policy=operator.log_policy(Q, TV),
        outcome=Outcome.SUCCESS,
        residual=residual,
        value_bound=bound,
        iterations=iterations,
        method=method,
        rationality=operator.rationality,
        last_value=TV,
    )


def _failure(
    operator: BellmanOperator,
    last: FloatArray,
    outcome: Outcome,
    method: str,
    iterations: int,
    findings: tuple[Finding, ...] = (),
) -> SoftSolution:
    shape = operator.reward.shape
    return SoftSolution(
        value=np.full(shape[0], np.nan),
        action_value=np.full(shape, np.nan),
        log_policy=np.full(shape, np.nan),
        outcome=outcome,
        residual=math.inf,
        value_bound=math.inf,
        iterations=iterations,
        method=method,
        rationality=operator.rationality,
        last_value=last,
        findings=findings,
    )


def _soft_outcome(hard: Outcome) -> Outcome:
    return Outcome.SOFT_VALUE_DIVERGES if hard is Outcome.VALUE_DIVERGES else hard
