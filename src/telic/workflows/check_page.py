"""The page of ``check``: the verdict and its rule, findings, evidence rows, drift, edge cases, quarantine, counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from telic.reports import Finding, Report, Section, Severity, Table

from .simulator_check import simulator_items

__all__ = ["check_report"]

VERDICTS = {
    "pass": "Pass: nothing speaks against learning from this version.",
    "warn": "Warn: deal with the warnings first, or know why they do not matter.",
    "fail": "Fail: nothing should be learned from this version as it is.",
}
"""What each verdict means for the reader."""

STATES_ALONE = (
    "States alone: nothing is learned from this version; what is said is about how the world was recorded."
)
"""What the verdict means for a log without actions."""

QUESTIONS = {
    "state": "states that are visited",
    "action": "shares of the actions",
    "choice": "choice in the same states",
    "length": "length of trajectories",
}
"""Questions of drift in words; every other is the name of an observation."""

LISTED = 30
"""Quarantined trajectories listed on the page; the file beside the version has all of them."""


def check_report(data: Mapping[str, Any], findings: Sequence[Finding]) -> Report:
    """The report of a check.

    Args:
        data: as ``check`` made it.
        findings: worst first.
    """
    sections = [
        Section(title="Verdict", items=tuple(_verdict(data)), anchor="verdict"),
        Section(title="Findings, worst first", items=tuple(findings), anchor="findings"),
        Section(title="Where to look", items=tuple(_evidence(findings)), anchor="rows"),
        Section(title="Since the older version", items=tuple(_drift(findings, data)), anchor="drift"),
        Section(title="Edge cases", items=tuple(_edge_cases(findings)), anchor="edge-cases"),
        Section(title="Quarantine", items=tuple(_quarantine(data)), anchor="quarantine"),
        Section(title="Simulator", items=tuple(simulator_items(data.get("simulator"))), anchor="simulator"),
        Section(title="Counts", items=(_counts(data),) if data["actions"] else (), anchor="counts"),
    ]
    return Report(
        title=f"Check of {data['task']}",
        headline=str(data["headline"]),
        sections=tuple(s for s in sections if s.items),
        data=dict(data),
    )


def _verdict(data: Mapping[str, Any]) -> Iterator[str]:
    if data.get("has_actions", True):
        yield VERDICTS[str(data["verdict"])]
    else:
        yield STATES_ALONE
    yield f"The gate {data['rule']}."


def _evidence(findings: Sequence[Finding]) -> Iterator[Table]:
    rows = []
    for finding in findings:
        if finding.severity < Severity.NOTICE:
            continue
        for place in finding.evidence.get("places", ()):
            last = place.get("last_step")
            steps = str(place["step"]) if last in (None, place["step"]) else f"{place['step']} to {last}"
            values = ", ".join(f"{name} {_short(value)}" for name, value in place["values"].items())
            rows.append((finding.code, place["trajectory"], steps, place["action"], values))
    if rows:
        yield Table(
            title="Some of the decisions that the findings rest on",
            columns=("finding", "trajectory", "step", "action", "what was seen"),
            rows=tuple(rows),
            note="Steps count from 0; at most five rows a finding.",
        )


def _drift(findings: Sequence[Finding], data: Mapping[str, Any]) -> Iterator[Table]:
    for finding in findings:
        if finding.code not in ("drift", "no-drift"):
            continue
        yield Table(
            title="What changed",
            columns=("question", "total variation", "p-value", "most at"),
            rows=tuple(
                (QUESTIONS.get(str(d["what"]), str(d["what"])), d["distance"], d["p_value"], d["where"])
                for d in finding.evidence["drifts"]
            ),
            digits=2,
            note=f"Against version {str(data.get('against') or '')[7:19]}, {finding.evidence['compared']}; p-values "
            f"are "
            f"corrected for {finding.evidence['questions']} questions.",
        )


def _edge_cases(findings: Sequence[Finding]) -> Iterator[Table]:
    rows = [
        (f.evidence["name"], f.evidence["decisions"], f.evidence["at_least"], "short")
        for f in findings
        if f.code == "edge-case-uncovered"
    ]
    for finding in findings:
        if finding.code == "edge-cases-covered":
            rows += [(c["name"], c["decisions"], c["at_least"], "covered") for c in finding.evidence["cases"]]
    if rows:
        yield Table(
            title="Edge cases that the contract names",
            columns=("case", "decisions", "needed", ""),
            rows=tuple(rows),
        )


def _quarantine(data: Mapping[str, Any]) -> Iterator[str]:
    names = list(data.get("quarantined", ()))
    if not names:
        return
    what = (
        "They are left out of everything that is computed (`quality.quarantine: leave_out`)."
        if data.get("quarantine") == "leave_out"
        else "They are still used: the contract says `quality.quarantine: report`."
    )
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    are = "trajectory is" if len(names) == 1 else "trajectories are"
    yield f"{len(names):,} {are} under suspicion: {', '.join(names[:LISTED])}{more}. {what}"


def _counts(data: Mapping[str, Any]) -> Table:
    counts: Mapping[str, int] = data["actions"]
    total = max(sum(counts.values()), 1)
    return Table(
        title="Decisions by action",
        columns=("action", "decisions", "share"),
        rows=tuple((name, n, n / total) for name, n in counts.items()),
    )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
