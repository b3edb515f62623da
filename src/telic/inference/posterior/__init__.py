"""Beliefs about reward weights: the exact posterior, its normal approximation, and what the prior decides."""

from .coordinates import PriorCoordinates
from .laplace import laplace_posterior
from .nuts import NutsSettings, nuts_posterior
from .target import PosteriorTarget, default_prior

__all__ = [
    "NutsSettings",
    "PosteriorTarget",
    "PriorCoordinates",
    "default_prior",
    "laplace_posterior",
    "nuts_posterior",
]
