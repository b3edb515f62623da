"""``telic elicit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from .numbers_by_name import numbers_by_name
from .shell import Json, progress_bars, show

__all__ = ["NAME", "command"]

NAME = "elicit"


def command(
    folder: Path,
    *,
    answers: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    questions: Path | None = None,
    count: int = 5,
    kind: Annotated[
        tuple[Literal["comparison", "demonstration", "environment"], ...], Parameter(negative=())
    ] = (),
    plans: Literal["log", "simulated"] = "log",
    steps: int | None = None,
    pool: int = 60,
    claim: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    level: float = 0.95,
    demonstrator: str | None = None,
    prior: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    world: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    least_gain: float = 0.01,
    answer_rationality: float = 1.0,
    discount: float | None = None,
    version: str | None = None,
    json: Json = False,
) -> int:
    """Say which questions would tell most about what is still open, and take their answers.

    Args:
        folder: project folder.
        answers: filled file of questions of this project: CSV or JSON lines with question, choice (A, B or tie) and
            who; may be given several times. The questions are then ranked by what is still open.
        questions: file to write the comparisons to, for somebody to fill in; one with answers is never written over.
        count: questions of each kind, at most 10.
        kind: of question; may be given several times; default: all three.
        plans: what is compared: stretches of the log, or simulated trajectories of likely rewards.
        steps: decisions of a plan, and of a demonstration; default: 10, or fewer where trajectories are shorter.
        pool: plans to make pairs of.
        claim: such as "waiting > 2 cost", about the weights of features (that of a cost is below 0); may be given
            several times. The signs of weights and the trade-offs are always looked at.
        level: share of the belief from which a claim counts as settled.
        demonstrator: pseudonym of the one whose decisions, and answers, count; default: all together.
        prior: FEATURE=SD, the standard deviation of a weight before the data, around 0; once for each feature.
        world: further project folder with the same features in which somebody could be watched; may be given several
            times.
        least_gain: nats under which a question is not worth asking.
        answer_rationality: inverse temperature at which answers are thought to be given; less makes them tell less.
        discount: per decision; default: that of the contract.
        version: digest (or its beginning) of a dataset version; default: the newest.
        json: print the result as one JSON document.
    """
    from telic.workflows.elicit import elicit
    from telic.workflows.elicit_settings import KINDS, ElicitSettings

    settings = ElicitSettings(
        demonstrator=demonstrator,
        prior=numbers_by_name("--prior", prior, "FEATURE=SD", "waiting=2.5"),
        claims=claim,
        level=level,
        kinds=tuple(k for k in KINDS if k in kind) if kind else KINDS,
        plans=plans,
        steps=steps,
        n_plans=pool,
        n_questions=count,
        least_gain=least_gain,
        answer_rationality=answer_rationality,
        discount=discount,
        worlds=world,
    )
    with progress_bars() as progress:
        result = elicit(
            folder,
            settings=settings,
            answers=answers,
            questions=questions,
            version=version,
            progress=progress,
        )
    return show(result, as_json=json)
