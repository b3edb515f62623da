"""Tabular Markov decision processes: sparse dynamics, no reward inside.

Transitions are one CSR matrix of shape ``(S * A, S)``: row ``s * A + a`` is the distribution of the next
state. Not every action need be possible everywhere: ``available`` marks what is, and the rows of unavailable
actions are empty. Three kinds, each its own type because their values mean different things:

- ``TabularMDP``: infinite horizon, discount below 1, or 1 with absorbing states that end the problem (value
0).
- ``FiniteHorizonMDP``: a fixed number of decisions ``H``; everything is indexed by time.
- ``GoalConditionedMDP``: undiscounted, one destination a trajectory; at the destination the trajectory
  ends with value 0. One world, many destinations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from telic._core.hashing import digest_array, digest_columns, digest_json
from telic.errors import DynamicsError
from telic.reports import Provenance
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

from .graph import estimated_entries

__all__ = ["FiniteHorizonMDP", "GoalConditionedMDP", "TabularMDP", "as_transition"]

ROW_SUM_TOLERANCE = 1e-9
"""Largest error of a row sum that rounding in a file can explain."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TabularMDP:
    """An infinite-horizon decision process over ``S`` states and ``A`` actions.

    Attributes:
        transition: CSR ``(S * A, S)`` float64; rows of available pairs sum to 1, rows of unavailable ones are
            empty.
        n_actions: A.
        discount: per decision, in [0, 1]; 1 needs ``absorbing`` states reachable from everywhere.
        initial: ``(S,)`` distribution of the first state, or None when nobody asks for it.
        available: ``(S, A)`` booleans, or None when every action is possible everywhere.
        absorbing: ``(S,)`` booleans: the problem ends on arrival, value 0, no decision is taken there. None:
            none.
        state_labels, action_labels: names for people; may be empty.
    """

    transition: sp.csr_array
    n_actions: int
    discount: float
    initial: FloatArray | None = None
    available: BoolArray | None = None
    absorbing: BoolArray | None = None
    state_labels: tuple[str, ...] = ()
    action_labels: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        _check_dynamics(self)
        _check_discount(self.discount)
        if self.discount == 1.0 and (self.absorbing is None or not self.absorbing.any()):
            raise DynamicsError(
                "`discount` 1 needs absorbing states that every state can reach; none are marked.",
                hint="Mark `absorbing` states, use a discount below 1, or a `FiniteHorizonMDP`.",
            )

    @classmethod
    def from_transition(
        cls,
        transition: ArrayLike | sp.sparray | sp.spmatrix,
        *,
        discount: float,
        n_actions: int | None = None,
        **rest: Any,
    ) -> TabularMDP:
        """An MDP from a dense ``(S, A, S)`` array, or a sparse ``(S * A, S)`` matrix and ``n_actions``."""
        matrix, count = as_transition(transition, n_actions)
        return cls(transition=matrix, n_actions=count, discount=discount, **rest)

    @property
    def n_states(self) -> int:
        """S."""
        return int(self.transition.shape[1])

    @cached_property
    def availability(self) -> BoolArray:
        """``(S, A)`` booleans, all True where ``available`` is None."""
        return _availability(self)

    @cached_property
    def factor_entries(self) -> float:
        """Estimated entries of a sparse LU of any policy's chain; planners choose their method by it."""
        return estimated_entries(self.transition, self.n_actions)

    @cached_property
    def digest(self) -> str:
        """Digest of dynamics, discount, initial state, availability and absorption."""
        return _digest(self, {"kind": "tabular", "discount": float(self.discount)})


