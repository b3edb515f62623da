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
from .problems import Problem
from .quality import Quality
from .task import SCHEMA_VERSION, TaskContract

__all__ = [
    "SCHEMA_VERSION",
    "Actions",
    "Data",
    "Dynamics",
    "EdgeCase",
    "Feature",
    "Identity",
    "Limit",
    "Observation",
    "Outcomes",
    "People",
    "Problem",
    "Quality",
    "States",
    "TaskContract",
    "Timing",
]
