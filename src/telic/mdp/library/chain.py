"""The two-state chain "C": stay or switch, with a reward for being in state 1.

Small enough for every quantity of inverse reinforcement learning to have a closed form: with weight theta,
discount gamma and rationality 1, ``V1 - V0 = theta``, ``V0 = log(1 + e^(gamma theta)) / (1 - gamma)``, and
from both states the chance to be in state 1 next is ``1 / (1 + e^(-gamma theta))``.
"""

from __future__ import annotations

import numpy as np

from telic.mdp.tabular import TabularMDP

from .problem import ReferenceProblem

__all__ = ["chain"]


def chain(
    *,
    reward: float = 1.0,
    switch_cost: float | None = None,
    discount: float = 0.9,
    swapped: bool = False,
    initial: tuple[float, float] = (1.0, 0.0),
) -> ReferenceProblem:
    """The chain: states 0 and 1, action 0 stays and action 1 switches.

    Args:
        reward: weight of being in state 1.
        switch_cost: weight of the second feature, minus one for each switch; None: there is no such feature.
        discount: per decision.
        swapped: action 0 switches and action 1 stays, for tests of transfer.
        initial: distribution of the first state.
    """
    stay, switch = (1, 0) if swapped else (0, 1)
    P = np.zeros((2, 2, 2))
    P[[0, 1], stay, [0, 1]] = 1.0
    P[[0, 1], switch, [1, 0]] = 1.0
    columns = [np.array([[0.0, 0.0], [1.0, 1.0]])]
    if switch_cost is not None:
        cost = np.zeros((2, 2))
        cost[:, switch] = -1.0
        columns.append(cost)
    return ReferenceProblem(
        mdp=TabularMDP.from_transition(
            P,
            discount=discount,
            initial=np.array(initial, dtype=np.float64),
            state_labels=("off", "on"),
            action_labels=("switch", "stay") if swapped else ("stay", "switch"),
        ),
        features=np.stack(columns, axis=-1),
        feature_names=("on", "switches")[: len(columns)],
        weights=np.array([reward] if switch_cost is None else [reward, switch_cost]),
        units=("step in state 1", "switch avoided")[: len(columns)],
        citation="Closed form: the two-state chain with deterministic moves.",
    )
