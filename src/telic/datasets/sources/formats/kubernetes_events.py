"""Kubernetes events (core/v1 and events.k8s.io/v1), one row an event as it stood when it was written.

An event says what happened to an object, seen by a controller or the kubelet. The two versions have other names for the
same things; ``time``, ``firstTime``, ``count``, ``object.*``, ``reason``, ``note``, ``controller`` are given for both,
beside the fields as they stand. The API server merges repeats into one event whose count rises and drops events after
an hour (unless it was told otherwise), so a list is the last hour in short; a watch has each state that an event passed
through. A state delivered twice (same ``metadata.uid`` and ``resourceVersion``) is given once.

Read: a list (``kubectl get events -A -o json``, or the API's own answer), one event a line, events one after the other,
and the lines of a watch (deletions left out: they say that an hour has passed).

References: Kubernetes API reference, Event v1 core and Event v1 events.k8s.io; API concepts, "efficient detection of
changes".
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

VERSIONS = ("v1", "events.k8s.io/v1")

CHANGES = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")
"""Kinds of lines of a watch."""

SAME = {
    "firstTime": ("firstTimestamp", "deprecatedFirstTimestamp", "eventTime"),
    "count": ("series.count", "count", "deprecatedCount"),
    "object.kind": ("involvedObject.kind", "regarding.kind"),
    "object.namespace": ("involvedObject.namespace", "regarding.namespace"),
    "object.name": ("involvedObject.name", "regarding.name"),
    "note": ("message", "note"),
    "controller": (
        "reportingController",
        "reportingComponent",
        "source.component",
        "deprecatedSource.component",
    ),
    "time": (
        "series.lastObservedTime",
        "lastTimestamp",
        "deprecatedLastTimestamp",
        "eventTime",
        "firstTimestamp",
        "deprecatedFirstTimestamp",
        "metadata.creationTimestamp",
    ),
}
"""Column to the fields that hold it, in both versions; the first that is not missing counts."""


def _records(source: SourceFile) -> Iterator[Record]:
    repeats = Repeats()
    for place, value in json_values(source):
        for event in _events(place, value, version=None):
            fields = flat(event)
            row: dict[str, Value] = fields | {column: _first(fields, names) for column, names in SAME.items()}
            row["count"] = 1 if row["count"] is None else row["count"]
            identity = tuple(
                row.get(k) for k in ("metadata.uid", "metadata.resourceVersion", "time", "count")
            )
            if identity[0] is None or not repeats.seen(identity):
                yield row


def _first(fields: dict[str, Value], names: tuple[str, ...]) -> Value:
    return next((fields[name] for name in names if fields.get(name) not in (None, "")), None)


def _events(place: Place, value: Any, version: Any) -> Iterator[dict[str, Any]]:
    """The events in a value: one, those of a list, or the one that a line of a watch brings.

    Args:
        place: where the value stands.
        value: the value.
        version: ``apiVersion`` of the list around it, whose items need not repeat it.
    """
    if not isinstance(value, dict):
        raise place.error(
            f"must be an object, got {type(value).__name__}.", "Export with `kubectl get events -A -o json`."
        )
    kind, stated = value.get("kind", None if version is None else "Event"), value.get("apiVersion", version)
    if kind is None and value.get("type") in CHANGES and isinstance(value.get("object"), dict):
        if value["type"] not in ("DELETED", "BOOKMARK"):
            yield from _events(place, value["object"], version=None)
    elif kind in ("List", "EventList"):
        for item in children(value, "items", place):
            yield from _events(place, item, version=stated if kind == "EventList" else None)
    elif kind == "Event" and stated in VERSIONS:
        yield value
    else:
        raise _refused(place, value, kind, stated)


def _refused(place: Place, value: dict[str, Any], kind: Any, version: Any) -> Exception:
    if kind == "Status":
        return place.error(
            f"is an error in place of events: {str(value.get('reason'))[:60]}, code {str(value.get('code'))[:10]}.",
            "The API server refused or ended the request; ask again (a watch that is too old begins anew).",
        )
    if kind == "Event":
        audit = str(version).startswith("audit.k8s.io/")
        return place.error(
            f"is an event of version {str(version)[:60]}; {' and '.join(VERSIONS)} are read.",
            "Set `data.format: kubernetes-audit`." if audit else "Export it again from a newer server.",
        )
    return place.error(
        f"is no event, but kind {str(kind)[:60]!r} of {str(version)[:60]!r}.",
        "Export with `kubectl get events -A -o json`.",
    )


FORMAT = EventFormat(
    name="kubernetes-events",
    title="Kubernetes events, core/v1 and events.k8s.io/v1",
    columns={
        "time": "when it was last observed",
        "firstTime": "when it was first observed",
        "count": "how often it was observed",
        "type": "Normal or Warning",
        "reason": "short reason in one word, such as BackOff",
        "note": "what happened, in words",
        "action": "what was done or failed, where the controller says",
        "controller": "who saw it",
        "object.kind": "kind of the object that it is about",
        "object.namespace": "its namespace",
        "object.name": "its name",
        "metadata.uid": "identity of the event",
    },
    records=_records,
)
