"""Reference problems, one a file: small worlds with known answers, and large ones to measure on."""

from .bus_engine import bus_engine
from .chain import chain
from .grid_world import grid_world
from .problem import ReferenceProblem
from .random_mdp import random_mdp
from .risky_path import risky_path
from .road_network import road_network

__all__ = [
    "ReferenceProblem",
    "bus_engine",
    "chain",
    "grid_world",
    "random_mdp",
    "risky_path",
    "road_network",
]
