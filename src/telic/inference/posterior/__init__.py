"""Beliefs about reward weights: the exact posterior, its normal approximation, and what the prior decides."""

from .chains import NutsSettings
from .coordinates import PriorCoordinates
from .hierarchical import HierarchicalPosterior, hierarchical_posterior
from .laplace import laplace_posterior
from .nuts import nuts_posterior
from .predictive import PredictiveCheck, predictive_checks
from .sensitivity import PriorSensitivity, prior_sensitivity
from .target import PosteriorTarget, default_prior
from .values import values_posterior

__all__ = [
    "HierarchicalPosterior",
    "NutsSettings",
    "PosteriorTarget",
    "PredictiveCheck",
    "PriorCoordinates",
    "PriorSensitivity",
    "default_prior",
    "hierarchical_posterior",
    "laplace_posterior",
    "nuts_posterior",
    "predictive_checks",
    "prior_sensitivity",
    "values_posterior",
]
