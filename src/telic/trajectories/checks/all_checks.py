"""``check``: every finding about a set of demonstrations, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from telic.contract import TaskContract
from telic.errors import ContractError, DataError
from telic.reports import Finding, Severity
from telic.trajectories.demonstrations import Demonstrations

from .contradictions import agreement_findings, difference_findings
from .coverage import coverage_findings
from .regularity import column_findings, copy_findings, time_findings
from .situations import situations_of
from .transitions import bound_findings, transition_findings

if TYPE_CHECKING:
    from telic.mdp import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP

__all__ = ["check"]

MOSTLY_ONE = 0.8
"""Share of the decisions of one demonstrator from which "the experts" are mostly that one."""


def check(
    demos: Demonstrations,
    contract: TaskContract,
    *,
    n_situations: int | None = None,
    mdp: TabularMDP | FiniteHorizonMDP | GoalConditionedMDP | None = None,
    key: int = 0,
) -> list[Finding]:
    """What the demonstrations can and cannot carry, worst first; what ingest noticed is not repeated.

    Args:
        demos: with or without states; with states every comparison is made within them.
        contract: bounds, timing, and whether single demonstrators may be named (``people``).
        n_situations: number of states in all, for the share that was seen; None: unknown.
        mdp: a world to hold the transitions against; None: only the contract's bounds are checked.
        key: of the pairings that small comparisons draw.

    Raises:
        ContractError: the actions of the demonstrations are not those of the contract.
        DataError: there are no decisions, or an observation of the contract is missing.
    """
    if demos.n_decisions == 0:
        raise DataError(
            "There are no decisions to check.", hint="Check the filter or the split that left none."
        )
    if demos.action_labels != contract.actions.labels:
        raise ContractError(
            f"The demonstrations have the actions {', '.join(demos.action_labels)}, the contract "
            f"{', '.join(contract.actions.labels)}.",
            hint="Ingest the log again under this contract.",
        )
    situations = situations_of(demos, contract)
    findings = [
        *coverage_findings(demos, situations, n_situations),
        *difference_findings(demos, contract, situations, key=key),
        *agreement_findings(demos, situations),
        *_count_findings(demos, contract),
        *time_findings(demos, contract),
        *column_findings(demos, contract),
        *copy_findings(demos),
        *bound_findings(demos, contract),
    ]
    if mdp is not None and demos.states is not None:
        findings += transition_findings(demos, mdp)
    return sorted(findings, key=lambda f: -int(f.severity))


def _count_findings(demos: Demonstrations, contract: TaskContract) -> list[Finding]:
    """Decisions per demonstrator: by pseudonym where the contract allows it, else how uneven they are."""
    D = len(demos.demonstrator_names)
    if D < 2:
        return []
    lengths = np.diff(demos.offsets)
    decisions = np.bincount(demos.demonstrators, weights=lengths, minlength=D).astype(np.int64)
    trajectories = np.bincount(demos.demonstrators, minlength=D)
    most = float(decisions.max() / decisions.sum())
    evidence: dict[str, object] = {
        "n_demonstrators": D,
        "largest_share": most,
        "smallest": int(decisions.min()),
        "median": float(np.median(decisions)),
    }
    names = ""
    if contract.people is not None:
        evidence["decisions"] = dict(zip(demos.demonstrator_names, decisions.tolist(), strict=True))
        evidence["trajectories"] = dict(zip(demos.demonstrator_names, trajectories.tolist(), strict=True))
        listed = sorted(zip(decisions.tolist(), demos.demonstrator_names, strict=True), reverse=True)[:8]
        names = ": " + ", ".join(f"{name} {count:,}" for count, name in listed)
    return [
        Finding(
            code="counts",
            severity=Severity.NOTICE if most > MOSTLY_ONE else Severity.INFO,
            message=f"{D} demonstrators took {int(decisions.sum()):,} decisions; the busiest {most:.0%} "
            f"of them, the least busy "
            f"{int(decisions.min()):,}{names}.",
            hint="What is inferred is mostly the taste of one." if most > MOSTLY_ONE else "",
            evidence=evidence,
        )
    ]
