"""``telic compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "compare"


def command(
    first: Path,
    second: Path,
    *,
    demonstrator: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    world: Path | None = None,
    answers: Path | None = None,
    mixed_gauges: Annotated[bool, Parameter(negative=())] = False,
    json: Json = False,
) -> int:
    """Say how far apart two rewards are, what each leaves open, and with whose answers each agrees.

    Args:
        first: project folder (its newest inference), FOLDER/runs/DIGEST (that inference), or a table: .npy, or .csv
            with a row a state and a column an action.
        second: likewise.
        demonstrator: pseudonym whose reward is meant, of the first; given twice, of the first and of the second;
            default: that of all together.
        world: project folder whose states and dynamics to compare in; default: those of the first inference named.
        answers: CSV file with columns first, second (trajectories) and preferred (first, second or tie) that no
            reward was made from.
        mixed_gauges: compare rewards that were picked in different gauges too, under a warning.
        json: print the result as one JSON document.
    """
    from telic.workflows.compare import compare

    with progress_bars() as progress:
        result = compare(
            first,
            second,
            demonstrators=demonstrator,
            world=world,
            answers=answers,
            mixed_gauges=mixed_gauges,
            progress=progress,
        )
    return show(result, as_json=json)
