"""``telic infer``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "infer"


def command(
    folder: Path,
    *,
    method: str = "max_causal_entropy",
    level: float = 0.95,
    errors: Literal["sandwich_clustered", "sandwich", "hessian", "outer_product"] | None = None,
    discount: float | None = None,
    rationality: float = 1.0,
    l2: float = 0.0,
    version: str | None = None,
    quick: bool = False,
    json: Json = False,
) -> int:
    """Say what the experts value, as trade-offs with intervals, and what the data cannot tell.

    Args:
        folder: project folder.
        method: registered name of the method (`telic advise` says which fits).
        level: coverage of every interval, in (0, 1).
        errors: kind of standard error behind the intervals; default: clustered by trajectory, or `sandwich` where
            there are too few of them. All four kinds are always reported.
        discount: per decision; default: that of the contract. It is assumed, not estimated.
        rationality: inverse temperature at which weights are stated; trade-offs do not depend on it.
        l2: penalty on the squared norm of the weights; more pulls them towards zero.
        version: digest (or its beginning) of a dataset version; default: the newest.
        quick: leave out the profiles over discount and resolution.
        json: print the result as one JSON document.
    """
    from telic.workflows.infer import InferSettings, infer

    settings = InferSettings(
        method=method,
        level=level,
        errors=errors,
        discount=discount,
        rationality=rationality,
        l2=l2,
        with_profiles=not quick,
    )
    with progress_bars() as progress:
        result = infer(folder, settings=settings, version=version, progress=progress)
    return show(result, as_json=json)
