"""The verbs, over a project folder or over nouns in hand: the only place where stages meet.

Each module holds one verb: settings in, a result out. ``Fit`` is a reward with its data and its world.
"""

from .advise import advise
from .ambiguity import AmbiguitySettings, ambiguity
from .card import card
from .check import check
from .compare import compare
from .diff import diff
from .elicit import elicit
from .elicit_settings import ElicitSettings
from .erase import erase
from .export import export
from .fit import Fit
from .imitate import imitate
from .infer import InferSettings, infer
from .ingest import ingest
from .init import init
from .intents import IntentSettings
from .lineage import lineage
from .load import load
from .posterior import PosteriorSettings
from .project import Project
from .report import report
from .review import review
from .run import run
from .train import train
from .verb_result import VerbResult
from .verify import verify

__all__ = [
    "AmbiguitySettings",
    "ElicitSettings",
    "Fit",
    "InferSettings",
    "IntentSettings",
    "PosteriorSettings",
    "Project",
    "VerbResult",
    "advise",
    "ambiguity",
    "card",
    "check",
    "compare",
    "diff",
    "elicit",
    "erase",
    "export",
    "imitate",
    "infer",
    "ingest",
    "init",
    "lineage",
    "load",
    "report",
    "review",
    "run",
    "train",
    "verify",
]
