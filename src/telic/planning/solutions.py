"""What the planners return: values, policies, and why the solver stopped.

A solution whose ``outcome`` is not ``SUCCESS`` holds NaN wherever a number could be mistaken for an answer;
``last_value`` keeps the last iterate, from which the same call can go on (``initial_value``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from telic.errors import NumericalError
from telic.policies import TabularPolicy
from telic.reports import Finding, Outcome

__all__ = ["HardFiniteSolution", "HardSolution", "SoftFiniteSolution", "SoftSolution"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SoftSolution:
    """The soft (maximum causal entropy) solution of an infinite-horizon problem.

    Attributes:
        value: V; 0 at absorbing states.
        action_value: Q; -inf where the action is not available, and at absorbing states, where nobody
            decides.
        log_policy: ``rationality * (Q - V)``; -inf where Q is.
        outcome: why the solver stopped.
        residual: largest ``|T V - V|`` over states, in units of reward.
        value_bound: how far V can be from the truth: ``residual / (1 - discount)``; undiscounted: the
            residual times the longest expected time to absorption under the policy (a first-order bound).
        iterations: Newton steps, or sweeps for ``method="sweeps"``.
        method: ``newton-dense``, ``newton-lu``, ``newton-krylov`` or ``sweeps``.
        rationality: inverse temperature.
        last_value: the last iterate where the solver failed; equal to ``value`` on success.
        findings: what a reader should know, with the states concerned.
    """

    value: Float[np.ndarray, "S"]
    action_value: Float[np.ndarray, "S A"]
    log_policy: Float[np.ndarray, "S A"]
    outcome: Outcome
    residual: float
    value_bound: float
    iterations: int
    method: str
    rationality: float
    last_value: Float[np.ndarray, "S"]
    findings: tuple[Finding, ...] = ()

    @cached_property
    def policy(self) -> TabularPolicy:
        """The soft policy; rows of absorbing states are 0."""
        require(self.outcome, self.findings)
        return TabularPolicy(table=np.exp(self.log_policy))


@dataclass(frozen=True, kw_only=True, eq=False)
class HardSolution:
    """The optimal solution of an infinite-horizon problem.

    Attributes:
        value: V; 0 at absorbing states.
        action_value: Q; -inf where the action is not available and at absorbing states.
        greedy: best action of each state, the lowest index among those tied to within the residual target;
            -1 at absorbing states.
        outcome, residual, value_bound, iterations, method, last_value, findings: as in ``SoftSolution``.
    """

    value: Float[np.ndarray, "S"]
    action_value: Float[np.ndarray, "S A"]
    greedy: Int[np.ndarray, "S"]
    outcome: Outcome
    residual: float
    value_bound: float
    iterations: int
    method: str
    last_value: Float[np.ndarray, "S"]
    findings: tuple[Finding, ...] = ()

    @cached_property
    def policy(self) -> TabularPolicy:
        """The greedy policy as a table; rows of absorbing states are 0."""
        require(self.outcome, self.findings)
        return TabularPolicy(table=one_hot(self.greedy, self.action_value.shape[-1]))


@dataclass(frozen=True, kw_only=True, eq=False)
class SoftFiniteSolution:
    """The soft solution of a problem with a fixed number of decisions, exact by backward induction.

    Attributes:
        value: V of each time, the last row (after the last decision) is 0.
        action_value: Q of each time.
        log_policy: log-probabilities of each time.
        outcome: ``SUCCESS``, or ``NON_FINITE``.
        rationality: inverse temperature.
    """

    value: Float[np.ndarray, "T1 S"]
    action_value: Float[np.ndarray, "T S A"]
    log_policy: Float[np.ndarray, "T S A"]
    outcome: Outcome
    rationality: float
    findings: tuple[Finding, ...] = ()

    @cached_property
    def policy(self) -> TabularPolicy:
        """The soft policy, indexed by time."""
        require(self.outcome, self.findings)
        return TabularPolicy(table=np.exp(self.log_policy))


@dataclass(frozen=True, kw_only=True, eq=False)
class HardFiniteSolution:
    """The optimal solution of a problem with a fixed number of decisions, exact by backward induction.

    Attributes:
        value: V of each time, the last row is 0.
        action_value: Q of each time.
        greedy: best action at each time and state, the lowest index where tied.
        outcome: ``SUCCESS``, or ``NON_FINITE``.
    """

    value: Float[np.ndarray, "T1 S"]
    action_value: Float[np.ndarray, "T S A"]
    greedy: Int[np.ndarray, "T S"]
    outcome: Outcome
    findings: tuple[Finding, ...] = ()

    @cached_property
    def policy(self) -> TabularPolicy:
        """The greedy policy, indexed by time."""
        require(self.outcome, self.findings)
        return TabularPolicy(table=one_hot(self.greedy, self.action_value.shape[-1]))


def require(outcome: Outcome, findings: tuple[Finding, ...] = ()) -> None:
    """Raises ``NumericalError`` with the outcome's advice unless it is ``SUCCESS``."""
    if outcome.ok:
        return
    raise NumericalError(
        " ".join([f"Planning stopped with {outcome.label}.", *(f.message for f in findings)]),
        hint=outcome.value,
        outcome=outcome.label,
        findings=[f.to_json() for f in findings],
    )


def one_hot(actions: Int[np.ndarray, "..."], n_actions: int) -> Float[np.ndarray, "..."]:
    """A table with 1 at each chosen action; a row of zeros where the action is -1."""
    chosen = np.asarray(actions)[..., None] == np.arange(n_actions)
    return np.asarray(chosen, dtype=np.float64)
