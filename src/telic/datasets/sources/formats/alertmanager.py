"""Notifications of Alertmanager as its webhook receives them (version 4), one row an alert.

Alertmanager sends a whole group again whenever one of its alerts changes and every repeat interval, and again after a
lost answer. Each state of an alert (firing since a time, resolved at a time) is given once; ``time`` is when that state
began, since a notification does not say when it was sent.

Read: one notification a line, as a receiver appends them, or several one after the other.

References: Prometheus documentation, Alertmanager configuration, "webhook_config".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record, Value
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import flat
from telic.datasets.sources.json_values import Place, children, json_values
from telic.datasets.sources.repeats import Repeats

__all__ = ["FORMAT"]

VERSION = "4"

NEVER = "0001-01-01T00:00:00"
"""How Go writes a time that was not set: an alert that has not ended."""

OF_GROUP = ("receiver", "groupKey", "externalURL", "truncatedAlerts")


def _records(source: SourceFile) -> Iterator[Record]:
    repeats = Repeats()
    for place, value in json_values(source):
        notification = _notification(place, value)
        group = flat({key: value for key, value in notification.items() if key in OF_GROUP}) | flat(
            {"groupLabels": notification.get("groupLabels"), "groupStatus": notification.get("status")}
        )
        for alert in children(notification, "alerts", place):
            row = group | _alert(alert, place)
            identity = tuple(row.get(key) for key in ("fingerprint", "status", "startsAt", "endsAt"))
            if not repeats.seen(identity if identity[0] else tuple(flat(alert).items())):
                yield row


def _notification(place: Place, value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        raise place.error(
            "is a list, as the API of Alertmanager answers.",
            "What is read are notifications: let a webhook receiver append each body that it gets to a file.",
        )
    if not isinstance(value, dict) or "alerts" not in value:
        raise place.error(
            "is no notification of Alertmanager: it has no `alerts`.",
            "Let a webhook receiver append each body that it gets to a file, one a line.",
        )
    if value.get("version") != VERSION:
        raise place.error(
            f"is a notification of version {str(value.get('version'))[:20]!r}; version {VERSION!r} is read.",
            "Alertmanager writes version 4 since 0.5; was the log written by another tool?",
        )
    return value


def _alert(alert: dict[str, Any], place: Place) -> dict[str, Value]:
    row = flat(alert)
    status = row.get("status")
    if status not in ("firing", "resolved"):
        raise place.error(
            f"has an alert whose status is {str(status)[:40]!r}, not firing or resolved.",
            "Is the file damaged?",
        )
    if str(row.get("endsAt")).startswith(NEVER) or status == "firing":
        row["endsAt"] = None  # of a firing alert it is when Prometheus would let it end, not an end
    row["time"] = row.get("startsAt") if status == "firing" else row.get("endsAt")
    if row["time"] is None:
        raise place.error(
            f"has an alert that is {status} without {'startsAt' if status == 'firing' else 'endsAt'}.",
            "Is the file damaged?",
        )
    return row


FORMAT = EventFormat(
    name="alertmanager",
    title="notifications of Alertmanager to a webhook, version 4",
    columns={
        "time": "when the alert began to fire or was resolved",
        "status": "firing or resolved",
        "fingerprint": "identity of the alert: a hash of its labels",
        "startsAt": "when it began to fire",
        "endsAt": "when it was resolved; missing while it fires",
        "labels.alertname": "name of the rule",
        "groupKey": "the group in which it was sent",
        "receiver": "who was notified",
        "generatorURL": "where the rule can be seen",
    },
    records=_records,
)
