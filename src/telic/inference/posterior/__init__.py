"""Beliefs about reward weights: the exact posterior, its approximations, and what the prior decides.

A name is loaded when it is first asked for, so that a fit by one method does not load the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .chains import NutsSettings
    from .coordinates import PriorCoordinates
    from .default import default_prior
    from .export import to_arviz
    from .hierarchical import hierarchical_posterior
    from .hierarchical_result import HierarchicalPosterior
    from .laplace import laplace_posterior
    from .nuts import nuts_posterior
    from .predictive import PredictiveCheck, predictive_checks
    from .sensitivity import PriorSensitivity, prior_sensitivity
    from .target import PosteriorTarget
    from .values import values_posterior
    from .variational import VariationalSettings, variational_posterior

__all__ = [
    "HierarchicalPosterior",
    "NutsSettings",
    "PosteriorTarget",
    "PredictiveCheck",
    "PriorCoordinates",
    "PriorSensitivity",
    "VariationalSettings",
    "default_prior",
    "hierarchical_posterior",
    "laplace_posterior",
    "nuts_posterior",
    "predictive_checks",
    "prior_sensitivity",
    "to_arviz",
    "values_posterior",
    "variational_posterior",
]

_HOMES = {
    "HierarchicalPosterior": "hierarchical_result",
    "NutsSettings": "chains",
    "PosteriorTarget": "target",
    "PredictiveCheck": "predictive",
    "PriorCoordinates": "coordinates",
    "PriorSensitivity": "sensitivity",
    "VariationalSettings": "variational",
    "default_prior": "default",
    "hierarchical_posterior": "hierarchical",
    "laplace_posterior": "laplace",
    "nuts_posterior": "nuts",
    "predictive_checks": "predictive",
    "prior_sensitivity": "sensitivity",
    "to_arviz": "export",
    "values_posterior": "values",
    "variational_posterior": "variational",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
