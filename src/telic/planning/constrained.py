"""The best policy that keeps expected costs within budgets, exactly, by linear programming over occupancies.

    max_mu  sum mu(s, a) r(s, a)
    s. t.   sum_a mu(s', a) - gamma sum_{s, a} mu(s, a) P(s' | s, a) = rho_0(s')      for every state s'
            sum mu(s, a) c_k(s, a) <= b_k                                             for every cost k
            mu >= 0

Every policy has such an occupancy and every ``mu`` is that of ``pi(a | s) = mu(s, a) / sum_a mu(s, a)``, so the answer
is the best of all policies, those with memory included; it draws in at most as many states as budgets bind.
Value, costs and occupancy that are told are not the program's but those of the policy, solved for apart; ``gap`` is how
far that value is from what the prices prove to be an upper bound:

    value <= rho_0 . V + sum_k lambda_k b_k,   V = the optimal value of r - sum_k lambda_k c_k,   for any lambda >= 0.

Where the program visits a state never, the policy does what is best for ``r - sum_k lambda_k c_k`` from there.

References:
    Altman (1999), Constrained Markov Decision Processes, theorems 3.3 and 3.8 (the program; few states that draw).
    Huangfu and Hall (2018), Math. Prog. Comp. 10, 119-142 (HiGHS, the solver).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

from telic.errors import DynamicsError, SettingsError
from telic.mdp import TabularMDP
from telic.policies import TabularPolicy
from telic.reports import Finding, Outcome, Severity
from telic.typing import BoolArray, FloatArray, LongArray

from .bellman import allowed_pairs, check_reward
from .hard import solve_hard
from .occupancy import occupancy
from .solutions import require

__all__ = ["ConstrainedSolution", "solve_constrained"]

STATUS = {
    0: Outcome.SUCCESS,
    1: Outcome.MAX_ITERATIONS,
    2: Outcome.INFEASIBLE,
    3: Outcome.VALUE_DIVERGES,
    4: Outcome.SINGULAR,
}
"""What the codes of ``scipy.optimize.linprog`` mean here."""

VISITED = 1e-10
"""Occupancy of a state, relative to the whole, below which it counts as never visited."""

DRAWN = 1e-7
"""Probability of a second action from which a state counts as one where the policy draws."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ConstrainedSolution:
    """What the program came to.

    Attributes:
        policy: ``(S, A)`` probabilities; rows of zeros in absorbing states. None unless ``outcome`` is ``SUCCESS``.
        occupancy: ``(S, A)`` expected (discounted) counts under the policy.
        value: expected (discounted) reward from the initial distribution.
        costs: ``(K,)`` expected (discounted) costs.
        budgets: ``(K,)`` what they may be at most.
        prices: ``(K,)`` lambda: what one more unit of each budget would add to the value; 0 where it does not bind.
        gap: upper bound that the prices prove, less ``value``; rounding apart not below 0.
        drawn_states: states in which the policy draws between actions.
        outcome: ``SUCCESS``, ``INFEASIBLE``, ``VALUE_DIVERGES`` (undiscounted), or why the solver stopped.
        findings: what was noticed; where infeasible, which budgets cannot be kept and what could be.
    """

    policy: TabularPolicy | None
    occupancy: FloatArray
    value: float
    costs: FloatArray
    budgets: FloatArray
    prices: FloatArray
    gap: float
    drawn_states: tuple[int, ...]
    outcome: Outcome
    findings: tuple[Finding, ...] = ()


