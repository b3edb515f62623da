"""The inverse problem: from decisions and a world to the reward behind them, with its uncertainty.

``METHODS`` names every method and the module it lives in; a method is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .claims import ClaimTable, prefers, prefers_policy, worth_more
    from .comparison import compare_table, compare_tradeoffs
    from .constraints import ConstraintSettings, infer_constraints
    from .constraints_result import ConstraintSet
    from .demonstrators import compare_demonstrators
    from .demonstrators_result import DemonstratorComparison
    from .driver import FitProgress, fit_likelihood
    from .feasible_set import FeasibleSet
    from .free_rewards import free_reward_ambiguity, reconstruct_reward
    from .gauge import require_same_gauge
    from .inverse_lqr import inverse_lqr_from_data
    from .inverse_lqr_result import InverseLqrEstimate
    from .likelihood_ratio import likelihood_ratio_test
    from .listed_world import listed_choices, listed_rows
    from .methods.apprenticeship_max_margin import (
        ApprenticeshipMaxMarginSettings,
        apprenticeship_max_margin,
        apprenticeship_max_margin_mixture,
    )
    from .methods.apprenticeship_projection import (
        ApprenticeshipProjectionSettings,
        apprenticeship_projection,
        apprenticeship_projection_mixture,
    )
    from .methods.conditional_choice_probability import (
        ConditionalChoiceProbabilitySettings,
        conditional_choice_probability,
        invert_choice_probabilities,
    )
    from .methods.conditional_choice_transitions import (
        ConditionalChoiceTransitionsSettings,
        conditional_choice_transitions,
    )
    from .methods.linear_programming import (
        LinearProgrammingSettings,
        linear_programming,
        reward_of_optimal_policy,
    )
    from .methods.max_causal_entropy import MaxCausalEntropySettings, max_causal_entropy
    from .methods.path_entropy import (
        PathEntropySettings,
        path_entropy,
    )
    from .mixture import MixtureSettings, fit_mixture
    from .mixture_choice import choose_components
    from .mixture_result import IntentMixture
    from .profiles import profile_discount, profile_rationality, resolution_profile
    from .random_subsets import fit_random_subsets
    from .settings import FitSettings
    from .sign_flips import FlipShare, flip_share
    from .suspects import SuspectSettings, fit_despite_suspects
    from .suspects_result import SuspectFit
    from .time_blocks import temporal_weights
    from .time_varying import TimeVaryingSettings, fit_time_varying
    from .time_varying_result import TimeVaryingWeights
    from .tradeoffs import Tradeoff, all_tradeoffs, tradeoff
    from .unavailable_options import OptionsSettings, check_options, refuse_preference
    from .unavailable_result import OptionsCheck

__all__ = [
    "METHODS",
    "ApprenticeshipMaxMarginSettings",
    "ApprenticeshipProjectionSettings",
    "ClaimTable",
    "ConditionalChoiceProbabilitySettings",
    "ConditionalChoiceTransitionsSettings",
    "ConstraintSet",
    "ConstraintSettings",
    "DemonstratorComparison",
    "FeasibleSet",
    "FitProgress",
    "FitSettings",
    "FlipShare",
    "IntentMixture",
    "InverseLqrEstimate",
    "LinearProgrammingSettings",
    "MaxCausalEntropySettings",
    "MixtureSettings",
    "OptionsCheck",
    "OptionsSettings",
    "PathEntropySettings",
    "SuspectFit",
    "SuspectSettings",
    "TimeVaryingSettings",
    "TimeVaryingWeights",
    "Tradeoff",
    "all_tradeoffs",
    "apprenticeship_max_margin",
    "apprenticeship_max_margin_mixture",
    "apprenticeship_projection",
    "apprenticeship_projection_mixture",
    "check_options",
    "choose_components",
    "compare_demonstrators",
    "compare_table",
    "compare_tradeoffs",
    "conditional_choice_probability",
    "conditional_choice_transitions",
    "fit_despite_suspects",
    "fit_likelihood",
    "fit_mixture",
    "fit_random_subsets",
    "fit_time_varying",
    "flip_share",
    "free_reward_ambiguity",
    "infer_constraints",
    "inverse_lqr_from_data",
    "invert_choice_probabilities",
    "likelihood_ratio_test",
    "linear_programming",
    "listed_choices",
    "listed_rows",
    "max_causal_entropy",
    "path_entropy",
    "prefers",
    "prefers_policy",
    "profile_discount",
    "profile_rationality",
    "reconstruct_reward",
    "refuse_preference",
    "require_same_gauge",
    "resolution_profile",
    "reward_of_optimal_policy",
    "temporal_weights",
    "tradeoff",
    "worth_more",
]

METHODS: dict[str, str] = {
    "apprenticeship_max_margin": "telic.inference.methods.apprenticeship_max_margin",
    "apprenticeship_projection": "telic.inference.methods.apprenticeship_projection",
    "conditional_choice_probability": "telic.inference.methods.conditional_choice_probability",
    "conditional_choice_transitions": "telic.inference.methods.conditional_choice_transitions",
    "linear_programming": "telic.inference.methods.linear_programming",
    "max_causal_entropy": "telic.inference.methods.max_causal_entropy",
    "path_entropy": "telic.inference.methods.path_entropy",
}
"""Registered name of every method to its module, which holds a function of the same name."""

_JUDGEMENTS = {
    "IntentMixture": "mixture_result",
    "SuspectFit": "suspects_result",
    "DemonstratorComparison": "demonstrators_result",
    "TimeVaryingWeights": "time_varying_result",
    "ConstraintSet": "constraints_result",
    "OptionsCheck": "unavailable_result",
    "InverseLqrEstimate": "inverse_lqr_result",
    "inverse_lqr_from_data": "inverse_lqr",
    "FeasibleSet": "feasible_set",
    "ClaimTable": "claims",
    "worth_more": "claims",
    "prefers": "claims",
    "prefers_policy": "claims",
    "FlipShare": "sign_flips",
    "OptionsSettings": "unavailable_options",
    "check_options": "unavailable_options",
    "fit_random_subsets": "random_subsets",
    "listed_choices": "listed_world",
    "listed_rows": "listed_world",
    "refuse_preference": "unavailable_options",
    "flip_share": "sign_flips",
    "ConstraintSettings": "constraints",
    "infer_constraints": "constraints",
    "Tradeoff": "tradeoffs",
    "MixtureSettings": "mixture",
    "all_tradeoffs": "tradeoffs",
    "choose_components": "mixture_choice",
    "compare_demonstrators": "demonstrators",
    "compare_table": "comparison",
    "compare_tradeoffs": "comparison",
    "SuspectSettings": "suspects",
    "fit_despite_suspects": "suspects",
    "TimeVaryingSettings": "time_varying",
    "fit_mixture": "mixture",
    "fit_time_varying": "time_varying",
    "temporal_weights": "time_blocks",
    "free_reward_ambiguity": "free_rewards",
    "likelihood_ratio_test": "likelihood_ratio",
    "profile_discount": "profiles",
    "profile_rationality": "profiles",
    "reconstruct_reward": "free_rewards",
    "require_same_gauge": "gauge",
    "resolution_profile": "profiles",
    "tradeoff": "tradeoffs",
}
"""What is asked of a fit, by module; `identifiability`, `counterfactual`, `feasible_set` and `inverse_lqr` share their
module's name, so they are imported from it."""

_COMPANIONS = {
    "ApprenticeshipMaxMarginSettings": "apprenticeship_max_margin",
    "ApprenticeshipProjectionSettings": "apprenticeship_projection",
    "ConditionalChoiceProbabilitySettings": "conditional_choice_probability",
    "ConditionalChoiceTransitionsSettings": "conditional_choice_transitions",
    "LinearProgrammingSettings": "linear_programming",
    "MaxCausalEntropySettings": "max_causal_entropy",
    "PathEntropySettings": "path_entropy",
    "apprenticeship_max_margin_mixture": "apprenticeship_max_margin",
    "apprenticeship_projection_mixture": "apprenticeship_projection",
    "invert_choice_probabilities": "conditional_choice_probability",
    "reward_of_optimal_policy": "linear_programming",
}
"""What a method has beside its function, by method."""

_HOMES = {
    "FitProgress": "telic.inference.driver",
    "FitSettings": "telic.inference.settings",
    "fit_likelihood": "telic.inference.driver",
    **{name: f"telic.inference.{module}" for name, module in _JUDGEMENTS.items()},
    **{name: METHODS[method] for name, method in _COMPANIONS.items()},
    **METHODS,
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
