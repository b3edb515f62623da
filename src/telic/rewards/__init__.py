"""What is valued: rewards in the form they were given, and estimates of them with their uncertainty."""

from .estimate import KINDS, Gauge, RewardEstimate, describe_direction
from .forms import LinearReward, TabularReward
from .measured import MeasuredReward
from .posterior import ChainDiagnostics, PosteriorRatio, PriorShare, RewardPosterior
from .prior import NormalPrior

__all__ = [
    "KINDS",
    "ChainDiagnostics",
    "Gauge",
    "LinearReward",
    "MeasuredReward",
    "NormalPrior",
    "PosteriorRatio",
    "PriorShare",
    "RewardEstimate",
    "RewardPosterior",
    "TabularReward",
    "describe_direction",
]
