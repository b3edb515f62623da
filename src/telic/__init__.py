"""telic: from logs of what experts did to what they value.

The nouns and the verbs, each loaded when it is first asked for (PEP 562), so that ``import telic`` costs
nothing and ``telic --help`` waits for no numerical library. ``HOMES`` says where each name lives.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from telic.contract import TaskContract as TaskContract
    from telic.datasets import load_contract as load_contract
    from telic.features import FeatureMap as FeatureMap
    from telic.mdp import DynamicsEstimate as DynamicsEstimate
    from telic.mdp import FiniteHorizonMDP as FiniteHorizonMDP
    from telic.mdp import GoalConditionedMDP as GoalConditionedMDP
    from telic.mdp import StateSpace as StateSpace
    from telic.mdp import TabularMDP as TabularMDP
    from telic.mdp import estimate_dynamics as estimate_dynamics
    from telic.policies import TabularPolicy as TabularPolicy
    from telic.reports import Finding as Finding
    from telic.reports import Outcome as Outcome
    from telic.reports import Report as Report
    from telic.rewards import LinearReward as LinearReward
    from telic.rewards import RewardEstimate as RewardEstimate
    from telic.rewards import TabularReward as TabularReward
    from telic.trajectories import Comparisons as Comparisons
    from telic.trajectories import Demonstrations as Demonstrations
    from telic.trajectories import Trajectory as Trajectory
    from telic.workflows import AmbiguitySettings as AmbiguitySettings
    from telic.workflows import ElicitSettings as ElicitSettings
    from telic.workflows import Fit as Fit
    from telic.workflows import InferSettings as InferSettings
    from telic.workflows import IntentSettings as IntentSettings
    from telic.workflows import PosteriorSettings as PosteriorSettings
    from telic.workflows import Project as Project
    from telic.workflows import VerbResult as VerbResult
    from telic.workflows.advise import advise as advise
    from telic.workflows.ambiguity import ambiguity as ambiguity
    from telic.workflows.check import check as check
    from telic.workflows.compare import compare as compare
    from telic.workflows.elicit import elicit as elicit
    from telic.workflows.imitate import imitate as imitate
    from telic.workflows.infer import infer as infer
    from telic.workflows.ingest import ingest as ingest
    from telic.workflows.init import init as init
    from telic.workflows.load import load as load
    from telic.workflows.method_list import methods as methods
    from telic.workflows.report import report as report
    from telic.workflows.run import run as run
    from telic.workflows.train import train as train

__all__ = [
    "AmbiguitySettings",
    "Comparisons",
    "Demonstrations",
    "DynamicsEstimate",
    "ElicitSettings",
    "FeatureMap",
    "Finding",
    "FiniteHorizonMDP",
    "Fit",
    "GoalConditionedMDP",
    "InferSettings",
    "IntentSettings",
    "LinearReward",
    "Outcome",
    "PosteriorSettings",
    "Project",
    "Report",
    "RewardEstimate",
    "StateSpace",
    "TabularMDP",
    "TabularPolicy",
    "TabularReward",
    "TaskContract",
    "Trajectory",
    "VerbResult",
    "advise",
    "ambiguity",
    "check",
    "compare",
    "elicit",
    "estimate_dynamics",
    "imitate",
    "infer",
    "ingest",
    "init",
    "load",
    "load_contract",
    "methods",
    "report",
    "run",
    "train",
]

__version__ = "0.1.0"

HOMES: Final = MappingProxyType(
    {
        "AmbiguitySettings": "telic.workflows",
        "Comparisons": "telic.trajectories",
        "Demonstrations": "telic.trajectories",
        "DynamicsEstimate": "telic.mdp",
        "FeatureMap": "telic.features",
        "Finding": "telic.reports",
        "FiniteHorizonMDP": "telic.mdp",
        "ElicitSettings": "telic.workflows",
        "Fit": "telic.workflows",
        "GoalConditionedMDP": "telic.mdp",
        "InferSettings": "telic.workflows",
        "IntentSettings": "telic.workflows",
        "LinearReward": "telic.rewards",
        "Outcome": "telic.reports",
        "PosteriorSettings": "telic.workflows",
        "Project": "telic.workflows",
        "Report": "telic.reports",
        "RewardEstimate": "telic.rewards",
        "StateSpace": "telic.mdp",
        "TabularMDP": "telic.mdp",
        "TabularPolicy": "telic.policies",
        "TabularReward": "telic.rewards",
        "TaskContract": "telic.contract",
        "Trajectory": "telic.trajectories",
        "VerbResult": "telic.workflows",
        "advise": "telic.workflows.advise",
        "ambiguity": "telic.workflows.ambiguity",
        "check": "telic.workflows.check",
        "compare": "telic.workflows.compare",
        "elicit": "telic.workflows.elicit",
        "estimate_dynamics": "telic.mdp",
        "imitate": "telic.workflows.imitate",
        "infer": "telic.workflows.infer",
        "ingest": "telic.workflows.ingest",
        "init": "telic.workflows.init",
        "load": "telic.workflows.load",
        "load_contract": "telic.datasets",
        "methods": "telic.workflows.method_list",
        "report": "telic.workflows.report",
        "run": "telic.workflows.run",
        "train": "telic.workflows.train",
    }
)
"""Where each public name lives; a new name also goes into ``__all__`` and above, for type checkers."""


def __getattr__(name: str) -> Any:
    """The public name, from its home, on first use."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Every public name, loaded or not."""
    return sorted([*__all__, "__version__"])
