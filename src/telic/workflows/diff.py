"""``diff``: what changed from one version of the dataset to another, in words."""

from __future__ import annotations

from pathlib import Path

from telic.datasets.version_diff import VersionDiff, diff_versions
from telic.errors import DataError
from telic.reports import Report, Section, Table

from .access import permitted
from .progress import Progress, silent
from .project import Project
from .verb_result import VerbResult

__all__ = ["diff"]


@permitted("diff")
def diff(
    folder: str | Path, old: str | None = None, new: str | None = None, *, progress: Progress = silent
) -> VerbResult:
    """The changes from one version to another.

    Args:
        folder: project folder.
        old: digest (or its beginning) of the older version; None: the one published before ``new``.
        new: of the newer version; None: the newest.
        progress: told how far the work is.

    Returns:
        ``product`` is the ``VersionDiff``.

    Raises:
        DataError: there is no version before.
        PermanentError: there is no such project or version.
    """
    project = Project.open(folder)
    after = project.dataset(new)
    before = project.store.before(after) if old is None else project.dataset(old)
    if before is None:
        raise DataError(
            f"The version {after.digest[7:19]} is the first of {project.folder}; there is none before it.",
            hint="Name two versions, or ingest once more: telic diff DIR OLD NEW.",
        )
    progress("comparing versions", 0, None)
    found = diff_versions(
        project.store.load(before),
        project.store.load(after),
        old_findings=before.findings,
        new_findings=after.findings,
    )
    progress("comparing versions", 1, 1)
    may_name = project.contract.people is not None
    told = found.to_json()
    if not may_name:
        told = {k: v for k, v in told.items() if not k.startswith("demonstrators_")}
    words = found.sentences(with_people=may_name)
    headline = f"{words[0]}" if len(words) == 1 else f"{words[0]} {len(words) - 1} more changes."
    data = {
        "schema_version": 1,
        "verb": "diff",
        "task": project.contract.identity.task,
        "headline": headline,
        "old": before.digest,
        "new": after.digest,
        "words": list(words),
        "changes": told,
    }
    sections = (
        Section(title="What changed", items=words, anchor="words"),
        Section(title="Counts", items=(_counts(found, before.digest, after.digest),), anchor="counts"),
    )
    report = Report(
        title=f"Versions of {project.contract.identity.task}", headline=headline, sections=sections, data=data
    )
    with project.lock():
        run = project.run_of("diff", {"old": before.digest, "new": after.digest, "people": may_name})
        page = run.write(report)
        project.remember(run)
    return VerbResult(
        verb="diff",
        report=report,
        page=page,
        next_command=f"telic check {project.folder} --version {after.digest[7:19]} --against {before.digest[7:19]}",
        product=found,
    )


def _counts(found: VersionDiff, old: str, new: str) -> Table:
    return Table(
        title="Counts of both versions",
        columns=("what", old[7:19], new[7:19]),
        rows=(
            ("decisions", *found.decisions),
            ("trajectories", *found.trajectories),
            *((f"action {label}", a, b) for label, (a, b) in found.action_counts.items()),
        ),
    )
