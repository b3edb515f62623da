"""The Bellman operators of a world and a reward, and the checks at the door of every planner.

Hard: ``(T V)(s) = max_a Q(s, a)``; soft: ``(T V)(s) = (1 / beta) log sum_a exp(beta Q(s, a))``, with
``Q = r + gamma P V``. Actions that are not available have ``Q = -inf``. An absorbing state has ``V = 0`` and
no decision is taken in it, so all its actions count as not available. Both operators are monotone; the soft
one is convex and smooth with derivative ``gamma P_pi``, so Newton's method on ``T V - V = 0`` is soft policy
iteration and rises monotonically from its first step on (Puterman and Brumelle 1979 for the hard case).

References: Puterman and Brumelle (1979), Math. Oper. Res. 4, 60-69; Rust (1987), Econometrica 55, 999-1033,
sec. 4; Ziebart, Bagnell and Dey (2010), ICML, theorem 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from telic.errors import DynamicsError, SettingsError
from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from telic.mdp.graph import estimated_entries
from telic.typing import BoolArray, FloatArray

__all__ = [
    "BellmanOperator",
    "allowed_pairs",
    "check_method",
    "check_rationality",
    "check_reward",
    "check_settings",
    "is_finite_where",
    "policy_chain",
    "soft_maximum",
    "starting_value",
]

KERNEL_PAIRS = 100_000
"""State-action pairs above which compiled sweeps repay the import of numba (0.5 s) within one solve; see
``docs/decisions/0020-soft-solvers.md``."""

AnyMDP = TabularMDP | FiniteHorizonMDP | GoalConditionedMDP


@dataclass(frozen=True, kw_only=True, eq=False)
class BellmanOperator:
    """One world and one reward, ready to be swept.

    Attributes:
        transition: P, CSR ``(S * A, S)``.
        reward: ``(S, A)``.
        discount: gamma.
        rationality: beta of the soft operator.
        allowed: ``(S, A)`` pairs where a decision can be taken, or None when all can.
        absorbing: ``(S,)`` or None.
        entries: gives the estimated entries of a sparse LU, where someone keeps it.
    """

    transition: sp.csr_array
    reward: FloatArray
    discount: float
    rationality: float
    allowed: BoolArray | None
    absorbing: BoolArray | None
    entries: Callable[[], float] | None = None

    @classmethod
    def of(cls, mdp: TabularMDP, reward: FloatArray, rationality: float = 1.0) -> BellmanOperator:
        """The operator of ``mdp`` with ``reward``; checks both arguments.

        Raises:
            DynamicsError: the reward does not have shape ``(S, A)``.
            SettingsError: ``rationality`` is not positive and finite.
        """
        check_rationality(rationality)
        return cls(
            transition=mdp.transition,
            reward=check_reward(reward, mdp),
            discount=float(mdp.discount),
            rationality=float(rationality),
            allowed=allowed_pairs(mdp),
            absorbing=mdp.absorbing,
            entries=lambda: mdp.factor_entries,
        )

    @property
    def n_states(self) -> int:
        """S."""
        return int(self.reward.shape[0])

    @property
    def n_actions(self) -> int:
        """A."""
        return int(self.reward.shape[1])

    def factor_entries(self) -> float:
        """Estimated entries of a sparse LU of the chain of any policy."""
        return estimated_entries(self.transition, self.n_actions) if self.entries is None else self.entries()

    @property
    def is_large(self) -> bool:
        """True where compiled sweeps pay."""
        return self.reward.size >= KERNEL_PAIRS

    @cached_property
    def _masked_reward(self) -> FloatArray:
        return self.reward if self.allowed is None else np.where(self.allowed, self.reward, -np.inf)

    @cached_property
    def _n_successors(self) -> int:
        from .kernels import uniform_successors

        return uniform_successors(self.transition)

    @cached_property
    def is_finite(self) -> bool:
        """True when the reward of every allowed pair is finite."""
        return is_finite_where(self.reward, self.allowed)

    def action_values(self, value: FloatArray) -> FloatArray:
        """``(S, A)``: ``Q = r + gamma P V``, -inf where not allowed."""
        Q = (self.transition @ value).reshape(self.reward.shape)
        Q *= self.discount
        Q += self.reward
        if self.allowed is not None:
            Q[~self.allowed] = -np.inf
        return Q

    def soft(self, value: FloatArray, *, with_policy: bool = True) -> tuple[FloatArray, FloatArray]:
        """``(T V, pi)`` of the soft operator; ``pi`` is empty without ``with_policy``, which is faster if
        large.
        """
        if self.is_large and np.all(np.isfinite(value)):
            from .kernels import soft_sweep

            pi = np.empty(self.reward.shape if with_policy else (0, self.n_actions))
            V = soft_sweep(
                self.transition,
                self._masked_reward,
                value,
                self.discount,
                self.rationality,
                pi if with_policy else None,
                self._n_successors,
            )
        else:
            V, pi = soft_maximum(self.action_values(value), self.rationality)
        if self.absorbing is not None:
            V[self.absorbing] = 0.0
        return V, pi

    def hard(self, value: FloatArray) -> tuple[FloatArray, np.ndarray]:
        """``(T V, best action)`` of the hard operator, the lowest index where tied exactly."""
        if self.is_large and np.all(np.isfinite(value)):
            from .kernels import hard_sweep

            V, best = hard_sweep(
                self.transition, self._masked_reward, value, self.discount, self._n_successors
            )
        else:
            Q = self.action_values(value)
            V, best = Q.max(axis=1), Q.argmax(axis=1)
        if self.absorbing is not None:
            V[self.absorbing] = 0.0
        return V, best

    def log_policy(self, Q: FloatArray, V: FloatArray) -> FloatArray:
        """``beta (Q - V)``, -inf where not allowed."""
        out = Q - V[:, None]
        out *= self.rationality
        return out


def soft_maximum(Q: FloatArray, rationality: float) -> tuple[FloatArray, FloatArray]:
    """``(V, pi)``: the soft maximum over the last axis and its derivative; rows of -inf give ``(-inf,
    0)``.
    """
    top = Q.max(axis=-1)
    safe = np.where(np.isneginf(top), 0.0, top)
    pi = Q - safe[..., None]
    if rationality != 1.0:
        pi *= rationality
    np.exp(pi, out=pi)
    total = pi.sum(axis=-1)
    with np.errstate(divide="ignore"):
        V = top + np.log(np.where(np.isneginf(top), 1.0, total)) / rationality
    pi /= np.where(total > 0, total, 1.0)[..., None]
    return V, pi


def policy_chain(transition: sp.csr_array, policy: FloatArray) -> sp.csr_array:
    """``P_pi``, CSR ``(S, S)``: the chain of states under a policy; a state whose row is 0 has an empty row.

    Rows may hold an index more than once (a product with the matrix adds them up), because that leaves the
    sparsity pattern that of ``transition`` and costs no search.
    """
    S, A = policy.shape
    each = len(transition.data) // max(S * A, 1)
    if each * S * A == len(transition.data) and np.all(np.diff(transition.indptr) == each):
        data = (transition.data.reshape(S * A, each) * policy.reshape(-1, 1)).ravel()
    else:
        data = transition.data * np.repeat(policy.ravel(), np.diff(transition.indptr))
    return sp.csr_array((data, transition.indices, transition.indptr[::A].copy()), shape=(S, S))


def allowed_pairs(mdp: AnyMDP) -> BoolArray | None:
    """``(S, A)`` pairs where a decision can be taken: available, and not at an absorbing state. None: all."""
    absorbing = getattr(mdp, "absorbing", None)
    if absorbing is None or not absorbing.any():
        return None if mdp.available is None or mdp.available.all() else mdp.available
    return np.asarray(mdp.availability & ~absorbing[:, None])


def check_reward(reward: FloatArray, mdp: AnyMDP) -> FloatArray:
    """The reward as a contiguous float64 ``(S, A)`` array.

    Raises:
        DynamicsError: the shape is another one.
    """
    R = np.ascontiguousarray(reward, dtype=np.float64)
    if R.shape != (mdp.n_states, mdp.n_actions):
        raise DynamicsError(
            f"`reward` must have shape (S, A) = ({mdp.n_states}, {mdp.n_actions}), got {R.shape}.",
            hint="Use `reward.expected(mdp)`: it projects every form; nothing is broadcast.",
        )
    return R


def is_finite_where(reward: FloatArray, allowed: BoolArray | None) -> bool:
    """Whether the reward of every allowed pair is finite."""
    return bool(np.isfinite(reward if allowed is None else reward[allowed]).all())


def check_settings(tolerance: float, max_iterations: int, method: str, methods: tuple[str, ...]) -> None:
    """Raises ``SettingsError`` where a setting of a solver is out of range."""
    if not (0 < tolerance < 1):
        raise SettingsError(f"`tolerance` must lie in (0, 1), got {tolerance}.", hint="1e-10 is the default.")
    if max_iterations < 1:
        raise SettingsError(
            f"`max_iterations` must be at least 1, got {max_iterations}.", hint="100 is the default."
        )
    check_method(method, methods)


def check_method(method: str, methods: tuple[str, ...]) -> None:
    """Raises ``SettingsError`` unless ``method`` is one of ``methods``."""
    if method not in methods:
        raise SettingsError(
            f"`method` must be one of {', '.join(methods)}, got {method!r}.", hint="`auto` chooses by size."
        )


def starting_value(initial_value: FloatArray | None, n_states: int) -> FloatArray | None:
    """A copy of ``initial_value`` to start from; None where there is none, or it is not finite.

    Raises:
        SettingsError: the shape is not ``(S,)``.
    """
    if initial_value is None:
        return None
    start = np.array(initial_value, dtype=np.float64)
    if start.shape != (n_states,):
        raise SettingsError(
            f"`initial_value` must have shape ({n_states},), got {start.shape}.",
            hint="Use the value of an earlier solution.",
        )
    return start if bool(np.isfinite(start).all()) else None


def check_rationality(rationality: float) -> None:
    """Raises ``SettingsError`` unless ``rationality`` is a positive finite number."""
    if not (np.isfinite(rationality) and rationality > 0):
        raise SettingsError(
            f"`rationality` must be positive and finite, got {rationality}.",
            hint="For a perfectly rational expert use `solve_hard`.",
        )
