"""Kubernetes audit log (``audit.k8s.io/v1``), one event a line as the API server's log backend writes it.

An event is kept once, at its last stage (``ResponseComplete`` or ``Panic``): the earlier stages of a request repeat it.
``userAgent`` and every source address but the last are set by the client, so they prove nothing; the last address is
given as ``sourceIP``.

References: Kubernetes, auditing documentation; the types of ``audit.k8s.io/v1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from telic.datasets.sources.event_format import EventFormat, Record
from telic.datasets.sources.files import SourceFile
from telic.datasets.sources.json_records import flat, json_lines
from telic.errors import DataError

__all__ = ["FORMAT"]

LAST_STAGES = ("ResponseComplete", "Panic")
"""Stages after which nothing more is said of a request."""


def _records(source: SourceFile) -> Iterator[Record]:
    for number, event in json_lines(source):
        if event.get("kind") != "Event" or not str(event.get("apiVersion", "")).startswith("audit.k8s.io/"):
            raise DataError(
                f"{source.name} line {number} is not an event of audit.k8s.io, but kind {event.get('kind')!r} of "
                f"{event.get('apiVersion')!r}.",
                hint="Kubernetes has two kinds of events; core ones are the format kubernetes-events.",
                line=number,
            )
        if event["apiVersion"] != "audit.k8s.io/v1":
            raise DataError(
                f"{source.name} line {number} has version {event['apiVersion']}; audit.k8s.io/v1 is read.",
                hint="Kubernetes writes v1 since 1.12; export the log again from a newer server.",
                line=number,
            )
        if event.get("stage") in LAST_STAGES:
            yield {**flat(event), "sourceIP": _last(event.get("sourceIPs"))}


def _last(addresses: Any) -> str | None:
    return str(addresses[-1]) if isinstance(addresses, list) and addresses else None


FORMAT = EventFormat(
    name="kubernetes-audit",
    title="Kubernetes audit log, audit.k8s.io/v1",
    columns={
        "auditID": "identity of the request",
        "stageTimestamp": "time at which the stage was reached",
        "verb": "what was asked: create, update, patch, delete, ...",
        "user.username": "who asked",
        "objectRef.resource": "kind of object",
        "objectRef.namespace": "namespace of the object",
        "objectRef.name": "name of the object",
        "responseStatus.code": "HTTP status of the answer",
        "sourceIP": "last source address (the only one that the server saw itself)",
    },
    records=_records,
)
