"""T6, the causal part: on the risky path a causal-entropy chooser does not walk into the trap.

``Q_t = R(s) + E V_{t+1}``, ``V_H = 0``, ``R = (0, 0, 1, -100)``: the chance of the risky way at the start is
below 1e-40 for H = 3 and 5; with a trap of -2 it is .165189 (H = 3) and .010835 (H = 5). Tolerance 1e-6, the
digits given.
"""

from __future__ import annotations

import numpy as np
import pytest

from telic.mdp.library import risky_path
from telic.planning import occupancy_finite, solve_soft_finite


@pytest.mark.parametrize("horizon", [3, 5])
def test_a_deadly_trap_is_avoided(horizon: int) -> None:
    problem = risky_path(horizon=horizon)
    solution = solve_soft_finite(problem.mdp, problem.reward)
    assert np.exp(solution.log_policy[0, 0, 1]) < 1e-40


@pytest.mark.parametrize(("horizon", "expected"), [(3, 0.165189), (5, 0.010835)])
def test_a_mild_trap_is_risked_sometimes(horizon: int, expected: float) -> None:
    problem = risky_path(horizon=horizon, trap=-2.0)
    solution = solve_soft_finite(problem.mdp, problem.reward)
    assert solution.policy.table[0, 0, 1] == pytest.approx(expected, abs=1e-6)
    mu = occupancy_finite(problem.mdp, solution.policy.table)
    assert mu[0, 0, 1] == pytest.approx(expected, abs=1e-6)
    assert mu.sum() == pytest.approx(horizon, abs=1e-12)
