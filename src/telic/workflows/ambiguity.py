"""``ambiguity``: what the decisions leave open, as directions and as claims that are settled, refuted or open.

A claim is settled where it holds for every reward that explains the decisions about as well as the best one.
Decisions count as independent given their states, and the transition probabilities are taken as estimated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from telic.errors import SettingsError
from telic.inference.claims import ClaimTable, Verdict
from telic.inference.feasible_set import FeasibleSet, feasible_set
from telic.inference.identifiability import identifiability
from telic.inference.likelihood import choice_likelihood
from telic.inference.tradeoffs import default_pairs
from telic.inference.wording import format_interval, format_number
from telic.reports import Report, Section, Table
from telic.reports.numbers import json_value

from .claim_words import read_claim, usual_claims
from .figures import Labels, Range, claim_ranges
from .findings import finding_from
from .fitting import fit_reward
from .infer_report import outcome_named
from .page_parts import Item
from .problem import Problem, pose
from .progress import Progress, silent
from .project import Project
from .verb_result import VerbResult, most_important

__all__ = ["AmbiguitySettings", "ambiguity"]

SCHEMA_VERSION = 1
"""Of the JSON form."""

ORDER = tuple(verdict.label for verdict in (Verdict.OPEN, Verdict.REFUTED, Verdict.SETTLED))
"""Verdicts as a reader needs them: open first."""

MARK = {Verdict.SETTLED.label: 0, Verdict.REFUTED.label: 1, Verdict.OPEN.label: 2}


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
    """

    claims: tuple[str, ...] = ()
    level: float = 0.95
    tolerance: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    discount: float | None = None
    rationality: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.level < 1.0:
            raise SettingsError(
                f"`level` must lie strictly between 0 and 1, got {self.level}.", hint="0.95 is usual."
            )


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
        SettingsError, FeatureError: a claim cannot be read.
        NumericalError: no reward is the best one, as a weight runs away and nothing limits it.
        PermanentError: there is no such project, or nothing was ingested.
    """
    chosen = settings or AmbiguitySettings()
    project = Project.open(folder)
    dataset = project.dataset(version)
    run = project.run_of(
        "ambiguity",
        {"dataset": dataset.digest, "contract": project.contract.digest, "settings": asdict(chosen)},
    )
    table: ClaimTable | None = None
    is_reused = run.is_done
    if is_reused:
        data = run.read()
    else:
        with project.lock():
            progress("cutting states", 0, None)
            problem = pose(project.contract, project.store.load(dataset), discount=chosen.discount)
            data, table = _looked_at(problem, chosen, progress)
            stated = {**asdict(chosen), "claims": list(chosen.claims)}
            data |= {"digest": run.digest, "dataset": dataset.digest, "settings": stated}
            run.write(_report(data, is_page=True))
    project.remember(run)
    return VerbResult(
        verb="ambiguity",
        report=_report(data, is_page=False),
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
    likelihood = choice_likelihood(
        problem.world, problem.features, problem.train, rationality=settings.rationality
    )
    names = likelihood.names
    asked = [read_claim(text, names) for text in settings.claims]
    progress("looking for the best reward", 0, None)
    region = feasible_set(
        likelihood, tolerance=settings.tolerance, level=settings.level, limits=settings.limits or None
    )
    statements = [*asked, *usual_claims(names, region.best, _pairs(problem, settings))]
    claims = []
    for i, statement in enumerate(statements):
        progress("claims", i, len(statements))
        claims.append(region.claim(statement))
    progress("claims", len(statements), len(statements))
    table = ClaimTable(
        claims=tuple(claims),
        tolerance=region.tolerance,
        max_log_likelihood=region.max_log_likelihood,
        n_decisions=likelihood.n_decisions,
        nullity=region.nullity,
        limits=dict(region.limits),
        findings=region.findings,
    )
    return _told(problem, region, table, n_asked=len(asked)), table


def _pairs(problem: Problem, settings: AmbiguitySettings) -> Sequence[tuple[str, str]]:
    """The trade-offs that ``infer`` would show."""
    stated = tuple((str(n), str(d)) for n, d in problem.contract.tradeoffs)
    if stated:
        return stated
    estimate = fit_reward(problem, problem.train, rationality=settings.rationality)
    return default_pairs(estimate) if estimate.outcome.ok else ()


def _told(problem: Problem, region: FeasibleSet, table: ClaimTable, *, n_asked: int) -> dict[str, Any]:
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
    said = ", ".join(f"{n} {verdict.label}" for verdict, n in counted.items())
    blind = f" {region.nullity} direction(s) of the weights change no choice." if region.nullity else ""
    data = {
        **told,
        "schema_version": SCHEMA_VERSION,
        "verb": "ambiguity",
        "task": problem.contract.identity.task,
        "headline": f"Of {len(table.claims)} claims about what they value: {said}.{blind}",
        "best": dict(zip(names, region.best.tolist(), strict=True)),
        "null_directions": [
            {n: c for n, c in zip(names, row, strict=True) if c} for row in region.null_directions.tolist()
        ],
        "words": list(words),
        "conditional_on": "the transition probabilities",
        "findings": [f.to_json() for f in (*table.findings, *problem.findings)],
    }
    plain = json_value(data)
    assert isinstance(plain, dict)
    return plain


def _report(data: Mapping[str, Any], *, is_page: bool) -> Report:
    claims = sorted(data["claims"], key=lambda c: (not c["is_asked"], ORDER.index(c["verdict"])))
    items: list[Item] = [_figure(claims)] if is_page else []
    items.append(
        Table(
            title="Claims over every reward that explains the decisions",
            columns=("claim", "verdict", "lowest", "highest"),
            rows=tuple((c["claim"], c["verdict"], c["lowest"], c["highest"]) for c in claims),
            note=(
                "Lowest and highest value of what is claimed to be above 0, of rewards within"
                f" {data['tolerance']:.3g} nats of the best one; none where there is no bound. A weight is reward per"
                " unit of its feature; that of a cost is below 0. Decisions count as independent given their states,"
                f" and {data['conditional_on']} are taken as estimated."
            ),
            digits=3,
        )
    )
    items += [f"{c['claim']}: {c['reason']}" for c in claims if c["reason"]]
    blind: list[Item] = list(data["words"]) or ["Choices in this world can tell every weight."]
    noted: list[Item] = [finding_from(f) for f in data["findings"] if f["severity"] in ("error", "warning")]
    sections = [
        Section(title="Claims", items=tuple(items), anchor="claims"),
        Section(title="What the decisions cannot tell", items=tuple(blind), anchor="nullity"),
        Section(title="Findings", items=tuple(noted), anchor="findings"),
    ]
    return Report(
        title=f"What stays open: {data['task']}",
        headline=data["headline"],
        sections=tuple(s for s in sections if s.items),
        data=dict(data),
    )


def _figure(claims: Sequence[Mapping[str, Any]]) -> Item:
    inf = float("inf")
    rows = [
        Range(
            label=c["claim"],
            lowest=-inf if c["lowest"] is None else c["lowest"],
            highest=inf if c["highest"] is None else c["highest"],
            kind=MARK[c["verdict"]],
            text=f"{c['verdict']}  {_ends(c['lowest'], c['highest'])}",
        )
        for c in claims
    ]
    return claim_ranges(
        rows,
        Labels(
            title="How far each claim can go",
            x="difference that is claimed to be above 0, each in its own scale",
            caption=(
                "A bar right of 0 is settled, one left of it refuted, one across it open: rewards that explain the"
                " decisions disagree. An arrow has no bound. Discs are settled, squares refuted, triangles open."
            ),
        ),
    )


def _ends(lowest: float | None, highest: float | None) -> str:
    if lowest is None and highest is None:
        return "no bound"
    if lowest is None or highest is None:
        low = "no bound" if lowest is None else format_number(lowest, digits=3)
        high = "no bound" if highest is None else format_number(highest, digits=3)
        return f"[{low}, {high}]"
    _, low, high = format_interval((lowest + highest) / 2, lowest, highest)
    return f"[{low}, {high}]"
