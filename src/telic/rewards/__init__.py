"""What is valued: rewards in the form they were given, and estimates of them with their uncertainty."""

from .estimate import KINDS, Gauge, RewardEstimate, describe_direction
from .forms import LinearReward, TabularReward
from .measured import MeasuredReward

__all__ = [
    "KINDS",
    "Gauge",
    "LinearReward",
    "MeasuredReward",
    "RewardEstimate",
    "TabularReward",
    "describe_direction",
]
