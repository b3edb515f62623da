"""``telic ambiguity``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .numbers_by_name import numbers_by_name
from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "ambiguity"


def command(
    folder: Path,
    *,
    claim: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    level: float = 0.95,
    tolerance: float | None = None,
    limit: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    discount: float | None = None,
    version: str | None = None,
    json: Json = False,
) -> int:
    """Say what the decisions leave open: directions that no choice tells, and claims settled, refuted or open.

    Args:
        folder: project folder.
        claim: such as "waiting > 2 cost", about the weights of features (that of a cost is below 0); may be given
            several times. The sign of each weight, and which of a trade-off outweighs the other, are always looked at.
        level: coverage, for a single claim, of the region of rewards that explain the decisions.
        tolerance: nats that such a reward may fall short of the best one, instead of a level.
        limit: FEATURE=SIZE, the largest size of a weight; once for each feature. Needed where nothing bounds one.
        discount: per decision; default: that of the contract.
        version: digest (or its beginning) of a dataset version; default: the newest.
        json: print the result as one JSON document.
    """
    from telic.workflows.ambiguity import AmbiguitySettings, ambiguity

    settings = AmbiguitySettings(
        claims=claim,
        level=level,
        tolerance=tolerance,
        limits=numbers_by_name("--limit", limit, "FEATURE=SIZE", "waiting=10"),
        discount=discount,
    )
    with progress_bars() as progress:
        result = ambiguity(folder, settings=settings, version=version, progress=progress)
    return show(result, as_json=json)
