"""Control problems as pure compiled functions, proved equal, step by step, to the environments they stand for."""

from .acrobot import acrobot
from .cartpole import cartpole
from .costs import table_cost, with_costs
from .mountain_car import mountain_car
from .pendulum import pendulum
from .simulator import Simulator, Step
from .tabular import tabular

__all__ = [
    "Simulator",
    "Step",
    "acrobot",
    "cartpole",
    "mountain_car",
    "pendulum",
    "table_cost",
    "tabular",
    "with_costs",
]
