"""What is done: policies as tables, rules and mixtures, without any planner inside."""

from .ensemble import EnsemblePolicy
from .equality import PolicyEquality, compare_outputs
from .heads import CategoricalHead, GaussianHead, Head, MultiCategoricalHead
from .history import HistoryPolicy, previous_states
from .layers import Dense
from .network import NetworkPolicy
from .served import ServedPolicy, serve
from .tabular import TabularPolicy
from .tree import TreePolicy
from .windows import WindowPolicy

__all__ = [
    "CategoricalHead",
    "Dense",
    "EnsemblePolicy",
    "GaussianHead",
    "Head",
    "HistoryPolicy",
    "MultiCategoricalHead",
    "NetworkPolicy",
    "PolicyEquality",
    "ServedPolicy",
    "TabularPolicy",
    "TreePolicy",
    "WindowPolicy",
    "compare_outputs",
    "previous_states",
    "serve",
]
