"""``report``: the page of an inference, one self-contained HTML file with its JSON twin."""

from __future__ import annotations

import json
from pathlib import Path

from telic.errors import PermanentError
from telic.reports import Report
from telic.storage import atomic_write

from .infer_report import outcome_named
from .page import build_page
from .progress import Progress, silent
from .project import Project, Run
from .verb_result import VerbResult

__all__ = ["report"]

N_SECTIONS = 9
"""Sections that a page may have, for the progress bar."""


def report(folder: str | Path, *, run: str | None = None, progress: Progress = silent) -> VerbResult:
    """The page of an inference, after HTML and JSON are there whole.

    Args:
        folder: project folder.
        run: digest (or its beginning) of an inference; None: the newest.
        progress: told how far the work is.

    Returns:
        ``product`` is the path of the page.

    Raises:
        PermanentError: there is no such project or inference.
    """
    project = Project.open(folder)
    inference = project.find_run("infer", run)
    page, twin = inference.folder / "report.html", inference.folder / "report.json"
    data = inference.read()
    is_reused = page.is_file() and twin.is_file()
    if not is_reused:
        built = build_page(data, figure_done=lambda i: progress("drawing the page", i, N_SECTIONS))
        with project.lock():
            atomic_write(page, built.to_html().encode())
            atomic_write(
                twin,
                (json.dumps(built.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode(),
            )
    summary = Report(
        title=f"Page of {data['task']}",
        headline=data["headline"],
        data={
            "schema_version": 1,
            "verb": "report",
            "task": data["task"],
            "headline": data["headline"],
            "run": inference.digest,
            "page": str(page),
            "json": str(twin),
        },
    )
    return VerbResult(
        verb="report",
        report=summary,
        page=page,
        next_command=_next(project, inference, page),
        is_reused=is_reused,
        outcome=outcome_named(data["result"]),
        product=page,
    )


def _next(project: Project, inference: Run, page: Path) -> str:
    """To plan for this inference, or to look at the page where that was done."""
    try:
        planned = project.find_run("train").read().get("inference")
    except PermanentError:
        planned = None
    return f"open {page} in a browser" if planned == inference.digest else f"telic train {project.folder}"
