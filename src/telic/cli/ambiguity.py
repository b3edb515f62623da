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
    demonstrator: str | None = None,
    prior: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    draws: int = 400,
    discount: float | None = None,
    version: str | None = None,
    json: Json = False,
) -> int:
    """Say what the decisions leave open: claims settled, refuted or open, what acting may cost, and what is contested.

    Args:
        folder: project folder.
        claim: such as "waiting > 2 cost", about the weights of features (that of a cost is below 0); may be given
            several times. The sign of each weight, and which of a trade-off outweighs the other, are always looked at.
        level: coverage, for a single claim, of the region of rewards that explain the decisions.
        tolerance: nats that such a reward may fall short of the best one, instead of a level.
        limit: FEATURE=SIZE, the largest size of a weight; once for each feature. Needed where nothing bounds one.
        demonstrator: pseudonym of the only one whose decisions are looked at; default: all together, and beside them
            each demonstrator, where the contract has a `people` block.
        prior: FEATURE=SD, the standard deviation of a weight before the data, for the rewards that are still possible;
            once for each feature. The result states the default of the others.
        draws: possible rewards whose regret and disagreement are looked at.
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
        demonstrator=demonstrator,
        prior=numbers_by_name("--prior", prior, "FEATURE=SD", "waiting=2.5"),
        n_draws=draws,
        discount=discount,
    )
    with progress_bars() as progress:
        result = ambiguity(folder, settings=settings, version=version, progress=progress)
    return show(result, as_json=json)
