"""``report``: the page of an inference, one self-contained HTML file with its JSON twin."""

from __future__ import annotations

import json
from pathlib import Path

from telic.errors import PermanentError
from telic.reports import Outcome, Report
from telic.storage import atomic_write

from .access import permitted
from .group_page import about_the_group
from .infer_parts import asked_outcome
from .infer_report import outcome_named
from .page import build_page
from .progress import Progress, silent
from .project import Project, Run
from .readings import audited
from .verb_result import VerbResult

__all__ = ["report"]


@permitted("report")
@audited("report")
def report(
    folder: str | Path, *, run: str | None = None, group: bool = False, progress: Progress = silent
) -> VerbResult:
    """The page of an inference, after HTML and JSON are there whole.

    Args:
        folder: project folder.
        run: digest (or its beginning) of an inference; None: the newest.
        group: the page to hand on, without single people.
        progress: told how far the work is.

    Returns:
        ``product`` is the path of the page.

    Raises:
        PermanentError: there is no such project or inference.
        SettingsError: fewer people decided than a page about a group may be about.
    """
    project = Project.open(folder)
    inference = project.find_run("infer", run)
    name = "group" if group else "report"
    page, twin = inference.folder / f"{name}.html", inference.folder / f"{name}.json"
    data = inference.read()
    if group:
        data = about_the_group(project.contract, data)
    # How many people make a group may change after an inference; the page about it is then made again.
    is_reused = not group and page.is_file() and twin.is_file()
    if not is_reused:
        built = build_page(data, section_done=lambda i, n: progress("drawing the page", i, n))
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
    outcome = outcome_named(asked_outcome(data))
    return VerbResult(
        verb="report",
        report=summary,
        page=page,
        next_command=_next(project, inference, page, outcome),
        is_reused=is_reused,
        outcome=outcome,
        product=page,
    )


def _next(project: Project, inference: Run, page: Path, outcome: Outcome) -> str:
    """To plan for this inference, or to look at the page where that was done or there is no answer."""
    try:
        planned = project.find_run("train").read().get("inference")
    except PermanentError:
        planned = None
    return (
        f"open {page} in a browser"
        if planned == inference.digest or not outcome.ok
        else f"telic train {project.folder}"
    )
