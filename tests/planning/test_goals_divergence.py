"""Which destinations have a finite soft value, decided by the shared factorisation alone."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from telic.mdp import GoalConditionedMDP
from telic.planning import solve_soft_goals
from telic.reports import Outcome


def two_rooms(loop: float) -> tuple[GoalConditionedMDP, np.ndarray]:
    """State 0 may stay (reward ``loop``) or go to 1; state 1 goes to 0 or to 2; 2 goes back to 1."""
    head = {(0, 0): 0, (0, 1): 1, (1, 0): 0, (1, 1): 2, (2, 0): 1}
    rows = [2 * s + a for s, a in head]
    P = sp.csr_array((np.ones(len(head)), (rows, list(head.values()))), shape=(6, 3))
    available = np.zeros((3, 2), dtype=bool)
    for s, a in head:
        available[s, a] = True
    reward = np.full((3, 2), -1.0)
    reward[0, 0] = loop
    return GoalConditionedMDP(
        transition=P, n_actions=2, goals=np.array([0, 2], dtype=np.int32), available=available
    ), reward


def test_a_rewarding_loop_matters_only_where_it_lies_on_the_way() -> None:
    # Staying in 0 is worth exp(0.2) > 1 a round: infinite on the way to 2, never met on the way to 0.
    world, reward = two_rooms(0.2)
    solution = solve_soft_goals(world, reward)
    assert solution.spectral_radius >= 1.0
    assert solution.outcomes[0] is Outcome.SUCCESS
    assert solution.outcomes[1] is Outcome.SOFT_VALUE_DIVERGES
    assert np.all(np.isnan(solution.value[1]))
    # To 0 from 1: directly, or by 2 and back any number of times: z = e^-1 + e^-2 z.
    z = np.exp(-1.0) / (1.0 - np.exp(-2.0))
    assert abs(solution.value[0, 1] - np.log(z)) < 1e-12


def test_a_costly_loop_leaves_every_value_finite() -> None:
    world, reward = two_rooms(-1.0)
    solution = solve_soft_goals(world, reward)
    assert solution.outcome is Outcome.SUCCESS
    # To 2: z0 = (z0 + z1) / e and z1 = (z0 + 1) / e.
    e = np.e
    z0 = 1.0 / (e * e - e - 1.0)
    assert abs(solution.value[1, 0] - np.log(z0)) < 1e-12
