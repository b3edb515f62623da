"""Transitions that a world says cannot happen, and measurements that the contract says cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from telic.contract import TaskContract
from telic.errors import DynamicsError
from telic.reports import Finding, Severity
from telic.trajectories.demonstrations import Demonstrations
from telic.typing import LongArray

if TYPE_CHECKING:
    from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP

__all__ = ["bound_findings", "impossible_transitions", "transition_findings"]

SHOWN = 20
"""Rows kept in the evidence of a finding."""

SATURATED_SHARE = 0.05
"""Share of values exactly at a bound from which a saturated sensor is worth naming."""


def impossible_transitions(
    demos: Demonstrations, mdp: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP
) -> LongArray:
    """Decisions that the world gives probability zero: an unavailable action, or a next state that cannot
    follow.

    Args:
        demos: with states.
        mdp: the world; rows whose next state is unknown are only checked for their action.

    Returns:
        ``(m,)`` indices of decisions, rising.

    Raises:
        DataError: the demonstrations have no states.
        DynamicsError: they have states or actions that the world does not.
    """
    states, next_states = demos.require_states()
    S, A = mdp.n_states, mdp.n_actions
    if len(states) and (int(states.max()) >= S or int(next_states.max()) >= S or demos.n_actions > A):
        raise DynamicsError(
            f"The world has {S} states and {A} actions; the demonstrations go up to state "
            f"{max(int(states.max()), int(next_states.max()))} "
            f"and have {demos.n_actions} actions.",
            hint="Encode the demonstrations with the state space that the world was made for.",
        )
    pair = states.astype(np.int64) * A + demos.actions
    available = np.ones(S * A, dtype=bool) if mdp.available is None else mdp.available.ravel()
    wrong = ~available[pair]
    P = mdp.transition
    positive = P.data > 0
    row = np.repeat(np.arange(S * A, dtype=np.int64), np.diff(P.indptr))
    possible = np.sort(row[positive] * S + P.indices[positive])
    known = np.flatnonzero(next_states >= 0)
    asked = pair[known] * S + next_states[known]
    at = np.minimum(np.searchsorted(possible, asked), max(0, len(possible) - 1))
    wrong[known] |= possible[at] != asked if len(possible) else True
    return np.flatnonzero(wrong)


def transition_findings(
    demos: Demonstrations, mdp: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP
) -> list[Finding]:
    """A finding that lists the impossible transitions, if there are any."""
    rows = impossible_transitions(demos, mdp)
    if not len(rows):
        return []
    states, next_states = demos.require_states()
    first = [
        {
            "row": int(r),
            "state": int(states[r]),
            "action": demos.action_labels[int(demos.actions[r])],
            "next_state": int(next_states[r]),
        }
        for r in rows[:SHOWN]
    ]
    shown = "; ".join(f"row {x['row']}: {x['state']} --{x['action']}--> {x['next_state']}" for x in first[:3])
    return [
        Finding(
            code="impossible-transitions",
            severity=Severity.ERROR,
            message=f"The dynamics give probability 0 to {len(rows):,} of {demos.n_decisions:,} decisions "
            f"({shown}).",
            hint="Correct the dynamics, smooth them, or drop these rows; as they stand their likelihood "
            "is zero.",
            evidence={"count": len(rows), "first": first},
        )
    ]


def bound_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    """Values outside the contract's bounds, and sensors that sit at a bound."""
    findings = []
    for o in contract.observations:
        values = demos.observations.get(o.name)
        if values is None or o.type not in ("number", "integer"):
            continue
        low, high = -np.inf if o.low is None else o.low, np.inf if o.high is None else o.high
        bad = np.flatnonzero(~((values >= low) & (values <= high)))
        if len(bad):
            findings.append(
                Finding(
                    code="out-of-bounds",
                    severity=Severity.ERROR,
                    message=f"`{o.name}` must lie in [{low:g}, {high:g}]; {len(bad):,} of {len(values):,} "
                    f"values do not (first: decision "
                    f"{bad[0]}, {values[bad[0]]:g}).",
                    hint="Correct the bounds in the contract, or the rows.",
                    evidence={"observation": o.name, "count": len(bad), "rows": bad[:SHOWN].tolist()},
                )
            )
        if o.type != "number":
            continue
        for side, bound in (("low", o.low), ("high", o.high)):
            share = 0.0 if bound is None else float(np.mean(values == bound))
            if SATURATED_SHARE <= share < 1.0:
                findings.append(
                    Finding(
                        code="saturated",
                        severity=Severity.NOTICE,
                        message=f"{share:.0%} of the values of `{o.name}` are exactly its bound `{side}` "
                        f"({bound:g}).",
                        hint="If the sensor cannot show more, what lies beyond is unknown; if it is real, "
                        "nothing is wrong.",
                        evidence={"observation": o.name, "share": share, "bound": bound},
                    )
                )
    return findings
