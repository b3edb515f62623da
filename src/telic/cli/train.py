"""``telic train``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "train"


def command(
    folder: Path,
    *,
    run: str | None = None,
    json: Json = False,
) -> int:
    """Plan a policy for the inferred reward, and say what it would have done on the last day.

    Args:
        folder: project folder.
        run: digest (or its beginning) of an inference; default: the newest.
        json: print the result as one JSON document.
    """
    from telic.workflows.train import train

    with progress_bars() as progress:
        result = train(folder, run=run, progress=progress)
    return show(result, as_json=json)
