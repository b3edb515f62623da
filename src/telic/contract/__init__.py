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
from .problems import Problem
from .task import SCHEMA_VERSION, TaskContract

__all__ = [
    "SCHEMA_VERSION",
    "Actions",
    "Data",
    "Dynamics",
    "Feature",
    "Identity",
    "Limit",
    "Observation",
    "Outcomes",
    "People",
    "Problem",
    "States",
    "TaskContract",
    "Timing",
]
