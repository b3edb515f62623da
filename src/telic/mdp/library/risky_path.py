"""The risky path: a sure detour, or a short cut that ends in a trap half of the time.

A chooser who weighs outcomes by their probability (maximum *causal* entropy) avoids a bad trap; one who
weighs whole paths as if their luck could be chosen (the path model of 2008) walks into it. From state 0
action 0 leads to the detour 1, and action 1 to the goal 2 or the trap 3 with equal chance; from 1 action 0
leads to 2 and action 1 stays; 2 and 3 are never left.

References: Ziebart, Maas, Bagnell and Dey (2008), AAAI, section "Non-deterministic path distributions";
Ziebart (2010), Modeling Purposeful Adaptive Behavior with the Principle of Maximum Causal Entropy, CMU
thesis; the world is the ``RiskyPath`` task of Freire, Gleave, Toyer and Russell (2020), "DERAIL: Diagnostic
Environments for Reward and Imitation Learning".
"""

from __future__ import annotations

import numpy as np

from telic.mdp.tabular import FiniteHorizonMDP

from .problem import ReferenceProblem

__all__ = ["risky_path"]


def risky_path(*, horizon: int = 3, goal: float = 1.0, trap: float = -100.0) -> ReferenceProblem:
    """The risky path with a fixed number of decisions.

    Args:
        horizon: number of decisions H.
        goal: reward of a step in the goal.
        trap: reward of a step in the trap.
    """
    P = np.zeros((4, 2, 4))
    P[0, 0, 1] = 1.0
    P[0, 1, [2, 3]] = 0.5
    P[1, 0, 2] = P[1, 1, 1] = 1.0
    P[2, :, 2] = P[3, :, 3] = 1.0
    return ReferenceProblem(
        mdp=FiniteHorizonMDP.from_transition(
            P,
            horizon=horizon,
            initial=np.array([1.0, 0.0, 0.0, 0.0]),
            state_labels=("start", "detour", "goal", "trap"),
            action_labels=("safe", "risky"),
        ),
        features=np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),
        feature_names=("goal", "trap"),
        weights=np.array([goal, trap]),
        units=("step in the goal", "step in the trap"),
        citation="Ziebart et al. (2008); Freire, Gleave, Toyer and Russell (2020), RiskyPath.",
    )
