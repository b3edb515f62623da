"""The judge: how well policies predict held-out choices, how sure they may be, what the state leaves out, how
far rewards are apart, and what they are worth after the world changes.
"""

from .acting_regret import ActingRegret, acting_regret
from .action_regret import ActionRegret, action_regret
from .autonomy import AutonomyGate, proxy_losses
from .calibration import ActionShare, Calibration, CalibrationBin, StateMisfit, calibration
from .canonical import canonical_by_value, canonical_dard, canonical_epic
from .clustered import ClusteredMean, clustered_mean
from .compare_rewards import compare_rewards
from .disagreement import Disagreement, DisagreementPair, candidate_trajectories, disagreement
from .fidelity import Difference, Fidelity, fidelity
from .fidelity_memory import Memory
from .held_out import HeldOut, HeldOutScore, held_out
from .log_probs import decision_log_probs, decision_probabilities
from .markov import HistoryEffect, MarkovTest, markov_test
from .misfit import explain_misfit
from .onnx_reward import onnx_reward
from .policy_return import PolicyReturn, policy_return
from .preference_accuracy import PreferenceAccuracy, preference_accuracy, trajectory_returns
from .preference_scores import PreferenceScore, PreferenceTest
from .preferences import preference_test
from .regret import PlanRegret, plan_regret
from .regret_segment import SegmentRegret, segment_regret
from .reward_comparison import RewardComparison, RewardFacts
from .reward_distance import RewardDistance, dard_distance, epic_distance, starc_distance
from .reward_forms import as_reward, transition_values
from .reward_relation import Relation, RewardRelation, reward_relation
from .risk_control import GateCalibration, GateTest, Loss, calibrate_gate, gate_thresholds, one_per_trajectory
from .risk_monitor import RiskMonitor
from .support import Support, policy_support
from .task_disagreement import TaskDisagreement, TaskRow, task_disagreement
from .transfer import TransferValue, transfer_value

__all__ = [
    "ActingRegret",
    "ActionRegret",
    "ActionShare",
    "AutonomyGate",
    "Calibration",
    "CalibrationBin",
    "ClusteredMean",
    "Difference",
    "Disagreement",
    "DisagreementPair",
    "Fidelity",
    "GateCalibration",
    "GateTest",
    "HeldOut",
    "HeldOutScore",
    "HistoryEffect",
    "Loss",
    "MarkovTest",
    "Memory",
    "PlanRegret",
    "PolicyReturn",
    "PreferenceAccuracy",
    "PreferenceScore",
    "PreferenceTest",
    "Relation",
    "RewardComparison",
    "RewardDistance",
    "RewardFacts",
    "RewardRelation",
    "RiskMonitor",
    "SegmentRegret",
    "StateMisfit",
    "Support",
    "TaskDisagreement",
    "TaskRow",
    "TransferValue",
    "acting_regret",
    "action_regret",
    "as_reward",
    "calibrate_gate",
    "calibration",
    "candidate_trajectories",
    "canonical_by_value",
    "canonical_dard",
    "canonical_epic",
    "clustered_mean",
    "compare_rewards",
    "dard_distance",
    "decision_log_probs",
    "decision_probabilities",
    "disagreement",
    "epic_distance",
    "explain_misfit",
    "fidelity",
    "gate_thresholds",
    "held_out",
    "markov_test",
    "one_per_trajectory",
    "onnx_reward",
    "plan_regret",
    "policy_return",
    "policy_support",
    "preference_accuracy",
    "preference_test",
    "proxy_losses",
    "reward_relation",
    "segment_regret",
    "starc_distance",
    "task_disagreement",
    "trajectory_returns",
    "transfer_value",
    "transition_values",
]
