"""``review``: once a month, what changed in the dataset since the last review, its quality, and its bias.

A month is reviewed once: asked again in the same month, the review that was made is shown. Each is noted in
``runs/reviews.jsonl`` (append-only, chained, ``telic.storage.ledger``) with the version that it looked at, and the next
one begins there. Nothing runs by itself: the report ends with the lines that a scheduler wants.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from telic._core.clock import SYSTEM_CLOCK, Clock
from telic.datasets import DatasetVersion
from telic.datasets.version_diff import diff_versions
from telic.reports import Finding, Report, Section, Table
from telic.storage.ledger import append, entries, login_name

from .access import permitted
from .check import check
from .findings import finding_from
from .progress import Progress, silent
from .project import Project
from .readings import audited
from .verb_result import VerbResult, most_important

__all__ = ["BIAS_CODES", "REVIEWS", "review"]

REVIEWS = "reviews.jsonl"
"""In ``runs/``."""

BIAS_CODES = (
    "choice-depends-on-context",
    "skill-differs",
    "demonstrators-differ",
    "demonstrators-agree",
    "demonstrators-not-comparable",
    "mixed-decisions",
    "changed-mind",
    "poisoning-suspected",
    "acts-otherwise",
    "origins-mixed",
)
"""Findings that are about who decides and how alike they do, rather than about the measurements."""


@permitted("review")
@audited("review")
def review(folder: str | Path, *, clock: Clock = SYSTEM_CLOCK, progress: Progress = silent) -> VerbResult:
    """The review of this month, made or shown again.

    Args:
        folder: project folder.
        clock: says which month it is, in UTC.
        progress: told how far the work is.

    Returns:
        ``product`` is the JSON form of the review; ``status`` is ``quality`` where the gate fails.

    Raises:
        DataError: nothing was ingested, or a file of the version was changed.
        PermanentError: there is no such project, or the record of reviews was changed.
    """
    project = Project.open(folder)
    month = datetime.fromtimestamp(clock.now(), tz=UTC).strftime("%Y-%m")
    record = project.folder / "runs" / REVIEWS
    past = entries(record)
    done = next((e for e in past if e["month"] == month), None)
    dataset = project.dataset(None if done is None else done["dataset"])
    before = [e for e in past if e["month"] != month]
    older, gone = _last(project, before)
    inputs = {
        "month": month,
        "dataset": dataset.digest,
        "contract": project.contract.digest,
        "against": before[-1]["dataset"] if before else "",
    }
    run = project.run_of("review", inputs) if done is None else project.find_run("review", done["run"])
    is_reused = done is not None and run.is_done
    if is_reused:
        data = run.read()
    else:
        data = _data(project, month, dataset, older, gone, progress)
        data["digest"] = run.digest
    report = _report(project, data)
    with project.lock():
        page = run.folder / "review.html" if is_reused else run.write(report)
        project.remember(run)
        if done is None:
            append(
                record,
                {
                    "schema_version": 1,
                    "when": clock.timestamp(),
                    "who": login_name(),
                    "month": month,
                    "dataset": dataset.digest,
                    "against": inputs["against"],
                    "run": run.digest,
                    "verdict": data["verdict"],
                },
            )
    findings = tuple(finding_from(f) for f in data["findings"])
    return VerbResult(
        verb="review",
        report=report,
        page=page,
        finding=most_important(findings),
        next_command=f"telic check {project.folder}" if data["verdict"] == "fail" else "",
        is_reused=is_reused,
        status="quality" if data["verdict"] == "fail" else "ok",
        product=data,
    )


def _last(project: Project, before: list[dict[str, Any]]) -> tuple[DatasetVersion | None, str]:
    """The version of the last review, and its digest where it is not there any more."""
    if not before:
        return None, ""
    digest = str(before[-1]["dataset"])
    found = [v for v in project.store.versions() if v.digest == digest]
    return (found[0], "") if found else (None, digest)


def _data(
    project: Project,
    month: str,
    dataset: DatasetVersion,
    older: DatasetVersion | None,
    gone: str,
    progress: Progress,
) -> dict[str, Any]:
    """All that the review says, as JSON."""
    against = None if older is None or older.digest == dataset.digest else older
    checked = check(
        project.folder,
        version=dataset.digest,
        against=dataset.digest if against is None else against.digest,
        progress=progress,
    )
    if against is not None:
        progress("comparing versions", 0, None)
        changes = diff_versions(
            project.store.load(against),
            project.store.load(dataset),
            old_findings=against.findings,
            new_findings=dataset.findings,
        )
        words = list(changes.sentences(with_people=project.contract.people is not None))
    elif gone:
        words = [f"The version of the last review ({gone[7:19]}) is gone, so what changed cannot be told."]
    elif older is not None:
        words = ["Nothing was ingested since the last review."]
    else:
        words = ["This is the first review; the next one will say what changed."]
    listed = [v.digest for v in project.store.versions()]
    since = listed[listed.index(older.digest) + 1 :] if older is not None else listed
    found = checked.report.data
    verdict = str(found["verdict"])
    headline = (
        f"{month}: {len(since)} new version{'s' if len(since) != 1 else ''}, {dataset.n_decisions:,} decisions; "
        f"the quality gate says {verdict}. {words[0]}"
    )
    return {
        "schema_version": 1,
        "verb": "review",
        "task": project.contract.identity.task,
        "headline": headline,
        "month": month,
        "dataset": dataset.digest,
        "against": None if older is None else older.digest,
        "versions": since,
        "words": words,
        "verdict": verdict,
        "rule": found["rule"],
        "check": str(found.get("digest") or project.find_run("check").digest),
        "findings": found["findings"],
        "n_decisions": dataset.n_decisions,
        "n_trajectories": dataset.n_trajectories,
    }


def _report(project: Project, data: Mapping[str, Any]) -> Report:
    findings = [finding_from(f) for f in data["findings"]]
    bias = [f for f in findings if f.code in BIAS_CODES]
    others = [f for f in findings if f.code not in BIAS_CODES]
    versions = Table(
        title="Versions since the last review",
        columns=("version",),
        rows=tuple((digest,) for digest in data["versions"]),
    )
    nobody: list[Finding | str] = [
        "Nothing was found, or nothing could be asked: see the page of `telic check`."
    ]
    sections = (
        Section(title="What changed", items=(*data["words"], *([versions] if data["versions"] else []))),
        Section(title="Bias: who decides, and how alike", items=tuple(bias or nobody), anchor="bias"),
        Section(title=f"Quality: {data['rule']}", items=tuple(others or nobody), anchor="quality"),
        Section(title="On a schedule", items=_schedule(project.folder), anchor="schedule"),
    )
    return Report(
        title=f"Review of {data['task']}, {data['month']}",
        headline=str(data["headline"]),
        sections=sections,
        data=dict(data),
    )


def _schedule(folder: Path) -> tuple[str, ...]:
    """The lines for cron and for systemd."""
    call = f"telic review {shlex.quote(str(folder.resolve()))}"
    return (
        f"cron: 0 6 1 * * {call}",
        "systemd: a service with this ExecStart, and a timer with OnCalendar=*-*-01 06:00:00 and Persistent=true: "
        f"ExecStart=/usr/bin/env {call}",
        "Called more often it does no harm: a month is reviewed once.",
    )
