"""What is done: policies as tables, rules and mixtures, without any planner inside."""

from .history import HistoryPolicy, previous_states
from .tabular import TabularPolicy

__all__ = ["HistoryPolicy", "TabularPolicy", "previous_states"]
