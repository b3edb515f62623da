"""``telic elicit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .numbers_by_name import numbers_by_name
from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "elicit"


def command(
    folder: Path,
    *,
    demonstrator: str | None = None,
    prior: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    steps: int = 10,
    questions: int = 5,
    least_gain: float = 0.01,
    answer_rationality: float = 1.0,
    discount: float | None = None,
    version: str | None = None,
    json: Json = False,
) -> int:
    """Say which questions would tell most about what is still open.

    Args:
        folder: project folder.
        demonstrator: pseudonym of the one whose decisions count; default: all together.
        prior: FEATURE=SD, the standard deviation of a weight before the data, around 0; once for each feature.
        steps: decisions of a plan that is compared.
        questions: how many to ask.
        least_gain: nats under which a question is not worth asking.
        answer_rationality: inverse temperature at which answers are thought to be given; less makes them tell less.
        discount: per decision; default: that of the contract.
        version: digest (or its beginning) of a dataset version; default: the newest.
        json: print the result as one JSON document.
    """
    from telic.workflows.elicit import ElicitSettings, elicit

    settings = ElicitSettings(
        demonstrator=demonstrator,
        prior=numbers_by_name("--prior", prior, "FEATURE=SD", "waiting=2.5"),
        steps=steps,
        n_questions=questions,
        least_gain=least_gain,
        answer_rationality=answer_rationality,
        discount=discount,
    )
    with progress_bars() as progress:
        result = elicit(folder, settings=settings, version=version, progress=progress)
    return show(result, as_json=json)
