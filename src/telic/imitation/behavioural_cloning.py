"""Behavioural cloning of a table: act as often as the experts did, in the same state.

The estimate of order 1 is

    pi(a | s) = (N(s, a) + c) / (N(s) + c * |A(s)|),

with N the (weighted) counts of decisions, A(s) the actions available in s and c the smoothing; it is the
posterior mean under a symmetric Dirichlet(c) prior. Order 2 conditions on the state of the decision before as
well. A state or pair never seen gets the uniform distribution over its actions (no support where c = 0).

It is the baseline that every inferred reward is compared with: it knows nothing of consequences, so it cannot
predict behaviour after the world changes, but with enough data in an unchanged world it is hard to beat.

Actions that do the same thing should be merged first, in the demonstrations and in ``available``; likelihoods
of merged and unmerged actions are not on one scale.
"""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
from jaxtyping import Bool

import telic
from telic.errors import DataError, ImpossibleDemonstrationsError, SettingsError
from telic.policies import HistoryPolicy, TabularPolicy, previous_states
from telic.reports import Provenance
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray

__all__ = ["behavioural_cloning"]


@overload
def behavioural_cloning(
    demos: Demonstrations,
    n_states: int,
    n_actions: int,
    *,
    smoothing: float = ...,
    order: Literal[1] = ...,
    available: Bool[np.ndarray, "S A"] | None = ...,
) -> TabularPolicy: ...
@overload
def behavioural_cloning(
    demos: Demonstrations,
    n_states: int,
    n_actions: int,
    *,
    smoothing: float = ...,
    order: int,
    available: Bool[np.ndarray, "S A"] | None = ...,
) -> TabularPolicy | HistoryPolicy: ...
def behavioural_cloning(
    demos: Demonstrations,
    n_states: int,
    n_actions: int,
    *,
    smoothing: float = 0.5,
    order: int = 1,
    available: Bool[np.ndarray, "S A"] | None = None,
) -> TabularPolicy | HistoryPolicy:
    """The smoothed frequencies of the experts' actions in each state, or after each pair of states.

    Args:
        demos: demonstrations with states; their weights count.
        n_states: S, at least the largest demonstrated state + 1.
        n_actions: A, at least the largest demonstrated action + 1.
        smoothing: pseudo-count c >= 0 of every available action. More pulls towards uniform; 0 gives raw
            frequencies, which assign probability 0 to what was never seen.
        order: 1: the current state. 2: the previous and the current state (the first decision of a trajectory
            has a pair of its own).
        available: actions that can be taken; the others get probability 0 and no pseudo-count. None: all.

    Returns:
        ``TabularPolicy`` for order 1, ``HistoryPolicy`` for order 2.

    Raises:
        DataError: no decisions, or states or actions out of range.
        ImpossibleDemonstrationsError: a demonstrated action is not available.
        SettingsError: ``smoothing`` or ``order`` is out of range.

    References:
        Pomerleau (1991), Efficient training of artificial neural networks for autonomous navigation.

    Example:
        >>> demos = Demonstrations.from_arrays([0, 0, 0, 1], [0, 0, 1, 1])
        >>> behavioural_cloning(demos, 2, 2).table.tolist()
        [[0.625, 0.375], [0.25, 0.75]]
    """
    if not (np.isfinite(smoothing) and smoothing >= 0):
        raise SettingsError(
            f"`smoothing` must be a finite number >= 0, got {smoothing}.",
            hint="0.5 is the usual pseudo-count of an action.",
        )
    if order not in (1, 2):
        raise SettingsError(f"`order` must be 1 or 2, got {order}.", hint="2 adds the previous state.")
    allowed = _check(demos, n_states, n_actions, available)
    states, _ = demos.require_states()
    uniform = _normalise(smoothing * allowed)
    provenance = Provenance(
        inputs={"demonstrations": demos.digest},
        settings={"method": "behavioural_cloning", "smoothing": float(smoothing), "order": order},
        code=telic.__version__,
    )
    if order == 1:
        counts = np.bincount(
            states.astype(np.int64) * n_actions + demos.actions,
            weights=demos.weights,
            minlength=n_states * n_actions,
        ).reshape(n_states, n_actions)
        return TabularPolicy(table=_normalise(counts + smoothing * allowed), provenance=provenance)
    pairs, row = np.unique(
        (previous_states(demos).astype(np.int64) + 1) * n_states + states, return_inverse=True
    )
    counts = np.bincount(
        row * n_actions + demos.actions, weights=demos.weights, minlength=len(pairs) * n_actions
    ).reshape(len(pairs), n_actions)
    current = (pairs % n_states).astype(np.int32)
    return HistoryPolicy(
        previous=(pairs // n_states - 1).astype(np.int32),
        current=current,
        table=_normalise(counts + smoothing * allowed[current]),
        unseen=uniform,
        provenance=provenance,
    )


def _check(demos: Demonstrations, n_states: int, n_actions: int, available: BoolArray | None) -> FloatArray:
    if not demos.n_decisions:
        raise DataError(
            "Behavioural cloning needs at least one decision, got none.",
            hint="Check the split or the filter that left the demonstrations empty.",
        )
    states, _ = demos.require_states()
    if states.min() < 0 or states.max() >= n_states:
        rows = np.flatnonzero((states < 0) | (states >= n_states))
        raise DataError(
            f"States must lie in [0, {n_states}); {len(rows)} rows do not "
            f"(first: row {rows[0]}, state {states[rows[0]]}).",
            hint="Give the number of states of the space that encoded the demonstrations.",
            rows=rows[:20].tolist(),
        )
    if demos.actions.max() >= n_actions:
        raise DataError(
            f"Actions must lie in [0, {n_actions}), got {int(demos.actions.max())}.",
            hint="Give the number of actions of the contract.",
        )
    if available is None:
        return np.ones((n_states, n_actions))
    if available.shape != (n_states, n_actions):
        raise DataError(
            f"`available` must have shape ({n_states}, {n_actions}), got {available.shape}.",
            hint="One flag per state and action.",
        )
    rows = np.flatnonzero(~available[states, demos.actions])
    if len(rows):
        raise ImpossibleDemonstrationsError(
            f"{len(rows)} decisions take an action that is not available (first: row {rows[0]}, "
            f"state {states[rows[0]]}, action {demos.actions[rows[0]]}).",
            hint="Merge equivalent actions in the demonstrations too, or correct `available`.",
            rows=rows[:20].tolist(),
        )
    return available.astype(np.float64)


def _normalise(table: FloatArray) -> FloatArray:
    total = table.sum(axis=1, keepdims=True)
    normal: FloatArray = np.divide(table, total, out=np.zeros_like(table), where=total > 0)
    return normal
