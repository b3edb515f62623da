"""``lineage``: what a version of the dataset was made from, and every result that was made from it."""

from __future__ import annotations

from pathlib import Path

from telic.datasets import DatasetVersion
from telic.datasets.lineage import Descendant, descendants_of
from telic.reports import Report, Section, Table

from .access import permitted
from .project import Project
from .verb_result import VerbResult

__all__ = ["lineage"]


@permitted("lineage")
def lineage(folder: str | Path, version: str | None = None) -> VerbResult:
    """Where a version comes from and where it went.

    Args:
        folder: project folder.
        version: digest (or its beginning) of a dataset version; None: the newest.

    Returns:
        ``product`` is the tuple of ``Descendant``.

    Raises:
        PermanentError: there is no such project, or no such version.
    """
    project = Project.open(folder)
    is_states = project.contract.actions.column is None
    dataset = project.states(version) if is_states else project.dataset(version)
    store = project.state_store.files if is_states else project.store
    made = descendants_of(dataset, project.folder / "runs")
    provenance = store.provenance(dataset)
    kind = " (states without actions)" if is_states else ""
    headline = (
        f"Version {dataset.digest[7:19]}{kind} was made from {_count(len(dataset.sources), 'file')}; "
        f"{_count(len(made), 'result')} {'goes' if len(made) == 1 else 'go'} back to it."
    )
    is_current = dataset.contract_digest == project.contract.digest
    data = {
        "schema_version": 1,
        "verb": "lineage",
        "task": project.contract.identity.task,
        "headline": headline,
        "dataset": dataset.digest,
        "sources": dict(dataset.sources),
        "contract": dataset.contract_digest,
        "contract_is_current": is_current,
        "code": provenance.code,
        "results": [
            {"verb": d.verb, "folder": d.folder, "digest": d.digest, "through": d.through} for d in made
        ],
    }
    report = Report(
        title=f"Lineage of {project.contract.identity.task}",
        headline=headline,
        sections=(
            Section(
                title="Made from", items=(_sources(dataset), _contract(dataset, provenance.code, is_current))
            ),
            Section(title="Went into", items=(_results(made),)),
        ),
        data=data,
    )
    return VerbResult(
        verb="lineage", report=report, next_command=f"telic check {project.folder}", product=made
    )


def _sources(dataset: DatasetVersion) -> Table:
    return Table(
        title="Source files",
        columns=("file", "digest"),
        rows=tuple((name.partition(":")[2] or name, digest) for name, digest in dataset.sources.items()),
    )


def _contract(dataset: DatasetVersion, code: str, is_current: bool) -> str:
    known = dataset.contract_digest or "unknown"
    state = "that of today" if is_current else "not that of today: it was changed since"
    return f"Contract {known} ({state}), read by telic {code or 'of unknown version'}."


def _results(made: tuple[Descendant, ...]) -> Table:
    return Table(
        title="Results",
        columns=("verb", "run", "made from"),
        rows=tuple((d.verb, d.folder, d.through or "the version itself") for d in made),
        note="Results whose files were removed are not listed.",
    )


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
