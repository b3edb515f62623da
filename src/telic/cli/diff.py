"""``telic diff``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "diff"


def command(folder: Path, old: str | None = None, new: str | None = None, *, json: Json = False) -> int:
    """Say in words what changed from one version of the dataset to another.

    Args:
        folder: project folder.
        old: digest (or its beginning) of the older version; default: the one published before the newer.
        new: digest (or its beginning) of the newer version; default: the newest.
        json: print the result as one JSON document.
    """
    from telic.workflows.diff import diff

    with progress_bars() as progress:
        result = diff(folder, old, new, progress=progress)
    return show(result, as_json=json)
