"""Reference problems, one a file: small worlds with known answers, and large ones to measure on."""

from .bus_engine import bus_engine
from .chain import chain
from .four_rooms import FourRooms, four_rooms
from .grid_world import grid_world
from .problem import ReferenceProblem
from .random_mdp import random_mdp
from .risky_path import risky_path
from .road_network import road_network

__all__ = [
    "FourRooms",
    "ReferenceProblem",
    "bus_engine",
    "chain",
    "four_rooms",
    "grid_world",
    "random_mdp",
    "risky_path",
    "road_network",
]
