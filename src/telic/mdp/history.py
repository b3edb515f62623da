"""A state that remembers: the same world with the states before as part of the state.

Experts who act on where they came from do not have a reward of the present state alone. In the larger world a
state is a tuple ``(oldest, ..., present)``; an action moves it to ``(..., present, next)`` with the
probability that the small world gives ``next``, so what the world does is unchanged and only what a reward or
a policy may depend on has grown.

States are the tuples that the world makes possible, as long as they are at most ``cap``; else those that the
demonstrations pass through (mass that leads elsewhere is given to the row's other next states, and a finding
says how much). The first decisions of a trajectory have no past: ``start="repeat"`` says that the first state
was already there before (and adds that tuple if it is not among the possible ones), ``start="drop"`` leaves
those decisions out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.sparse as sp

from telic.errors import DataError, SettingsError
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations
from telic.typing import BoolArray, FloatArray, IntArray, LongArray

from .tabular import TabularMDP

__all__ = ["HistorySpace", "with_history"]

LARGEST_NUMBER = 2**62
"""Windows of states beyond which their numbers would not fit an int64."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HistorySpace:
    """A world whose states remember, and its demonstrations.

    Attributes:
        mdp: the larger world.
        demos: the demonstrations in it.
        tuples: ``(S', order + 1)`` states of the small world in each state, oldest first, in rising order.
        order: how many states before the present one are remembered.
        findings: how the states were found.
    """

    mdp: TabularMDP
    demos: Demonstrations
    tuples: IntArray
    order: int
    findings: tuple[Finding, ...] = ()

    @property
    def present(self) -> IntArray:
        """``(S',)`` present state of the small world; ``features.values[space.present]`` lifts features."""
        return self.tuples[:, -1]


def with_history(
    mdp: TabularMDP,
    demos: Demonstrations,
    *,
    order: int = 1,
    start: Literal["repeat", "drop"] = "repeat",
    cap: int = 50_000,
) -> HistorySpace:
    """The world and demonstrations with ``order`` states before as part of the state.

    Args:
        mdp: the small world.
        demos: decisions in it, with states.
        order: states remembered, at least 1. Each multiplies the number of states by the number of
            successors.
        start: what the past of a trajectory's first state is.
        cap: most states; beyond it only tuples that the demonstrations pass through are states.

    Raises:
        DataError: no decision is left.
        SettingsError: ``order`` is below 1, or so large that windows of states cannot be numbered.
    """
    if order < 1:
        raise SettingsError(f"`order` must be at least 1, got {order}.", hint="It counts remembered states.")
    S, A = mdp.n_states, mdp.n_actions
    if S ** (order + 1) > LARGEST_NUMBER:
        raise SettingsError(
            f"Windows of {order + 1} out of {S} states are too many to number with 64 bits.",
            hint="Lower `order`, or use fewer states.",
        )
    states, next_states = demos.require_states()
    seen = _windows(states, demos, order)
    keep = np.ones(demos.n_decisions, dtype=bool) if start == "repeat" else demos.step_index >= order
    if not keep.any():
        raise DataError(
            f"No trajectory has more than {order} decisions, so none has a past of {order} states.",
            hint="Use `start='repeat'` or a smaller `order`.",
        )
    arrived = np.concatenate([seen[:, 1:], next_states[:, None]], axis=1)[keep & (next_states >= 0)]
    passed = np.unique(_number(np.concatenate([seen[keep], arrived]), S))
    possible = _possible(mdp, passed, order, cap)
    numbers = passed if possible is None else possible
    tuples = _tuples(numbers, S, order)
    transition, available, lost = _transition(mdp, numbers, tuples)
    findings = [
        Finding(
            code="history-states",
            severity=Severity.INFO if possible is not None else Severity.NOTICE,
            message=(
                f"With {order} state{'s' if order > 1 else ''} remembered there are {len(numbers)} states "
                f"instead of {S}"
                + (
                    "."
                    if possible is not None
                    else f"; only those passed through, as more than {cap} are possible."
                )
            ),
            evidence={"n_states": len(numbers), "largest_lost_mass": float(lost.max(initial=0.0))},
        )
    ]
    index = np.full(demos.n_decisions, -1, dtype=np.int32)
    index[keep] = np.searchsorted(numbers, _number(seen[keep], S))
    after = np.full(demos.n_decisions, -1, dtype=np.int32)
    after[keep & (next_states >= 0)] = np.searchsorted(numbers, _number(arrived, S))
    larger = replace(demos, states=index, next_states=after)
    if start == "drop":
        larger = _without_first(larger, order)
    absorbing = None if mdp.absorbing is None else mdp.absorbing[tuples[:, -1]]
    firsts = larger.require_states()[0][larger.offsets[:-1][np.diff(larger.offsets) > 0]]
    names = mdp.state_labels
    return HistorySpace(
        mdp=TabularMDP(
            transition=transition,
            n_actions=A,
            discount=mdp.discount,
            initial=np.bincount(firsts, minlength=len(numbers)) / len(firsts),
            available=available if mdp.available is not None else None,
            absorbing=absorbing,
            state_labels=tuple(" > ".join(names[i] for i in row) for row in tuples.tolist()) if names else (),
            action_labels=mdp.action_labels,
        ),
        demos=larger,
        tuples=tuples,
        order=order,
        findings=tuple(findings),
    )


