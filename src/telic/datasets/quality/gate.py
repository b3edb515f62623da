"""The quality gate: every finding about a dataset, and whether anything may be learned from it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from telic.contract import TaskContract
from telic.mdp import StateSpace
from telic.reports import Finding, Severity
from telic.trajectories import Demonstrations

from .audit import audit_findings
from .campaigns import search
from .changed_mind import changed_mind_findings
from .edge_cases import edge_case_findings, state_findings
from .near_copies import near_copy_findings
from .origins import origin_findings
from .poisoning import habit_findings, poisoning_findings
from .saturation import saturation_findings
from .schema import schema_findings
from .telemetry import telemetry_findings

__all__ = ["Judgement", "Verdict", "gate_findings", "judge"]


class Verdict(enum.StrEnum):
    """What the gate says."""

    PASS = "pass"  # noqa: S105 - a verdict, no secret
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict and the rule that led to it.

    Attributes:
        verdict: pass, warn or fail.
        rule: the rule in words, with what it met.
        codes: the findings that decided it.
    """

    verdict: Verdict
    rule: str
    codes: tuple[str, ...]


def gate_findings(demos: Demonstrations, contract: TaskContract, space: StateSpace) -> list[Finding]:
    """What the gate finds in a dataset, beside ``telic.trajectories.checks``; worst first.

    Args:
        demos: with states of this space.
        contract: what the data should be.
        space: how measurements are cut.

    Raises:
        DataError: the demonstrations have no states.
        FeatureError: an edge case cannot be counted.
    """
    broken = schema_findings(demos, contract)
    if broken:
        return broken
    cells = demos.require_states()[0].astype(np.int64)
    campaigns, habits, records = search(demos, space)
    findings = [
        *poisoning_findings(demos, campaigns, contract),
        *habit_findings(demos, habits, contract),
        *telemetry_findings(demos, contract),
        *saturation_findings(demos, contract),
        *near_copy_findings(demos, contract),
        *changed_mind_findings(demos, records, contract),
        *audit_findings(demos, records, contract),
        *origin_findings(demos),
        *edge_case_findings(demos, contract),
        *state_findings(demos, cells, contract, n_states=space.n_states),
    ]
    return sorted(findings, key=lambda f: -int(f.severity))


def judge(findings: Iterable[Finding], contract: TaskContract) -> Judgement:
    """The verdict: fail on an error or on a code that the contract refuses, warn on a warning, else pass.

    Args:
        findings: all of them.
        contract: names codes that fail the gate (``quality.fail_on``).
    """
    listed = list(findings)
    refused = set(contract.quality.fail_on)
    errors = [f.code for f in listed if f.severity >= Severity.ERROR]
    named = [f.code for f in listed if f.code in refused]
    warned = [f.code for f in listed if f.severity == Severity.WARNING]
    if errors or named:
        codes = tuple(dict.fromkeys([*errors, *named]))
        return Judgement(
            verdict=Verdict.FAIL,
            rule=f"fails on every error and on what the contract refuses (quality.fail_on): {', '.join(codes)}",
            codes=codes,
        )
    if warned:
        codes = tuple(dict.fromkeys(warned))
        return Judgement(
            verdict=Verdict.WARN, rule=f"warns on every warning: {', '.join(codes)}", codes=codes
        )
    return Judgement(verdict=Verdict.PASS, rule="passes without error or warning", codes=())
