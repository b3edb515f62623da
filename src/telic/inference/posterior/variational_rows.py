"""Transitions as arrays: what was measured, what was done, what was measured after. No table of states.

What came after a decision is ``next_observations``, or the next row of the same trajectory. A trajectory that
terminated is followed by nothing; one that was truncated has a last row whose outcome is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telic.errors import DataError, FeatureError
from telic.features import MeasuredFeatureMap, SupportsBasis
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

__all__ = ["VariationalRows", "read_rows"]

BasisArrays = tuple[FloatArray, FloatArray]
"""``(n, B)`` functions of the state before every decision, and of the state after it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VariationalRows:
    """Decisions, and the transitions whose outcome is known.

    Attributes:
        basis: ``(n, B)`` functions of the state before.
        features: ``(n, A, K)`` phi of every action.
        actions: ``(n,)`` action taken.
        weights: ``(n,)``.
        known: ``(m,)`` decisions whose outcome is known, ends included.
        ended: ``(m,)`` True where nothing follows.
        next_basis: ``(m, B)`` functions of the state after; 0 where nothing follows.
        next_features: ``(m, A, K)``, or None: action values are then combinations of the basis alone.
    """

    basis: FloatArray
    features: FloatArray
    actions: IntArray
    weights: FloatArray
    known: LongArray
    ended: BoolArray
    next_basis: FloatArray
    next_features: FloatArray | None

    @property
    def n_actions(self) -> int:
        """A."""
        return int(self.features.shape[1])

    @property
    def n_unknown(self) -> int:
        """Decisions whose outcome is not known."""
        return len(self.actions) - len(self.known)


def read_rows(
    demos: Demonstrations,
    features: MeasuredFeatureMap | FloatArray,
    basis: SupportsBasis | BasisArrays,
    next_features: FloatArray | None,
) -> VariationalRows:
    """The arrays of demonstrations.

    Args:
        demos: decisions.
        features: functions of the measurements, or ``(n, A, K)`` numbers.
        basis: functions of the measurements, or two ``(n, B)`` arrays, before and after every decision; rows after
            that are not known do not count.
        next_features: ``(n, A, K)`` after every decision; only beside an array of features.

    Raises:
        DataError: no decisions or no known outcomes; rows that are not finite; arrays that do not fit.
        FeatureError: features are not finite.
    """
    n = demos.n_decisions
    if not n:
        raise DataError(
            "There are no decisions in the demonstrations.", hint="Check the filters that chose the rows."
        )
    after, is_known, ended = _outcomes(demos)
    if not np.any(is_known):
        raise DataError(
            "No decision has a known outcome, so nothing ties action values to rewards.",
            hint="Give `next_observations`, or trajectories of at least two decisions.",
        )
    known = np.flatnonzero(is_known | ended).astype(np.int64)
    going = ~ended[known]
    later = {name: column[known][going] for name, column in after.items()}
    if isinstance(features, MeasuredFeatureMap):
        _check_measured(demos, features.n_actions)
        phi = features.every_action(demos.observations, n)
        next_phi: FloatArray | None = np.zeros((len(known), *phi.shape[1:]))
        assert next_phi is not None
        next_phi[going] = features.every_action(later, int(going.sum()))
    else:
        phi = _array(features, "features", (n, None, None))
        next_phi = None
        if next_features is not None:
            next_phi = np.zeros((len(known), *phi.shape[1:]))
            next_phi[going] = _array(
                np.asarray(next_features)[known][going], "next_features", (None, *phi.shape[1:])
            )
    if isinstance(basis, tuple):
        psi = _array(basis[0], "basis (before)", (n, None))
        if len(basis[1]) != n:
            raise DataError(
                f"`basis` after the decisions must have {n} rows, got {len(basis[1])}.",
                hint="One row a decision; what is not known may hold anything.",
            )
        raw = _array(np.asarray(basis[1])[known][going], "basis (after)", (None, psi.shape[1]))
    else:
        _check_measured(demos, phi.shape[1])
        psi = _array(basis.evaluate(demos.observations), "basis", (n, None))
        raw = _array(basis.evaluate(later), "basis (after)", (None, psi.shape[1]))
    next_psi = np.zeros((len(known), psi.shape[1]))
    next_psi[going] = raw
    if demos.n_actions > phi.shape[1] or phi.shape[1] < 2:
        raise DataError(
            f"The features know {phi.shape[1]} actions, the demonstrations {demos.n_actions}; at least 2 are needed.",
            hint="Make both from the same contract; with one action nothing is chosen.",
        )
    weights = np.ones(n) if demos.weights is None else demos.weights.astype(np.float64)
    if not weights.any():
        raise DataError("Every decision has weight 0.", hint="Leave `weights` out, or give some above 0.")
    return VariationalRows(
        basis=psi,
        features=phi,
        actions=demos.actions,
        weights=weights,
        known=known,
        ended=~going,
        next_basis=next_psi,
        next_features=next_phi,
    )


def _outcomes(demos: Demonstrations) -> tuple[Mapping[str, NDArray[Any]], BoolArray, BoolArray]:
    """``(columns after, whether the state after is known, whether the task ended)`` of every decision."""
    n = demos.n_decisions
    filled = np.diff(demos.offsets) > 0
    ends = demos.offsets[1:][filled] - 1
    last, ended = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    last[ends] = True
    ended[ends] = demos.terminated[filled]
    if demos.next_observations:
        known = np.zeros(n, dtype=bool) if demos.next_known is None else demos.next_known
        return demos.next_observations, known & ~ended, ended
    if demos.next_states is not None and not demos.observations:
        return {}, (demos.next_states >= 0) & ~ended, ended
    after = {name: np.concatenate([column[1:], column[-1:]]) for name, column in demos.observations.items()}
    return after, ~last & ~ended, ended


def _check_measured(demos: Demonstrations, n_actions: int) -> None:
    if not demos.observations:
        raise DataError(
            "The demonstrations have no measured columns, only states.",
            hint="Give features and basis as arrays (one-hot rows of the states are a basis), or keep the "
            "observations.",
        )
    if demos.n_actions > n_actions:
        raise DataError(
            f"The features know {n_actions} actions, the demonstrations {demos.n_actions}.",
            hint="Make both from the same contract.",
        )


def _array(values: FloatArray, name: str, shape: tuple[int | None, ...]) -> FloatArray:
    """The numbers, if they have this shape (None: any) and are finite."""
    array = np.asarray(values, dtype=np.float64)
    fits = array.ndim == len(shape) and all(w in (None, g) for w, g in zip(shape, array.shape, strict=True))
    if not fits or 0 in array.shape[1:]:
        wanted = ", ".join("any" if w is None else str(w) for w in shape)
        raise DataError(
            f"`{name}` must have shape ({wanted}), got {array.shape}.",
            hint="Rows are decisions, then actions (for features), then functions.",
        )
    if not np.all(np.isfinite(array)):
        where = np.argwhere(~np.isfinite(array))[0].tolist()
        raise FeatureError(
            f"`{name}` is {array[tuple(where)]} at {tuple(where)}; every number must be finite.",
            hint="Look for a division by zero or a missing measurement; drop such rows with both their sides.",
            row=where[0],
        )
    return array
