"""The world without a reward: Markov decision processes over finitely many states."""

from .tabular import FiniteHorizonMDP, GoalConditionedMDP, TabularMDP

__all__ = ["FiniteHorizonMDP", "GoalConditionedMDP", "TabularMDP"]
