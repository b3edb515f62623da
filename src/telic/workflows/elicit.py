"""``elicit``: which question would settle what the decisions leave open, and what its answer is expected to tell.

The belief is the normal approximation of the posterior (likelihood of ``infer``, prior as stated or default);
decisions count as independent given their states, and the transition probabilities are taken as estimated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from telic.errors import SettingsError
from telic.inference.elicitation import QuestionRanking, rank_comparisons
from telic.reports import Report, Section, Table
from telic.reports.numbers import json_value

from .elicit_belief import belief_of
from .elicit_plans import plans_of_log
from .findings import finding_from
from .infer_report import outcome_named
from .page_parts import Item
from .problem import Problem, pose
from .progress import Progress, silent
from .project import Project
from .verb_result import VerbResult, most_important

__all__ = ["ElicitSettings", "elicit"]

SCHEMA_VERSION = 1
"""Of the JSON form."""


@dataclass(frozen=True, kw_only=True)
class ElicitSettings:
    """What may be chosen.

    Attributes:
        demonstrator: pseudonym of the one whose decisions count; None: all together.
        prior: feature to standard deviation of its weight before the data, around 0; the default prior for others.
        steps: decisions of a plan that is compared.
        n_plans: plans to make pairs of; more find better questions, and need time with their square.
        n_questions: to be asked.
        least_gain: nats under which a question is not worth asking.
        answer_rationality: inverse temperature at which answers are thought to be given; less makes them tell less.
        rationality: inverse temperature at which weights are stated.
        discount: per decision, instead of that of the contract.
        n_draws: draws of the belief.
        key: of the random numbers.
    """

    demonstrator: str | None = None
    prior: Mapping[str, float] = field(default_factory=dict)
    steps: int = 10
    n_plans: int = 60
    n_questions: int = 5
    least_gain: float = 0.01
    answer_rationality: float = 1.0
    rationality: float = 1.0
    discount: float | None = None
    n_draws: int = 1_000
    key: int = 0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("n_plans", 2), ("n_questions", 1), ("n_draws", 100)):
            if getattr(self, name) < least:
                raise SettingsError(
                    f"`{name}` must be at least {least}, got {getattr(self, name)}.",
                    hint="Leave it out for the usual number.",
                )
        for name in ("answer_rationality", "rationality"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise SettingsError(
                    f"`{name}` must be a finite number above 0, got {getattr(self, name)}.",
                    hint="1 is the convention.",
                )


def elicit(
    folder: str | Path,
    *,
    settings: ElicitSettings | None = None,
    version: str | None = None,
    progress: Progress = silent,
) -> VerbResult:
    """The questions whose answers are expected to tell most about what is valued.

    Args:
        folder: project folder.
        settings: what may be chosen.
        version: digest (or its beginning) of a dataset version; None: the newest.
        progress: told how far the work is.

    Returns:
        ``product`` is the ``QuestionRanking`` (None where the result was there already).

    Raises:
        SettingsError, FeatureError, DataError: see their messages.
        PermanentError: there is no such project, or nothing was ingested.
    """
    chosen = settings or ElicitSettings()
    project = Project.open(folder)
    dataset = project.dataset(version)
    inputs = {"dataset": dataset.digest, "contract": project.contract.digest, "settings": asdict(chosen)}
    run = project.run_of("elicit", inputs)
    ranking: QuestionRanking | None = None
    is_reused = run.is_done
    if is_reused:
        data = run.read()
    else:
        with project.lock():
            progress("cutting states", 0, None)
            problem = pose(project.contract, project.store.load(dataset), discount=chosen.discount)
            data, ranking = _asked(problem, chosen, progress)
            data |= {"digest": run.digest, "dataset": dataset.digest, "settings": asdict(chosen)}
            run.write(_report(data))
    project.remember(run)
    return VerbResult(
        verb="elicit",
        report=_report(data),
        page=run.folder / "elicit.html",
        finding=most_important([finding_from(f) for f in data["findings"]]),
        is_reused=is_reused,
        outcome=outcome_named(data["result"]),
        product=ranking,
    )


def _asked(
    problem: Problem, settings: ElicitSettings, progress: Progress
) -> tuple[dict[str, Any], QuestionRanking]:
    progress("what is believed", 0, None)
    belief = belief_of(problem, settings)
    pool = plans_of_log(problem, settings)
    progress("ranking questions", 0, None)
    ranking = rank_comparisons(
        belief,
        pool,
        rationality=settings.answer_rationality,
        top=settings.n_questions,
        least_gain=settings.least_gain,
    )
    data = {
        **ranking.to_json(),
        "schema_version": SCHEMA_VERSION,
        "verb": "elicit",
        "task": problem.contract.identity.task,
        "headline": ranking.headline,
        "findings": [f.to_json() for f in (*belief.findings, *ranking.findings)],
    }
    plain = json_value(data)
    assert isinstance(plain, dict)
    return plain, ranking


def _report(data: Mapping[str, Any]) -> Report:
    table = Table(
        title="Questions, the one that tells most first",
        columns=("question", "expected gain (nats)", "standard error"),
        rows=tuple((q["words"], q["gain"], q["standard_error"]) for q in data["questions"]),
        note=f"From {data['effective_draws']:,.0f} effective draws; ln 2 = 0.69 nats is a sure yes or no.",
        digits=3,
    )
    noted: list[Item] = [finding_from(f) for f in data["findings"] if f["severity"] in ("error", "warning")]
    sections = (
        Section(title="Questions", items=(table,), anchor="questions"),
        Section(title="Findings", items=tuple(noted), anchor="findings"),
    )
    return Report(
        title=f"What to ask next: {data['task']}",
        headline=data["headline"],
        sections=tuple(s for s in sections if s.items),
        data=dict(data),
    )