def _windows(states: IntArray, demos: Demonstrations, order: int) -> LongArray:
    """``(n, order + 1)`` states up to the present one; before the start of a trajectory its first state."""
    rows = np.arange(demos.n_decisions)
    first = rows - demos.step_index
    return np.stack([states[np.maximum(rows - back, first)] for back in range(order, -1, -1)], axis=1).astype(
        np.int64
    )


def _number(windows: LongArray, S: int) -> LongArray:
    total = np.zeros(len(windows), dtype=np.int64)
    for column in windows.T:
        total = total * S + column
    return total


def _tuples(numbers: LongArray, S: int, order: int) -> IntArray:
    return np.stack([numbers // S**back % S for back in range(order, -1, -1)], axis=1).astype(np.int32)


def _possible(mdp: TabularMDP, passed: LongArray, order: int, cap: int) -> LongArray | None:
    """Rising numbers of the tuples that the world can pass through and of those that were passed, with all that
    follow them; None where they are more than ``cap``.
    """
    S, A = mdp.n_states, mdp.n_actions
    to_state = sp.csr_array((np.ones(S * A), (np.repeat(np.arange(S), A), np.arange(S * A))))
    step = sp.csr_array(to_state @ mdp.transition)
    numbers: LongArray = np.arange(S, dtype=np.int64)
    for _ in range(order):
        grown = _followed(numbers, step, cap)
        if grown is None:
            return None
        numbers = grown
    # A start that was repeated need not be possible itself, but what follows it must be a state.
    frontier = np.setdiff1d(passed, numbers)
    for _ in range(order + 1):
        numbers = np.union1d(numbers, frontier)
        grown = _followed(frontier % S**order, step, cap)
        if grown is None or len(numbers) > cap:
            return None
        frontier = np.setdiff1d(grown, numbers)
    return numbers


def _followed(windows: LongArray, step: sp.csr_array, cap: int) -> LongArray | None:
    """Rising numbers of the windows with one possible next state appended."""
    S = step.shape[0]
    last = windows % S
    fan = np.diff(step.indptr)[last].astype(np.int64)
    total = int(fan.sum())
    if total > cap:
        return None
    inner = np.arange(total) - np.repeat(np.cumsum(fan) - fan, fan)
    after = step.indices[np.repeat(step.indptr[last], fan) + inner]
    return np.unique(np.repeat(windows, fan) * S + after)


def _transition(
    mdp: TabularMDP, numbers: LongArray, tuples: IntArray
) -> tuple[sp.csr_array, BoolArray, FloatArray]:
    """CSR ``(S' * A, S')`` by shifting the window; availability; and the mass of each row that leads
    outside.
    """
    S, A, M = mdp.n_states, mdp.n_actions, len(numbers)
    present = tuples[:, -1].astype(np.int64)
    small = sp.csr_array(mdp.transition[(present[:, None] * A + np.arange(A)).ravel()])
    row = np.repeat(np.arange(M * A), np.diff(small.indptr))
    wanted = numbers[row // A] % S ** (tuples.shape[1] - 1) * S + small.indices
    place = np.minimum(np.searchsorted(numbers, wanted), M - 1)
    found = numbers[place] == wanted
    P = sp.csr_array((small.data[found], (row[found], place[found])), shape=(M * A, M))
    full = np.asarray(small.sum(axis=1), dtype=np.float64).ravel()
    kept = np.asarray(P.sum(axis=1), dtype=np.float64).ravel()
    available = mdp.availability[present]
    dead = (full > 0) & (kept <= 0)
    if dead.any():  # nothing this action leads to was ever passed through: it leads back to the same tuple
        rows = np.flatnonzero(dead)
        P = sp.csr_array(P + sp.csr_array((np.ones(len(rows)), (rows, rows // A)), shape=P.shape))
    sums = np.asarray(P.sum(axis=1)).ravel()
    P.data = P.data * np.repeat(
        np.divide(full, sums, out=np.zeros_like(sums), where=sums > 0), np.diff(P.indptr)
    )
    return P, available, full - kept


def _without_first(demos: Demonstrations, order: int) -> Demonstrations:
    """The demonstrations without the first ``order`` decisions of every trajectory."""
    keep = demos.step_index >= order
    lengths = np.maximum(np.diff(demos.offsets) - order, 0)
    return replace(
        demos,
        actions=demos.actions[keep],
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        observations={k: v[keep] for k, v in demos.observations.items()},
        next_observations={k: v[keep] for k, v in demos.next_observations.items()},
        next_known=None if demos.next_known is None else demos.next_known[keep],
        states=None if demos.states is None else demos.states[keep],
        next_states=None if demos.next_states is None else demos.next_states[keep],
        times=None if demos.times is None else demos.times[keep],
        weights=None if demos.weights is None else demos.weights[keep],
    )
