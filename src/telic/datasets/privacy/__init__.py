"""Privacy at the door: what is removed, masked, made coarser or renamed before anything is stored or printed."""

from .guard import Guard, guard_of
from .sensitive import sensitive_columns
from .shielded import shielded, shielded_finding

__all__ = ["Guard", "guard_of", "sensitive_columns", "shielded", "shielded_finding"]
