"""The forward problem: from a world and a reward to values, policies and how often each state is visited."""

from .constrained import ConstrainedSolution, solve_constrained
from .finite import solve_hard_finite, solve_soft_finite
from .goal_system import GoalSystem, goal_system
from .goals import SoftGoalSolution, solve_soft_goals
from .hard import solve_hard
from .linear import LinearSolution, PolicySystem, policy_system
from .lqr import LqrSolution, solve_lqr
from .occupancy import occupancy, occupancy_finite, policy_value, visitation
from .simulate import simulate, simulate_goals
from .soft import solve_soft
from .solutions import HardFiniteSolution, HardSolution, SoftFiniteSolution, SoftSolution

__all__ = [
    "ConstrainedSolution",
    "GoalSystem",
    "HardFiniteSolution",
    "HardSolution",
    "LinearSolution",
    "LqrSolution",
    "PolicySystem",
    "SoftFiniteSolution",
    "SoftGoalSolution",
    "SoftSolution",
    "goal_system",
    "occupancy",
    "occupancy_finite",
    "policy_system",
    "policy_value",
    "simulate",
    "simulate_goals",
    "solve_constrained",
    "solve_hard",
    "solve_hard_finite",
    "solve_lqr",
    "solve_soft",
    "solve_soft_finite",
    "solve_soft_goals",
    "visitation",
]
