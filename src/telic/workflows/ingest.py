"""``ingest``: logs to a dataset version, by the contract."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from telic.datasets import DatasetVersion
from telic.datasets import ingest as ingest_files
from telic.datasets.sources.formats import is_folder_format
from telic.datasets.state_store import ingest_states
from telic.errors import DataError
from telic.reports import Report, Section, Table

from .access import permitted
from .progress import Progress, silent
from .project import SOURCE_SUFFIXES, Project, require_files
from .verb_result import VerbResult, most_important

__all__ = ["ingest"]


@permitted("ingest")
def ingest(
    folder: str | Path,
    sources: Sequence[str | Path] = (),
    *,
    ray: int | None = None,
    progress: Progress = silent,
) -> VerbResult:
    """The dataset version that the logs hold; the same logs again are not read again.

    Args:
        folder: project folder.
        sources: files to read, in order; none: those that lie beside the contract. Of a contract with ``streams``
            at most the folder that their files lie in.
        ray: number of workers of a local Ray cluster that share the work; None: this process alone.
        progress: told how far the work is.

    Returns:
        ``product`` is the ``DatasetVersion``.

    Raises:
        ContractError: the contract is not valid.
        DataError: there is nothing to read, or the files break the contract (file, line and column are
            named).
        PermanentError: a file does not exist or cannot be read.
        SettingsError: Ray is not installed.
        TemporaryError: the disk is full or another ingest is running; the old version stays whole.
    """
    project = Project.open(folder)
    contract = project.contract
    if contract.streams:
        paths = [_stream_folder(project, sources)]
    else:
        paths = [Path(source) for source in sources] or list(project.sources)
    if not paths:
        raise DataError(
            f"There is nothing to ingest: no file beside {project.contract_path} ends in"
            f" {', '.join(SOURCE_SUFFIXES)}.",
            hint=f"Name the logs: telic ingest {project.folder} FILE...",
        )
    require_files(paths, folders=bool(contract.streams) or is_folder_format(contract.data.format))
    progress(
        "reading logs",
        0,
        None,
        f"{len(contract.streams) or len(paths)} {'streams' if contract.streams else 'files'}",
    )
    is_states = contract.actions.column is None
    if is_states:
        version = ingest_states(contract, paths, project.state_store)
    else:
        version = ingest_files(contract, paths, project.store, ray=ray, progress=progress)
    progress("reading logs", 1, 1, f"{version.n_decisions:,} {'states' if is_states else 'decisions'}")
    report = _report(project, version)
    with project.lock():
        run = project.run_of("ingest", {"dataset": version.digest, "contract": contract.digest})
        page = run.write(report)
        project.remember(run)
    return VerbResult(
        verb="ingest",
        report=report,
        page=page,
        finding=most_important(version.findings),
        next_command=f"telic check {project.folder}",
        is_reused=not version.is_new,
        product=version,
    )


def _stream_folder(project: Project, sources: Sequence[str | Path]) -> Path:
    """Where the files of the streams lie: beside the contract, or in the one folder that was named."""
    if not sources:
        return project.folder
    if len(sources) == 1 and Path(sources[0]).is_dir():
        return Path(sources[0])
    raise DataError(
        f"The contract has `streams`, which name their files; got {len(sources)} on the command line.",
        hint=f"Run: telic ingest {project.folder}, or name the one folder that they lie in.",
    )


def _report(project: Project, version: DatasetVersion) -> Report:
    task = project.contract.identity.task
    has_people = project.contract.data.demonstrator is not None
    n_people = version.n_demonstrators
    # Where no column names who decided, nobody was counted.
    people = f" of {n_people} {'person' if n_people == 1 else 'people'}" if has_people else ""
    is_states = project.contract.actions.column is None
    what = "states without actions" if is_states else "decisions"
    headline = (
        f"{version.n_decisions:,} {what} in {version.n_trajectories:,}"
        f" {'trajectory' if version.n_trajectories == 1 else 'trajectories'}{people}, from"
        f" {len(version.sources)} file{'s' if len(version.sources) != 1 else ''}."
    )
    sources = Table(
        title="Files",
        columns=("file", "digest"),
        rows=tuple((name.partition(":")[2] or name, digest) for name, digest in version.sources.items()),
        note="Raw files are read, never changed.",
    )
    worst_first = sorted(version.findings, key=lambda finding: -int(finding.severity))
    sections = [
        Section(title="What was noticed", items=tuple(worst_first), anchor="findings"),
        Section(title="Sources", items=(sources, f"Dataset {version.digest}."), anchor="sources"),
    ]
    return Report(
        title=f"Ingest of {task}",
        headline=headline,
        sections=tuple(s for s in sections if s.items),
        data={
            "schema_version": 1,
            "verb": "ingest",
            "task": task,
            "headline": headline,
            "dataset": version.digest,
            "contract": project.contract.digest,
            "n_decisions": 0 if is_states else version.n_decisions,
            "n_steps": version.n_decisions,
            "has_actions": not is_states,
            "n_trajectories": version.n_trajectories,
            "n_demonstrators": version.n_demonstrators,
            "is_new": version.is_new,
            "sources": dict(version.sources),
            "findings": [finding.to_json() for finding in worst_first],
        },
    )
