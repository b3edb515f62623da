"""The inverse problem: from decisions and a world to the reward behind them, with its uncertainty.

``METHODS`` names every method and the module it lives in; a method is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparison import compare_table, compare_tradeoffs
    from .driver import FitProgress, fit_likelihood
    from .free_rewards import free_reward_ambiguity, reconstruct_reward
    from .gauge import require_same_gauge
    from .likelihood_ratio import likelihood_ratio_test
    from .methods.max_causal_entropy import MaxCausalEntropySettings, max_causal_entropy
    from .profiles import profile_discount, profile_rationality, resolution_profile
    from .settings import FitSettings
    from .tradeoffs import Tradeoff, all_tradeoffs, tradeoff

__all__ = [
    "METHODS",
    "FitProgress",
    "FitSettings",
    "MaxCausalEntropySettings",
    "Tradeoff",
    "all_tradeoffs",
    "compare_table",
    "compare_tradeoffs",
    "fit_likelihood",
    "free_reward_ambiguity",
    "likelihood_ratio_test",
    "max_causal_entropy",
    "profile_discount",
    "profile_rationality",
    "reconstruct_reward",
    "require_same_gauge",
    "resolution_profile",
    "tradeoff",
]

METHODS: dict[str, str] = {
    "max_causal_entropy": "telic.inference.methods.max_causal_entropy",
}
"""Registered name of every method to its module, which holds a function of the same name."""

_JUDGEMENTS = {
    "Tradeoff": "tradeoffs",
    "all_tradeoffs": "tradeoffs",
    "compare_table": "comparison",
    "compare_tradeoffs": "comparison",
    "free_reward_ambiguity": "free_rewards",
    "likelihood_ratio_test": "likelihood_ratio",
    "profile_discount": "profiles",
    "profile_rationality": "profiles",
    "reconstruct_reward": "free_rewards",
    "require_same_gauge": "gauge",
    "resolution_profile": "profiles",
    "tradeoff": "tradeoffs",
}
"""What is asked of a fit, by module; `identifiability` and `counterfactual` share their module's name, so
they are imported from it."""

_HOMES = {
    "FitProgress": "telic.inference.driver",
    "FitSettings": "telic.inference.settings",
    "MaxCausalEntropySettings": "telic.inference.methods.max_causal_entropy",
    "fit_likelihood": "telic.inference.driver",
    **{name: f"telic.inference.{module}" for name, module in _JUDGEMENTS.items()},
    **METHODS,
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
