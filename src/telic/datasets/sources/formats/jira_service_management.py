"""Jira Service Management issues with their changelog (REST API v2 or v3), one row a change, oldest first.

Read: answers of a search with ``expand=changelog`` (``issues``), bare lists, one issue a line. An issue's first row is
its creation (``field`` is ``issue``). ``status`` is that before the change, worked out from the changes themselves; the
fields of the issue as exported are under ``atExport.``. ``resolved`` says whether a resolution is set after the change;
its value in an issue's last row is the outcome.

A search gives at most 100 changes of an issue; one that has more is refused, because its end would be missing.

References: Jira Cloud platform REST API, "Issue search" and "Get changelogs".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import flat
from telic.datasets.sources.json_values import Place, child, children, json_values
from telic.datasets.sources.repeats import Repeats

from ._incidents import needed_text, oldest_first

__all__ = ["FORMAT"]

FIXED = ("created", "creator", "reporter", "issuetype", "project", "summary")
"""Fields that stand from an issue's beginning (a summary can be edited, and seldom is)."""


def _records(source: SourceFile) -> Iterator[Record]:
    repeats = Repeats()
    for place, value in json_values(source):
        for issue in _issues(place, value):
            for row in _changes(issue, place):
                if not repeats.seen((row["issue"], row["history.id"], row["item"])):
                    yield row


def _issues(place: Place, value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        value = {"issues": value}
    if isinstance(value, dict) and "errorMessages" in value and "issues" not in value:
        said = (
            "; ".join(str(m)[:100] for m in value["errorMessages"])
            if isinstance(value["errorMessages"], list)
            else ""
        )
        raise place.error(
            f"is an error in place of data: {said[:200]}", "Ask again; a query without access fails too."
        )
    if isinstance(value, dict) and "key" in value:
        return [value]
    if not isinstance(value, dict) or "issues" not in value:
        raise place.error(
            "holds no Jira issues: it has neither `issues` nor `key`.",
            "Save the answer of a search, in JSON.",
        )
    return children(value, "issues", place)


def _changes(issue: dict[str, Any], place: Place) -> Iterator[dict[str, Value]]:
    """The creation of an issue and its changes."""
    fields, key = child(issue, "fields", place), needed_text(issue, "key", "an issue", place)
    fixed = flat({name: fields.get(name) for name in FIXED}, "fields.")
    about = fixed | flat({k: v for k, v in fields.items() if k not in FIXED}, "atExport.")
    histories = oldest_first(_histories(issue, key, place), "created")
    status = _first_status(histories, fields, place)
    who = child(fields, "creator", place) or child(fields, "reporter", place)
    made = needed_text(fixed, "fields.created", f"issue {key}", place)
    same: dict[str, Value] = {**about, "issue": key}
    yield {
        **same,
        **flat({"author": who}),
        "time": made,
        "field": "issue",
        "toString": "created",
        "history.id": "created",
        "item": 0,
        "resolved": False,
    }
    resolved = False
    for history in histories:
        told = flat({name: history.get(name) for name in ("author", "created", "id")})
        at = needed_text(told, "created", f"a change of {key}", place)
        heading: dict[str, Value] = {k: v for k, v in told.items() if k.startswith("author")}
        for i, item in enumerate(children(history, "items", place)):
            change = flat(item)
            what = needed_text(change, "field", f"a change of {key}", place)
            resolved = change.get("to") not in (None, "") if what == "resolution" else resolved
            yield {
                **same,
                **heading,
                **change,
                "time": at,
                "history.id": told.get("id"),
                "item": i,
                "status": status,
                "resolved": resolved,
            }
            if what == "status":
                status = change.get("toString")


def _histories(issue: dict[str, Any], key: str, place: Place) -> list[dict[str, Any]]:
    changelog = issue.get("changelog")
    if not isinstance(changelog, dict):
        raise place.error(
            f"has issue {key[:40]} without a changelog, so nobody did anything in it.",
            "Ask with `expand=changelog`.",
        )
    histories = children(changelog, "histories" if "histories" in changelog else "values", place)
    total = changelog.get("total")
    if isinstance(total, int) and total > len(histories):
        raise place.error(
            f"has {len(histories)} of {total} changes of issue {key[:40]}.",
            f"Put the answers of /issue/{key[:40]}/changelog together in its `changelog.values`, with their `total`.",
        )
    return histories


def _first_status(histories: list[dict[str, Any]], fields: dict[str, Any], place: Place) -> Value:
    """Status at creation: what the first change of status left, or what it still is."""
    for history in histories:
        for item in children(history, "items", place):
            if item.get("field") == "status":
                return flat({"was": item.get("fromString")}).get("was")
    return flat({"now": child(fields, "status", place).get("name")}).get("now")


FORMAT = EventFormat(
    name="jira-service-management",
    title="Jira Service Management issues with changelog, REST API v2 or v3",
    columns={
        "time": "when the change was made",
        "issue": "key of the issue",
        "field": "what was changed: status, assignee, priority, resolution, ...; `issue` for its creation",
        "fromString": "what it was",
        "toString": "what it became",
        "status": "status before the change; missing at creation",
        "author.accountId": "identity of who changed it (Cloud)",
        "author.displayName": "name of who changed it",
        "resolved": "whether a resolution is set after the change",
        "fields.created": "when the issue was created",
        "fields.issuetype.name": "its type",
        "fields.project.key": "its project",
        "fields.summary": "what it is about",
        "history.id": "identity of the change; its items share it",
        "item": "number of the item in its change, from 0",
    },
    records=_records,
)
