"""The best next question: which comparison, demonstration or environment tells most about the weights."""

from .at_random import RandomGain, random_comparison, random_set
from .at_stake import AtStake, Effect
from .belief import WeightBelief
from .comparisons import rank_comparisons
from .demonstrations import rank_starts
from .environments import Environment, rank_environments
from .pool import PlanPool
from .questions import ComparisonQuestion, DemonstrationQuestion, EnvironmentQuestion
from .ranking import QuestionRanking
from .together import QuestionSet, ask_together, gain_together
from .update import UpdateSettings, update_belief

__all__ = [
    "AtStake",
    "ComparisonQuestion",
    "DemonstrationQuestion",
    "Effect",
    "Environment",
    "EnvironmentQuestion",
    "PlanPool",
    "QuestionRanking",
    "QuestionSet",
    "RandomGain",
    "UpdateSettings",
    "WeightBelief",
    "ask_together",
    "gain_together",
    "random_comparison",
    "random_set",
    "rank_comparisons",
    "rank_environments",
    "rank_starts",
    "update_belief",
]
