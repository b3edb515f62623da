"""Small projects of several streams, written as files: Kubernetes audit events and metrics of the same services."""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path

from telic.contract import TaskContract

START = 1_772_359_200.0
"""2026-03-01T10:00:00Z."""

MAPPING = {
    "identity": {"task": "scaling"},
    "observations": [
        {"name": "cpu", "column": "metrics.cpu", "unit": "core", "low": 0, "high": 64, "missing": "drop"},
        {"name": "age", "column": "metrics.age_seconds", "in_state": False, "missing": "drop"},
    ],
    "actions": {"column": "verb", "values": ["patch", "delete", "none"]},
    "data": {"trajectory": "service", "demonstrator": "user.username"},
    "streams": [
        {
            "name": "audit",
            "files": "audit*.log",
            "format": "kubernetes-audit",
            "role": "decisions",
            "time": "stageTimestamp",
            "entities": {"service": "objectRef.name"},
            "where": {"verb": ["patch", "delete"]},
            "identity": "auditID",
        },
        {
            "name": "metrics",
            "files": "metrics*.csv",
            "role": "state",
            "time": "ts",
            "entities": {"service": "job"},
            "max_age_seconds": 120,
        },
    ],
}


def contract(**changes) -> TaskContract:
    return TaskContract.from_mapping(copy.deepcopy(MAPPING) | changes)


def streams(**changes) -> list[dict]:
    """The two streams with other fields: ``streams(metrics={"same_time": "include"})``; None takes a field out."""
    found = copy.deepcopy(MAPPING["streams"])
    for stream in found:
        for key, value in changes.get(stream["name"], {}).items():
            stream[key] = value
            if value is None:
                del stream[key]
    return found


def iso(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def event(i: int, seconds: float, verb: str = "patch", service: str = "web", user: str = "ana") -> dict:
    """An event of the API server's audit log, ``seconds`` after START."""
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"id-{i:04d}",
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": user},
        "sourceIPs": ["192.0.2.7"],
        "objectRef": {"resource": "deployments", "namespace": "shop", "name": service},
        "responseStatus": {"code": 200},
        "stageTimestamp": iso(START + seconds),
    }


def write_audit(folder: Path, events: list[dict], name: str = "audit.log") -> None:
    (folder / name).write_text("".join(json.dumps(e) + "\n" for e in events))


def write_metrics(folder: Path, rows: list[tuple[float, str, float]], name: str = "metrics.csv") -> None:
    """Rows of seconds after START, service and processor cores."""
    lines = [f"{START + s:.3f},{job},{cpu}" for s, job, cpu in rows]
    (folder / name).write_text("\n".join(["ts,job,cpu", *lines]) + "\n")
