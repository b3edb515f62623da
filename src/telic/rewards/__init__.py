"""What is valued: rewards in the form they were given, and estimates of them with their uncertainty."""

from .forms import LinearReward, TabularReward

__all__ = ["LinearReward", "TabularReward"]
