"""``card``: a version of the dataset as a folder for others, with its cards."""

from __future__ import annotations

from pathlib import Path

from telic.datasets.cards import write_card
from telic.reports import Report, Section

from .access import permitted
from .check import check
from .progress import Progress, silent
from .project import Project
from .verb_result import VerbResult, most_important

__all__ = ["card"]


@permitted("card")
def card(
    folder: str | Path, out: str | Path, *, version: str | None = None, progress: Progress = silent
) -> VerbResult:
    """A folder with one readable table, a Hugging Face card and Croissant metadata; nothing in it says who decided.

    What is in quarantine is left out where the contract says so.

    Args:
        folder: project folder.
        out: a new folder.
        version: digest (or its beginning) of a dataset version; None: the newest.
        progress: told how far the work is.

    Returns:
        ``product`` is the ``Card``.

    Raises:
        SettingsError: the rows must stay erasable, so no clear copy may leave.
        PermanentError: there is no such project or version, or ``out`` is there already.
        TemporaryError: the disk is full; nothing is left behind.
    """
    project, place = Project.open(folder), Path(out)
    dataset = project.dataset(version)
    findings = check(folder, version=dataset.digest, progress=progress).product
    progress("writing the table", 0, None)
    made = write_card(place, project.demonstrations(dataset), dataset, project.contract, findings)
    progress("writing the table", 1, 1, f"{made.n_rows:,} decisions")
    headline = f"{made.n_rows:,} decisions of version {dataset.digest[7:19]} with their cards are in {place}."
    report = Report(
        title=f"Card of {project.contract.identity.task}",
        headline=headline,
        sections=(
            Section(
                title="Files",
                items=(
                    f"`data/decisions.parquet`: one row a decision; {made.table_digest}.",
                    "`README.md`: card for the Hugging Face Hub. `croissant.json`: Croissant 1.0.",
                ),
            ),
        ),
        data={
            "schema_version": 1,
            "verb": "card",
            "task": project.contract.identity.task,
            "headline": headline,
            "dataset": dataset.digest,
            "folder": str(place),
            "table_digest": made.table_digest,
            "n_decisions": made.n_rows,
        },
    )
    return VerbResult(
        verb="card", report=report, page=place / "README.md", finding=most_important(findings), product=made
    )
