"""``check``: what the data can and cannot carry, before anything is inferred from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from telic.mdp import StateSpace
from telic.reports import Finding, Report, Section, Severity, Table
from telic.trajectories import Demonstrations
from telic.trajectories.checks import check as check_demonstrations

from .findings import finding_from
from .progress import Progress, silent
from .project import Project
from .verb_result import VerbResult, most_important

__all__ = ["check"]


def check(folder: str | Path, *, version: str | None = None, progress: Progress = silent) -> VerbResult:
    """Coverage, contradictions, impossible values, gaps, duplicates and counts, worst first.

    Args:
        folder: project folder.
        version: digest (or its beginning) of a dataset version; None: the newest.
        progress: told how far the work is.

    Returns:
        ``product`` is the tuple of findings.

    Raises:
        ContractError, DataError: the contract does not fit the data.
        PermanentError: there is no such project, or nothing was ingested.
    """
    project = Project.open(folder)
    contract, dataset = project.contract, project.dataset(version)
    run = project.run_of("check", {"dataset": dataset.digest, "contract": contract.digest})
    is_reused = run.is_done
    if is_reused:
        data = run.read()
        findings = tuple(finding_from(f) for f in data["findings"])
    else:
        progress("reading data", 0, None)
        demos = project.store.load(dataset)
        progress("reading data", 1, 1, f"{demos.n_decisions:,} decisions")
        space = StateSpace.from_contract(contract, demos)
        encoded = space.encode(demos)
        if contract.dynamics.environment is not None:
            space.require_constant(contract.dynamics.environment, encoded)
        progress("checking", 0, None)
        found = [
            *check_demonstrations(encoded, contract, n_situations=space.n_states),
            *space.findings,
            *dataset.findings,
        ]
        progress("checking", 1, 1, f"{len(found)} findings")
        findings = tuple(sorted(found, key=lambda f: -int(f.severity)))
        data = _data(project, dataset.digest, encoded, space, findings)
    report = _report(data, findings)
    with project.lock():
        page = run.folder / "check.html" if is_reused else run.write(report)
        project.remember(run)
    return VerbResult(
        verb="check",
        report=report,
        page=page,
        finding=most_important(findings),
        next_command=f"telic infer {project.folder}",
        is_reused=is_reused,
        product=findings,
    )


def _data(
    project: Project, digest: str, demos: Demonstrations, space: StateSpace, findings: tuple[Finding, ...]
) -> dict[str, object]:
    worst = sum(f.severity >= Severity.WARNING for f in findings)
    states, _ = demos.require_states()
    actions = np.bincount(demos.actions, minlength=demos.n_actions)
    headline = (
        f"{demos.n_decisions:,} decisions in {demos.n_trajectories:,} trajectories cover"
        f" {len(np.unique(states)):,} of {space.n_states:,} states; "
        + (
            f"{worst} finding{'s' if worst != 1 else ''} to deal with first."
            if worst
            else "nothing to deal with first."
        )
    )
    return {
        "schema_version": 1,
        "verb": "check",
        "task": project.contract.identity.task,
        "headline": headline,
        "dataset": digest,
        "n_decisions": demos.n_decisions,
        "n_trajectories": demos.n_trajectories,
        "n_states": space.n_states,
        "n_states_seen": len(np.unique(states)),
        "actions": dict(zip(demos.action_labels, actions.tolist(), strict=True)),
        "findings": [f.to_json() for f in findings],
    }


def _report(data: dict[str, object], findings: tuple[Finding, ...]) -> Report:
    counts = data["actions"]
    assert isinstance(counts, dict)
    total = max(sum(counts.values()), 1)
    table = Table(
        title="Decisions by action",
        columns=("action", "decisions", "share"),
        rows=tuple((name, n, n / total) for name, n in counts.items()),
    )
    sections = [
        Section(title="Findings, worst first", items=findings, anchor="findings"),
        Section(title="Counts", items=(table,), anchor="counts"),
    ]
    return Report(
        title=f"Check of {data['task']}",
        headline=str(data["headline"]),
        sections=tuple(s for s in sections if s.items),
        data=data,
    )