def solve_constrained(
    mdp: TabularMDP,
    reward: Float[np.ndarray, "S A"],
    costs: Float[np.ndarray, "K _S _A"],
    budgets: Sequence[float] | Float[np.ndarray, "K"],
    *,
    names: Sequence[str] | None = None,
    throw: bool = False,
) -> ConstrainedSolution:
    """The best policy within budgets.

    Args:
        mdp: the world, with an initial distribution.
        reward: expected reward of each state and action.
        costs: expected costs of each state and action, one table a budget; any sign.
        budgets: what each expected (discounted) sum of costs may be at most. For a share of decisions or a mean a
            decision, multiply it by ``1 / (1 - discount)``.
        names: of the costs, for messages.
        throw: raise ``NumericalError`` instead of returning an outcome other than ``SUCCESS``.

    Raises:
        DynamicsError: shapes do not fit, or there is no initial distribution.
        SettingsError: budgets are no finite numbers, one a cost.
        NumericalError: there is no answer and ``throw`` is True.
    """
    R = check_reward(reward, mdp)
    C, b = _checked(mdp, costs, budgets)
    called = tuple(names) if names is not None else tuple(f"cost {k}" for k in range(len(b)))
    if len(called) != len(b):
        raise SettingsError(f"`names` must name {len(b)} costs, got {len(called)}.", hint="One name a cost.")
    program = _Program.of(mdp)
    answer = program.solve(-R, C, b)
    outcome = STATUS.get(int(answer.status), Outcome.NON_FINITE)
    if not outcome.ok:
        found = program.impossible(C, b, called) if outcome is Outcome.INFEASIBLE else ()
        solution = _without_answer(mdp, b, outcome, found)
        if throw:
            require(outcome, found)
        return solution
    prices = np.maximum(-answer.ineqlin.marginals, 0.0) + 0.0
    priced = R - np.tensordot(prices, C, axes=1)
    best = solve_hard(mdp, priced)
    if not best.outcome.ok:  # the bound has no value there; the program has
        best_value, fallback = np.nan, np.argmax(np.where(program.allowed, R, -np.inf), axis=1)
    else:
        best_value = float(program.rho0 @ best.value) + float(prices @ b)
        fallback = best.greedy
    policy = program.policy(answer.x, fallback)
    mu = occupancy(mdp, policy.table)
    value = float(np.sum(mu * np.where(mu > 0, R, 0.0)))
    drawn = np.flatnonzero((np.sort(policy.table, axis=1)[:, :-1] > DRAWN).any(axis=1) & (mu.sum(axis=1) > 0))
    return ConstrainedSolution(
        policy=policy,
        occupancy=mu,
        value=value,
        costs=np.array([float(np.sum(mu * np.where(mu > 0, c, 0.0))) for c in C]),
        budgets=b,
        prices=prices,
        gap=best_value - value,
        drawn_states=tuple(drawn.tolist()),
        outcome=outcome,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Program:
    """The part of the program that does not depend on rewards and costs."""

    flow: sp.csc_array
    rho0: FloatArray
    entering: FloatArray
    pairs: LongArray
    allowed: BoolArray

    @classmethod
    def of(cls, mdp: TabularMDP) -> _Program:
        S, A = mdp.n_states, mdp.n_actions
        assert mdp.initial is not None
        known = allowed_pairs(mdp)
        allowed = np.ones((S, A), dtype=bool) if known is None else known
        deciding = allowed.any(axis=1)
        pairs = np.flatnonzero(allowed.ravel()).astype(np.int64)
        leaves = sp.csr_array(
            (np.ones(len(pairs)), (pairs // A, np.arange(len(pairs)))), shape=(S, len(pairs))
        )
        arrives = mdp.transition[pairs].T
        return cls(
            flow=sp.csc_array((leaves - mdp.discount * arrives).tocsr()[np.flatnonzero(deciding)]),
            rho0=mdp.initial,
            entering=mdp.initial[deciding],
            pairs=pairs,
            allowed=allowed,
        )

    def solve(self, objective: FloatArray, C: FloatArray, b: FloatArray) -> Any:
        """HiGHS's dual simplex, so that the answer is a vertex; least ``objective``."""
        rows = C.reshape(len(C), -1)[:, self.pairs] if len(C) else None
        return _least(objective.ravel()[self.pairs], rows, b if len(C) else None, self.flow, self.entering)

    def policy(self, x: FloatArray, fallback: Int[np.ndarray, "S"]) -> TabularPolicy:
        """Shares of the occupancy; ``fallback`` where nothing is visited."""
        S, A = self.allowed.shape
        mu = np.zeros(S * A)
        mu[self.pairs] = np.maximum(x, 0.0)
        mu = mu.reshape(S, A)
        mass = mu.sum(axis=1, keepdims=True)
        visited = mass[:, 0] > VISITED * mass.sum()
        table = np.zeros((S, A))
        table[visited] = mu[visited] / mass[visited]
        rest = np.flatnonzero(~visited & self.allowed.any(axis=1))
        table[rest, fallback[rest]] = 1.0
        return TabularPolicy(table=table)

    def impossible(self, C: FloatArray, b: FloatArray, names: tuple[str, ...]) -> tuple[Finding, ...]:
        """Which budgets no policy keeps: each alone, else all together with the least overrun."""
        S, A = self.allowed.shape
        none = np.zeros((0, S, A))
        least = []
        for c in C:
            answer = self.solve(c, none, np.zeros(0))
            least.append(float(answer.fun) if answer.status == 0 else -np.inf)
        alone = [k for k in range(len(b)) if least[k] > b[k]]
        found = [
            Finding(
                code="budget-out-of-reach",
                severity=Severity.ERROR,
                message=f"No policy keeps {names[k]} within {b[k]:g}: the least that any reaches is {least[k]:.6g}.",
                hint=f"Allow at least {least[k]:.6g}, add an action that costs less, or start elsewhere.",
                evidence={"cost": names[k], "budget": float(b[k]), "least": least[k]},
            )
            for k in alone
        ]
        if not found:
            over = self._least_overrun(C, b)
            told = ", ".join(f"{names[k]} by {over[k]:.6g}" for k in np.flatnonzero(over > 1e-9))
            found = [
                Finding(
                    code="budgets-exclude-one-another",
                    severity=Severity.ERROR,
                    message=f"Each budget can be kept alone, but no policy keeps {', '.join(names)} together; the least"
                    f" overrun in all, relative to the budgets, exceeds {told}.",
                    hint="Loosen those, or say which matters more.",
                    evidence={"overrun": over.tolist()},
                )
            ]
        return tuple(found)

    def _least_overrun(self, C: FloatArray, b: FloatArray) -> FloatArray:
        K, n = len(b), len(self.pairs)
        unit = np.maximum(np.abs(b), 1e-9)
        answer = _least(
            np.concatenate([np.zeros(n), 1 / unit]),
            np.concatenate([C.reshape(K, -1)[:, self.pairs], -np.eye(K)], axis=1),
            b,
            sp.hstack([self.flow, sp.csc_array((self.flow.shape[0], K))], format="csc"),
            self.entering,
        )
        return np.asarray(answer.x[n:]) if answer.status == 0 else np.full(K, np.inf)


def _least(objective: Any, rows: Any, budgets: Any, flow: Any, entering: Any) -> Any:
    from scipy.optimize import linprog

    solver: Any = linprog
    return solver(objective, A_ub=rows, b_ub=budgets, A_eq=flow, b_eq=entering, method="highs-ds")


def _checked(mdp: TabularMDP, costs: FloatArray, budgets: Any) -> tuple[FloatArray, FloatArray]:
    C, b = np.asarray(costs, dtype=np.float64), np.asarray(budgets, dtype=np.float64)
    shape = (mdp.n_states, mdp.n_actions)
    if C.ndim != 3 or C.shape[1:] != shape or not len(C):
        raise DynamicsError(
            f"`costs` must have shape (K, S, A) = (K, {shape[0]}, {shape[1]}), got {C.shape}.",
            hint="One table a cost; `costs[None]` for a single one.",
        )
    if b.shape != (len(C),) or not np.all(np.isfinite(b)):
        raise SettingsError(
            f"`budgets` must be {len(C)} finite numbers, one a cost, got {b.tolist()}.",
            hint="Leave a cost without a budget out.",
        )
    for c in C:
        check_reward(c, mdp)
    allowed = allowed_pairs(mdp)
    if not np.all(np.isfinite(C if allowed is None else C[:, allowed])):
        raise DynamicsError("`costs` must be finite wherever an action can be taken.", hint="Check them.")
    if mdp.initial is None:
        raise DynamicsError(
            "Budgets on expected costs need an initial distribution and the world has none.",
            hint="Give the world `initial`, a distribution over states.",
        )
    return C if allowed is None else np.where(allowed, C, 0.0), b


def _without_answer(
    mdp: TabularMDP, b: FloatArray, outcome: Outcome, findings: tuple[Finding, ...]
) -> ConstrainedSolution:
    K = len(b)
    return ConstrainedSolution(
        policy=None,
        occupancy=np.full((mdp.n_states, mdp.n_actions), np.nan),
        value=np.nan,
        costs=np.full(K, np.nan),
        budgets=b,
        prices=np.full(K, np.nan),
        gap=np.nan,
        drawn_states=(),
        outcome=outcome,
        findings=findings,
    )
