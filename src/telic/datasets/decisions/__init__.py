"""From several logs to one table of decisions: clocks, what was known when, outcomes, overrides, acts not taken."""

from .as_of import as_of
from .clocks import ClockEstimate, estimate_clock
from .leakage import future_matches
from .table import DecisionTable, decision_table, stream_files

__all__ = [
    "ClockEstimate",
    "DecisionTable",
    "as_of",
    "decision_table",
    "estimate_clock",
    "future_matches",
    "stream_files",
]
