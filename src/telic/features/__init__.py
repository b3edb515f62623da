"""What a reward may depend on: named, unit-bearing features of states and actions."""

from .expressions import Expression, compile_expression
from .maps import Features

__all__ = ["Expression", "Features", "compile_expression"]
