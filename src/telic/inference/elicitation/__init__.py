"""The best next question: which comparison, demonstration or environment tells most about the weights."""

from .belief import WeightBelief
from .comparisons import rank_comparisons
from .demonstrations import rank_starts
from .environments import Environment, rank_environments
from .pool import PlanPool
from .questions import ComparisonQuestion, DemonstrationQuestion, EnvironmentQuestion
from .ranking import QuestionRanking
from .update import UpdateSettings, update_belief

__all__ = [
    "ComparisonQuestion",
    "DemonstrationQuestion",
    "Environment",
    "EnvironmentQuestion",
    "PlanPool",
    "QuestionRanking",
    "UpdateSettings",
    "WeightBelief",
    "rank_comparisons",
    "rank_environments",
    "rank_starts",
    "update_belief",
]
