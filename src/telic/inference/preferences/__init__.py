"""Rewards from comparisons: likelihood, fit, and comparisons made from ranks or noise."""

from .annotators import AnnotatorLikelihood
from .bradley_terry import bradley_terry, fit_preferences
from .items import item_abilities
from .likelihood import PreferenceLikelihood
from .noise import noise_comparisons
from .ranked import RankedSegments, ranked_comparisons
from .result import AnnotatorRationality, PreferenceEstimate
from .settings import BradleyTerrySettings

__all__ = [
    "AnnotatorLikelihood",
    "AnnotatorRationality",
    "BradleyTerrySettings",
    "PreferenceEstimate",
    "PreferenceLikelihood",
    "RankedSegments",
    "bradley_terry",
    "fit_preferences",
    "item_abilities",
    "noise_comparisons",
    "ranked_comparisons",
]
