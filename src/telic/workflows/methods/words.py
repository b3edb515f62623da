"""The registry as a page and as a listing: from what one has to a method that makes a policy of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telic.reports import Report, Section, Table

from .description import Group, Method
from .registry import METHODS

__all__ = ["as_markdown", "listing", "one_method"]

HAVE: Sequence[tuple[Group, str]] = (
    (Group.IMITATION, "Decisions of experts, and no reward"),
    (Group.OFFLINE, "A log with rewards (logged or inferred), and nothing may be tried"),
    (Group.REINFORCEMENT, "A reward, and a world in which to try"),
    (Group.CONSTRAINED, "A reward, and costs that must stay within budgets"),
    (Group.BANDITS, "One decision at a time, whose outcome is seen at once"),
    (Group.TABULAR, "States that can be counted, and a reward"),
)
"""What a newcomer has, by group of methods, in the order of the page."""


def needed(method: Method) -> str:
    """What one must have, in words."""
    worlds = " or ".join(w for w in method.worlds if w not in method.needs)
    return ", ".join((*method.needs, *([worlds] if worlds else [])))


def as_markdown() -> str:
    """The registry as the second half of docs/how-to-choose.md."""
    parts = [
        "## Which method for a policy",
        "",
        "Start from what you have. `telic methods` prints this table, `telic methods NAME` one of them with the",
        "settings worth touching. *Verb*: what runs it from a [settings file](making-policies.md); the others are",
        "called from Python.",
        "",
    ]
    for group, have in HAVE:
        parts += [f"### {have}", "", "| method | needs | actions | when | when not | cost | verb |"]
        parts += ["| --- | --- | --- | --- | --- | --- | --- |"]
        for m in (m for m in METHODS.values() if m.group is group):
            verb = f"`{m.verb}`" if m.verb else ""
            parts.append(
                f"| [`{m.name}`]({m.page}) {m.title} | {needed(m)} | {', '.join(m.actions)} | {m.when} | {m.when_not} |"
                f" {m.cost} | {verb} |"
            )
        parts.append("")
    return "\n".join(parts)


def listing() -> Report:
    """Every method, grouped by what one has."""
    sections = []
    for group, have in HAVE:
        rows = tuple(
            (m.name, needed(m), ", ".join(m.actions), m.verb or "Python", m.when)
            for m in METHODS.values()
            if m.group is group
        )
        table = Table(title=have, columns=("method", "needs", "actions", "run by", "when"), rows=rows)
        sections.append(Section(title=group.value.capitalize(), items=(table,), anchor=group.value))
    return Report(
        title="Methods that make policies",
        headline=f"{len(METHODS)} methods, by what you have; `telic methods NAME` tells one with its settings.",
        sections=tuple(sections),
        data={
            "schema_version": 1,
            "verb": "methods",
            "task": "",
            "headline": f"{len(METHODS)} methods",
            "methods": [_plain(m) for m in METHODS.values()],
        },
    )


def one_method(method: Method) -> Report:
    """One method with its settings; imports it.

    Args:
        method: of the registry.
    """
    known = method.parameters(whole=True)
    rows = tuple(
        (s.name, _default(known[s.name]), s.range or "", s.effect) for s in method.settings if s.name in known
    )
    others = [name for name in known if name not in {s.name for s in method.settings}]
    said: list[Any] = [
        f"Needs {needed(method)}. Actions: {', '.join(method.actions)}.",
        f"When: {method.when}",
        f"When not: {method.when_not}",
        f"Cost: {method.cost}",
    ]
    if method.steps:
        said.append(f"`steps`: {method.steps} by default, each {method.step_is}.")
    items = [
        Table(
            title="Settings worth touching", columns=("setting", "default", "range", "more of it"), rows=rows
        )
    ]
    return Report(
        title=method.title,
        headline=f"`{method.name}`: "
        + (f"run by `telic {method.verb} --settings FILE`." if method.verb else "called from Python."),
        sections=(
            Section(title="When to use it", items=tuple(said), anchor="when"),
            Section(
                title="Settings",
                items=(*(items if rows else ()), *([f"Others: {', '.join(others)}."] if others else [])),
                anchor="settings",
            ),
            Section(title="More", items=(f"docs/{method.page}",), anchor="more"),
        ),
        data={
            "schema_version": 1,
            "verb": "methods",
            "task": "",
            "headline": method.title,
            "methods": [_plain(method)],
        },
    )


def _default(parameter: Any) -> str:
    value = parameter.default
    return "required" if value is parameter.empty else str(list(value) if isinstance(value, tuple) else value)


def _plain(method: Method) -> dict[str, Any]:
    return {
        "name": method.name,
        "title": method.title,
        "group": method.group.value,
        "needs": [n.value for n in method.needs],
        "worlds": [w.value for w in method.worlds],
        "actions": [a.value for a in method.actions],
        "when": method.when,
        "when_not": method.when_not,
        "cost": method.cost,
        "verb": method.verb or None,
        "settings": [{"name": s.name, "range": s.range, "effect": s.effect} for s in method.settings],
        "page": method.page,
    }
