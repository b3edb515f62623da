"""``check`` of a log without actions: what can be said of states alone, and that nothing can be learned from them."""

from __future__ import annotations

import numpy as np

from telic.datasets.quality import Verdict, judge
from telic.datasets.quality.without_actions import findings_without_actions

from .check_page import check_report
from .findings import finding_from
from .progress import Progress
from .project import Project
from .verb_result import VerbResult, most_important

__all__ = ["check_states"]


def check_states(project: Project, version: str | None, progress: Progress) -> VerbResult:
    """Verdict and findings about a version of the log of states.

    Args:
        project: whose contract names no column of actions.
        version: digest (or its beginning) of a version; None: the newest.
        progress: told how far the work is.

    Raises:
        ContractError, DataError: the contract does not fit the data.
        FeatureError: an edge case of the contract cannot be counted.
        PermanentError: nothing was ingested.
    """
    contract, dataset = project.contract, project.states(version)
    run = project.run_of("check", {"states": dataset.digest, "contract": contract.digest})
    is_reused = run.is_done
    if is_reused:
        data = run.read()
        findings = tuple(finding_from(f) for f in data["findings"])
    else:
        progress("reading data", 0, None)
        seen = project.state_store.load(dataset)
        progress("reading data", 1, 1, f"{seen.n_steps:,} states")
        space = seen.state_space(contract)
        seen = seen.encoded(space)
        progress("checking", 0, None)
        found = [*findings_without_actions(seen, contract, space), *space.findings, *dataset.findings]
        findings = tuple(sorted(found, key=lambda f: -int(f.severity)))
        progress("checking", 1, 1, f"{len(findings)} findings")
        judgement = judge(findings, contract)
        assert seen.states is not None, "the space encoded them"
        n_seen = len(np.unique(seen.states))
        headline = (
            f"A log of states without actions: {seen.n_steps:,} in {seen.n_trajectories:,} trajectories cover "
            f"{n_seen:,} of {space.n_states:,} states; nothing can be learned from choices that were not recorded."
        )
        data = {
            "schema_version": 1,
            "verb": "check",
            "task": contract.identity.task,
            "headline": headline,
            "verdict": judgement.verdict.value,
            "rule": judgement.rule,
            "dataset": dataset.digest,
            "has_actions": False,
            "n_decisions": 0,
            "n_steps": seen.n_steps,
            "n_trajectories": seen.n_trajectories,
            "n_states": space.n_states,
            "n_states_seen": n_seen,
            "actions": {},
            "quarantined": [],
            "quarantine": contract.quality.quarantine,
            "against": None,
            "simulator": "A log without actions makes no simulator.",
            "findings": [f.to_json() for f in findings],
        }
    report = check_report(data, findings)
    with project.lock():
        page = run.folder / "check.html" if is_reused else run.write(report)
        project.remember(run)
    return VerbResult(
        verb="check",
        report=report,
        page=page,
        finding=most_important(findings),
        next_command="",
        is_reused=is_reused,
        status="quality" if data["verdict"] == Verdict.FAIL else "ok",
        product=findings,
    )
