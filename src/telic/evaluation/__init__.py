"""The judge: how well policies predict held-out choices, how sure they may be, and what the state leaves
out.
"""

from .calibration import ActionShare, Calibration, CalibrationBin, StateMisfit, calibration
from .clustered import ClusteredMean, clustered_mean
from .held_out import HeldOut, HeldOutScore, held_out
from .log_probs import decision_log_probs, decision_probabilities
from .markov import HistoryEffect, MarkovTest, markov_test
from .misfit import explain_misfit
from .policy_return import PolicyReturn, policy_return
from .support import Support, policy_support

__all__ = [
    "ActionShare",
    "Calibration",
    "CalibrationBin",
    "ClusteredMean",
    "HeldOut",
    "HeldOutScore",
    "HistoryEffect",
    "MarkovTest",
    "PolicyReturn",
    "StateMisfit",
    "Support",
    "calibration",
    "clustered_mean",
    "decision_log_probs",
    "decision_probabilities",
    "explain_misfit",
    "held_out",
    "markov_test",
    "policy_return",
    "policy_support",
]
