"""Exact log-likelihoods of choices, with scores and Hessians; no method in here."""

from .choose import choice_likelihood
from .counts import Counts
from .discounted import DiscountedLikelihood
from .protocol import ChoiceLikelihood, Evaluation

__all__ = ["ChoiceLikelihood", "Counts", "DiscountedLikelihood", "Evaluation", "choice_likelihood"]
