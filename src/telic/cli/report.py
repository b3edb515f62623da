"""``telic report``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "report"


def command(
    folder: Path,
    *,
    run: str | None = None,
    group: bool = False,
    json: Json = False,
) -> int:
    """Write the page of an inference: one self-contained HTML file and its JSON twin.

    Args:
        folder: project folder.
        run: digest (or its beginning) of an inference; default: the newest.
        group: write the page to hand on: about all together, without single people. It needs at least
            `people.min_group` of them.
        json: print the result as one JSON document.
    """
    from telic.workflows.report import report

    with progress_bars() as progress:
        result = report(folder, run=run, group=group, progress=progress)
    return show(result, as_json=json)
