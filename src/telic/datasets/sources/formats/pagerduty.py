"""PagerDuty incidents with their log entries (REST API v2), one row a log entry, oldest first.

Read: the answers of ``/log_entries`` or ``/incidents/ID/log_entries`` and of ``/incidents``, one a line or one after
the other, in any order; one object with both lists; bare lists; one entry or incident a line. Entries find their
incident by its id; how it stood when it was exported is under ``atExport.``. An entry that is on two pages (pages shift
while incidents arrive) is given once.

``resolved`` says what an entry tells about the incident: true for a resolution, false where work goes on (triggered,
acknowledged, escalated, ...), missing where it tells neither (a note, a notification). The last known value of an
incident is its outcome.

References: PagerDuty REST API v2, "Log Entries" and "Incidents".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import flat
from telic.datasets.sources.json_values import Place, child, children, json_values
from telic.datasets.sources.repeats import Repeats
from telic.errors import DataError

from ._incidents import needed_text, oldest_first

__all__ = ["FORMAT"]

SUFFIX = "_log_entry"

GOES_ON = frozenset(
    f"{action}{SUFFIX}"
    for action in (
        "acknowledge",
        "assign",
        "delegate",
        "escalate",
        "exhaust_escalation_path",
        "reach_ack_timeout",
        "reach_trigger_limit",
        "reopen",
        "repeat_escalation_path",
        "snooze",
        "trigger",
        "unacknowledge",
        "unsnooze",
    )
)
"""Types of entries after which an incident is not resolved."""

FIXED = ("id", "incident_number", "incident_key", "created_at", "title")
"""Fields of an incident that stand from its beginning (a title can be edited, and seldom is)."""


def _records(source: SourceFile) -> Iterator[Record]:
    incidents: dict[Value, dict[str, Value]] = {}
    some = False
    for place, value in json_values(source):
        for incident in _listed(place, value)[0]:
            about = _about(incident)
            incidents[about.get("incident.id")] = about
    repeats = Repeats()
    for place, value in json_values(source):
        for entry in oldest_first(_listed(place, value)[1], "created_at"):
            some = True
            row = _row(entry, incidents, place)
            identity = row.get("id")
            if not repeats.seen(identity if identity else tuple(sorted(flat(entry).items(), key=str))):
                yield row
    if incidents and not some:
        raise DataError(
            f"{source.name} holds {len(incidents):,} incidents and no log entries, so nobody did anything in them.",
            hint="Export /incidents/ID/log_entries of each (or /log_entries) too, into the same file.",
        )


def _listed(place: Place, value: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The incidents and the log entries in a value."""
    if isinstance(value, list):
        value = {"objects": value}
    if not isinstance(value, dict):
        raise _unknown(place, value)
    if "error" in value:
        error = value["error"] if isinstance(value["error"], dict) else {"message": value["error"]}
        raise place.error(
            f"is an error in place of data: {str(error.get('message'))[:200]} (code {str(error.get('code'))[:10]}).",
            "Ask again; a key without access answers like that too.",
        )
    known = {"incidents", "incident", "log_entries", "log_entry", "objects"} & value.keys()
    kind = str(value.get("type", ""))
    if not known or kind == "incident" or kind.endswith(SUFFIX):
        value, known = {"objects": [value]}, {"objects"}
    incidents, entries = children(value, "incidents", place), children(value, "log_entries", place)
    incidents += [x for x in (child(value, "incident", place),) if x]
    entries += [x for x in (child(value, "log_entry", place),) if x]
    for item in children(value, "objects", place):
        if str(item.get("type", "")).endswith(SUFFIX):
            entries.append(item)
        elif item.get("type") == "incident":
            incidents.append(item)
        else:
            raise _unknown(place, item)
    for incident in incidents:
        for entry in children(incident, "log_entries", place):
            entries.append({"incident": {"id": incident.get("id")}, **entry})
    return incidents, entries


def _unknown(place: Place, value: Any) -> DataError:
    kind = value.get("type") if isinstance(value, dict) else type(value).__name__
    return place.error(
        f"is neither an incident nor a log entry of PagerDuty's REST API v2 (type {str(kind)[:40]!r}).",
        "Save the answers of /incidents and /log_entries, with the header for version 2.",
    )


def _about(incident: Mapping[str, Any]) -> dict[str, Value]:
    fixed = flat({key: incident.get(key) for key in FIXED}, "incident.")
    later = {k: v for k, v in incident.items() if k not in (*FIXED, "log_entries")}
    return fixed | flat(later, "atExport.")


def _row(
    entry: dict[str, Any], incidents: Mapping[Value, dict[str, Value]], place: Place
) -> dict[str, Value]:
    row = flat(entry)
    kind = needed_text(row, "type", "a log entry", place)
    if not kind.endswith(SUFFIX):
        raise place.error(
            f"has a log entry of type {kind[:40]!r}, which must end in {SUFFIX}.",
            "Version 1 of the API wrote types without it; export with version 2.",
        )
    row["time"] = needed_text(row, "created_at", "a log entry", place)
    about = incidents.get(needed_text(row, "incident.id", "a log entry", place), {})
    row["action"] = kind.removesuffix(SUFFIX)
    row["actor"] = str(row.get("agent.type") or "unknown").removesuffix("_reference")
    row["resolved"] = True if kind == f"resolve{SUFFIX}" else False if kind in GOES_ON else None
    return {**row, **about}


FORMAT = EventFormat(
    name="pagerduty",
    title="PagerDuty incidents and log entries, REST API v2",
    columns={
        "time": "when the entry was made",
        "incident.id": "identity of the incident",
        "incident.title": "what it is about, where the incident is in the file too",
        "action": "what was done: trigger, acknowledge, escalate, resolve, annotate, ...",
        "actor": "who did it: user, service, integration, ...; unknown where it is not said",
        "agent.id": "identity of who did it",
        "agent.summary": "name of who did it",
        "channel.type": "by what means: web, mobile, api, auto, timeout, ...",
        "service.summary": "name of the service",
        "resolved": "true for a resolution, false where work goes on, missing where the entry tells neither",
        "id": "identity of the entry",
        "atExport.status": "status of the incident when it was exported, which nobody knew before",
    },
    records=_records,
)
