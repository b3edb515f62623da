"""``telic export``."""

from __future__ import annotations

from pathlib import Path

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "export"


def command(
    folder: Path,
    out: Path,
    *,
    lerobot: Path,
    run: str | None = None,
    demonstrator: str | None = None,
    json: Json = False,
) -> int:
    """Write a LeRobot dataset once more, with the inferred reward and its standard deviation at every frame.

    Args:
        folder: project folder with an inference.
        out: folder of the new dataset; must not be there yet.
        lerobot: LeRobotDataset v3.0 to write the reward into; it stays as it is.
        run: digest (or its beginning) of an inference; default: the newest.
        demonstrator: pseudonym of the one whose reward is meant; default: that of all together.
        json: print the result as one JSON document.
    """
    from telic.workflows.export import export

    with progress_bars() as progress:
        result = export(folder, out, lerobot=lerobot, run=run, demonstrator=demonstrator, progress=progress)
    return show(result, as_json=json)
