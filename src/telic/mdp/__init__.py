"""The world without a reward: Markov decision processes over finitely many states."""

from .discretise import StateSpace
from .equivalent import MergedActions, merge_equivalent_actions
from .estimate import DynamicsEstimate, estimate_dynamics
from .history import HistorySpace, with_history
from .tabular import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP
from .trace_simulator import TraceSimulator

__all__ = [
    "DynamicsEstimate",
    "FiniteHorizonMDP",
    "GoalConditionedMDP",
    "HistorySpace",
    "MergedActions",
    "StateSpace",
    "TabularMDP",
    "TraceSimulator",
    "estimate_dynamics",
    "merge_equivalent_actions",
    "with_history",
]
