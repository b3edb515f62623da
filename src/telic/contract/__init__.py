"""The task contract: one document from the log to the report."""

from .blocks import (
    Actions,
    Data,
    Dynamics,
    Feature,
    Identity,
    Limit,
    Observation,
    Outcomes,
    People,
    States,
    Timing,
)
from .coverage import EdgeCase
from .privacy import Privacy, PrivacyRule
from .problems import Problem
from .quality import Quality
from .streams import Clock, Decisions, LateOutcome, NoAction, Offered, Stream
from .task import SCHEMA_VERSION, TaskContract

__all__ = [
    "SCHEMA_VERSION",
    "Actions",
    "Clock",
    "Data",
    "Decisions",
    "Dynamics",
    "EdgeCase",
    "Feature",
    "Identity",
    "LateOutcome",
    "Limit",
    "NoAction",
    "Observation",
    "Offered",
    "Outcomes",
    "People",
    "Privacy",
    "PrivacyRule",
    "Problem",
    "Quality",
    "States",
    "Stream",
    "TaskContract",
    "Timing",
]
