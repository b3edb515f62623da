"""Exact log-likelihoods of choices, with scores and Hessians; no method in here."""

from .choose import choice_likelihood
from .counts import Counts
from .discounted import DiscountedLikelihood
from .finite import FiniteHorizonLikelihood
from .goal import GoalLikelihood
from .joint import JointLikelihood
from .policy_table import from_policy_table
from .protocol import ChoiceLikelihood, ClusteredLikelihood, Evaluation

__all__ = [
    "ChoiceLikelihood",
    "ClusteredLikelihood",
    "Counts",
    "DiscountedLikelihood",
    "Evaluation",
    "FiniteHorizonLikelihood",
    "GoalLikelihood",
    "JointLikelihood",
    "choice_likelihood",
    "from_policy_table",
]
