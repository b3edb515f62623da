"""The quality gate: what is wrong with a dataset, what in it looks planted, and whether it may be learned from."""

from .campaign import Campaign
from .campaigns import find_campaigns
from .drift import Drift, drift_findings, measure_drift
from .gate import Judgement, Verdict, gate_findings, judge

__all__ = [
    "Campaign",
    "Drift",
    "Judgement",
    "Verdict",
    "drift_findings",
    "find_campaigns",
    "gate_findings",
    "judge",
    "measure_drift",
]