@dataclass(frozen=True, kw_only=True, eq=False)
class FiniteHorizonMDP:
    """A decision process of exactly ``horizon`` decisions, undiscounted unless ``discount`` says otherwise.

    Attributes:
        transition, n_actions, initial, available, state_labels, action_labels: as in ``TabularMDP``
            (stationary).
        horizon: number of decisions H >= 1; the value after the last one is 0.
        discount: per decision, in [0, 1].
    """

    transition: sp.csr_array
    n_actions: int
    horizon: int
    discount: float = 1.0
    initial: FloatArray | None = None
    available: BoolArray | None = None
    state_labels: tuple[str, ...] = ()
    action_labels: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        _check_dynamics(self)
        if self.horizon < 1:
            raise DynamicsError(
                f"`horizon` must be at least 1 decision, got {self.horizon}.", hint="It counts decisions."
            )
        _check_discount(self.discount)

    @classmethod
    def from_transition(
        cls,
        transition: ArrayLike | sp.sparray | sp.spmatrix,
        *,
        horizon: int,
        n_actions: int | None = None,
        **rest: Any,
    ) -> FiniteHorizonMDP:
        """As ``TabularMDP.from_transition``."""
        matrix, count = as_transition(transition, n_actions)
        return cls(transition=matrix, n_actions=count, horizon=horizon, **rest)

    @property
    def n_states(self) -> int:
        """S."""
        return int(self.transition.shape[1])

    @cached_property
    def availability(self) -> BoolArray:
        """``(S, A)`` booleans, all True where ``available`` is None."""
        return _availability(self)

    @cached_property
    def digest(self) -> str:
        """Digest of dynamics, horizon, initial state and availability."""
        return _digest(
            self, {"kind": "finite-horizon", "horizon": int(self.horizon), "discount": float(self.discount)}
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class GoalConditionedMDP:
    """One undiscounted world with many destinations; a trajectory ends on arriving at its own.

    Attributes:
        transition, n_actions, available, state_labels, action_labels: as in ``TabularMDP``; the rows of a
            goal state hold for trajectories with another goal.
        goals: ``(G,)`` int32 destination states, without repeats.
    """

    transition: sp.csr_array
    n_actions: int
    goals: IntArray
    available: BoolArray | None = None
    state_labels: tuple[str, ...] = ()
    action_labels: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        _check_dynamics(self)
        goals = np.asarray(self.goals)
        if (
            goals.ndim != 1
            or not len(goals)
            or goals.min() < 0
            or goals.max() >= self.n_states
            or len(np.unique(goals)) != len(goals)
        ):
            raise DynamicsError(
                f"`goals` must be distinct states in [0, {self.n_states}), got {goals[:6].tolist()}.",
                hint="Give each destination once; trajectories name theirs in `Demonstrations.goals`.",
            )

    @property
    def n_states(self) -> int:
        """S."""
        return int(self.transition.shape[1])

    @cached_property
    def availability(self) -> BoolArray:
        """``(S, A)`` booleans, all True where ``available`` is None."""
        return _availability(self)

    @cached_property
    def is_deterministic(self) -> bool:
        """True when every available pair has one successor."""
        counts = np.diff(self.transition.indptr)
        return bool(np.all(counts[self.availability.ravel()] == 1))

    @cached_property
    def digest(self) -> str:
        """Digest of dynamics, goals and availability."""
        return _digest(self, {"kind": "goal-conditioned", "goals": np.asarray(self.goals).tolist()})


def as_transition(
    transition: ArrayLike | sp.sparray | sp.spmatrix, n_actions: int | None
) -> tuple[sp.csr_array, int]:
    """``(CSR (S * A, S), A)`` from a dense ``(S, A, S)`` array or a sparse ``(S * A, S)`` matrix."""
    is_sparse: bool = sp.issparse(transition)
    if is_sparse:
        source: Any = transition
        rows, columns = source.shape
        if n_actions is None or n_actions * columns != rows:
            raise DynamicsError(
                "A sparse `transition` must have shape (S * A, S) with `n_actions` given, "
                f"got {source.shape} and {n_actions}.",
                hint="Row s * A + a holds the distribution of the next state.",
            )
        matrix = sp.csr_array(source, dtype=np.float64)
        if matrix.has_canonical_format and np.all(matrix.data != 0):
            return matrix, n_actions
        matrix = matrix.copy()  # what follows works in place, and the caller may share the arrays
    else:
        dense = np.asarray(transition, dtype=np.float64)
        if dense.ndim != 3 or dense.shape[0] != dense.shape[2]:
            raise DynamicsError(
                f"A dense `transition` must have shape (S, A, S), got {dense.shape}.",
                hint="Axis order: state, action, next state.",
            )
        n_actions = dense.shape[1]
        matrix = sp.csr_array(dense.reshape(-1, dense.shape[2]))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix, int(n_actions)


_AnyMDP = TabularMDP | FiniteHorizonMDP | GoalConditionedMDP


def _check_discount(discount: object) -> None:
    if not isinstance(discount, float | int | np.floating | np.integer) or not 0.0 <= discount <= 1.0:
        raise DynamicsError(
            f"`discount` must be a number in [0, 1], got {discount!r}.",
            hint="It is per decision, not per second.",
        )


def _availability(mdp: _AnyMDP) -> BoolArray:
    if mdp.available is not None:
        return mdp.available
    return np.ones((mdp.n_states, mdp.n_actions), dtype=bool)


def _check_dynamics(mdp: _AnyMDP) -> None:
    P, A = mdp.transition, mdp.n_actions
    if P.format != "csr" or P.ndim != 2 or A < 1 or P.shape[0] != A * P.shape[1]:
        raise DynamicsError(
            f"`transition` must be CSR of shape (S * A, S), got {P.format} {P.shape} with A = {A}.",
            hint="Use `from_transition` for dense arrays.",
        )
    if not np.all(np.isfinite(P.data)) or np.any(P.data < 0):
        bad = np.flatnonzero(~np.isfinite(P.data) | (P.data < 0))
        rows = np.unique(np.searchsorted(P.indptr, bad, side="right") - 1)[:5]
        raise DynamicsError(
            f"Transition probabilities must be finite and not negative; {len(bad)} are not "
            f"(first in (state, action) {_pairs(rows, A)}).",
            hint="Check how the dynamics were estimated or read.",
            pairs=_pairs(rows, A),
        )
    S = mdp.n_states
    absorbing = getattr(mdp, "absorbing", None)
    for name, flags, shape in (("available", mdp.available, (S, A)), ("absorbing", absorbing, (S,))):
        if flags is not None and (flags.shape != shape or flags.dtype != bool):
            raise DynamicsError(
                f"`{name}` must have shape {shape} and hold booleans, got shape {flags.shape} "
                f"of {flags.dtype}.",
                hint=f"One flag per state{' and action' if len(shape) > 1 else ''}.",
            )
    needed = _availability(mdp).copy()
    if absorbing is not None:
        needed[absorbing] = False
        stuck = np.flatnonzero(~needed.any(axis=1) & ~absorbing)
    else:
        stuck = np.flatnonzero(~needed.any(axis=1))
    if len(stuck) and not isinstance(mdp, GoalConditionedMDP):
        raise DynamicsError(
            f"{len(stuck)} states have no available action (first: {stuck[:5].tolist()}).",
            hint="Mark them absorbing or give them an action.",
            states=stuck[:20].tolist(),
        )
    sums = np.asarray(P.sum(axis=1)).ravel()
    wrong = np.flatnonzero(needed.ravel() & (np.abs(sums - 1.0) > ROW_SUM_TOLERANCE))
    if len(wrong):
        raise DynamicsError(
            f"Transition rows must sum to 1; {len(wrong)} do not "
            f"(first: (state, action) {_pairs(wrong[:5], A)} with sums {sums[wrong[:5]].tolist()}).",
            hint="Normalise the rows, or mark impossible pairs as not `available`.",
            pairs=_pairs(wrong[:20], A),
        )
    initial = getattr(mdp, "initial", None)
    if initial is not None and (
        initial.shape != (S,)
        or np.any(initial < 0)
        or not abs(float(initial.sum()) - 1.0) <= ROW_SUM_TOLERANCE
    ):
        raise DynamicsError(
            f"`initial` must be a distribution over {S} states, got shape {initial.shape} "
            f"and sum {float(initial.sum())}.",
            hint="Normalise it.",
        )


def _pairs(rows: LongArray, n_actions: int) -> list[tuple[int, int]]:
    return [(int(r) // n_actions, int(r) % n_actions) for r in rows]


def _digest(mdp: _AnyMDP, extra: dict[str, Any]) -> str:
    P = mdp.transition
    parts = {
        "indptr": digest_array(P.indptr.astype(np.int64)),
        "indices": digest_array(P.indices.astype(np.int64)),
        "data": digest_array(P.data),
        "available": digest_array(_availability(mdp)),
        "extra": digest_json({**extra, "n_actions": mdp.n_actions}),
    }
    for name in ("initial", "absorbing"):
        value = getattr(mdp, name, None)
        if value is not None:
            parts[name] = digest_array(value)
    return digest_columns(parts)
