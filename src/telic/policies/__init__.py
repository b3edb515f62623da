"""What is done: policies as tables, rules and mixtures, without any planner inside.

Policies of counted states are there at once; those of measured ones are loaded when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .history import HistoryPolicy, previous_states
from .tabular import TabularPolicy

if TYPE_CHECKING:
    from .ensemble import EnsemblePolicy
    from .equality import PolicyEquality, compare_outputs
    from .heads import CategoricalHead, GaussianHead, Head, MultiCategoricalHead
    from .layers import Dense
    from .mixture import MixturePolicy
    from .network import NetworkPolicy
    from .options import Option, OptionsPolicy
    from .recurrent import RecurrentPolicy
    from .served import ServedPolicy
    from .served_ensemble import ServedEnsemble
    from .serving import serve
    from .tree import TreePolicy
    from .windows import WindowPolicy

__all__ = [
    "CategoricalHead",
    "Dense",
    "EnsemblePolicy",
    "GaussianHead",
    "Head",
    "HistoryPolicy",
    "MixturePolicy",
    "MultiCategoricalHead",
    "NetworkPolicy",
    "Option",
    "OptionsPolicy",
    "PolicyEquality",
    "RecurrentPolicy",
    "ServedEnsemble",
    "ServedPolicy",
    "TabularPolicy",
    "TreePolicy",
    "WindowPolicy",
    "compare_outputs",
    "previous_states",
    "serve",
]

_HOMES = {
    "CategoricalHead": "heads",
    "Dense": "layers",
    "EnsemblePolicy": "ensemble",
    "GaussianHead": "heads",
    "Head": "heads",
    "MixturePolicy": "mixture",
    "MultiCategoricalHead": "heads",
    "NetworkPolicy": "network",
    "Option": "options",
    "OptionsPolicy": "options",
    "PolicyEquality": "equality",
    "RecurrentPolicy": "recurrent",
    "ServedEnsemble": "served_ensemble",
    "ServedPolicy": "served",
    "TreePolicy": "tree",
    "WindowPolicy": "windows",
    "compare_outputs": "equality",
    "serve": "serving",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
