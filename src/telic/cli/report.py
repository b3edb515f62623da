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
    json: Json = False,
) -> int:
    """Write the page of an inference: one self-contained HTML file and its JSON twin.

    Args:
        folder: project folder.
        run: digest (or its beginning) of an inference; default: the newest.
        json: print the result as one JSON document.
    """
    from telic.workflows.report import report

    with progress_bars() as progress:
        result = report(folder, run=run, progress=progress)
    return show(result, as_json=json)
