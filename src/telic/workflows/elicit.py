"""``elicit``: which question would settle what the decisions leave open, and what its answer is expected to tell.

The belief is the normal approximation of the posterior (likelihood of ``infer``, prior as stated or default);
decisions count as independent given their states, and the transition probabilities are taken as estimated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from telic.inference.elicitation import WeightBelief
from telic.reports import Outcome
from telic.reports.numbers import json_value

from .access import permitted
from .elicit_answers import read_answers, require_blank, under_pseudonyms, write_questions
from .elicit_belief import Separated, believed
from .elicit_heard import Heard, heard_of, known_questions, updated
from .elicit_plans import plan_pool, usual_steps
from .elicit_report import elicit_report, headline_of
from .elicit_settings import ElicitSettings
from .elicit_sheet import sheet_of
from .elicit_watching import watching
from .findings import finding_from, worst_first
from .infer_report import outcome_named
from .problem import Problem, pose
from .progress import Progress, silent
from .project import Project, Run
from .readings import audited
from .verb_result import VerbResult, most_important

__all__ = ["elicit"]

SCHEMA_VERSION = 1
"""Of the JSON form."""

QUESTIONS_FILE = "questions.csv"
"""Beside the page: the comparisons, to be filled in."""


@permitted("elicit")
@audited("elicit")
def elicit(
    folder: str | Path,
    *,
    settings: ElicitSettings | None = None,
    answers: str | Path | Sequence[str | Path] = (),
    questions: str | Path | None = None,
    version: str | None = None,
    progress: Progress = silent,
) -> VerbResult:
    """The questions whose answers are expected to tell most about what is valued.

    Args:
        folder: project folder.
        settings: what may be chosen.
        answers: filled files of questions (CSV, or JSON lines) of this project; they are read, never changed.
        questions: where the comparisons are written for somebody to fill in, beside the copy in the run folder.
        version: digest (or its beginning) of a dataset version; None: the newest.
        progress: told how far the work is.

    Returns:
        ``product`` is the ``WeightBelief`` after the answers (None where the result was there already, or there is no
        belief).

    Raises:
        SettingsError, FeatureError, DataError: see their messages.
        NumericalError: the mode of the posterior was not found.
        PermanentError: there is no such project or file, nothing was ingested, or a file would be written over.
    """
    chosen = settings or ElicitSettings()
    project = Project.open(folder)
    dataset = project.dataset(version)
    paths = [answers] if isinstance(answers, str | Path) else list(answers)
    heard = _heard(project, [Path(path) for path in paths], chosen)
    if questions is not None:
        require_blank(Path(questions))
    others = [Project.open(place) for place in chosen.worlds]
    run = project.run_of(
        "elicit",
        {
            "dataset": project.key_of(dataset),
            "contract": project.contract.digest,
            "settings": asdict(chosen),
            "answers": heard.to_json(),
            "worlds": [[other.contract.digest, other.dataset().digest] for other in others],
        },
    )
    belief: WeightBelief | None = None
    is_reused = run.is_done
    if is_reused:
        data = run.read()
    else:
        with project.lock():
            progress("cutting states", 0, None)
            problem = pose(project.contract, project.demonstrations(dataset), discount=chosen.discount)
            data, belief = _asked(problem, chosen, heard, _posed(others), progress)
            data |= {"digest": run.digest, "dataset": dataset.digest, "settings": json_value(asdict(chosen))}
            write_questions(run.folder / QUESTIONS_FILE, data["questions"])
            run.write(elicit_report(data, is_page=True))
    _hand_out(data, run, questions)
    project.remember(run)
    return VerbResult(
        verb="elicit",
        report=elicit_report(data, is_page=False),
        page=run.folder / "elicit.html",
        finding=most_important([finding_from(f) for f in data["findings"]]),
        next_command=_next(project, data, chosen, paths, questions or run.folder / QUESTIONS_FILE),
        is_reused=is_reused,
        outcome=outcome_named(data["result"]),
        product=belief,
    )


def _heard(project: Project, paths: list[Path], settings: ElicitSettings) -> Heard:
    """The answers with their questions; wrong ones are refused before anything is computed or written."""
    if not paths:
        return Heard()
    read, n_blank = read_answers(paths)
    answers = under_pseudonyms(read, project.contract)
    return heard_of(answers, n_blank, known_questions(project), settings.demonstrator)


def _posed(others: Sequence[Project]) -> list[tuple[str, Problem]]:
    return [
        (str(other.folder), pose(other.contract, other.demonstrations(other.dataset()))) for other in others
    ]


def _asked(
    problem: Problem,
    settings: ElicitSettings,
    heard: Heard,
    others: Sequence[tuple[str, Problem]],
    progress: Progress,
) -> tuple[dict[str, Any], WeightBelief | None]:
    progress("what is believed", 0, None)
    found = believed(problem, settings)
    data: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "verb": "elicit",
        "task": problem.contract.identity.task,
        "result": Outcome.SUCCESS.label,
        "questions": [],
        "random": {},
        "together": None,
        "answers": None,
        "belief": None,
        "claims": [],
        "units": dict(zip(problem.features.names, problem.features.units, strict=False)),
        "conditional_on": "the transition probabilities",
        "level": settings.level,
        "least_gain": settings.least_gain,
    }
    if isinstance(found, Separated):
        data |= {"result": Outcome.SEPARATION.label, "findings": [f.to_json() for f in found.findings]}
        return _plain(data), None
    belief = found.belief
    notes = [*heard.findings, *belief.findings]
    if heard.rows:
        belief, data["answers"], odd = updated(
            belief, heard, settings, with_people=problem.contract.people is not None
        )
        notes = [*heard.findings, *odd, *belief.findings]
    steps = settings.steps or usual_steps(problem)
    data["steps"] = steps
    data["belief"] = {
        "method": found.posterior.method,
        "demonstrator": settings.demonstrator,
        "n_decisions": found.demos.n_decisions,
        "n_draws": belief.n_draws,
        "effective_draws": belief.effective_draws,
        "prior": found.posterior.prior.to_json(),
        "untold": list(found.untold),
    }
    if not belief.outcome.ok:
        data |= {"result": belief.outcome.label, "findings": [f.to_json() for f in notes]}
        return _plain(data), belief
    at_stake = found.at_stake
    spread = belief.covariance.diagonal() ** 0.5
    data["belief"]["weights"] = {
        n: {"mean": m, "standard_deviation": s}
        for n, m, s in zip(belief.names, belief.mean.tolist(), spread.tolist(), strict=True)
    }
    shares = at_stake.now(belief)
    data["claims"] = [
        {"claim": words, "share": share, "is_open": is_open, "is_asked": i < len(settings.claims)}
        for i, (words, share, is_open) in enumerate(
            zip(at_stake.claims, shares.tolist(), at_stake.is_open(shares).tolist(), strict=True)
        )
    ]
    if "comparison" in settings.kinds:
        progress("plans to compare", 0, None)
        pool = plan_pool(problem, found, settings, steps, belief)
        progress("ranking comparisons", 0, None)
        sheet = sheet_of(belief, pool, at_stake, settings, alike=found.untold, answered=heard.pairs)
        data["questions"] += sheet.questions
        data["together"] = sheet.told.pop("together")
        data["random"]["comparison"] = sheet.told
        notes += sheet.findings
    progress("ranking demonstrations", 0, None)
    shown = watching(problem, found.at_stake, belief, settings, steps, others=others)
    data["questions"] += shown.questions
    data["random"] |= shown.told
    notes += [*shown.findings, *problem.findings]
    data["findings"] = [f.to_json() for f in worst_first(notes)]
    return _plain(data), belief


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    plain = json_value({**data, "headline": headline_of(data)})
    assert isinstance(plain, dict)
    return plain


def _hand_out(data: Mapping[str, Any], run: Run, questions: str | Path | None) -> None:
    """The files of questions that are not there yet."""
    beside = run.folder / QUESTIONS_FILE
    if not beside.exists():
        write_questions(beside, data["questions"])
    if questions is not None:
        write_questions(Path(questions), data["questions"])


def _next(
    project: Project,
    data: Mapping[str, Any],
    settings: ElicitSettings,
    given: Sequence[str | Path],
    questions: str | Path,
) -> str:
    """How to give the answers; or where else to look."""
    if not any(q["kind"] == "comparison" for q in data["questions"]):
        return f"telic ambiguity {project.folder}"
    person = "" if settings.demonstrator is None else f" --demonstrator {settings.demonstrator}"
    files = " ".join(f"--answers {path}" for path in (*given, questions))
    return f"telic elicit {project.folder}{person} {files}"
