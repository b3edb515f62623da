"""What the gate can say of a log without actions: columns, telemetry, sensors, copies, coverage of states and cases.

Whatever is about choices (campaigns, changes of mind, bias, skill) is left out, and so are the edge cases whose
expression speaks of ``action``: a finding names them.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from telic.contract import TaskContract
from telic.datasets.state_only import StateOnly
from telic.mdp import StateSpace
from telic.reports import Finding, Severity

from .edge_cases import edge_case_findings, state_findings
from .near_copies import near_copy_findings
from .saturation import saturation_findings
from .schema import schema_findings
from .telemetry import telemetry_findings

__all__ = ["findings_without_actions"]

UNKNOWN = "not recorded"
"""What stands for the action in rows of evidence."""

SPEAKS_OF_ACTIONS = re.compile(r"\baction\b")


def findings_without_actions(seen: StateOnly, contract: TaskContract, space: StateSpace) -> list[Finding]:
    """What the gate finds in a log of states; worst first.

    Args:
        seen: with states of this space.
        contract: what the data should be.
        space: how measurements are cut.

    Raises:
        FeatureError: an edge case cannot be counted.
    """
    rows = replace(seen.without_choices(), times=seen.times, next_known=seen.next_known)
    broken = schema_findings(rows, contract)
    if broken:
        return [_without_action(f) for f in broken]
    untold = tuple(case for case in contract.coverage if SPEAKS_OF_ACTIONS.search(case.expression))
    told = contract.model_copy(update={"coverage": tuple(c for c in contract.coverage if c not in untold)})
    assert seen.states is not None, "the space encoded them"
    findings = [
        *telemetry_findings(rows, contract),
        *saturation_findings(rows, contract),
        *near_copy_findings(rows, contract),
        *edge_case_findings(rows, told),
        *state_findings(rows, seen.states.astype(np.int64), contract, n_states=space.n_states),
        _about_choices(tuple(case.name for case in untold)),
    ]
    return sorted((_without_action(f) for f in findings), key=lambda f: -int(f.severity))


def _about_choices(cases: tuple[str, ...]) -> Finding:
    named = f", and neither can the edge cases that speak of actions: {', '.join(cases)}" if cases else ""
    return Finding(
        code="choices-not-checked",
        severity=Severity.NOTICE,
        message=f"The log has no actions, so nothing about choices can be checked (campaigns, changes of mind, bias, "
        f"skill){named}.",
        hint="Record what was done, or infer it with its uncertainty: `telic.datasets.state_only.infer_actions`.",
        evidence={"edge_cases": list(cases)},
    )


def _without_action(finding: Finding) -> Finding:
    """The finding, whose rows of evidence name no action."""
    if "places" not in finding.evidence:
        return finding
    shown = [{**place, "action": UNKNOWN} for place in finding.evidence["places"]]
    return replace(finding, evidence={**finding.evidence, "places": shown})
