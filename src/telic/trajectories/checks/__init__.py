"""What the data can and cannot carry: findings about demonstrations, each with its evidence and threshold."""

from .all_checks import check
from .coverage import MissingMass, missing_mass
from .differences import Differences, demonstrator_differences
from .transitions import impossible_transitions

__all__ = [
    "Differences",
    "MissingMass",
    "check",
    "demonstrator_differences",
    "impossible_transitions",
    "missing_mass",
]
