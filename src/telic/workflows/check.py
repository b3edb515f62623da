"""``check``: the quality gate, and what the data can and cannot carry, before anything is inferred from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from telic.datasets import DatasetVersion
from telic.datasets.quality import Judgement, Verdict, gate_findings, judge
from telic.datasets.quality.drift import drift_findings
from telic.datasets.quarantine import Quarantine
from telic.errors import DataError
from telic.mdp import StateSpace
from telic.reports import Finding, Severity
from telic.reports.numbers import json_value
from telic.trajectories import Demonstrations
from telic.trajectories.checks import check as check_demonstrations

from .access import permitted
from .check_page import check_report
from .check_states import check_states
from .findings import finding_from
from .progress import Progress, silent
from .project import Project
from .readings import audited
from .simulator_check import simulator_of_log
from .verb_result import VerbResult, most_important

__all__ = ["check"]


@permitted("check")
@audited("check")
def check(
    folder: str | Path,
    *,
    version: str | None = None,
    against: str | None = None,
    progress: Progress = silent,
) -> VerbResult:
    """Verdict and findings, worst first; trajectories under suspicion are listed beside the version.

    Args:
        folder: project folder.
        version: digest (or its beginning) of a dataset version; None: the newest.
        against: version that drift is measured against; None: the one published before, if there is one.
        progress: told how far the work is.

    Returns:
        ``product`` is the tuple of findings; ``status`` is ``quality`` where the gate fails.

    Raises:
        ContractError, DataError: the contract does not fit the data.
        FeatureError: an edge case of the contract cannot be counted.
        PermanentError: there is no such project, or nothing was ingested.
    """
    project = Project.open(folder)
    if project.contract.actions.column is None:
        return check_states(project, version, progress)
    contract, dataset = project.contract, project.dataset(version)
    older = project.store.before(dataset) if against is None else project.dataset(against)
    inputs = {"dataset": dataset.digest, "contract": contract.digest}
    if older is not None and older.digest != dataset.digest:
        inputs["against"] = older.digest
    run = project.run_of("check", inputs)
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
            *gate_findings(encoded, contract, space),
            *check_demonstrations(encoded, contract, n_situations=space.n_states),
            *space.findings,
            *dataset.findings,
        ]
        if "against" in inputs and older is not None:
            progress("comparing versions", 0, None)
            found += _drift(project, older, encoded, space)
        progress("a simulator from the log", 0, None)
        simulator = simulator_of_log(contract, space, encoded)
        if not isinstance(simulator, str):
            found += simulator.findings
        progress("checking", 1, 1, f"{len(found)} findings")
        findings = tuple(sorted(found, key=lambda f: -int(f.severity)))
        data = _data(project, dataset, encoded, space, findings, judge(findings, contract))
        data["against"] = inputs.get("against")
        data["simulator"] = json_value(simulator if isinstance(simulator, str) else simulator.to_json())
    report = check_report(data, findings)
    with project.lock():
        quarantine = Quarantine.of(dataset.digest, findings)
        project.store.put_in_quarantine(quarantine)
        page = run.folder / "check.html" if is_reused else run.write(report)
        project.remember(run)
    failed = data["verdict"] == Verdict.FAIL
    return VerbResult(
        verb="check",
        report=report,
        page=page,
        finding=most_important(findings),
        next_command="" if failed else f"telic infer {project.folder}",
        is_reused=is_reused,
        status="quality" if failed else "ok",
        product=findings,
    )


def _drift(
    project: Project, older: DatasetVersion, encoded: Demonstrations, space: StateSpace
) -> list[Finding]:
    """What changed since an older version; a finding where it cannot be told."""
    try:
        before = space.encode(project.store.load(older))
    except DataError as error:
        return [
            Finding(
                code="drift-not-comparable",
                severity=Severity.NOTICE,
                message=f"The version {older.digest[7:19]} cannot be compared under this contract: {error.message}",
                hint="Compare it under the contract that it was ingested by.",
                evidence={"version": older.digest},
            )
        ]
    return drift_findings(before, encoded, space)


def _data(
    project: Project,
    dataset: DatasetVersion,
    demos: Demonstrations,
    space: StateSpace,
    findings: tuple[Finding, ...],
    judgement: Judgement,
) -> dict[str, object]:
    worst = sum(f.severity >= Severity.WARNING for f in findings)
    states, _ = demos.require_states()
    actions = np.bincount(demos.actions, minlength=demos.n_actions)
    quarantine = Quarantine.of(dataset.digest, findings)
    refused = (
        f"Not fit to learn from ({', '.join(judgement.codes)}): " if judgement.verdict is Verdict.FAIL else ""
    )
    headline = (
        f"{refused}{demos.n_decisions:,} decisions in {demos.n_trajectories:,} trajectories cover"
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
        "verdict": judgement.verdict.value,
        "rule": judgement.rule,
        "dataset": dataset.digest,
        "has_actions": True,
        "n_decisions": demos.n_decisions,
        "n_steps": demos.n_decisions,
        "n_trajectories": demos.n_trajectories,
        "n_states": space.n_states,
        "n_states_seen": len(np.unique(states)),
        "actions": dict(zip(demos.action_labels, actions.tolist(), strict=True)),
        "quarantined": list(quarantine.reasons),
        "quarantine": project.contract.quality.quarantine,
        "findings": [f.to_json() for f in findings],
    }
