"""The linear systems of a policy: ``M x = b`` and ``M' x = b`` with ``M = I - gamma P_pi``.

They evaluate policies, give occupancies, and carry every derivative of the soft Bellman equation. Three
methods:

- ``dense``: LAPACK, up to ``DENSE_STATES`` states.
- ``lu``: sparse LU (SuperLU) where the fill is estimated to be small.
- ``krylov``: iteration on several right-hand sides side by side (``krylov``).

Every answer is checked by its residual. Reference: Demmel et al. (1999), A supernodal approach to sparse
partial pivoting, SIAM J. Matrix Anal. Appl. 20, 720-755.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float

from telic.errors import DataError
from telic.mdp import FiniteHorizonMDP, TabularMDP
from telic.mdp.graph import estimated_entries
from telic.reports import Outcome
from telic.typing import FloatArray

from .absorption import can_reach
from .bellman import allowed_pairs, check_method, policy_chain
from .krylov import KrylovSystem, solve_krylov

__all__ = [
    "LinearSolution",
    "PolicySystem",
    "check_policy",
    "choose_method",
    "policy_system",
    "solve_columns",
]

DENSE_STATES = 100
"""States up to which dense LU is taken: about as far as it wins, and below the size at which LAPACK starts
threads, whose waiting for one another can cost a thousand times the work
(``docs/decisions/0020-soft-solvers.md``).
"""

LU_STATES = 1_000
"""States up to which sparse LU is taken without looking at the pattern."""

LU_FILL = 5e7
"""Largest estimated number of entries of the factors: 0.6 GB."""

LU_FLOPS = 2e10
"""Largest estimated number of operations of a factorisation: some seconds."""

METHODS = ("auto", "dense", "lu", "krylov")

BACKWARD_ERROR = 1e-9
"""Residual, relative to ``|M| |x| + |b|``, above which an answer is refused."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearSolution:
    """The answer to one or more right-hand sides.

    Attributes:
        x: the solution, in the shape of the right-hand side; NaN unless ``outcome`` is ``SUCCESS``.
        residual: largest ``|b - M x|`` relative to the largest ``|x|`` and ``|b|`` of its column.
        iterations: products with the matrix; 0 for direct methods.
        outcome: ``SUCCESS``, ``SINGULAR``, ``NOT_ABSORBING``, ``NON_FINITE`` or ``MAX_ITERATIONS``.
    """

    x: FloatArray
    residual: float
    iterations: int
    outcome: Outcome


