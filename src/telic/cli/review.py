"""``telic review``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "review"


def command(folder: Path, *, json: Json = False) -> int:
    """Say once a month what changed in the dataset, its quality and its bias; the lines for a scheduler are at the end.

    Args:
        folder: project folder.
        json: print the result as one JSON document.
    """
    from telic.workflows.review import review

    with progress_bars() as progress:
        result = review(folder, progress=progress)
    return show(result, as_json=json)
