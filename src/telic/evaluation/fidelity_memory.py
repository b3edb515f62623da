"""What a step of a simulator forgets: whether the past, or what should not matter, foretells the next measurement.

A simulator whose level, spread and persistence are right under the policy that made the log may still be wrong under
another one, where an effect comes late or a hidden cause is at work. So within groups of decisions that are alike to
the simulator (same state and action), the next value of a quantity is compared with what went before: values and
action of the decision before. And the next exogenous value, within groups of the last two exogenous values, with the
quantities now: a trace that answers to them must not be replayed. Both sides are freed of their group's mean, so that
errors of the estimated law cancel; what is left is a correlation, with an interval clustered by trajectory.

Reference: Frisch and Waugh (1933), Econometrica 1, 387-401, for freeing both sides of what is held fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from telic.mdp.trace_simulator import TraceSimulator
from telic.trajectories import Demonstrations
from telic.trajectories.splits import source_index
from telic.typing import BoolArray, FloatArray, LongArray

from .clustered import ClusteredMean, clustered_mean

__all__ = ["Memory", "forgotten", "tests_of_memory"]

FEWEST_FREE = 30
"""Decisions, beyond the number of groups, below which a correlation is not looked at."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One correlation.

    Attributes:
        quantity: whose next value.
        known: what foretells it.
        correlation: within groups, with its interval.
        verdict: ``faithful``, ``unfaithful`` or ``open``, by the margin.
    """

    quantity: str
    known: str
    correlation: ClusteredMean
    verdict: str


def tests_of_memory(n_quantities: int) -> int:
    """Number of correlations that ``forgotten`` looks at, at most."""
    return n_quantities * (n_quantities + 1) + n_quantities


def forgotten(
    simulator: TraceSimulator,
    demos: Demonstrations,
    quantities: Mapping[str, FloatArray],
    *,
    margin: float,
    level: float,
) -> tuple[Memory, ...]:
    """The correlations that data suffice for.

    Args:
        simulator: whose states and actions make the groups.
        demos: with states.
        quantities: name to ``(S,)`` numbers by state.
        margin: correlation that does not matter.
        level: of each interval.
    """
    states, after = demos.require_states()
    first = np.zeros(demos.n_decisions, dtype=bool)
    first[demos.offsets[:-1][np.diff(demos.offsets) > 0]] = True
    rows = np.flatnonzero((after >= 0) & ~first)
    s, a, before = states[rows].astype(np.int64), demos.actions[rows].astype(np.int64), rows - 1
    cluster = source_index(demos)[demos.trajectory_index[rows]]
    found = []

    def look(quantity: str, then: FloatArray, known: str, now: FloatArray, group: LongArray) -> None:
        correlation = _within(then, now, group, cluster, level)
        if correlation is not None:
            verdict = _judged(correlation, margin)
            found.append(Memory(quantity=quantity, known=known, correlation=correlation, verdict=verdict))

    alike = s * simulator.world.n_actions + a
    for name, values in quantities.items():
        then = values[after[rows]]
        for other, earlier in quantities.items():
            look(name, then, f"{other} a decision earlier", earlier[states[before]], alike)
        look(name, then, "the action before", demos.actions[before].astype(np.float64), alike)
    x = simulator.exogenous_cell
    pairs = x[s] * (int(x.max()) + 1) + x[states[before]]
    follows: BoolArray = x[after[rows]] >= 0
    moved = (x[after[rows]] != x[s]).astype(np.float64) * np.sign(x[after[rows]] - x[s])
    for name, values in quantities.items():
        look(
            "the exogenous part",
            np.where(follows, moved, 0.0),
            f"{name} now",
            values[s],
            np.where(follows, pairs, -1),
        )
    return tuple(found)


def _within(
    then: FloatArray, now: FloatArray, group: LongArray, cluster: LongArray, level: float
) -> ClusteredMean | None:
    """The correlation of both sides freed of the means of their groups; None where too little is left."""
    groups = np.unique(group, return_inverse=True)[1].ravel()
    counts = np.bincount(groups)
    shared = counts[groups] > 1
    if shared.sum() - np.count_nonzero(counts > 1) < FEWEST_FREE:
        return None
    e, z = (x - (np.bincount(groups, weights=x) / counts)[groups] for x in (then, now))
    e, z, at = e[shared], z[shared], cluster[shared]
    size = float(np.sqrt((e @ e) * (z @ z)) / len(e))
    if size <= 1e-12:
        return None
    return clustered_mean(e * z / size, at, level=level)


def _judged(correlation: ClusteredMean, margin: float) -> str:
    if correlation.interval is None:
        return "open"
    low, high = correlation.interval
    if -margin <= low and high <= margin:
        return "faithful"
    return "unfaithful" if low > margin or high < -margin else "open"