@dataclass(frozen=True, kw_only=True, eq=False)
class PolicySystem:
    """``M = I - gamma P_pi`` of one policy, factorised on first use and kept.

    Attributes:
        chain: ``P_pi``; empty rows where no decision is taken.
        discount: gamma.
        method: ``dense``, ``lu`` or ``krylov``.
        tolerance: relative residual of the iterative method.
        max_iterations: limit of the iterative method.
        outcome: ``SUCCESS``, or ``NOT_ABSORBING`` for a policy that never ends an undiscounted problem.
    """

    chain: sp.csr_array
    discount: float
    method: str
    tolerance: float = 1e-13
    max_iterations: int = 5_000
    outcome: Outcome = Outcome.SUCCESS

    def solve(self, rhs: FloatArray) -> FloatArray:
        """``x`` with ``M x = rhs``, for ``(S,)`` or ``(S, K)``; NaN where the solver failed (see
        ``report``).
        """
        return self.report(rhs).x

    def solve_transposed(self, rhs: FloatArray) -> FloatArray:
        """``x`` with ``M' x = rhs``, for ``(S,)`` or ``(S, K)``; NaN where the solver failed."""
        return self.report(rhs, transposed=True).x

    def report(
        self,
        rhs: FloatArray,
        *,
        transposed: bool = False,
        initial: FloatArray | None = None,
        absolute: float = 0.0,
    ) -> LinearSolution:
        """As ``solve``, with residual, iterations and outcome.

        Args:
            rhs: ``(S,)`` or ``(S, K)``.
            transposed: solve with ``M'``.
            initial: a first guess for the iterative method.
            absolute: largest entry of the residual with which the iterative method may stop early.
        """
        b = np.asarray(rhs, dtype=np.float64)
        if not self.outcome.ok:
            return _failed(b, self.outcome)
        if not np.all(np.isfinite(b)):
            return _failed(b, Outcome.NON_FINITE)
        if self.method == "krylov":
            return self._iterate(b, transposed, initial, absolute)
        solver = self._direct
        if solver is None:
            return _failed(b, Outcome.SINGULAR)
        x = solver(b, transposed)
        residual = self._residual(x, b, transposed)
        if not residual < BACKWARD_ERROR:
            return _failed(b, Outcome.SINGULAR, residual)
        return LinearSolution(x=x, residual=residual, iterations=0, outcome=Outcome.SUCCESS)

    def apply(self, x: FloatArray, *, transposed: bool = False) -> FloatArray:
        """``M x`` or ``M' x``."""
        # The transpose is a view by columns: its product scatters, which is as fast and takes no memory.
        out = (self.chain.T if transposed else self.chain) @ x
        out *= -self.discount
        out += x
        return np.asarray(out)

    @cached_property
    def _direct(self) -> Callable[[FloatArray, bool], FloatArray] | None:
        S = self.chain.shape[0]
        if self.method == "dense":
            from scipy.linalg.lapack import dgetrf, dgetrs

            M = self.chain.toarray()
            M *= -self.discount
            M[np.diag_indices(S)] += 1.0
            factors, pivots, info = dgetrf(M, overwrite_a=True)
            if info != 0:
                return None

            def by_column(b: FloatArray, transposed: bool) -> FloatArray:
                # One column at a time: with more, OpenBLAS wakes its threads, which costs far more than they save.
                if b.ndim == 1:
                    return np.asarray(dgetrs(factors, pivots, b, trans=int(transposed))[0])
                return np.column_stack([dgetrs(factors, pivots, c, trans=int(transposed))[0] for c in b.T])

            return by_column
        from scipy.sparse.linalg import splu

        try:
            lu: Any = splu(system_matrix(self.chain, self.discount), **LU_OPTIONS)
        except RuntimeError:  # SuperLU's word for a zero pivot
            return None
        return lambda b, transposed: solve_columns(lu, b, "T" if transposed else "N")

    def _residual(self, x: FloatArray, b: FloatArray, transposed: bool) -> float:
        if not np.all(np.isfinite(x)):
            return np.inf
        gap = np.abs(b - self.apply(x, transposed=transposed)).max(axis=0, initial=0.0)
        size = np.abs(x).max(axis=0, initial=0.0) + np.abs(b).max(axis=0, initial=0.0)
        return float(np.max(gap / np.where(size > 0, size, 1.0)))

    def _iterate(
        self, b: FloatArray, transposed: bool, initial: FloatArray | None, absolute: float
    ) -> LinearSolution:
        columns = b.reshape(len(b), -1)
        guess = None if initial is None else initial.reshape(columns.shape)
        answer = solve_krylov(
            self._krylov, columns, guess, transposed, self.tolerance, absolute, self.max_iterations
        )
        if not np.isfinite(answer.residual):
            return _failed(b, Outcome.NON_FINITE, answer.residual)
        if not answer.met:
            return _failed(b, Outcome.MAX_ITERATIONS, answer.residual)
        return LinearSolution(
            x=answer.x.reshape(b.shape),
            residual=answer.residual,
            iterations=answer.iterations,
            outcome=Outcome.SUCCESS,
        )

    @cached_property
    def _krylov(self) -> KrylovSystem:
        return KrylovSystem.of(self.chain, self.discount)


COLUMNS_AT_ONCE = 4
"""Right-hand sides given to SuperLU together; see ``solve_columns``."""

LU_OPTIONS: dict[str, Any] = {
    "permc_spec": "MMD_AT_PLUS_A",
    "diag_pivot_thresh": 0.0,
    "options": {"SymmetricMode": True},
}
"""The system is diagonally dominant by rows, so diagonal pivots are stable; this order halves COLAMD's
fill."""


def policy_system(
    mdp: TabularMDP, policy: Float[np.ndarray, "S A"], *, method: str = "auto", tolerance: float = 1e-13
) -> PolicySystem:
    """The linear system ``I - gamma P_pi`` of a policy, ready to be solved.

    Args:
        mdp: the world.
        policy: probabilities; rows of absorbing states do not count.
        method: ``auto`` (by size and pattern), ``dense``, ``lu`` or ``krylov``.
        tolerance: relative residual of the iterative method; smaller is slower.

    Raises:
        DataError: the policy has the wrong shape, uses an unavailable action, or says nothing in a state
            where a decision must be taken.
        SettingsError: ``method`` is none of those.
    """
    check_method(method, METHODS)
    pi = check_policy(policy, mdp)
    chain = policy_chain(mdp.transition, pi)
    outcome = Outcome.SUCCESS
    if mdp.discount >= 1.0:
        ends = mdp.absorbing if mdp.absorbing is not None else np.zeros(mdp.n_states, dtype=bool)
        if not can_reach(chain, ends).all():
            outcome = Outcome.NOT_ABSORBING
    return PolicySystem(
        chain=chain,
        discount=float(mdp.discount),
        method=choose_method(chain, lambda: mdp.factor_entries) if method == "auto" else method,
        tolerance=tolerance,
        outcome=outcome,
    )


