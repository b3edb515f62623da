"""``ambiguity``: what the decisions leave open, as directions and as claims that are settled, refuted or open; what
acting on the fitted reward may cost; and where the rewards that are still possible disagree.

A claim is settled where it holds for every reward that explains the decisions about as well as the best one. Claims
are looked at for all together and, where the contract has a ``people`` block, for each demonstrator, as ``infer`` does.
Decisions count as independent given their states, and the transition probabilities are taken as estimated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from telic.errors import NumericalError, SettingsError
from telic.inference.claims import ClaimTable, Statement, Verdict
from telic.inference.feasible_set import FeasibleSet, feasible_set
from telic.inference.identifiability import identifiability
from telic.inference.likelihood import choice_likelihood
from telic.inference.tradeoffs import default_pairs
from telic.reports.numbers import json_value
from telic.trajectories import Demonstrations

from .access import permitted
from .ambiguity_report import ambiguity_report
from .claim_words import read_claim, usual_claims
from .findings import finding_from
from .fitting import fit_reward
from .infer_report import outcome_named
from .people import decisions_of, single_demonstrators
from .possible_rewards import what_is_at_stake
from .problem import Problem, pose
from .progress import Progress, silent
from .project import Project
from .readings import audited
from .verb_result import VerbResult, most_important

__all__ = ["AmbiguitySettings", "ambiguity"]

SCHEMA_VERSION = 1
"""Of the JSON form."""

FEWEST_DRAWS = 100
"""Below which the mean beyond a 95 % point would be that of fewer than five."""


@dataclass(frozen=True, kw_only=True)
class AmbiguitySettings:
    """What may be chosen.

    Attributes:
        claims: such as ``waiting > 2 cost``, about weights; looked at beside the usual ones.
        level: coverage, for a single claim, of the region of rewards that explain the decisions.
        tolerance: nats that such a reward may fall short of the best one, instead of ``level``.
        limits: feature to largest size of its weight; needed where no decision bounds it.
        discount: per decision, instead of that of the contract.
        rationality: inverse temperature at which weights are stated.
        prior: feature to standard deviation of its weight, for the possible rewards; the default prior for others.
        n_draws: possible rewards whose regret and disagreement are looked at.
        demonstrator: pseudonym of the only one who is looked at; None: all together, and each beside the others.
    """

    claims: tuple[str, ...] = ()
    level: float = 0.95
    tolerance: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    discount: float | None = None
    rationality: float = 1.0
    prior: Mapping[str, float] = field(default_factory=dict)
    n_draws: int = 400
    demonstrator: str | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.level < 1.0:
            raise SettingsError(
                f"`level` must lie strictly between 0 and 1, got {self.level}.", hint="0.95 is usual."
            )
        if self.n_draws < FEWEST_DRAWS:
            raise SettingsError(
                f"`n_draws` must be at least {FEWEST_DRAWS}, got {self.n_draws}.", hint="400 is usual."
            )
        bad = [name for name, sd in self.prior.items() if not 0.0 < sd < math.inf]
        if bad:
            raise SettingsError(
                f"The prior of {bad[0]!r} needs a finite standard deviation above 0, got {self.prior[bad[0]]}.",
                hint="It is in units of the weight.",
            )


@permitted("ambiguity")
@audited("ambiguity")
def ambiguity(
    folder: str | Path,
    *,
    settings: AmbiguitySettings | None = None,
    version: str | None = None,
    progress: Progress = silent,
) -> VerbResult:
    """What no decision tells, and which claims hold for every reward that explains the decisions.

    Args:
        folder: project folder.
        settings: what may be chosen.
        version: digest (or its beginning) of a dataset version; None: the newest.
        progress: told how far the work is.

    Returns:
        ``product`` is the ``ClaimTable`` (None where the result was there already).

    Raises:
        SettingsError, FeatureError: a claim cannot be read, or there is nobody of this name to look at alone.
        NumericalError: no reward is the best one, as a weight runs away and nothing limits it.
        PermanentError: there is no such project, or nothing was ingested.
    """
    chosen = settings or AmbiguitySettings()
    project = Project.open(folder)
    dataset = project.dataset(version)
    run = project.run_of(
        "ambiguity",
        {"dataset": project.key_of(dataset), "contract": project.contract.digest, "settings": asdict(chosen)},
    )
    table: ClaimTable | None = None
    is_reused = run.is_done
    if is_reused:
        data = run.read()
    else:
        with project.lock():
            progress("cutting states", 0, None)
            problem = pose(project.contract, project.demonstrations(dataset), discount=chosen.discount)
            data, table = _looked_at(problem, chosen, progress)
            stated = {**asdict(chosen), "claims": list(chosen.claims)}
            data |= {"digest": run.digest, "dataset": dataset.digest, "settings": stated}
            run.write(ambiguity_report(data, is_page=True))
    project.remember(run)
    return VerbResult(
        verb="ambiguity",
        report=ambiguity_report(data, is_page=False),
        page=run.folder / "ambiguity.html",
        finding=most_important([finding_from(f) for f in data["findings"]]),
        next_command=f"telic infer {project.folder} --posterior",
        is_reused=is_reused,
        outcome=outcome_named(data["result"]),
        product=table,
    )


def _looked_at(
    problem: Problem, settings: AmbiguitySettings, progress: Progress
) -> tuple[dict[str, Any], ClaimTable]:
    names = problem.features.names
    asked = [read_claim(text, names) for text in settings.claims]
    progress("looking for the best reward", 0, None)
    demos = decisions_of(problem, settings.demonstrator)
    problem = problem if demos is problem.train else replace(problem, train=demos)
    alone = single_demonstrators(problem) if settings.demonstrator is None else ()
    region = _region(problem, demos, settings)
    statements = [*asked, *usual_claims(names, region.best, _pairs(problem, settings))]
    table = _decided(region, statements, progress, "claims")
    data = _told(problem, region, table, n_asked=len(asked), who=settings.demonstrator)
    data["people"] = {who: _told_of(problem, who, settings, statements, progress) for who in alone}
    data["at_stake"] = what_is_at_stake(
        problem,
        region.likelihood,
        region.best,
        prior=settings.prior,
        n_draws=settings.n_draws,
        level=settings.level,
        progress=progress,
    )
    plain = json_value(data)
    assert isinstance(plain, dict)
    return plain, table


def _region(problem: Problem, demos: Demonstrations, settings: AmbiguitySettings) -> FeasibleSet:
    likelihood = choice_likelihood(problem.world, problem.features, demos, rationality=settings.rationality)
    return feasible_set(
        likelihood, tolerance=settings.tolerance, level=settings.level, limits=settings.limits or None
    )


def _decided(
    region: FeasibleSet, statements: Sequence[Statement], progress: Progress, stage: str
) -> ClaimTable:
    claims = []
    for i, statement in enumerate(statements):
        progress(stage, i, len(statements))
        claims.append(region.claim(statement))
    progress(stage, len(statements), len(statements))
    return ClaimTable(
        claims=tuple(claims),
        tolerance=region.tolerance,
        max_log_likelihood=region.max_log_likelihood,
        n_decisions=region.likelihood.n_decisions,
        nullity=region.nullity,
        limits=dict(region.limits),
        findings=region.findings,
    )


def _told_of(
    problem: Problem,
    who: str,
    settings: AmbiguitySettings,
    statements: Sequence[Statement],
    progress: Progress,
) -> dict[str, Any]:
    """The same claims about one demonstrator; ``reason`` says why where there is no answer."""
    demos = problem.train.of(who)
    told: dict[str, Any] = {"n_decisions": demos.n_decisions, "claims": [], "nullity": None, "reason": ""}
    try:
        region = _region(problem, demos, settings)
    except NumericalError as error:
        return {**told, "reason": f"{error.message} {error.hint}"}
    table = _decided(region, statements, progress, f"claims, {who}")
    told["claims"] = [
        {key: claim[key] for key in ("claim", "verdict", "lowest", "highest")}
        for claim in table.to_json()["claims"]
    ]
    return {**told, "nullity": region.nullity}


def _pairs(problem: Problem, settings: AmbiguitySettings) -> Sequence[tuple[str, str]]:
    """The trade-offs that ``infer`` would show."""
    stated = tuple((str(n), str(d)) for n, d in problem.contract.tradeoffs)
    if stated:
        return stated
    estimate = fit_reward(problem, problem.train, rationality=settings.rationality)
    return default_pairs(estimate) if estimate.outcome.ok else ()


def _told(
    problem: Problem, region: FeasibleSet, table: ClaimTable, *, n_asked: int, who: str | None
) -> dict[str, Any]:
    names = region.likelihood.names
    words = identifiability(
        problem.world,
        problem.features,
        demos=problem.train,
        weights=region.best,
        rationality=region.likelihood.rationality,
    ).words
    told = table.to_json()
    for i, (claim, found) in enumerate(zip(told["claims"], table.claims, strict=True)):
        claim["is_asked"] = i < n_asked
        claim["sentence"] = found.sentence
        claim["coefficients"] = {n: c for n, c in zip(names, claim["coefficients"], strict=True) if c}
    counted = {v: table.counted(v) for v in (Verdict.SETTLED, Verdict.REFUTED, Verdict.OPEN)}
    values = "they value" if who is None else f"{who} values"
    said = ", ".join(f"{n} {verdict.label}" for verdict, n in counted.items())
    blind = ""
    if region.nullity:
        many = region.nullity > 1
        blind = f" {region.nullity} direction{'s' * many} of the weights change{'s' * (not many)} no choice."
    return {
        **told,
        "schema_version": SCHEMA_VERSION,
        "verb": "ambiguity",
        "task": problem.contract.identity.task,
        "demonstrator": who,
        "headline": f"Of {len(table.claims)} claims about what {values}: {said}.{blind}",
        "best": dict(zip(names, region.best.tolist(), strict=True)),
        "null_directions": [
            {n: c for n, c in zip(names, row, strict=True) if c} for row in region.null_directions.tolist()
        ],
        "words": list(words),
        "conditional_on": "the transition probabilities",
        "findings": [f.to_json() for f in (*table.findings, *problem.findings)],
    }
