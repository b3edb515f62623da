"""``run``: the whole way, from logs to the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from telic.reports import Report, Section

from .check import check
from .infer import InferSettings, infer
from .ingest import ingest
from .progress import Progress, silent
from .project import Project
from .report import report
from .train import train
from .verb_result import VerbResult

__all__ = ["run"]


def run(
    folder: str | Path,
    sources: Sequence[str | Path] = (),
    *,
    settings: InferSettings | None = None,
    progress: Progress = silent,
) -> VerbResult:
    """Ingest, check, infer, train and report; what is there already is not done again.

    Args:
        folder: project folder.
        sources: files to ingest; none: those that lie beside the contract, or what was ingested before.
        settings: of the inference.
        progress: told how far the work is.

    Returns:
        The result of ``report`` with the text of ``infer``; ``product`` is the tuple of all results. Where the quality
        gate fails, the result of ``check``: nothing is inferred.

    Raises:
        As the verbs themselves.
    """
    project = Project.open(folder)
    steps: list[VerbResult] = []
    if sources or project.sources or project.contract.streams or project.store.latest is None:
        steps.append(ingest(folder, sources, progress=progress))
    checked = check(folder, progress=progress)
    steps.append(checked)
    if checked.status != "ok":
        # What the gate refuses nobody learns from.
        return replace(
            checked,
            verb="run",
            report=replace(checked.report, data={**checked.report.data, "verb": "run"}),
            product=tuple(steps),
        )
    inferred = infer(folder, settings=settings, progress=progress)
    steps.append(inferred)
    # An attacker's objective is described, never turned into a policy.
    about_attackers = "adversary" in ((settings and settings.origins) or ())
    if inferred.outcome.ok and project.contract.data.origin != "adversary" and not about_attackers:
        steps.append(train(folder, progress=progress))
    page = report(folder, progress=progress)
    steps.append(page)
    headlines = {step.verb: step.report.headline for step in steps}
    told = inferred.report
    way = Section(
        title="The whole way",
        items=tuple(
            f"{verb}: {headline}" for verb, headline in headlines.items() if verb not in ("infer", "report")
        ),
        anchor="way",
    )
    return VerbResult(
        verb="run",
        report=Report(
            title=told.title,
            headline=told.headline,
            sections=(*told.sections, way),
            data={
                **told.data,
                "verb": "run",
                "page": str(page.page),
                "steps": [
                    {
                        "verb": s.verb,
                        "headline": s.report.headline,
                        "page": str(s.page),
                        "is_reused": s.is_reused,
                    }
                    for s in steps
                ],
            },
        ),
        page=page.page,
        finding=inferred.finding,
        next_command=f"open {page.page} in a browser",
        is_reused=all(step.is_reused for step in steps),
        outcome=inferred.outcome,
        product=tuple(steps),
    )
