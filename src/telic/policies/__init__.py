"""What is done: policies as tables, rules and mixtures, without any planner inside."""

from .tabular import TabularPolicy

__all__ = ["TabularPolicy"]
