"""What a reward may depend on: named, unit-bearing features of states and actions."""

from .maps import Features

__all__ = ["Features"]
