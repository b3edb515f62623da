"""Formats of foreign logs, one a module, each imported when it is first asked for.

``MODULES`` names every one: the value of ``data.format`` and the module whose ``FORMAT`` reads it.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import Final

from telic._core.near_miss import near_miss
from telic.datasets.sources.event_format import EventFormat
from telic.errors import ContractError

__all__ = ["MODULES", "event_format", "is_folder_format"]

MODULES: Final = MappingProxyType(
    {
        "alertmanager": "alertmanager",
        "jira-service-management": "jira_service_management",
        "kubernetes-audit": "kubernetes_audit",
        "kubernetes-events": "kubernetes_events",
        "opsgenie": "opsgenie",
        "otlp-logs": "otlp_logs",
        "otlp-traces": "otlp_traces",
        "pagerduty": "pagerduty",
        "prometheus-range": "prometheus_range",
        "d4rl": "d4rl",
        "lerobot": "lerobot",
        "minari": "minari",
        "npz-episodes": "npz_episodes",
        "robomimic": "robomimic",
        "access-log": "access_log",
        "asciinema": "asciinema",
        "aws-cur": "aws_cur",
        "cloudfront": "cloudfront",
        "delta": "delta",
        "ecs": "ecs",
        "focus": "focus",
        "iceberg": "iceberg",
        "junit": "junit",
        "log-templates": "log_templates",
        "ocsf": "ocsf",
        "servicenow": "servicenow",
        "slurm-sacct": "slurm_sacct",
        "swf": "swf",
        "sysmon": "sysmon",
        "transcript": "transcript",
        "vpc-flow": "vpc_flow",
        "xes": "xes",
    }
)
"""Value of ``data.format`` to the module of this package that reads it."""


def event_format(name: str) -> EventFormat:
    """The format of that name.

    Raises:
        ContractError: there is none; the nearest name is offered.
        PermanentError: it needs a package that is not installed (its extra is named).
    """
    if name not in MODULES:
        raise ContractError(
            f"`data.format` {name!r} is not a format that is read.{near_miss(name, MODULES)}",
            hint=f"Formats: csv, jsonl, parquet, {', '.join(MODULES)}. Left out, the file's ending decides.",
        )
    form: EventFormat = importlib.import_module(f".{MODULES[name]}", __package__).FORMAT
    return form


def is_folder_format(name: str | None) -> bool:
    """Whether a source of ``data.format`` is a folder; an unknown name, which the reading itself refuses, is not."""
    return name is not None and name in MODULES and event_format(name).is_folder
