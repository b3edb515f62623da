"""Opsgenie alerts with their logs (Alert API v2), one row a log entry, oldest first.

Opsgenie is no longer sold and its API ends in April 2027, so what is read are exports: objects with the alert (the
answer of ``/v2/alerts/ID``) and its logs (the answer of ``/v2/alerts/ID/logs``), one a line::

    {"alert": {"data": {"id": ..., "message": ...}}, "logs": {"data": [{"log": ..., "createdAt": ...}]}}

``data`` may be left out, and the alert's fields may stand beside ``logs``. What an alert was when it was exported is
under ``atExport.``. The API says what happened in words only: ``action`` is found by words in ``log`` and is ``other``
where none of them is there; look at the share of ``other`` before relying on it.

References: Opsgenie Alert API, "Get Alert" and "List Alert Logs".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import flat
from telic.datasets.sources.json_values import Place, child, children, json_values
from telic.datasets.sources.repeats import Repeats

from ._incidents import needed_text, oldest_first

__all__ = ["FORMAT"]

FIXED = ("id", "tinyId", "alias", "message", "source", "entity", "createdAt")
"""Fields that stand from an alert's beginning (a message can be edited, and seldom is)."""

WORDS = (
    ("notify", r"notification|sent \[|notif(y|ied)"),
    ("unacknowledge", r"\bun-?acknowledged?\b"),
    ("acknowledge", r"\backnowledged?\b|\backed\b"),
    ("close", r"\bclosed?\b"),
    ("reopen", r"\bre-?open(ed)?\b"),
    ("unsnooze", r"\bsnooze (ended|expired)\b|\bun-?snoozed?\b"),
    ("snooze", r"\bsnoozed?\b"),
    ("escalate", r"\bescalat(e|ed|ion)\b"),
    ("assign", r"\bassigned\b|\bownership\b|\bowner\b"),
    (
        "add-responder",
        r"\b(responder|team|recipient)s?\b.*\badded\b|\badded\b.*\b(responder|team|recipient)s?\b",
    ),
    ("note", r"\bnotes?\b"),
    ("tag", r"\btags?\b"),
    ("priority", r"\bpriority\b"),
    ("create", r"\bcreated?\b"),
)
"""Action and the words that tell it, tried in this order."""

MEANING = [(action, re.compile(words, re.IGNORECASE)) for action, words in WORDS]

GOES_ON = frozenset(
    {"create", "acknowledge", "unacknowledge", "reopen", "snooze", "unsnooze", "escalate", "assign"}
)
"""Actions after which an alert is not closed."""


def _records(source: SourceFile) -> Iterator[Record]:
    repeats = Repeats()
    for place, value in json_values(source):
        for alert, logs in _alerts(place, value):
            fixed = flat({key: alert.get(key) for key in FIXED}, "alert.")
            about = fixed | flat({k: v for k, v in alert.items() if k not in FIXED}, "atExport.")
            identity = needed_text(fixed, "alert.id", "an alert", place)
            resolved = False
            for log in oldest_first(logs, "createdAt"):
                row = flat(log)
                row["time"] = needed_text(row, "createdAt", f"a log entry of alert {identity[:60]}", place)
                text = needed_text(row, "log", f"a log entry of alert {identity[:60]}", place)
                row["action"] = action = _action(text)
                resolved = action == "close" or (resolved and action not in GOES_ON)
                row["resolved"] = resolved
                if not repeats.seen((identity, row["time"], text, row.get("offset"))):
                    yield {**row, **about}


def _alerts(place: Place, value: Any) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each alert in a value, with its logs."""
    if isinstance(value, list):
        value = {"data": value}
    if isinstance(value, dict) and "logs" not in value and isinstance(value.get("data"), list):
        for item in children(value, "data", place):
            yield from _alerts(place, item)
        return
    if not isinstance(value, dict) or "logs" not in value:
        said = str(value.get("message"))[:200] if isinstance(value, dict) and "requestId" in value else ""
        raise place.error(
            f"is an error in place of data: {said}" if said else "holds no alert with `logs`.",
            "Write each alert with the answer of /v2/alerts/ID/logs as its `logs`; without them nobody did anything.",
        )
    alert = child(value, "alert", place) or {k: v for k, v in value.items() if k != "logs"}
    if isinstance(alert.get("data"), dict):
        alert = alert["data"]
    if isinstance(value["logs"], dict):
        paging = child(value["logs"], "paging", place)
        if paging.get("next"):
            raise place.error(
                f"has only the first logs of alert {str(alert.get('id'))[:60]}: its answer names a next page.",
                "Follow `paging.next` and put the `data` of all pages together.",
            )
        yield alert, children(value["logs"], "data", place)
    else:
        yield alert, children(value, "logs", place)


def _action(text: str) -> str:
    return next((action for action, words in MEANING if words.search(text[:2000])), "other")


FORMAT = EventFormat(
    name="opsgenie",
    title="Opsgenie alerts with logs, Alert API v2",
    columns={
        "time": "when it was logged",
        "alert.id": "identity of the alert",
        "alert.message": "what it is about",
        "alert.entity": "what it happened to",
        "alert.source": "who raised it",
        "action": "what happened, found by words in `log`; other where none is known",
        "log": "what happened, in Opsgenie's words (may name people)",
        "owner": "who did it",
        "type": "kind of the entry",
        "resolved": "whether the alert is closed after the entry",
    },
    records=_records,
)
