"""Runbook steps as demonstrations: what the runbook would have done in the situations of a log.

A step says when it holds and what is to be done; the first that holds counts, as a reader would go down the page. Each
situation of the log becomes one decision, a trajectory of its own, of origin ``rule``. What followed is known only
where the people did what the runbook says; elsewhere nobody saw it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from telic._core.near_miss import near_miss
from telic.contract import TaskContract
from telic.errors import ContractError, DataError, FeatureError
from telic.reports import Finding, Severity
from telic.trajectories import ORIGINS, Demonstrations

from .quality.edge_cases import readable_columns, true_where

__all__ = ["RUNBOOK", "RunbookStep", "runbook_demonstrations"]

RUNBOOK = "runbook"
"""Label of the trajectories: the step that was followed; also the name of the demonstrator."""


@dataclass(frozen=True, kw_only=True)
class RunbookStep:
    """One step.

    Attributes:
        name: as the page calls it.
        when: expression over observations that is true where the step holds.
        do: label of the action.
    """

    name: str
    when: str
    do: str


def runbook_demonstrations(
    steps: Sequence[RunbookStep], demos: Demonstrations, contract: TaskContract
) -> Demonstrations:
    """What the runbook would have done, with findings about steps that never held and situations it does not know.

    Args:
        steps: in the order of the page.
        demos: the log that lends its situations.
        contract: names of observations and actions.

    Raises:
        ContractError: a step does something that is no action.
        DataError: no step holds anywhere.
        FeatureError: a condition cannot be calculated; the step is named.
    """
    chosen = np.full(demos.n_decisions, -1, dtype=np.int64)
    columns = readable_columns(demos, contract)
    for i, step in enumerate(steps):
        if step.do not in demos.action_labels:
            raise ContractError(
                f"Step {step.name!r} does {step.do!r}, which is no action.{near_miss(step.do, demos.action_labels)}",
                hint=f"There are: {', '.join(demos.action_labels)}.",
            )
        try:
            there = true_where(step.when, columns, demos.n_decisions)
        except FeatureError as error:
            raise FeatureError(
                f"The condition of step {step.name!r} cannot be calculated: {error.message}", hint=error.hint
            ) from error
        chosen[(chosen < 0) & there] = i
    rows = np.flatnonzero(chosen >= 0)
    if not len(rows):
        raise DataError(
            f"None of {len(steps)} steps holds in any of {demos.n_decisions:,} situations.",
            hint="Are the conditions in the contract's units?",
        )
    actions = np.array([demos.action_labels.index(s.do) for s in steps], dtype=np.int32)[chosen[rows]]
    followed = actions == demos.actions[rows]
    owners = demos.trajectory_index[rows]
    taken = demos.take(rows, np.arange(len(rows) + 1, dtype=np.int64), owners)
    n = len(rows)
    known = followed if taken.next_known is None else followed & taken.next_known
    return replace(
        taken,
        actions=actions,
        next_known=known if demos.next_observations else None,
        next_states=None
        if taken.next_states is None
        else np.where(followed, taken.next_states, -1).astype(np.int32),
        trajectory_ids=np.array(
            [f"{demos.trajectory_ids[o]}#{s}" for o, s in zip(owners, demos.step_index[rows], strict=True)],
            dtype=object,
        ),
        demonstrators=np.zeros(n, dtype=np.int32),
        demonstrator_names=(RUNBOOK,),
        terminated=np.zeros(n, dtype=bool),
        truncated=np.ones(n, dtype=bool),
        weights=None,
        offered=None,
        succeeded=None,
        origins=np.full(n, ORIGINS.index("rule"), dtype=np.int32),
        labels={RUNBOOK: np.array([steps[i].name for i in chosen[rows]], dtype=object)},
        findings=(_finding(steps, chosen, followed),),
    )


def _finding(steps: Sequence[RunbookStep], chosen: np.ndarray, followed: np.ndarray) -> Finding:
    counts = {s.name: int(np.sum(chosen == i)) for i, s in enumerate(steps)}
    unused = [name for name, n in counts.items() if not n]
    left = int(np.sum(chosen < 0))
    told = f"; never: {', '.join(unused)}" if unused else ""
    return Finding(
        code="runbook-steps",
        severity=Severity.NOTICE,
        message=f"The runbook speaks of {len(chosen) - left:,} of {len(chosen):,} situations, and people did as it says"
        f" in {float(np.mean(followed)):.0%} of those{told}.",
        hint="Where people do otherwise, they know something that the page does not, or the other way round.",
        evidence={"steps": counts, "unknown": left, "followed": float(np.mean(followed))},
    )
