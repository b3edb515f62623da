"""Control problems as pure compiled functions, proved equal, step by step, to the environments they stand for."""

from .acrobot import acrobot
from .cartpole import cartpole
from .costs import table_cost, with_costs
from .masked import masked
from .mountain_car import mountain_car
from .pendulum import pendulum
from .randomised import Spread, randomised
from .simulator import Simulator, Step
from .t_maze import t_maze
from .tabular import tabular

__all__ = [
    "Simulator",
    "Spread",
    "Step",
    "acrobot",
    "cartpole",
    "masked",
    "mountain_car",
    "pendulum",
    "randomised",
    "t_maze",
    "table_cost",
    "tabular",
    "with_costs",
]
