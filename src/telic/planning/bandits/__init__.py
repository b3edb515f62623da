"""One-step problems: which alternative to try next, with the true probability of each choice, so that logs serve."""

from .bandit import Bandit, BanditRun, Choice, choose, run_bandit
from .epsilon_greedy import EpsilonGreedy
from .lin_ucb import LinUcb
from .policy import BanditPolicy
from .softmax import Softmax
from .thompson import Thompson

__all__ = [
    "Bandit",
    "BanditPolicy",
    "BanditRun",
    "Choice",
    "EpsilonGreedy",
    "LinUcb",
    "Softmax",
    "Thompson",
    "choose",
    "run_bandit",
]