def choose_method(pattern: sp.csr_array, entries: Callable[[], float] | None = None) -> str:
    """``dense``, ``lu`` or ``krylov`` for systems with the sparsity pattern of a chain of states.

    Args:
        pattern: ``(S, S)``, or ``(S * A, S)`` with ``entries``.
        entries: gives the estimated entries of a sparse LU, where someone keeps it; only called when it
            matters.
    """
    S = pattern.shape[1]
    if S <= DENSE_STATES:
        return "dense"
    if S <= LU_STATES:
        return "lu"
    fill = estimated_entries(pattern, 1) if entries is None else entries()
    return "lu" if fill <= LU_FILL and 2 * fill * fill / S <= LU_FLOPS else "krylov"


def system_matrix(chain: sp.csr_array, discount: float) -> sp.csc_array:
    """``I - gamma chain`` in CSC, duplicates summed."""
    return sp.csc_array(sp.eye_array(chain.shape[0], format="csr") - discount * chain)


def check_policy(policy: FloatArray, mdp: TabularMDP | FiniteHorizonMDP) -> FloatArray:
    """The policy as a float64 table that is 0 where no decision is taken.

    Raises:
        DataError: see ``policy_system``.
    """
    S, A = mdp.n_states, mdp.n_actions
    if hasattr(policy, "table"):
        raise DataError(
            f"`policy` must be a table of shape (S, A) = ({S}, {A}), got {type(policy).__name__}.",
            hint="Pass its `.table`.",
        )
    pi = np.asarray(policy, dtype=np.float64)
    if pi.shape != (S, A):
        raise DataError(
            f"`policy` must have shape (S, A) = ({S}, {A}), got {pi.shape}.",
            hint="Pass `solution.policy.table`.",
        )
    if not np.all(np.isfinite(pi)) or np.any(pi < 0):
        raise DataError(
            "`policy` must hold finite probabilities, none negative.", hint="Pass probabilities, not logs."
        )
    allowed = allowed_pairs(mdp)
    deciding = np.ones(S, dtype=bool) if allowed is None else np.asarray(allowed.any(axis=1))
    if allowed is not None and np.any(pi[deciding] * ~allowed[deciding] > 0):
        bad = np.flatnonzero((pi * ~allowed > 0).any(axis=1) & deciding)
        raise DataError(
            f"`policy` takes unavailable actions in {len(bad)} states (first: {bad[:5].tolist()}).",
            hint="Renormalise it over the available actions.",
            states=bad[:20].tolist(),
        )
    off = np.flatnonzero(deciding & (np.abs(pi.sum(axis=1) - 1.0) > 1e-6))
    if len(off):
        raise DataError(
            f"`policy` rows must sum to 1 wherever a decision is taken; {len(off)} do not "
            f"(first: states {off[:5].tolist()}).",
            hint="A row of zeros means no support: give those states a distribution, or mark them absorbing.",
            states=off[:20].tolist(),
        )
    return pi if allowed is None else np.where(allowed, pi, 0.0)


def _failed(b: FloatArray, outcome: Outcome, residual: float = np.inf) -> LinearSolution:
    return LinearSolution(x=np.full(b.shape, np.nan), residual=residual, iterations=0, outcome=outcome)


def solve_columns(factors: Any, rhs: FloatArray, trans: str = "N") -> FloatArray:
    """``x`` of a factorised system, for ``(S,)`` or ``(S, m)`` right-hand sides, a few columns at a time.

    SuperLU walks its factors once for all columns given; with hundreds of them every step of the walk leaves
    the cache. Measured on 7,056 states and 400 columns: 1.4 s at once, 0.09 s by four.
    """
    if rhs.ndim == 1 or rhs.shape[1] <= COLUMNS_AT_ONCE:
        return np.asarray(factors.solve(rhs, trans))
    out = np.empty(rhs.shape, order="F")
    for start in range(0, rhs.shape[1], COLUMNS_AT_ONCE):
        part = slice(start, start + COLUMNS_AT_ONCE)
        out[:, part] = factors.solve(rhs[:, part], trans)
    return out
