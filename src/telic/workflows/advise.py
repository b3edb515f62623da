"""``advise``: which method fits the data, and when not to use inverse reinforcement learning."""

from __future__ import annotations

from pathlib import Path

from telic.reports import Finding, Report, Section, Severity
from telic.trajectories import Demonstrations

from .access import permitted
from .choice_rules import RULES, Rule, Verdict, facts_of
from .project import CONTRACT_NAMES, Project
from .verb_result import VerbResult, most_important

__all__ = ["advise"]


@permitted("advise")
def advise(contract: str | Path) -> VerbResult:
    """The rules of docs/how-to-choose.md that apply to a contract.

    Args:
        contract: a contract file, or a project folder, whose data are then looked at too.

    Raises:
        ContractError: the contract is not valid.
        PermanentError: there is no such file or folder.
    """
    from telic.datasets import load_contract

    place = Path(contract)
    demos: Demonstrations | None = None
    project: Project | None = None
    if place.is_dir() or place.name in CONTRACT_NAMES:
        project = Project.open(place)
        task = project.contract
        versions = project.store.versions()
        demos = project.store.load(versions[-1]) if versions else None
    else:
        task = load_contract(place)
    facts = facts_of(task, demos)
    chosen = [rule for rule in RULES if rule.applies(facts)]
    # What only the reader knows is said after what the contract shows.
    refusals = [r for r in chosen if r.verdict is Verdict.DO_NOT and not r.asks_reader]
    questions = [r for r in chosen if r.asks_reader]
    methods = [r for r in chosen if r.verdict is Verdict.USE]
    minds = [r for r in chosen if r.verdict is Verdict.MIND]
    findings = tuple(_finding(rule) for rule in (*refusals, *minds))
    headline = _headline(refusals, methods)
    sections = [
        Section(
            title="Against inverse RL here", items=tuple(_finding(r) for r in refusals), anchor="against"
        ),
        Section(title="Methods that fit", items=tuple(_words(r) for r in methods), anchor="methods"),
        Section(title="To keep in mind", items=tuple(_finding(r) for r in minds), anchor="mind"),
        Section(title="Only you can tell", items=tuple(_words(r) for r in questions), anchor="questions"),
    ]
    report = Report(
        title=f"Advice for {task.identity.task}",
        headline=headline,
        sections=tuple(s for s in sections if s.items),
        data={
            "schema_version": 1,
            "verb": "advise",
            "task": task.identity.task,
            "headline": headline,
            "facts": {name: getattr(facts, name) for name in type(facts).__dataclass_fields__},
            "rules": [
                {
                    "name": r.name,
                    "verdict": r.verdict.value,
                    "method": r.method,
                    "condition": r.condition,
                    "because": r.because,
                    "instead": r.instead,
                    "asks_reader": r.asks_reader,
                }
                for r in chosen
            ],
        },
    )
    return VerbResult(
        verb="advise",
        report=report,
        finding=most_important(findings),
        next_command="" if project is None or refusals else f"telic run {project.folder}",
        product=tuple(chosen),
    )


def _headline(refusals: list[Rule], methods: list[Rule]) -> str:
    if refusals:
        return f"Do not use inverse RL here yet. {refusals[0].because}"
    if methods:
        return f"Use {methods[0].method}. {methods[0].because}"
    return "No rule speaks for or against a method."


def _finding(rule: Rule) -> Finding:
    severity = Severity.WARNING if rule.verdict is Verdict.DO_NOT else Severity.NOTICE
    return Finding(
        code=rule.name, severity=severity, message=f"{rule.condition} {rule.because}", hint=rule.instead
    )


def _words(rule: Rule) -> str:
    method = f"{rule.method}: " if rule.method and rule.verdict is Verdict.USE else ""
    return f"{method}{rule.condition} {rule.because} {rule.instead}"
