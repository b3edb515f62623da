"""The inverse problem: from decisions and a world to the reward behind them, with its uncertainty.

``METHODS`` names every method and the module it lives in; a method is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .driver import FitProgress, fit_likelihood
    from .methods.max_causal_entropy import MaxCausalEntropySettings, max_causal_entropy
    from .settings import FitSettings

__all__ = [
    "METHODS",
    "FitProgress",
    "FitSettings",
    "MaxCausalEntropySettings",
    "fit_likelihood",
    "max_causal_entropy",
]

METHODS: dict[str, str] = {
    "max_causal_entropy": "telic.inference.methods.max_causal_entropy",
}
"""Registered name of every method to its module, which holds a function of the same name."""

_HOMES = {
    "FitProgress": "telic.inference.driver",
    "FitSettings": "telic.inference.settings",
    "MaxCausalEntropySettings": "telic.inference.methods.max_causal_entropy",
    "fit_likelihood": "telic.inference.driver",
    **METHODS,
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
