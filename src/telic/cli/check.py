"""``telic check``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "check"


def command(
    folder: Path,
    *,
    version: str | None = None,
    json: Json = False,
) -> int:
    """Say what the data can and cannot carry: coverage, contradictions, gaps, duplicates.

    Args:
        folder: project folder.
        version: digest (or its beginning) of a dataset version; default: the newest.
        json: print the result as one JSON document.
    """
    from telic.workflows.check import check

    with progress_bars() as progress:
        result = check(folder, version=version, progress=progress)
    return show(result, as_json=json)
